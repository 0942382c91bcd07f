/** Bytes of values, and the safetensors format, as its specification has it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, valuesOf } from "../src/raw.js";
import { read, write } from "../src/safetensors.js";
import { bits, randomValues } from "./bits.js";

/** @import {Contents} from "../src/safetensors.js" */

/**
 * A body by hand.
 *
 * @param {unknown} header an object, or text as it is
 * @param {number} bytes how many bytes of values there are
 */
function body(header, bytes) {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, Buffer.alloc(bytes)]));
}

/** @type {(begin: number, end: number, about?: object) => object} */
const float64 = (begin, end, about) => ({ dtype: "F64", shape: [(end - begin) / 8], data_offsets: [begin, end], ...about });

test("values are their own memory on a little-endian platform, and turned around on the other", () => {
  for (const values of [new Float64Array([1.5, -0]), new Float32Array([1.5, -0])]) {
    const dtype = values instanceof Float32Array ? "float32" : "float64";
    const view = new DataView(new ArrayBuffer(values.byteLength));
    values.forEach((value, i) => {
      if (dtype === "float32") view.setFloat32(i * 4, value, true);
      else view.setFloat64(i * 8, value, true);
    });
    assert.deepEqual(bytesOf(values), new Uint8Array(view.buffer));
    assert.equal(bytesOf(values).buffer, values.buffer);
    const other = bytesOf(values, false);
    assert.deepEqual(other.subarray(0, values.BYTES_PER_ELEMENT), bytesOf(values).slice(0, values.BYTES_PER_ELEMENT).reverse());
    assert.equal(bits(valuesOf(other, dtype, false)), bits(values));
    assert.deepEqual([...values], [1.5, -0]);
  }
});

test("bytes are read where they lie if they are aligned, else copied", () => {
  const memory = new Uint8Array(24);
  assert.equal(valuesOf(memory.subarray(8), "float64").buffer, memory.buffer);
  for (const dtype of /** @type {const} */ (["float64", "float32"])) {
    const shifted = new Uint8Array(17);
    shifted.set(bytesOf(new Float64Array([1, 2])), 1);
    const values = valuesOf(shifted.subarray(1), dtype);
    assert.notEqual(values.buffer, shifted.buffer);
    assert.equal(bits(values), Buffer.from(shifted.subarray(1)).toString("hex"));
  }
});

test("a part of a larger array is written as that part alone", () => {
  const values = new Float64Array([1, 2, 3, 4]).subarray(1, 3);
  assert.equal(Buffer.from(bytesOf(values)).toString("hex"), bits(Float64Array.of(2, 3)));
});

test("what is written is a length, a header padded to eight bytes, and the values, and reads back", () => {
  const values = randomValues(Float64Array, 100);
  /** @type {Contents} */
  const contents = {
    tensors: new Map([
      ["params/ä\"/w", { data: values, shape: [values.length, 1] }],
      ["b", { data: new Float64Array([-0]), shape: [] }],
    ]),
    metadata: new Map([["step", "3"]]),
  };
  const written = write(contents);
  const length = Number(new DataView(written.buffer).getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = JSON.parse(Buffer.from(written.subarray(8, 8 + length)).toString());
  assert.deepEqual(header, {
    __metadata__: { step: "3" },
    'params/ä"/w': { dtype: "F64", shape: [values.length, 1], data_offsets: [0, values.byteLength] },
    b: { dtype: "F64", shape: [], data_offsets: [values.byteLength, values.byteLength + 8] },
  });
  assert.deepEqual(read(written), contents);
  const narrow = write({ tensors: new Map([["g", { data: new Float32Array([1.5]), shape: [1] }]]), metadata: new Map() });
  assert.deepEqual(read(narrow).tensors.get("g"), { data: new Float32Array([1.5]), shape: [1] });
  assert.ok(!Buffer.from(narrow).includes("__metadata__"));
});

test("what is written belongs to nobody else", () => {
  const data = new Float64Array([1]);
  const written = write({ tensors: new Map([["g", { data, shape: [1] }]]), metadata: new Map() });
  data[0] = 2;
  assert.deepEqual(read(written).tensors.get("g")?.data, new Float64Array([1]));
});

test("a header of any length is read: values that it leaves unaligned are copied", () => {
  for (let spaces = 0; spaces < 8; spaces++) {
    const made = body(JSON.stringify({ g: float64(0, 16) }) + " ".repeat(spaces), 16);
    made.set(bytesOf(new Float64Array([0.5, -0])), made.length - 16);
    const padded = new Uint8Array(made.length + 3);
    padded.set(made, 3);
    assert.equal(bits(read(padded.subarray(3)).tensors.get("g")?.data), bits(new Float64Array([0.5, -0])));
  }
});

test("order in the header is free, and what is not known in the metadata is kept", () => {
  const made = body({ b: float64(8, 24), __metadata__: { who: "{\"b\": 1, \"b\": 2}" }, a: float64(0, 8) }, 24);
  assert.deepEqual([...read(made).tensors.keys()], ["b", "a"]);
  assert.deepEqual(read(made).metadata, new Map([["who", "{\"b\": 1, \"b\": 2}"]]));
});

test("what breaks the format's rules is refused, with the reason", () => {
  const one = JSON.stringify(float64(0, 8));
  /** @type {[Uint8Array, RegExp][]} */
  const cases = [
    [new Uint8Array(7), /7 bytes are too few/],
    [body({}, 0).fill(255, 0, 8), /too few for a header/],
    [body({ a: float64(0, 8) }, 0), /have 8 bytes, the body has 0/],
    [body({ a: float64(0, 8) }, 9), /have 8 bytes, the body has 9/],
    [body('{"a": ', 0), /not JSON/],
    [body("[]", 0), /not a JSON object/],
    [body("null", 0), /not a JSON object/],
    [body(` {"a":${one}}`, 8), /not a JSON object/],
    [body(`\ufeff{"a":${one}}`, 8), /not JSON/],
    [body(`{"a":${one},"\\u0061":${one}}`, 8), /"a" twice/],
    [body({ __metadata__: { step: 3 } }, 0), /not text/],
    [body({ __metadata__: "x" }, 0), /not text/],
    [body({ a: float64(0, 8), b: float64(0, 8) }, 8), /begins at byte 0 of the values, not at 8/],
    [body({ a: float64(0, 8), b: float64(16, 24) }, 24), /begins at byte 16 of the values, not at 8/],
    [body({ a: float64(8, 16) }, 16), /not at 0/],
    [body({ a: float64(0, 8, { shape: [2] }) }, 8), /8 bytes, not those of the shape \[2\]/],
    [body({ a: float64(0, 8, { dtype: "F32" }) }, 8), /not those of the shape/],
    [body({ a: float64(0, 8, { dtype: "BF16" }) }, 8), /dtype BF16, not F64 or F32/],
    [body({ a: float64(0, 8, { dtype: null }) }, 8), /dtype null/],
    [body({ a: float64(0, 8, { shape: [-1] }) }, 8), /list of lengths/],
    [body({ a: float64(0, 8, { shape: [1.5] }) }, 8), /list of lengths/],
    [body({ a: float64(0, 8, { shape: 1 }) }, 8), /list of lengths/],
    [body({ a: float64(0, 8, { data_offsets: [0, 8, 8] }) }, 8), /list of lengths/],
    [body({ a: float64(0, 8, { data_offsets: [8, 0] }) }, 8), /has -8 bytes/],
    [body({ a: float64(0, 8, { extra: 1 }) }, 8), /must have dtype, shape and data_offsets/],
    [body({ a: { dtype: "F64", shape: [1] } }, 8), /must have dtype, shape and data_offsets/],
    [body({ a: [1] }, 8), /must have dtype, shape and data_offsets/],
  ];
  for (const [made, message] of cases) {
    assert.throws(() => read(made), (error) => {
      assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  const broken = body({ ab: float64(0, 8) }, 8);
  broken[11] = 0xff;
  assert.throws(() => read(broken), TypeError);
});
