/** Every verb against a real service, with the textbook's bits. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { TextbookAdadelta } from "../examples/adadelta.js";
import * as stepd from "../src/index.js";
import { bits, randomValues } from "./bits.js";
import { Serving } from "./serving.js";

const { Adadelta, Client, PreconditionFailed, SGD } = stepd;
const PARAMS = [1, 2, 3];
const GRADS = [0.5, -0.25, 0.125];
const service = await Serving.start();
after(() => service.stop());
const connect = () => new Client(service.url, { sleep: async () => {} });

/** @type {(params?: readonly number[], options?: object) => TextbookAdadelta<Float64Array>} */
const textbook = (params = PARAMS, options) => new TextbookAdadelta(Float64Array.from(params), options);

/**
 * @template Item
 * @param {AsyncIterable<Item>} items
 */
async function all(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

test("fifty steps equal the textbook class bit for bit, in both dtypes and both kinds", async () => {
  for (const Data of [Float64Array, Float32Array]) {
    const params = randomValues(Data, 40).map((value) => (Math.abs(value) < 1e3 ? value : 1.5));
    for (const rho of [0.95, 0.9]) {
      const reference = new TextbookAdadelta(params, { rho });
      const typed = await connect().session({ optimizer: Adadelta({ rho }), params });
      const listed = await connect().session({ optimizer: Adadelta({ rho }), params: [...params], dtype: typed.dtype });
      assert.equal(typed.dtype, Data === Float64Array ? "float64" : "float32");
      for (let step = 0; step < 25; step++) {
        const grads = params.map((_, i) => Math.sin(step + i) * 10 ** ((i % 9) - 4));
        const expected = bits(reference.step(grads));
        assert.equal(bits(await typed.step(grads)), expected);
        assert.equal(bits(Data.from(/** @type {number[]} */ (await listed.step([...grads])))), expected);
      }
      const { state } = await typed.state();
      assert.equal(bits(state.square_avg), bits(reference.squareAvg));
      assert.equal(bits(state.acc_delta), bits(reference.accDelta));
    }
  }
});

test("every finite value goes there and comes back with its bits", async () => {
  for (const Data of [Float64Array, Float32Array]) {
    const values = randomValues(Data, 2_000);
    const session = await connect().session({ params: values });
    assert.equal(bits(await session.fetchParams()), bits(values));
    await session.putParams([...values]);
    assert.equal(bits(Data.from(await session.fetchParams())), bits(values));
    const attached = await connect().session(session.id);
    assert.ok(attached.params instanceof Data);
    assert.equal(bits(attached.params), bits(values));
  }
});

test("what comes out is of the kind that went in, names in the caller's order, in the session's shape", async () => {
  const session = await connect().session({ params: { w: [[1, 2]], b: 0.5, a: new Float64Array([3, 4]) } });
  assert.deepEqual(session.shape, { w: [1, 2], b: [], a: [2] });
  assert.deepEqual(Object.keys(session.shape ?? {}), ["w", "b", "a"]);
  const after = await session.step({ a: [1, 1], w: new Float64Array(2), b: 0.25 });
  assert.deepEqual(Object.keys(after), ["a", "w", "b"]);
  assert.ok(Array.isArray(after.a) && after.w instanceof Float64Array && typeof after.b === "number");
  assert.equal(after.b, textbook([0.5]).step([0.25])[0]);
  assert.deepEqual(session.params, after);
});

test("a typed array has the shape that it is given, and from then on the session's", async () => {
  const params = new Float64Array([1, 2, 3, 4, 5, 6]);
  const session = await connect().session({ params, shape: [2, 3] });
  assert.deepEqual([session.shape, (await session.describe()).shape], [[2, 3], [2, 3]]);
  assert.equal(bits(await session.step(new Float64Array(6).fill(0.5))), bits(textbook([...params]).step(Array(6).fill(0.5))));
  assert.deepEqual((await session.state()).shape, [2, 3]);
  await session.putParams(params);
  assert.deepEqual(await session.step([[0, 0, 0], [0, 0, 0]]), [[1, 2, 3], [4, 5, 6]]);
  await assert.rejects(session.step(new Float64Array(5)), stepd.ShapeMismatch);
  await assert.rejects(session.step([0, 0, 0, 0, 0, 0]), stepd.ShapeMismatch);
  const named = await connect().session({ shape: { w: [2, 1], b: 3 }, dtype: "float32" });
  assert.deepEqual(named.params, { b: new Float32Array(3), w: new Float32Array(2) });
  const once = await connect().stepOnce(SGD(), params, params, { shape: [3, 2] });
  assert.ok(once.params instanceof Float64Array);
});

test("what is sent is what is held, whatever becomes of the caller's array meanwhile", async () => {
  const params = Float64Array.from(PARAMS);
  const creating = connect().session({ params });
  params.fill(7);
  const session = await creating;
  assert.deepEqual([...session.params], PARAMS);
  assert.deepEqual([...(await session.fetchParams())], PARAMS);
});

test("a session without a shape gets it from its first step with params, for good", async () => {
  const session = await connect().session();
  assert.deepEqual([session.params, session.shape, await session.fetchParams()], [null, null, null]);
  await assert.rejects(session.state(), stepd.SessionHasNoShape);
  await assert.rejects(session.step(GRADS), stepd.SessionHasNoShape);
  assert.equal((await connect().session(session.id)).params, null);
  assert.equal(bits(await session.step(GRADS, { params: PARAMS })), bits(textbook().step(GRADS)));
  assert.deepEqual(session.shape, [3]);
  const quiet = await connect().session();
  const typed = { params: new Float64Array(4), shape: [2, 2], returnParams: /** @type {const} */ (false) };
  assert.equal(await quiet.step(new Float64Array(4), typed), null);
  assert.deepEqual([quiet.shape, quiet.params, (await quiet.describe()).shape], [[2, 2], null, [2, 2]]);
});

test("params given with a step replace the session's, and one step can have its own learning rate", async () => {
  const session = await connect().session({ params: PARAMS });
  const reference = textbook();
  assert.equal(bits(await session.step(GRADS)), bits(reference.step(GRADS)));
  reference.params.set([7, 8, 9]);
  assert.equal(bits(await session.step(GRADS, { params: [7, 8, 9] })), bits(reference.step(GRADS)));
  const other = await connect().session({ params: PARAMS });
  assert.equal(bits(await other.step(GRADS, { lr: 0.125 })), bits(textbook(PARAMS, { lr: 0.125 }).step(GRADS)));
  await assert.rejects(other.step(GRADS, { lr: -1 }), stepd.HyperParameterInvalid);
  assert.equal(other.optimizer.lr, 1);
});

test("a step can leave the params with the service", async () => {
  const session = await connect().session({ params: PARAMS });
  assert.equal(await session.step(GRADS, { returnParams: false }), null);
  assert.deepEqual([session.params, session.stepNumber], [null, 1]);
  assert.equal(bits(await session.fetchParams()), bits(textbook().step(GRADS)));
  assert.deepEqual(session.params, await session.fetchParams());
});

test("creating anew what is there attaches to it; an id alone attaches to whatever is there", async () => {
  const client = connect();
  const optimizer = Adadelta({ rho: 0.9 });
  const made = await client.session("attach", { optimizer, params: PARAMS, labels: { a: "b" } });
  await made.step(GRADS);
  for (const again of [await client.session("attach", { optimizer, params: PARAMS }), await client.session("attach")]) {
    assert.deepEqual([again.stepNumber, again.etag], [1, made.etag]);
    assert.equal(bits(again.params), bits(made.params));
  }
  await assert.rejects(client.session("attach", { params: [1, 2] }), (error) => {
    assert.ok(error instanceof stepd.SessionExists);
    assert.deepEqual(error.fields, ["optimizer", "shape"]);
    return true;
  });
  await assert.rejects(client.session("nobody"), stepd.SessionNotFound);
});

test("who is behind is told and can catch up", async () => {
  const ahead = await connect().session({ params: PARAMS });
  const behind = await connect().session(ahead.id);
  await ahead.step(GRADS);
  const checkpoint = await ahead.state();
  const before = behind.etag;
  for (const verb of [
    () => behind.step(GRADS),
    () => behind.reset(),
    () => behind.delete(),
    () => behind.putParams(PARAMS),
    () => behind.restore(checkpoint),
  ]) {
    await assert.rejects(verb, (error) => {
      assert.ok(error instanceof PreconditionFailed);
      assert.deepEqual([error.etag, error.step, error.resent], [ahead.etag, 1, false]);
      return error.requestId !== "" && behind.etag === before;
    });
  }
  assert.deepEqual([...(await behind.fetchParams())], ahead.params);
  assert.equal(behind.etag, ahead.etag);
  await behind.step(GRADS);
  assert.equal(behind.stepNumber, 2);
});

test("two steps at once are never both applied to the same params", async () => {
  const session = await connect().session({ params: PARAMS });
  const outcomes = await Promise.allSettled([session.step(GRADS), session.step(GRADS)]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal((await session.describe()).step, 1);
});

test("an id that was deleted and made anew is another session: catching up takes over all of it", async () => {
  const client = connect();
  const old = await client.session("replaced", { params: PARAMS });
  await client.delete("replaced");
  const anew = await client.session("replaced", { optimizer: SGD(), params: new Float32Array([0.1, 0.2, 0.3]) });
  await assert.rejects(old.step(GRADS), PreconditionFailed);
  assert.deepEqual(await old.fetchParams(), [...anew.params]);
  assert.deepEqual([old.dtype, old.optimizer, old.etag], [anew.dtype, anew.optimizer, anew.etag]);
  await client.delete("replaced");
  await client.session("replaced", { dtype: "float32", optimizer: SGD() });
  assert.equal(await old.fetchParams(), null);
  assert.deepEqual([old.shape, old.params], [null, null]);
});

test("a wait gives the params of the step that another takes, and those that are there when the time is up", async () => {
  const session = await connect().session({ params: PARAMS });
  const watcher = await connect().session(session.id);
  const waiting = watcher.waitForStep(2, { timeoutS: 60 });
  await session.step(GRADS);
  await session.step(GRADS);
  assert.deepEqual([...(await waiting)], session.params);
  assert.deepEqual([watcher.stepNumber, watcher.etag], [2, session.etag]);
  assert.deepEqual([...(await watcher.waitForStep(1))], session.params);
  assert.deepEqual([...(await watcher.waitForStep(3, { timeoutS: 0.01 }))], session.params);
  await assert.rejects(watcher.waitForStep(3, { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
  const resetting = watcher.waitForStep(3, { timeoutS: 60 });
  await session.reset();
  await resetting;
  assert.equal(watcher.stepNumber, 0);
  const unshaped = await connect().session();
  assert.equal(await unshaped.waitForStep(1, { timeoutS: 0.01 }), null);
  const deleted = assert.rejects(watcher.waitForStep(3, { timeoutS: 60 }), stepd.SessionNotFound);
  await session.delete();
  await deleted;
});

test("several workers that catch up when refused apply each of their steps exactly once", async () => {
  const shared = await connect().session({ params: PARAMS });
  const work = async () => {
    const session = await connect().session(shared.id);
    for (let done = 0; done < 10; ) {
      try {
        await session.step(Float64Array.from(GRADS));
        done++;
      } catch (error) {
        if (!(error instanceof PreconditionFailed)) throw error;
        await session.fetchParams();
      }
    }
  };
  await Promise.all([work(), work(), work()]);
  const reference = textbook();
  for (let step = 0; step < 30; step++) reference.step(GRADS);
  assert.equal(bits(await shared.fetchParams()), bits(reference.params));
  assert.equal(shared.stepNumber, 30);
});

test("put params keeps the state and reset keeps the params", async () => {
  const session = await connect().session({ params: PARAMS });
  await session.step(GRADS);
  const { state: slots } = await session.state();
  await session.putParams([7, 8, 9]);
  assert.deepEqual([(await session.state()).state, session.stepNumber], [slots, 1]);
  await session.reset();
  const checkpoint = await session.state();
  assert.deepEqual([checkpoint.params, checkpoint.step, session.stepNumber], [[7, 8, 9], 0, 0]);
  assert.deepEqual(checkpoint.state, { square_avg: [0, 0, 0], acc_delta: [0, 0, 0] });
  assert.equal(bits(await session.step(GRADS)), bits(textbook([7, 8, 9]).step(GRADS)));
});

test("a deleted session is gone and its id free", async () => {
  const client = connect();
  const session = await client.session("deleted", { params: PARAMS });
  await session.delete();
  for (const verb of [() => session.step(GRADS), () => session.fetchParams(), () => session.state(), () => session.describe()]) {
    await assert.rejects(verb, stepd.SessionNotFound);
  }
  await assert.rejects(session.delete(), stepd.SessionNotFound);
  await assert.rejects(client.delete("deleted"), stepd.SessionNotFound);
  assert.deepEqual((await client.session("deleted", { params: [5] })).params, [5]);
});

test("what the service refuses comes as its class and changes nothing", async () => {
  const client = connect();
  const session = await client.session({ params: PARAMS });
  const before = (await session.state()).toJSON();
  /** @type {[Function, () => Promise<unknown>][]} */
  const cases = [
    [stepd.StepNotFinite, () => session.step([1e308, 0, 0], { params: [-1.7e308, 0, 0], lr: 1e308 })],
    [stepd.ShapeMismatch, () => session.step([0.5])],
    [stepd.NamesMismatch, () => session.step({ w: GRADS })],
    [stepd.HyperParameterInvalid, () => client.session({ optimizer: Adadelta({ rho: 1 }), params: PARAMS })],
    [stepd.HyperParameterUnknown, () => client.session({ optimizer: { name: "sgd", rho: 1 } })],
    [stepd.OptimizerUnknown, () => client.session({ optimizer: { name: "adam" }, params: PARAMS })],
    [stepd.MissingField, () => client.session({ optimizer: /** @type {any} */ ({}), params: PARAMS })],
    [stepd.InvalidTensors, () => client.session({ params: { "a/b": [1] } })],
    [stepd.InvalidField, () => client.session({ params: PARAMS, ttlS: -1 })],
    [stepd.InvalidQuery, () => client.sessions({ pageSize: 0 }).next()],
  ];
  for (const [Class, call] of cases) {
    const error = /** @type {any} */ (await call().catch((reason) => reason));
    assert.equal(error.constructor, Class);
    assert.ok(error.detail !== "" && error.requestId !== "" && error.status >= 400 && error.status < 500);
    assert.equal(error.maybeApplied, false);
    assert.equal((await session.state()).toJSON(), before);
  }
  await assert.rejects(new Client(`${service.url}/elsewhere`).delete("some-session"), stepd.PageNotFound);
});

test("the stateless form equals a session", async () => {
  const client = connect();
  const optimizer = Adadelta({ rho: 0.9 });
  const session = await client.session({ optimizer, params: { b: new Float32Array([1]), a: new Float32Array([1, 1]) } });
  let { params } = session;
  /** @type {Record<string, any> | null} */
  let state = null;
  for (let number = 0; number < 10; number++) {
    const grads = { b: new Float32Array([0.1 * number]), a: new Float32Array([0.3, -0.2]) };
    ({ params, state } = await client.stepOnce(optimizer, params, grads, { state }));
    const stepped = await session.step(grads);
    assert.deepEqual([Object.keys(params), Object.keys(state.square_avg)], [["b", "a"], ["b", "a"]]);
    for (const name of /** @type {const} */ (["a", "b"])) assert.equal(bits(params[name]), bits(stepped[name]));
  }
  const kept = (await session.state()).state;
  assert.deepEqual(kept, state);
  await assert.rejects(client.stepOnce(Adadelta(), PARAMS, [0.5]), stepd.ShapeMismatch);
});

test("sessions are listed page by page, without gaps or doubles, and found by label", async () => {
  const client = connect();
  const ids = ["listed-0", "listed-1", "listed-2", "listed-3", "listed-4"];
  for (const id of ids) await client.session(id, { shape: 2, labels: { list: "yes", id } });
  const found = await all(client.sessions({ label: { list: "yes" }, pageSize: 2 }));
  assert.deepEqual(found.map((info) => info.id), ids);
  assert.deepEqual((await all(client.sessions({ label: { list: "yes", id: "listed-3" } }))).map(({ id }) => id), ["listed-3"]);
  assert.deepEqual(await all(client.sessions({ label: { list: "no" } })), []);
  assert.ok((await all(client.sessions())).length >= ids.length);
});

test("a description tells what was asked for, and the service about itself", async () => {
  const client = connect();
  const optimizer = SGD({ lr: 0.5 });
  const creation = { optimizer, shape: [2, 3], ttlS: 900, labels: { run: "7" } };
  const session = await client.session("described", { ...creation, dtype: "float32" });
  const told = await session.describe();
  assert.deepEqual([told.id, told.shape, told.size, told.dtype, told.step], ["described", [2, 3], 6, "float32", 0]);
  assert.deepEqual([told.ttlS, told.labels, told.optimizer], [900, { run: "7" }, session.optimizer]);
  assert.deepEqual([session.optimizer.name, session.optimizer.lr, session.optimizer.momentum], ["sgd", 0.5, 0]);
  assert.equal(session.etag, `"${told.incarnation}-0"`);
  assert.ok(told.bytes >= 2 * 6 * 4 && told.createdAt <= told.updatedAt && told.updatedAt < String(told.expiresAt));
  assert.ok("limits" in (await client.info()));
  const names = (await client.optimizers()).optimizers.map((/** @type {{name: string}} */ { name }) => name);
  assert.deepEqual(names.sort(), ["adadelta", "adagrad", "rmsprop", "sgd"]);
  for (const helper of [stepd.Adadelta, stepd.Adagrad, stepd.RMSprop, stepd.SGD]) {
    const made = await client.session({ optimizer: helper({ lr: 0.5, weight_decay: 0.25, maximize: true }), shape: 1 });
    assert.deepEqual([made.optimizer.lr, made.optimizer.weight_decay, made.optimizer.maximize], [0.5, 0.25, true]);
  }
});

test("an aborted step leaves the session object as it was, to go on from", async () => {
  const session = await connect().session({ params: PARAMS });
  await assert.rejects(session.step(GRADS, { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual([session.stepNumber, session.params], [0, PARAMS]);
  assert.equal(bits(await session.step(GRADS)), bits(textbook().step(GRADS)));
});
