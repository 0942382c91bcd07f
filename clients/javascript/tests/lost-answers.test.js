/** Once is once: every verb against a real service through a proxy that loses answers. */

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";

import { TextbookAdadelta } from "../examples/adadelta.js";
import { Adadelta, Client, ConnectionFailed, PreconditionFailed, RetryPolicy, SessionNotFound } from "../src/index.js";
import { bits } from "./bits.js";
import { DroppingProxy } from "./dropping-proxy.js";
import { Serving } from "./serving.js";

/** @import {Session} from "../src/index.js" */
/** @import {Loss} from "./dropping-proxy.js" */

const GRADS = new Float64Array([0.5, -0.25, 0.125]);
const PARAMS = new Float64Array([1, 2, 3]);
/** @type {readonly Loss[]} */
const LOSSES = ["closed", "reset", "cut"];

const service = await Serving.start();
after(() => service.stop());
const proxy = await new DroppingProxy(service.url).start();
after(() => proxy.stop());
/** Behind the proxy, and straight to the service. */
const through = new Client(proxy.url, { sleep: async () => {} });
const client = new Client(service.url);
/** @type {Session} a new one for each test, behind the proxy */
let session;
beforeEach(async () => {
  session = await through.session({ params: PARAMS });
});

const afterOne = () => bits(new TextbookAdadelta(PARAMS).step(GRADS));

test("a step whose answer is lost is applied once: the same request is sent again, with what the first did", async () => {
  for (const loss of LOSSES) {
    session = await through.session({ params: PARAMS });
    proxy.lose([loss]);
    const params = await session.step(GRADS);
    const [first, second] = proxy.seen;
    assert.deepEqual(first, second);
    assert.ok(first?.key && first.ifMatch && first.status === 200);
    assert.equal(bits(params), afterOne());
    const seen = await client.session(session.id);
    assert.equal(bits(seen.params), afterOne());
    assert.deepEqual([session.stepNumber, seen.stepNumber, session.etag], [1, 1, seen.etag]);
  }
});

test("many steps through a proxy that loses most answers are each applied once", async () => {
  const reference = new TextbookAdadelta(PARAMS);
  for (let step = 0; step < 20; step++) {
    const grads = Float64Array.from(PARAMS, (_, i) => Math.cos(7 * step + i));
    proxy.lose(Array.from({ length: step % 4 }, (_, i) => LOSSES[(step + i) % 3] ?? null));
    assert.equal(bits(await session.step(grads)), bits(reference.step(grads)));
  }
  assert.deepEqual([session.stepNumber, (await session.describe()).step], [20, 20]);
  assert.equal(bits((await session.state()).state.acc_delta), bits(reference.accDelta));
});

test("a step without params in its answer is applied once too", async () => {
  proxy.lose(["reset"]);
  assert.equal(await session.step(GRADS, { returnParams: false }), null);
  assert.deepEqual(proxy.seen.map(({ status }) => status), [204, 204]);
  assert.equal(session.stepNumber, 1);
  assert.equal(bits(await session.fetchParams()), afterOne());
});

test("a replay after which others have stepped gives what is there now", async () => {
  proxy.lose(["closed"], async () => (await client.session(session.id)).step(GRADS));
  const params = await session.step(GRADS);
  const reference = new TextbookAdadelta(PARAMS);
  reference.step(GRADS);
  assert.equal(bits(params), bits(reference.step(GRADS)));
  assert.deepEqual([session.stepNumber, (await session.describe()).step], [2, 2]);
});

test("stepping again after all answers were lost is refused", async () => {
  proxy.lose(["closed", "closed", "closed", "closed"]);
  await assert.rejects(session.step(GRADS), (error) => error instanceof ConnectionFailed && error.maybeApplied);
  await assert.rejects(session.step(GRADS), (error) => {
    return error instanceof PreconditionFailed && error.step === 1 && !error.resent;
  });
  assert.equal(bits(await session.fetchParams()), afterOne());
  await session.step(GRADS);
  assert.equal(session.stepNumber, 2);
});

test("a step whose answer does not come in time is applied once", async () => {
  const impatient = new Client(proxy.url, { timeoutS: 1, sleep: async () => {} });
  proxy.lose([null, null, "held"]);
  const params = await (await impatient.session(session.id)).step(GRADS);
  const steps = proxy.seen.filter(({ line }) => line.startsWith("POST"));
  assert.ok(steps.length >= 2);
  for (const step of steps) assert.deepEqual(step, steps[0]);
  assert.equal(bits(params), afterOne());
  assert.equal((await session.describe()).step, 1);
});

test("an aborted step that was carried out is refused when it is taken again, and can be looked at", async () => {
  const controller = new AbortController();
  proxy.lose(["held"], () => controller.abort());
  await assert.rejects(session.step(GRADS, { signal: controller.signal }), { name: "AbortError" });
  assert.equal(proxy.seen.length, 1);
  await assert.rejects(session.step(GRADS), PreconditionFailed);
  assert.equal(bits(await session.fetchParams()), afterOne());
});

test("a change whose answer is lost is applied once and says so", async () => {
  /** @type {Record<string, {change: () => Promise<void>, params: () => Float64Array, step: number}>} */
  const changes = {
    putParams: { change: () => session.putParams([4, 5, 6]), params: () => new Float64Array([4, 5, 6]), step: 1 },
    reset: { change: () => session.reset(), params: () => new TextbookAdadelta(PARAMS).step(GRADS), step: 0 },
    restore: { change: async () => session.restore(checkpoint), params: () => PARAMS, step: 0 },
  };
  let checkpoint = await session.state();
  for (const loss of LOSSES) {
    for (const { change, params, step } of Object.values(changes)) {
      session = await through.session({ params: PARAMS });
      checkpoint = await session.state();
      await session.step(GRADS);
      const before = session.etag;
      proxy.lose([loss]);
      const stale = await change().catch((error) => error);
      assert.ok(stale instanceof PreconditionFailed && stale.resent);
      assert.equal(session.etag, before);
      assert.deepEqual(proxy.seen.map(({ status, ifMatch }) => [status, ifMatch]), [[200, before], [412, before]]);
      assert.equal(bits(await session.fetchParams()), bits(params()));
      assert.notEqual(session.etag, before);
      assert.deepEqual([session.etag, session.stepNumber], [stale.etag, step]);
    }
  }
});

test("a delete whose answer is lost is done: the repetition finds nothing, which is what was asked for", async () => {
  for (const remove of [() => session.delete(), () => through.delete(session.id)]) {
    session = await through.session({ params: PARAMS });
    proxy.lose(["closed"]);
    await remove();
    assert.deepEqual(proxy.seen.map(({ status }) => status), [204, 404]);
    await assert.rejects(client.session(session.id), SessionNotFound);
  }
});

test("a create whose answer is lost attaches to the session that it made", async () => {
  for (const loss of LOSSES) {
    const id = `lost-${loss}`;
    proxy.lose([loss], async () => (await client.session(id)).step(GRADS));
    const made = await through.session(id, { optimizer: Adadelta(), params: PARAMS });
    assert.deepEqual(proxy.seen.map(({ status }) => status), [201, 200, 200]);
    assert.equal(made.stepNumber, 1);
    assert.equal(bits(made.params), afterOne());
  }
});

test("a restore under an id whose answer is lost is applied once and says so, whether the id was free or not", async () => {
  const checkpoint = await session.state();
  for (const found of [false, true]) {
    const id = `restored-${found}`;
    if (found) await (await through.restore(id, checkpoint)).step(GRADS);
    proxy.lose([null, "closed"]);
    const stale = await through.restore(id, checkpoint).catch((error) => error);
    assert.ok(stale instanceof PreconditionFailed && stale.resent);
    assert.deepEqual(proxy.seen.map(({ status }) => status), found ? [200, 200, 412] : [404, 201, 412]);
    const restored = await through.session(id);
    assert.deepEqual([restored.etag, restored.stepNumber], [stale.etag, 0]);
    assert.equal(bits(restored.params), bits(PARAMS));
  }
});

test("a wait whose answer is lost goes on waiting", async () => {
  const watcher = await through.session(session.id);
  proxy.lose(["cut", "closed"]);
  const impatient = new Client(proxy.url, { sleep: async () => {}, retry: new RetryPolicy({ attempts: 3 }) });
  await (await client.session(session.id)).step(GRADS);
  assert.equal(bits(await watcher.waitForStep(1)), afterOne());
  assert.deepEqual(proxy.seen.map(({ status }) => status), [200, 200, 200]);
  assert.equal(bits((await impatient.session(session.id)).params), afterOne());
});
