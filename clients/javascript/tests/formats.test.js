/** Which format is chosen, what goes into each, and which answers in binary formats are refused. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { isBinary, octetStream, paramsIn, payload, rolesOf } from "../src/formats.js";
import { Client } from "../src/index.js";
import { read, write } from "../src/safetensors.js";

/** @import {Tensor} from "../src/arrays.js" */
/** @import {Roles} from "../src/formats.js" */

/** @type {(...values: number[]) => Tensor} */
const vector = (...values) => ({ data: Float64Array.from(values), shape: [values.length] });
/** @type {(tensors: Record<string, Tensor>) => Uint8Array} */
const body = (tensors) => write({ tensors: new Map(Object.entries(tensors)), metadata: new Map() });

test("automatically few values are text and many are binary, counted over all tensors; told otherwise, all are", () => {
  /** @type {[any, boolean][]} */
  const cases = [[[1], false], [[255], false], [[256], true], [[16, 16], true], [{ w: [200], b: [56] }, true], [null, false]];
  for (const [shapes, binary] of cases) {
    assert.equal(isBinary("auto", shapes), binary);
    assert.equal(isBinary("json", shapes), false);
    assert.equal(isBinary("binary", shapes), true);
  }
});

test("a format that there is not is refused by name", () => {
  for (const format of ["raw", "", null, 1]) {
    assert.throws(() => new Client(undefined, { format: /** @type {any} */ (format) }), {
      name: "RangeError",
      message: `format is ${format}; it must be "auto", "json" or "binary"`,
    });
  }
});

test("the unnamed tensor of a session's shape goes as octet-stream where it goes alone, all else as safetensors", () => {
  const grads = vector(1, 2);
  /** @type {[Roles, Roles | null, any, string][]} */
  const cases = [
    [{ grads }, null, [2], "application/octet-stream"],
    [{ grads }, null, [2, 1], "application/vnd.safetensors"],
    [{ grads }, null, { w: [2] }, "application/vnd.safetensors"],
    [{ grads }, null, null, "application/vnd.safetensors"],
    [{ grads: new Map([["w", grads]]) }, null, { w: [2] }, "application/vnd.safetensors"],
    [{ grads, params: grads }, null, [2], "application/vnd.safetensors"],
    [{ params: grads }, { acc_delta: grads }, null, "application/vnd.safetensors"],
  ];
  for (const [vectors, slots, alone, mediaType] of cases) {
    assert.equal(payload({}, vectors, slots, true, alone).mediaType, mediaType);
    assert.equal(payload({}, vectors, slots, false, alone).mediaType, "application/json");
  }
});

test("what is sent changes with nobody's array", () => {
  for (const alone of [[2], null]) {
    const grads = vector(1, 2);
    const { body: sent } = payload({}, { grads }, null, true, alone);
    const before = Buffer.from(/** @type {Uint8Array} */ (sent)).toString("hex");
    grads.data.fill(7);
    assert.equal(Buffer.from(/** @type {Uint8Array} */ (sent)).toString("hex"), before);
  }
});

test("what stands beside the values is metadata: JSON, but for the digest; the dtype is the tensors'", () => {
  const document = { optimizer: { name: "sgd", lr: -0 }, dtype: "float64", step: 3, ttl_s: undefined, digest: "sha-256:00" };
  const { body: sent } = payload(document, { params: vector(1) }, { "momentum_buffer": vector(2) }, true);
  const { tensors, metadata } = read(/** @type {Uint8Array} */ (sent));
  assert.deepEqual(Object.fromEntries(metadata), { optimizer: '{"name":"sgd","lr":-0.0}', step: "3", digest: "sha-256:00" });
  assert.deepEqual([...tensors.keys()], ["params", "momentum_buffer"]);
  assert.throws(() => payload({ optimizer: { rho: NaN } }, { params: vector(1) }, null, true), /^RangeError: optimizer\.rho is NaN/);
});

test("a slot that would take the name of another tensor, and no slots at all, go as JSON, which can say so", () => {
  const params = vector(1);
  for (const slots of [{ params }, { "params/w": params }, { "": params }, { __metadata__: params }, {}]) {
    assert.equal(payload({}, { params }, slots, true).mediaType, "application/json");
  }
});

test("roles and names are told apart at the first slash", () => {
  const { roles, dtype } = rolesOf(new Map([["params/a/b", vector(1)], ["params/", vector(2)], ["s", vector(3)]]));
  assert.equal(dtype, "float64");
  assert.deepEqual(roles, { params: new Map([["a/b", vector(1)], ["", vector(2)]]), s: vector(3) });
});

test("params that are not the session's are refused, in either binary format", () => {
  const narrow = { data: new Float32Array(2), shape: [2] };
  /** @type {[Record<string, Tensor>, any, RegExp][]} */
  const cases = [
    [{}, [2], /there are no tensors|there are none/],
    [{ grads: vector(1, 2) }, [2], /there are none/],
    [{ params: vector(1, 2), grads: vector(1) }, [2], /"grads" beside/],
    [{ params: vector(1, 2, 3) }, [2], /the shape \[3\], the session has \[2\]/],
    [{ "params/w": vector(1, 2) }, [2], /the shape \{"w":\[2\]\}, the session has \[2\]/],
    [{ "params/w": vector(1), "params/b": vector(1) }, { w: [1], c: [1] }, /the session has/],
    [{ "params/w": vector(1) }, { w: [1], b: [1] }, /the session has/],
    [{ "params/w": vector(1), params: vector(1) }, null, /with names and one without/],
    [{ params: vector(1), "params/w": vector(1) }, null, /with names and one without/],
    [{ params: narrow }, [2], /"params" is float32, not float64/],
    [{ params: vector(1, NaN) }, [2], /params is NaN at 1/],
    [{ params: vector(-Infinity) }, null, /params is -Infinity at 0/],
    [{ params: { data: new Float64Array(0), shape: [0, 1e15] } }, null, /a shape that no session has/],
    [{ params: { data: new Float64Array(1), shape: Array(65).fill(1) } }, null, /a shape that no session has/],
  ];
  for (const [tensors, shape, message] of cases) assert.throws(() => paramsIn(body(tensors), "float64", shape), message);
  const named = body({ "params/w": vector(1), "params/b": vector(2) });
  assert.deepEqual(paramsIn(named, "float64", { b: [1], w: [1] }), new Map([["w", vector(1)], ["b", vector(2)]]));

  assert.deepEqual(octetStream(new Uint8Array(16), "float64", [2, 1]), { data: new Float64Array(2), shape: [2, 1] });
  assert.throws(() => octetStream(new Uint8Array(15), "float64", [2]), /15 bytes, the values of the session have 16/);
  assert.throws(() => octetStream(new Uint8Array(16), "float32", [2]), /16 bytes, the values of the session have 8/);
  assert.throws(() => octetStream(new Uint8Array(8).fill(255), "float64", [1]), /params is NaN at 0/);
  for (const shape of [null, { w: [2] }]) assert.throws(() => octetStream(new Uint8Array(16), "float64", shape), TypeError);
});
