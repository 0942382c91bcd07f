/** What the network does to requests: lost answers, busy services, proxies. No service is needed for these. */

import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";

import * as stepd from "../src/index.js";
import { badGateway, failing, lost, Network, ok, problem, refused, SESSION } from "./network.js";

const { Checkpoint, Client, ConnectionFailed, NotReady, PreconditionFailed, RetryPolicy, UnexpectedAnswer } = stepd;
const GRADS = new Float64Array([0.5, 0.5]);

test("a step is sent again with the same state, key and bytes, whatever kept its answer back", async () => {
  const late = failing({ code: "UND_ERR_HEADERS_TIMEOUT", message: "Headers Timeout Error" });
  for (const trouble of [lost, refused, late, badGateway, problem(503, "not-ready"), problem(429, "slow-down")]) {
    const network = new Network(trouble, ok({ step: 1, params: [3, 4] }, { step: 1 }));
    const session = await network.session();
    assert.deepEqual(await session.step(GRADS), new Float64Array([3, 4]));
    const [first, second] = network.requests;
    assert.ok(first && second);
    for (const name of ["if-match", "idempotency-key"]) {
      assert.ok(first.headers.get(name));
      assert.equal(second.headers.get(name), first.headers.get(name));
    }
    assert.equal(first.headers.get("if-match"), '"abc-0"');
    assert.equal(first.body, '{"grads":[0.5,0.5]}');
    assert.equal(second.body, first.body);
    assert.deepEqual([session.stepNumber, session.etag], [1, '"abc-1"']);
  }
});

test("a step is sent again as it was, whatever becomes of the caller's gradients meanwhile", async () => {
  for (const format of /** @type {const} */ (["json", "binary"])) {
    for (const how of [{}, { params: GRADS }]) {
      const network = new Network(lost, ok({ step: 1, params: [3, 4] }, { step: 1 }));
      const session = await network.session({ format });
      const grads = GRADS.slice();
      const stepping = session.step(grads, how);
      grads.fill(7);
      await stepping;
      const [first, second] = network.requests;
      assert.equal(second?.body, first?.body);
    }
  }
});

test("every step has a key of its own", async () => {
  const network = new Network(ok({ params: [1, 2] }, { step: 1 }), ok({ params: [1, 2] }, { step: 2 }));
  const session = await network.session();
  await session.step(GRADS);
  await session.step(GRADS);
  const keys = network.requests.map(({ headers }) => headers.get("idempotency-key") ?? "");
  assert.match(keys[0] ?? "", /^[0-9a-f]{32}$/);
  assert.notEqual(keys[0], keys[1]);
  assert.deepEqual(network.requests.map(({ headers }) => headers.get("if-match")), ['"abc-0"', '"abc-1"']);
});

test("after the last attempt the failure is thrown: the step may have been applied, and the session stays", async () => {
  const network = new Network(lost, lost, badGateway, refused);
  const session = await network.session();
  await assert.rejects(session.step(GRADS), (error) => {
    assert.ok(error instanceof ConnectionFailed);
    assert.equal(error.name, "ConnectionFailed");
    assert.equal(error.message, "POST /v1/sessions/run/step: connection refused");
    assert.ok(error.cause instanceof TypeError);
    return error.maybeApplied;
  });
  assert.equal(network.requests.length, 4);
  assert.deepEqual([session.etag, session.params], ['"abc-0"', new Float64Array([1, 2])]);
});

test("a request that never went out was not applied", async () => {
  const session = await new Network(refused, refused, refused, refused).session();
  await assert.rejects(session.step(GRADS), { name: "ConnectionFailed", maybeApplied: false });
});

test("pauses follow the policy and Retry-After", async () => {
  const busy = problem(503, "over-budget", { "retry-after": "3" });
  const network = new Network(lost, busy, lost, ok(), ok({ params: [1, 2] }));
  await network.client({ retry: new RetryPolicy({ baseS: 1, capS: 2, random: () => 0.5 }) }).session("run");
  assert.deepEqual(network.pauses, [0.5, 4, 1]);
});

test("a problem that stays is thrown as what it is, with how long the service asks to wait", async () => {
  const busy = problem(503, "not-ready", { "retry-after": "2" });
  const network = new Network(busy, busy, busy, busy);
  await assert.rejects(network.client().info(), (error) => {
    assert.ok(error instanceof NotReady);
    assert.deepEqual([error.retryAfterS, error.maybeApplied, error.code], [2, false, "not-ready"]);
    return true;
  });
  assert.deepEqual(network.pauses, [2, 2, 2]);
  const later = new Network(problem(503, "not-ready", { "retry-after": "61" }));
  await assert.rejects(later.client().info(), NotReady);
  assert.deepEqual(later.pauses, []);
});

test("a refusal is not repeated: the session object keeps its view, the error tells the current one", async () => {
  const network = new Network(problem(412, "precondition-failed"));
  const session = await network.session();
  await assert.rejects(session.step(GRADS), (error) => {
    assert.ok(error instanceof PreconditionFailed);
    assert.deepEqual([error.etag, error.step, error.resent], ['"abc-9"', 9, false]);
    return true;
  });
  assert.deepEqual([session.etag, network.requests.length], ['"abc-0"', 1]);
});

test("a refusal of a repetition says that an earlier sending may have been applied", async () => {
  const checkpoint = new Checkpoint({ optimizer: SESSION.optimizer, dtype: "float64", step: 0, params: [1, 2], state: {} });
  /** @type {((session: stepd.Session) => Promise<unknown>)[]} */
  const verbs = [
    (session) => session.reset(),
    (session) => session.putParams([3, 4]),
    (session) => session.restore(checkpoint),
    (session) => session.delete(),
    (session) => session.step(GRADS),
  ];
  for (const verb of verbs) {
    for (const [trouble, resent] of /** @type {const} */ ([[lost, true], [badGateway, true], [refused, false]])) {
      const session = await new Network(trouble, problem(412, "precondition-failed")).session();
      await assert.rejects(verb(session), { name: "PreconditionFailed", resent, maybeApplied: resent });
    }
  }
});

test("a create without an id is sent only once", async () => {
  const network = new Network(lost);
  await assert.rejects(network.client().session({ shape: 2 }), { name: "ConnectionFailed", maybeApplied: true });
  assert.deepEqual(network.lines, ["POST /v1/sessions"]);
});

test("an answer that is not stepd's is UnexpectedAnswer, and a broken success may have been applied", async () => {
  const html = () => new Response("<html>", { status: 200, headers: { "content-type": "text/html", etag: '"abc-1"' } });
  const untagged = () => new Response('{"params":[1,2]}', { status: 200 });
  for (const outcome of [html, untagged, ok({ params: [1, null] }), ok({ params: "x" }), ok({}), ok({ params: [[1], [2, 3]] })]) {
    const session = await new Network(outcome).session();
    await assert.rejects(session.step(GRADS), (error) => error instanceof UnexpectedAnswer && error.maybeApplied);
    assert.deepEqual([session.etag, session.params], ['"abc-0"', new Float64Array([1, 2])]);
  }
  const moved = () => new Response("moved", { status: 302, headers: { location: "http://elsewhere.test/" } });
  await assert.rejects(new Network(moved).client().info(), {
    name: "UnexpectedAnswer",
    message: 'the answer is not stepd\'s (status 302, text/plain); it begins "moved"',
  });
});

test("a weak ETag is the state's all the same", async () => {
  const weak = () => new Response('{"params":[3,4]}', { headers: { etag: 'W/"abc-1"' } });
  const session = await new Network(weak).session();
  await session.step(GRADS);
  assert.equal(session.etag, '"abc-1"');
});

test("what can't be sent is refused before anything is", async () => {
  const network = new Network();
  const session = await network.session();
  const client = network.client();
  const { Adadelta } = stepd;
  for (const values of /** @type {any[]} */ ([[NaN, 1], ["1"], [1n], new Float64Array([Infinity, 0]), 3, null, [[1], 2]])) {
    const checkpoint = new Checkpoint({ optimizer: { name: "sgd" }, dtype: "float64", step: 0, params: values, state: {} });
    for (const attempt of [
      () => session.step(values),
      () => session.step(GRADS, { params: values }),
      () => session.putParams(values),
      () => client.session("other", { params: values }),
      () => client.stepOnce(Adadelta(), values, [1]),
      () => client.stepOnce(Adadelta(), [1], values),
      () => client.stepOnce(Adadelta(), [1], [1], { state: { square_avg: values } }),
      () => session.restore(checkpoint),
      () => client.restore("other", checkpoint),
    ]) {
      await assert.rejects(attempt, (error) => error instanceof TypeError || error instanceof RangeError);
    }
  }
  await assert.rejects(session.step(GRADS, { lr: NaN }), { name: "RangeError", message: /^lr is NaN/ });
  await assert.rejects(session.step(GRADS, { lr: /** @type {any} */ ("0.5") }), { name: "TypeError", message: /^lr is a string/ });
  await assert.rejects(client.session("other", { optimizer: Adadelta({ rho: NaN }), shape: 1 }), RangeError);
  for (const id of ["", "..", "a/b", "a b", "-a", "x".repeat(65), "a\n", "ä"]) {
    await assert.rejects(client.delete(id), { name: "RangeError", message: /no session id/ });
  }
  for (const creation of /** @type {any[]} */ ([{ params: [1], shape: 3 }, { ttlS: 5 }, { labels: {} }, { dtype: "float32" }, { shape: "3" }])) {
    await assert.rejects(client.session("run", creation), (error) => error instanceof TypeError || error instanceof RangeError);
  }
  assert.deepEqual(network.requests, []);
});

test("requests ask for JSON, are never cached or redirected, and say who sends them", async () => {
  const network = new Network(ok({}));
  await network.client().info();
  const [{ headers, init }] = /** @type {[import("./network.js").Sent]} */ (network.requests);
  assert.equal(headers.get("accept"), "application/json");
  assert.match(headers.get("user-agent") ?? "", /^stepd-client-js\/\d+\.\d+\.\d+$/);
  assert.deepEqual([init.cache, init.redirect], ["no-store", "manual"]);
});

test("a path in the base URL is kept; what is no http address is refused, a password unnamed", async () => {
  const network = new Network(ok({}), ok({}));
  await new Client("https://host.test/optimizers/", { fetch: network.fetch }).info();
  await new Client(new URL("https://user:hunter2@host.test"), { fetch: network.fetch }).info();
  assert.deepEqual(network.requests.map(({ url }) => url), ["https://host.test/optimizers/v1/info", "https://host.test/v1/info"]);
  assert.equal(network.requests[1]?.headers.get("authorization"), `Basic ${btoa("user:hunter2")}`);
  for (const url of ["localhost:8000", "ftp://host", "http://", "http://host:port", "/v1", "ftp://user:hunter2@host"]) {
    assert.throws(() => new Client(url), (error) => error instanceof TypeError && !error.message.includes("hunter2"));
  }
  assert.throws(() => new Client("http://host", { timeoutS: 0 }), RangeError);
});

test("a password may hold any byte, encoded, and percent signs that encode nothing", async () => {
  const network = new Network(ok({}), ok({}), ok({}));
  for (const [written, meant] of [["100%", "100%"], ["%zz%2", "%zz%2"], ["%25%ff%C3%A4", "%\xff\xc3\xa4"]]) {
    await new Client(`https://user:${written}@host.test`, { fetch: network.fetch }).info();
    assert.equal(network.requests.at(-1)?.headers.get("authorization"), `Basic ${btoa(`user:${meant}`)}`);
  }
});

/**
 * Every verb that takes options, each with those given, and the client itself.
 *
 * @param {Network} network
 * @param {any} options
 * @returns {Promise<Record<string, () => Promise<unknown>>>}
 */
async function withOptions(network, options) {
  const session = await network.session();
  const client = network.client();
  const checkpoint = new Checkpoint({ optimizer: SESSION.optimizer, dtype: "float64", step: 0, params: [1, 2], state: {} });
  return {
    step: () => session.step(GRADS, options),
    fetchParams: () => session.fetchParams(options),
    waitForStep: () => session.waitForStep(1, options),
    putParams: () => session.putParams(GRADS, options),
    state: () => session.state(options),
    "session.restore": () => session.restore(checkpoint, options),
    reset: () => session.reset(options),
    "session.delete": () => session.delete(options),
    describe: () => session.describe(options),
    session: () => client.session("run", options),
    restore: () => client.restore("run", checkpoint, options),
    sessions: () => client.sessions(options).next(),
    delete: () => client.delete("run", options),
    stepOnce: () => client.stepOnce(stepd.SGD(), GRADS, GRADS, options),
    optimizers: () => client.optimizers(options),
    info: () => client.info(options),
    Client: async () => new Client("http://stepd.test", options),
    RetryPolicy: async () => new stepd.RetryPolicy(options),
  };
}

test("options that are none are refused by name, before anything is sent", async () => {
  const network = new Network();
  for (const options of [null, 3, "lr", [1, 2], new Float64Array(2)]) {
    for (const [verb, attempt] of Object.entries(await withOptions(network, options))) {
      await assert.rejects(attempt, { name: "TypeError", message: /^options is (null|an? \w+); give an object/ }, verb);
    }
  }
  assert.deepEqual(network.requests, []);
});

test("an option that there is not, such as one misspelt, is refused with those that there are", async () => {
  const network = new Network();
  for (const name of ["timeout_s", "return_params", "learningRate", "signals", "toString"]) {
    for (const [verb, attempt] of Object.entries(await withOptions(network, { [name]: 1 }))) {
      const message = new RegExp(`^there is no option "${name}"; there is \\w+`);
      await assert.rejects(attempt, { name: "TypeError", message }, `${verb} takes ${name}`);
    }
  }
  await assert.rejects(network.client().session(/** @type {any} */ ({ parms: [1, 2] })), /no option "parms"; there is optimizer, params/);
  assert.deepEqual(network.requests, []);
});

test("a time that is no number is refused by name", () => {
  for (const given of /** @type {any[]} */ (["5", true, null, {}, [5]])) {
    const message = /^(timeoutS|baseS|capS|patienceS) is (null|an? \w+); it must be a number$/;
    assert.throws(() => new Client("http://stepd.test", { timeoutS: given }), { name: "TypeError", message });
    for (const name of ["baseS", "capS", "patienceS"]) {
      assert.throws(() => new stepd.RetryPolicy({ [name]: given }), { name: "TypeError", message });
    }
  }
  for (const timeoutS of [0, -1, NaN]) assert.throws(() => new Client("http://stepd.test", { timeoutS }), RangeError);
});

test("what is no checkpoint is not restored, and says so before anything is sent", async () => {
  const network = new Network();
  const session = await network.session();
  const empty = new Checkpoint(/** @type {any} */ ({}));
  for (const given of /** @type {any[]} */ ([{}, null, undefined, "{}", JSON.parse('{"params": [1]}')])) {
    for (const restoring of [() => session.restore(given), () => network.client().restore("run", given)]) {
      await assert.rejects(restoring, { name: "TypeError", message: /^the checkpoint is .*; give a Checkpoint/ });
    }
  }
  await assert.rejects(session.restore(empty), { name: "TypeError", message: /^state is undefined; it must be an object/ });
  assert.deepEqual(network.requests, []);
});

test("the address comes from the environment; without it the local default", async () => {
  const before = process.env.STEPD_URL;
  try {
    process.env.STEPD_URL = "http://from-environment.test:9000";
    assert.equal(String(new Client()), "<Client of http://from-environment.test:9000>");
    delete process.env.STEPD_URL;
    assert.equal(String(new Client()), "<Client of http://127.0.0.1:8000>");
  } finally {
    if (before !== undefined) process.env.STEPD_URL = before;
  }
});

test("an aborted signal ends a verb with its reason: before, while it is sent, and between attempts", async () => {
  const reason = new Error("enough");
  const network = new Network(lost);
  const session = await network.session();
  await assert.rejects(session.step(GRADS, { signal: AbortSignal.abort(reason) }), reason);
  assert.deepEqual(network.requests, []);
  const pausing = new AbortController();
  const client = new Client("http://stepd.test", {
    fetch: network.fetch,
    retry: new RetryPolicy({ baseS: 1000, capS: 1000, random: () => (pausing.abort(reason), 1) }),
  });
  await assert.rejects(client.info({ signal: pausing.signal }), reason);
  assert.equal(network.requests.length, 1);
  assert.deepEqual([session.etag, session.params], ['"abc-0"', new Float64Array([1, 2])]);
});

test("nothing that is printed tells values, keys or passwords", async () => {
  const session = await new Network().session();
  const client = new Client("http://user:hunter2@host.test");
  assert.equal(inspect(session), '<Session "run": adadelta, float64, step 0>');
  assert.equal(inspect(client), "<Client of http://host.test>");
});
