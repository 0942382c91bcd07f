/** Every verb that carries values, in each format, against a real service: the same bits, in the same kinds. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { TextbookAdadelta } from "../examples/adadelta.js";
import { Adadelta, Checkpoint, Client, ShapeMismatch, SGD, StepNotFinite } from "../src/index.js";
import { bits, randomValues } from "./bits.js";
import { Serving } from "./serving.js";

/** @import {Format} from "../src/index.js" */

/** @typedef {{line: string, sent: string | null, got: string | null}} Exchange a line and two media types */

const JSON_TYPE = "application/json";
const RAW = "application/octet-stream";
const SAFETENSORS = "application/vnd.safetensors";
const service = await Serving.start({ STEPD_MAX_JSON_BYTES: "65536" });
after(() => service.stop());

/** @param {Format} [format] */
function connect(format) {
  /** @type {Exchange[]} */
  const exchanges = [];
  /** @type {typeof globalThis.fetch} */
  const fetch = async (input, init) => {
    const answer = await globalThis.fetch(input, init);
    const { pathname } = new URL(String(input));
    const line = `${init?.method} ${pathname.replace(/\/sessions\/[^/]+/, "/sessions/id")}`;
    exchanges.push({ line, sent: new Headers(init?.headers).get("content-type"), got: answer.headers.get("content-type") });
    return answer;
  };
  return { client: new Client(service.url, { fetch, sleep: async () => {}, ...(format && { format }) }), exchanges };
}

/** @type {(exchanges: Exchange[]) => (string | null)[][]} */
const taken = (exchanges) => exchanges.splice(0).map(({ line, sent, got }) => [line, sent, got]);

/**
 * What a session holds after every verb, as bits.
 *
 * @param {Client} client
 * @param {any} params
 * @param {any} grads
 * @param {object} how
 */
async function everyVerb(client, params, grads, how) {
  const session = await client.session({ params, optimizer: Adadelta({ rho: 0.9 }), labels: { run: "7" }, ttlS: 600, ...how });
  /** @type {any[]} */
  const seen = [session.params];
  seen.push(await session.step(grads), await session.step(grads, { params, lr: 0.5 }));
  assert.equal(await session.step(grads, { returnParams: false }), null);
  seen.push(await session.fetchParams(), await session.waitForStep(3));
  await session.putParams(params);
  seen.push(session.params, await session.step(grads));
  const checkpoint = await session.state();
  seen.push(checkpoint.params, checkpoint.state);
  await session.step(grads);
  await session.restore(checkpoint);
  seen.push(session.params, await session.fetchParams());
  const copy = await client.restore(`${session.id}-copy`, checkpoint, { labels: { run: "8" }, ttlS: 600 });
  seen.push(copy.params, (await client.session(copy.id)).params);
  const { labels, ttlS, step: reached } = await copy.describe();
  assert.deepEqual([labels, ttlS, reached], [{ run: "8" }, 600, 4]);
  const once = await client.stepOnce(SGD({ momentum: 0.5 }), params, grads, { dtype: session.dtype, ...how });
  const twice = await client.stepOnce(SGD({ momentum: 0.5 }), once.params, grads, { state: once.state, dtype: session.dtype, ...how });
  seen.push(once, twice);
  const { optimizer, dtype, step, digest, shape } = checkpoint;
  return { seen, kinds: kindsOf(seen), bits: bitsOf(seen), told: { optimizer, dtype, step, digest, shape } };
}

/** @param {any} values @returns {any} */
function kindsOf(values) {
  if (ArrayBuffer.isView(values)) return values.constructor.name;
  if (Array.isArray(values)) return values.map(kindsOf);
  if (typeof values !== "object") return typeof values;
  return Object.entries(values).map(([name, value]) => [name, kindsOf(value)]);
}

/** @param {any} values @returns {any} */
function bitsOf(values) {
  if (ArrayBuffer.isView(values) || typeof values === "number") return bits(values);
  return Object.values(values).map(bitsOf);
}

const small = (/** @type {any} */ Data) => randomValues(Data, 60).map((/** @type {number} */ x) => (Math.abs(x) < 1e3 ? x : 1.5));
for (const [kind, params, how] of /** @type {[string, any, object][]} */ ([
  ["a Float64Array", small(Float64Array), {}],
  ["a Float32Array", small(Float32Array), {}],
  ["a typed array with a shape", new Float64Array(6).fill(-0), { shape: [3, 2] }],
  ["nested arrays", [[1, -0], [5e-324, 0.1]], {}],
  ["float32 of arrays", [0.1, -0], { dtype: "float32" }],
  ["named tensors", { w: new Float64Array([1, -0]), "ä\"\\": [[1, 2]], a: 0.5 }, {}],
  ["named float32", { w: new Float32Array([1, -0, 3]), b: new Float32Array(1) }, {}],
  ["one named tensor", { w: [1, 2] }, {}],
])) {
  test(`every verb gives the same bits in the same kinds whichever the format: ${kind}`, async () => {
    const asText = await everyVerb(connect("json").client, params, params, how);
    const { client, exchanges } = connect("binary");
    const asBytes = await everyVerb(client, params, params, how);
    assert.deepEqual(asBytes.kinds, asText.kinds);
    assert.deepEqual(asBytes.bits, asText.bits);
    assert.deepEqual(asBytes.told, asText.told);
    for (const { line, sent } of exchanges) assert.notEqual(sent, JSON_TYPE, line);
  });
}

test("each request has the format that fits it, and documents about sessions are JSON", async () => {
  const { client, exchanges } = connect("binary");
  const session = await client.session({ params: new Float64Array(2) });
  assert.deepEqual(taken(exchanges), [["POST /v1/sessions", SAFETENSORS, JSON_TYPE]]);
  await session.step([1, 2]);
  await session.step([1, 2], { params: [1, 2] });
  assert.deepEqual(taken(exchanges), [
    ["POST /v1/sessions/id/step", RAW, RAW],
    ["POST /v1/sessions/id/step", SAFETENSORS, SAFETENSORS],
  ]);
  await session.fetchParams();
  await session.waitForStep(1);
  await session.putParams([1, 2]);
  await session.restore(await session.state());
  assert.deepEqual(taken(exchanges), [
    ["GET /v1/sessions/id/params", null, SAFETENSORS],
    ["GET /v1/sessions/id/params", null, null],
    ["PUT /v1/sessions/id/params", RAW, JSON_TYPE],
    ["GET /v1/sessions/id/state", null, SAFETENSORS],
    ["PUT /v1/sessions/id/state", SAFETENSORS, JSON_TYPE],
  ]);
  await client.stepOnce(SGD(), [1], [1]);
  await client.session({ shape: 2 });
  assert.deepEqual(taken(exchanges), [
    ["POST /v1/step", SAFETENSORS, SAFETENSORS],
    ["POST /v1/sessions", JSON_TYPE, JSON_TYPE],
  ]);
});

test("left to itself the client sends few values as text and many as bytes, and gets as far as memory goes", async () => {
  const { client, exchanges } = connect();
  const few = await client.session({ params: new Float64Array(255) });
  await few.step(new Float64Array(255));
  await few.fetchParams();
  await few.state();
  for (const [line, , got] of taken(exchanges)) assert.equal(got, JSON_TYPE, String(line));
  const params = Float64Array.from({ length: 20_000 }, (_, i) => Math.sin(i));
  const many = await client.session({ params });
  const reference = new TextbookAdadelta(params);
  assert.equal(bits(await many.step(params)), bits(reference.step(params)));
  assert.equal(bits(await (await client.session(many.id)).fetchParams()), bits(many.params));
  await client.restore("large", await many.state());
  assert.ok(taken(exchanges).every(([, sent]) => sent !== JSON_TYPE));
  await assert.rejects(connect("json").client.session({ params }), { code: "request-too-large" });
});

test("a refusal is the same whatever the format", async () => {
  const { client } = connect("binary");
  const session = await client.session({ params: new Float64Array([1, 2]), optimizer: SGD({ lr: 1 }) });
  await assert.rejects(session.step([[1], [2]]), ShapeMismatch);
  await assert.rejects(session.step(new Float64Array(3)), ShapeMismatch);
  await assert.rejects(session.step([1.7e308, 1.7e308], { params: [-1.7e308, 0] }), StepNotFinite);
  await assert.rejects(session.step([NaN, 0]), RangeError);
  assert.deepEqual([session.stepNumber, (await session.describe()).step], [0, 0]);
  const slots = { params: [1] };
  await assert.rejects(client.stepOnce(SGD({ momentum: 0.5 }), [1], [1], { state: slots }), (error) => {
    return error instanceof Error && /params/.test(error.message);
  });
});

test("a session without a shape gets it in a binary format too", async () => {
  const { client } = connect("binary");
  const session = await client.session();
  assert.equal(await session.fetchParams(), null);
  const params = await session.step(new Float64Array(4), { params: new Float64Array([1, 2, 3, 4]), shape: [2, 2] });
  assert.deepEqual([[...params], session.shape], [[1, 2, 3, 4], [2, 2]]);
  const put = await client.session();
  await put.putParams({ w: new Float64Array(4), b: 1 }, { shape: { w: [2, 2], b: [] } });
  assert.deepEqual((await put.describe()).shape, { b: [], w: [2, 2] });
});

test("a typed array that is part of another, or shared between threads, is sent as what it is", async () => {
  const { client } = connect("binary");
  const whole = new Float64Array(new SharedArrayBuffer(32));
  whole.set([1, 2, 3, 4]);
  const session = await client.session({ params: whole.subarray(1, 3) });
  assert.deepEqual([...(await session.fetchParams())], [2, 3]);
  await session.putParams(whole.subarray(2));
  assert.deepEqual([...(await session.fetchParams())], [3, 4]);
});

test("a checkpoint goes through a file of safetensors, and is checked", async () => {
  const { client } = connect();
  const params = { w: new Float64Array([1, -0]), b: new Float64Array([0.5]) };
  const session = await client.session({ params });
  await session.step(params);
  const checkpoint = await session.state();
  const written = checkpoint.toSafetensors();
  const answer = await fetch(`${service.url}/v1/sessions/${session.id}/state`, { headers: { accept: SAFETENSORS } });
  for (const bytes of [written, written.slice().buffer, await answer.arrayBuffer()]) {
    const again = Checkpoint.fromSafetensors(bytes);
    assert.deepEqual(again.shape, { w: [2], b: [1] });
    assert.deepEqual(bitsOf([again.params.w, again.params.b]), bitsOf([checkpoint.params.w, checkpoint.params.b]));
    assert.deepEqual([again.step, again.digest, again.optimizer], [1, checkpoint.digest, checkpoint.optimizer]);
    await session.restore(again);
  }
  written.fill(1, -1);
  await assert.rejects(session.restore(Checkpoint.fromSafetensors(written)), { code: "digest-mismatch" });
  const { optimizer, dtype, step } = checkpoint;
  const unfit = new Checkpoint({ optimizer, dtype, step, params: [1], state: { "a/b": [1] } });
  assert.throws(() => unfit.toSafetensors(), TypeError);
  for (const broken of [written.subarray(1), new Uint8Array(0), "text", null, session]) {
    assert.throws(() => Checkpoint.fromSafetensors(/** @type {any} */ (broken)), { name: "TypeError", message: /^this is no checkpoint: / });
  }
});
