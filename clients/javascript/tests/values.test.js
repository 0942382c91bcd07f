/** The codec of values: what callers write, what goes over the wire, what they get back. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { copied, decode, encode, shapeOf, zeros } from "../src/arrays.js";
import { write } from "../src/json.js";
import { dtypeNamed, fitted, give, reshaped, take } from "../src/values.js";
import { bits, randomValues } from "./bits.js";

/** @import {DType} from "../src/arrays.js" */

/** @type {(values: unknown, dtype: DType) => string} */
const written = (values, dtype) => write(encode(take("params", values, dtype).arrays));

/** @type {(values: unknown, dtype: DType) => any} */
const thereAndBack = (values, dtype) => {
  const { form } = take("params", values, dtype);
  return give(decode("params", JSON.parse(written(values, dtype)), dtype), form);
};

test("values are written as decimals that read back: typed arrays, arrays and objects of them", () => {
  /** @type {[unknown, DType, string][]} */
  const cases = [
    [[1, 2.5], "float64", "[1.0,2.5]"],
    [[-0, 0], "float64", "[-0.0,0.0]"],
    [[5e-324], "float64", "[5e-324]"],
    [[1e21, 123456789012345680000], "float64", "[1e+21,123456789012345680000.0]"],
    [[[1], [2]], "float64", "[[1.0],[2.0]]"],
    [[[], []], "float64", "[[],[]]"],
    [[0.1], "float32", "[0.10000000149011612]"],
    [new Float64Array([1, -0]), "float64", "[1.0,-0.0]"],
    [new Int16Array([1, -2]), "float32", "[1.0,-2.0]"],
    [{ w: [[1, 1]], b: 0.5, "ä\"": new Float32Array([2]) }, "float64", '{"w":[[1.0,1.0]],"b":0.5,"ä\\"":[2.0]}'],
    [JSON.parse('{"__proto__": [1]}'), "float64", '{"__proto__":[1.0]}'],
  ];
  for (const [values, dtype, text] of cases) assert.equal(written(values, dtype), text);
});

test("every finite float64 comes back with its bits, subnormals and -0 included", () => {
  const values = randomValues(Float64Array, 8_000);
  assert.equal(bits(thereAndBack(values, "float64")), bits(values));
  assert.equal(bits(thereAndBack([...values], "float64")), bits(values));
});

test("every finite float32 comes back with its bits, also for a reader that goes by way of float64", () => {
  const values = randomValues(Float32Array, 8_000);
  assert.equal(bits(thereAndBack(values, "float32")), bits(values));
  assert.equal(bits(Float32Array.from(JSON.parse(written(values, "float32")))), bits(values));
});

test("values come back in the kinds and order in which they were given", () => {
  const back = thereAndBack({ w: new Float64Array(2), list: [1, 2], a: 0.5, nested: [[1], [2]] }, "float32");
  assert.deepEqual(Object.keys(back), ["w", "list", "a", "nested"]);
  assert.deepEqual(back, { w: new Float32Array(2), list: [1, 2], a: 0.5, nested: [[1], [2]] });
  assert.deepEqual(thereAndBack([0.1], "float32"), [Math.fround(0.1)]);
  assert.deepEqual(Object.keys(thereAndBack(JSON.parse('{"__proto__": [1]}'), "float64")), ["__proto__"]);
});

test("what is given back belongs to the caller", () => {
  const held = { data: new Float64Array([1, 2]), shape: [2] };
  give(held, "typed array")[0] = 9;
  /** @type {any} */ (copied(held)).data[0] = 9;
  assert.deepEqual([...held.data], [1, 2]);
});

test("a form that does not fit gives way to typed arrays, names in the order in which they came", () => {
  const back = give(new Map([["b", { data: new Float64Array(1), shape: [1] }]]), new Map([["a", "array"]]));
  assert.deepEqual(back, { b: new Float64Array(1) });
});

test("typed arrays take the session's shape where they have as many values; arrays never do", () => {
  const typed = take("grads", new Float64Array(6), "float64");
  assert.deepEqual(shapeOf(fitted(typed.arrays, typed.form, [2, 3])), [2, 3]);
  assert.deepEqual(shapeOf(fitted(typed.arrays, typed.form, [2, 2])), [6]);
  assert.deepEqual(shapeOf(fitted(typed.arrays, typed.form, null)), [6]);
  const listed = take("grads", [0, 0, 0, 0, 0, 0], "float64");
  assert.deepEqual(shapeOf(fitted(listed.arrays, listed.form, [2, 3])), [6]);
  const named = take("grads", { w: new Float64Array(6), b: new Float64Array(1), c: [1] }, "float64");
  assert.deepEqual(shapeOf(fitted(named.arrays, named.form, { w: [3, 2], b: [] })), { w: [3, 2], b: [], c: [1] });
});

test("a shape that the caller names must be that of the values", () => {
  /** @type {[unknown, any, RegExp | null][]} */
  const cases = [
    [new Float64Array(6), [2, 3], null],
    [[[1, 2]], [1, 2], null],
    [{ w: new Float64Array(2), b: 1 }, { w: [2, 1], b: [] }, null],
    [new Float64Array(6), [2, 2], /^params has shape \[6\]; shape says \[2, 2\]$/],
    [[1, 2], [2, 1], /^params has shape \[2\]; shape says \[2, 1\]$/],
    [{ w: [1] }, { w: [1], b: [1] }, /^params\["b"\] is not there; shape says \[1\]$/],
    [{ w: [1], b: [1] }, { w: [1] }, /^params\["b"\] has shape \[1\]; shape says nothing$/],
    [[1], { w: [1] }, /must both have names, or neither/],
  ];
  for (const [values, shape, message] of cases) {
    const { arrays, form } = take("params", values, "float64");
    if (message === null) assert.deepEqual(shapeOf(reshaped("params", arrays, form, shape)), shape);
    else assert.throws(() => reshaped("params", arrays, form, shape), { name: "RangeError", message });
  }
});

test("values that no session can hold are refused with their place", () => {
  /** @type {any[]} */
  const loop = [];
  loop[0] = loop;
  /** @type {[unknown, DType, string][]} */
  const cases = [
    [[[0, NaN]], "float64", "params[0, 1] is NaN; values must be finite"],
    [new Float64Array([1, -Infinity]), "float64", "params[1] is -Infinity; values must be finite"],
    [{ w: new Float32Array([0, NaN]) }, "float32", 'params["w"][1] is NaN; values must be finite'],
    [{ b: Infinity }, "float64", 'params["b"] is Infinity; values must be finite'],
    [[1, 1e39], "float32", "params[1] is 1e+39; that is too large for float32"],
    [new Float64Array([-1e39]), "float32", "params[0] is -1e+39; that is too large for float32"],
    [[[1], [1, 2]], "float64", "params is ragged: its rows differ in shape"],
    [[1, [2]], "float64", "params is ragged: its rows differ in shape"],
    [[[1], 2], "float64", "params is ragged: its rows differ in shape"],
    [loop, "float64", "params is nested deeper than 64"],
  ];
  for (const [values, dtype, message] of cases) {
    assert.throws(() => take("params", values, dtype), { name: "RangeError", message });
  }
});

test("what is no numbers is refused, never quietly turned into one", () => {
  /** @type {[unknown, string][]} */
  const cases = [
    [["1.5"], "params[0] is a string; arrays hold numbers"],
    [[[1, true]], "params[0, 1] is a boolean; arrays hold numbers"],
    [[null], "params[0] is null; arrays hold numbers"],
    [[1n], "params[0] is a bigint; arrays hold numbers"],
    [[1, , 2], "params[1] is undefined; arrays hold numbers"],
    [[new Float64Array(2)], "params[0] is a Float64Array; arrays hold numbers"],
    [[{}], "params[0] is an Object; arrays hold numbers"],
  ];
  for (const [values, message] of cases) {
    assert.throws(() => take("params", values, "float64"), { name: "TypeError", message });
  }
  for (const values of [1.5, "1.5", null, undefined, true, 1n, new Map(), new Date(), new BigInt64Array(1), () => {}]) {
    assert.throws(() => take("params", values, "float64"), { name: "TypeError", message: /^params is / });
  }
  for (const values of [{ w: true }, { w: { deep: [1] } }, { w: "1" }, { w: undefined }, { w: new DataView(new ArrayBuffer(8)) }]) {
    assert.throws(() => take("params", values, "float64"), { name: "TypeError", message: /^params\["w"\] is / });
  }
});

test("float32 underflow is accepted, with its sign", () => {
  assert.equal(written([-1e-60], "float32"), "[-0.0]");
});

test("the dtype is the one asked for, or float32 only if all that is given are Float32Arrays", () => {
  const narrow = new Float32Array(1);
  /** @type {[unknown, unknown, DType][]} */
  const cases = [
    [undefined, undefined, "float64"],
    [undefined, [1], "float64"],
    [undefined, new Float64Array(1), "float64"],
    [undefined, narrow, "float32"],
    [undefined, { a: narrow, b: narrow }, "float32"],
    [undefined, { a: narrow, b: [1] }, "float64"],
    [undefined, {}, "float64"],
    ["float32", [1], "float32"],
    ["float64", narrow, "float64"],
  ];
  for (const [dtype, values, expected] of cases) assert.equal(dtypeNamed(dtype, values), expected);
  for (const dtype of ["float16", 32, {}]) assert.throws(() => dtypeNamed(dtype), RangeError);
});

test("documents that are no values are refused", () => {
  for (const document of [[[1], [1, 2]], [null], ["x"], "x", 1.5, null, { w: [null] }, [1e300], { w: "x" }]) {
    assert.throws(() => decode("params", document, "float32"));
  }
  assert.throws(() => decode("params", JSON.parse("[1e400]"), "float64"), RangeError);
});

test("zeros are made for a shape or for a shape per name", () => {
  assert.deepEqual(zeros([2, 3], "float32"), { data: new Float32Array(6), shape: [2, 3] });
  assert.deepEqual(shapeOf(zeros({ w: [2], b: [] }, "float64")), { w: [2], b: [] });
});

test("control members are written as JSON.stringify does, but for -0, and what it would lose is refused", () => {
  const body = { a: [1, -0, null], b: { c: "ü\"\u0001", d: undefined }, e: true, f: 1e300 };
  assert.equal(write(body), '{"a":[1,-0.0,null],"b":{"c":"ü\\"\\u0001"},"e":true,"f":1e+300}');
  assert.throws(() => write({ optimizer: { rho: NaN } }), { name: "RangeError", message: /^optimizer\.rho is NaN/ });
  assert.throws(() => write({ labels: [{ a: 1n }] }), { name: "TypeError", message: /^labels\[0\]\.a is a bigint/ });
  assert.throws(() => write({ labels: new Map() }), { name: "TypeError", message: /^labels is a Map/ });
});
