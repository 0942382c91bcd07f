/** Sessions that are kept, against a real service: levels, snapshots, what was, and what goes on from there. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";

import { TextbookAdadelta } from "../examples/adadelta.js";
import * as stepd from "../src/index.js";
import { bits } from "./bits.js";
import { DroppingProxy } from "./dropping-proxy.js";
import { Serving } from "./serving.js";

const { Client, ConnectionFailed, NotDurable, SessionExists, StepNotRetained } = stepd;
const PARAMS = new Float64Array([1, 2]);
const GRADS = [[0.5, -0.5], [3, 4], [-2, 1e-3], [0.1, 0.2]].map((grads) => Float64Array.from(grads));

const folder = await mkdtemp(join(tmpdir(), "stepd-"));
const service = await Serving.start({ STEPD_DATA: folder, STEPD_DURABILITY: "journal" });
const proxy = await new DroppingProxy(service.url).start();
after(async () => {
  await proxy.stop();
  await service.stop();
  await rm(folder, { recursive: true });
});
const client = new Client(service.url);
/** Behind the proxy. */
const through = new Client(proxy.url, { sleep: async () => {} });
/** @type {stepd.Session} one that has taken four steps, the second at a rate of its own; new for each test */
let session;
beforeEach(async () => {
  session = await client.session({ params: PARAMS });
  for (const [number, grads] of GRADS.entries()) await session.step(grads, number === 1 ? { lr: 0.5 } : {});
});

/**
 * @template Item
 * @param {AsyncIterable<Item>} items
 */
async function all(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

/** @param {"json" | "binary"} format */
async function levels(format) {
  const chosen = new Client(service.url, { format });
  const made = await chosen.session({ params: PARAMS, durability: "snapshot" });
  const restored = await chosen.restore(`restored-${format}`, await made.state(), { durability: "memory" });
  const infos = await Promise.all([made, restored, await made.fork()].map((one) => one.describe()));
  assert.deepEqual(infos.map(({ durability }) => durability), ["snapshot", "memory", "journal"]);
  assert.equal(infos[1]?.restoredFrom, `${(await made.state()).digest}@0`);
}

test("a session has the level that it asks for, and else the service's", () => levels("json"));

test("so it has where values travel as safetensors", () => {
  return levels("binary");
});

test("a level is for creating, and has to be one that the service can keep", async () => {
  await assert.rejects(client.session("run", { durability: "journal" }), TypeError);
  const bare = await Serving.start();
  try {
    const memory = new Client(bare.url);
    await assert.rejects(memory.session({ params: PARAMS, durability: "journal" }), NotDurable);
    const made = await memory.session({ params: PARAMS });
    await made.step(new Float64Array([0.5, -0.5]));
    const asks = [
      () => made.snapshot(),
      () => all(made.history()),
      () => made.incarnations(),
      () => made.state({ atStep: 0 }),
    ];
    for (const ask of asks) await assert.rejects(ask, NotDurable);
    assert.deepEqual((await made.fork()).params, made.params);
  } finally {
    await bare.stop();
  }
});

test("a snapshot says what was written, and changes nothing of the object", async () => {
  const other = await client.session(session.id);
  await other.step([1, 1]);
  const { step, durability } = await session.snapshot();
  assert.deepEqual([step, durability, session.stepNumber], [5, "journal", 4]);
});

test("history tells every step once, however many come at a time", async () => {
  for (const pageSize of [undefined, 1, 3]) {
    const steps = await all(session.history(pageSize === undefined ? {} : { pageSize }));
    assert.deepEqual(steps.map(({ step, lr, worker }) => [step, lr, worker]), [
      [1, null, null], [2, 0.5, null], [3, null, null], [4, null, null],
    ]);
    assert.equal(steps[1]?.gradNorm, 5);
    assert.ok(steps.every(({ updateNorm, time }) => (updateNorm ?? 0) > 0 && time.endsWith("Z")));
    assert.equal(new Set(steps.map(({ key }) => key)).size, 4);
  }
});

test("history stays with the life that it began with; an earlier one is read by its name", async () => {
  const steps = session.history({ pageSize: 2 });
  const seen = [await steps.next(), await steps.next()].map(({ value }) => value?.step);
  const before = await session.state({ atStep: 3 });
  await session.reset();
  await session.step(new Float64Array([1, 1]));
  assert.deepEqual([...seen, ...(await all(steps)).map(({ step }) => step)], [1, 2, 3, 4]);
  assert.deepEqual((await all(session.history())).map(({ step }) => step), [1]);
  const [now, then] = await session.incarnations();
  assert.ok(now !== undefined && then !== undefined);
  assert.deepEqual([now.incarnation, now.lastStep], [(await session.describe()).incarnation, 1]);
  assert.deepEqual([then.firstStep, then.lastStep], [0, 4]);
  const { incarnation } = then;
  assert.equal((await all(session.history({ incarnation }))).length, 4);
  assert.equal((await session.state({ incarnation, atStep: 3 })).toJSON(), before.toJSON());
  assert.equal((await session.state({ incarnation })).step, 4);
  assert.deepEqual((await session.fork({ incarnation, atStep: 3 })).params, before.params);
});

test("the state at any step has the formula's bits, in either format", async () => {
  for (const format of /** @type {const} */ (["json", "binary"])) {
    const made = await new Client(service.url, { format }).session({ params: PARAMS });
    for (const grads of GRADS) await made.step(grads);
    const reference = new TextbookAdadelta(PARAMS);
    for (const [index, grads] of GRADS.entries()) {
      const params = reference.step(grads);
      const then = await made.state({ atStep: index + 1 });
      assert.deepEqual([then.step, bits(then.params)], [index + 1, bits(params)]);
      assert.equal(bits(then.state.acc_delta), bits(reference.accDelta));
    }
    assert.equal(made.stepNumber, 4);
  }
});

test("what is not kept is refused, and what is no step is not sent", async () => {
  await assert.rejects(session.state({ atStep: 5 }), StepNotRetained);
  await assert.rejects(session.fork({ incarnation: "aaaaaaaaaaaaa" }), StepNotRetained);
  for (const atStep of [-1, 1.5]) {
    await assert.rejects(session.state({ atStep }), RangeError);
    await assert.rejects(session.fork({ atStep }), RangeError);
  }
});

test("a fork goes on from there with the bits of its origin, which stays as it is", async () => {
  const forked = await session.fork("fork", { atStep: 2, labels: { kind: "fork" }, ttlS: 600, durability: "memory" });
  const { forkedFrom, stepsSinceRestore, labels, ttlS, durability, incarnation } = await forked.describe();
  assert.equal(forkedFrom, `${session.id}@${(await session.describe()).incarnation}-2`);
  assert.deepEqual([stepsSinceRestore, labels, ttlS, durability], [0, { kind: "fork" }, 600, "memory"]);
  assert.deepEqual([forked.id, forked.stepNumber, forked.etag], ["fork", 2, `"${incarnation}-2"`]);
  assert.deepEqual(forked.params, (await session.state({ atStep: 2 })).params);
  for (const grads of GRADS.slice(2)) await forked.step(grads);
  assert.equal((await forked.state()).toJSON(), (await session.state()).toJSON());
});

test("a fork gives values in the kind of its origin, and may have other hyper-parameters", async () => {
  const origin = await client.session({ params: { w: [[1, 2]], b: 0.5 } });
  const forked = await origin.fork({ optimizer: { lr: 0.25 } });
  assert.deepEqual(Object.entries(forked.params), [["w", [[1, 2]]], ["b", 0.5]]);
  assert.deepEqual(forked.optimizer, { ...origin.optimizer, lr: 0.25 });
  await assert.rejects(origin.fork({ optimizer: { name: "sgd" } }), stepd.CheckpointMismatch);
});

test("a fork under an id is sent again and finds itself; one without an id is sent only once", async () => {
  const origin = await through.session(session.id);
  proxy.lose(["closed"]);
  const exists = await origin.fork("lost").catch((error) => error);
  assert.ok(exists instanceof SessionExists && exists.maybeApplied);
  assert.deepEqual(proxy.seen.map(({ status }) => status), [201, 409]);
  const { forkedFrom } = await (await client.session("lost")).describe();
  assert.equal(forkedFrom, `${session.id}@${session.etag.slice(1, -1)}`);
  proxy.lose(["closed"]);
  const lost = await origin.fork().catch((error) => error);
  assert.ok(lost instanceof ConnectionFailed && lost.maybeApplied);
  assert.deepEqual(proxy.seen.map(({ status }) => status), [201]);
});

test("snapshots, pages and past states are asked for again", async () => {
  const origin = await through.session(session.id);
  for (const ask of [() => origin.snapshot(), () => all(origin.history()), () => origin.state({ atStep: 1 })]) {
    proxy.lose(["reset", "cut"]);
    await ask();
    assert.equal(proxy.seen.length, 3);
  }
});
