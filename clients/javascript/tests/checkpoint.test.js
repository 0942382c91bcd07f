/** Checkpoints as values, as JSON, and as what sessions go on from. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Adadelta, Checkpoint, CheckpointMismatch, Client, DigestMismatch } from "../src/index.js";
import { bits, randomValues } from "./bits.js";
import { Serving } from "./serving.js";

const PLAIN = {
  optimizer: { name: "adadelta", rho: 0.95 },
  dtype: "float64",
  step: 3,
  params: { w: [0.1, 0.5], b: 2 },
  state: { square_avg: { w: [0.5, 0.25], b: 0 }, acc_delta: { w: [0, 0], b: 0 } },
  digest: "sha-256:00",
};
const service = await Serving.start();
after(() => service.stop());
const connect = () => new Client(service.url);

test("a checkpoint survives its JSON, also inside of a larger document, signs of zeros included", () => {
  const text = JSON.stringify({ ...PLAIN, dtype: "float32" }).replace("0.25", "-0.0");
  const checkpoint = Checkpoint.fromJSON(text);
  const negative = checkpoint.state.square_avg.w;
  assert.ok(negative instanceof Float32Array && Object.is(negative[1], -0));
  assert.deepEqual(checkpoint.shape, { w: [2], b: [] });
  assert.deepEqual(Checkpoint.fromJSON(checkpoint.toJSON()), checkpoint);
  const inside = JSON.parse(JSON.stringify({ run: 7, checkpoint }));
  assert.deepEqual(Checkpoint.fromJSON(JSON.stringify(inside.checkpoint)), checkpoint);
  assert.deepEqual(Checkpoint.fromJSON(inside.checkpoint), checkpoint);
});

test("a slot of another shape than the params is no checkpoint's", () => {
  const unfit = { ...PLAIN, state: { ...PLAIN.state, acc_delta: { w: [0], b: 0 } } };
  assert.throws(() => Checkpoint.fromJSON(JSON.stringify(unfit)), { name: "TypeError", message: /acc_delta has another shape/ });
});

test("without a digest none is written", () => {
  const { digest, ...rest } = PLAIN;
  assert.ok(digest);
  const checkpoint = Checkpoint.fromJSON(JSON.stringify(rest));
  assert.equal(checkpoint.digest, null);
  assert.ok(!("digest" in JSON.parse(checkpoint.toJSON())));
});

test("what is no checkpoint is a TypeError", () => {
  const changes = [{ params: null }, { params: ["x"] }, { state: [] }, { state: { a: [[1], [1, 2]] } }, { dtype: "float16" }];
  for (const changed of [...changes, { dtype: 3 }, { optimizer: 5 }, { optimizer: {} }, { step: "x" }, { step: 1.5 }]) {
    assert.throws(() => Checkpoint.fromJSON(JSON.stringify({ ...PLAIN, ...changed })), TypeError);
  }
  for (const text of ["", "[]", "{}", "null", '"x"', "no json", '{"dtype":"float64"}']) {
    assert.throws(() => Checkpoint.fromJSON(text), TypeError);
  }
});

test("values that are not finite are refused before they are written", () => {
  const parts = { optimizer: { name: "rmsprop" }, dtype: "float64", step: 0, params: [0, 0] };
  const checkpoint = new Checkpoint({ ...parts, state: { square_avg: [0, NaN] } });
  assert.throws(() => checkpoint.toJSON(), { name: "RangeError", message: /^square_avg\[1\] is NaN/ });
  assert.throws(() => new Checkpoint({ ...parts, state: {}, shape: [3] }).toJSON(), RangeError);
});

test("a session goes on from a checkpoint bit for bit, in place, as a copy, and by way of JSON", async () => {
  const client = connect();
  const params = { w: randomValues(Float32Array, 10), b: new Float32Array([1]) };
  const shape = { w: [params.w.length, 1], b: [] };
  const session = await client.session({ optimizer: Adadelta({ rho: 0.9 }), params, shape });
  const grads = { w: params.w.map((_, i) => i / 7), b: new Float32Array([-2]) };
  await session.step(grads, { lr: 0.5 });
  const checkpoint = await session.state();
  assert.deepEqual(checkpoint.shape, { w: shape.w, b: [] });
  const expected = await session.step(grads);
  const copy = await client.restore("copy", Checkpoint.fromJSON(checkpoint.toJSON()), { labels: { of: "it" } });
  assert.deepEqual([copy.stepNumber, copy.shape, (await copy.describe()).labels], [1, shape, { of: "it" }]);
  await session.restore(checkpoint);
  assert.deepEqual([session.stepNumber, session.shape], [1, shape]);
  for (const one of [copy, session]) {
    const after = await one.step(grads);
    assert.equal(bits(after.w), bits(expected.w));
    assert.equal(bits(after.b), bits(expected.b));
  }
});

test("a checkpoint that does not fit, or was damaged, is refused; changed on purpose it goes without its digest", async () => {
  const client = connect();
  const session = await client.session({ params: [1, 2] });
  const checkpoint = await session.state();
  const other = await client.session({ params: [1, 2], dtype: "float32" });
  await assert.rejects(other.restore(checkpoint), CheckpointMismatch);
  await assert.rejects(session.restore(new Checkpoint({ ...checkpoint, params: [1, 3] })), DigestMismatch);
  await session.restore(new Checkpoint({ ...checkpoint, params: [1, 3], digest: null }));
  assert.deepEqual(session.params, [1, 3]);
});
