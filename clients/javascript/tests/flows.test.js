/** Flows run by hand: what is asked and when it is enough needs no client, no socket and no clock. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { waitForStep } from "../src/flows.js";
import { Held } from "../src/held.js";
import { readInfo } from "../src/info.js";
import { SESSION } from "./network.js";

/** @import {Answer, Flow, Request} from "../src/wire.js" */

/** @type {(step: number, about?: {status?: number, incarnation?: string, tookS?: number, document?: unknown}) => Answer} */
function answer(step, { status = 200, incarnation = "abc", tookS = 30, document = { params: [3, 4] } } = {}) {
  const headers = { etag: `"${incarnation}-${step}"`, "content-type": "application/problem+json" };
  return { status, headers, body: new TextEncoder().encode(status === 304 ? "" : JSON.stringify(document)), maybeApplied: false, tookS };
}

/** @type {() => Held} */
function held() {
  const made = new Held(readInfo(SESSION), answer(0), "auto");
  made.arrays = { data: new Float64Array([1, 2]), shape: [2] };
  return made;
}

/**
 * Feeds the answers to a flow; gives the requests that it made, once it has ended, and not before.
 *
 * @param {Flow<unknown>} flow
 * @param {readonly Answer[]} answers
 */
function run(flow, answers) {
  /** @type {Request[]} */
  const made = [];
  let turn = flow.next();
  for (const given of answers) {
    assert.ok(!turn.done, "the flow ended too early");
    made.push(turn.value);
    turn = flow.next(given);
  }
  assert.ok(turn.done, "the flow wants more answers");
  return made;
}

/** @type {(requests: readonly Request[]) => string[]} */
const lines = (requests) => requests.map(({ method, path, query }) => `${method} ${path} ${query.join("&")}`.trim());
const PATH = "GET /v1/sessions/run/params wait_for_step,3&timeout_s,";
const unchanged = answer(0, { status: 304 });

test("a wait is as many requests as it takes, each no longer than one may be, naming what is known already", () => {
  const session = held();
  const requests = run(waitForStep(session, 3, 70), [unchanged, answer(2), answer(2, { status: 304, tookS: 10 })]);
  assert.deepEqual(lines(requests), [`${PATH}30`, `${PATH}30`, `${PATH}10`]);
  assert.deepEqual(requests.map(({ headers }) => headers["if-none-match"]), ['"abc-0"', '"abc-0"', '"abc-2"']);
  assert.deepEqual(requests.map(({ waitS }) => waitS), [30, 30, 10]);
  assert.deepEqual([session.validator.step, session.given()], [2, new Float64Array([3, 4])]);
  const unknown = held();
  unknown.arrays = null;
  assert.deepEqual(run(waitForStep(unknown, 3, 70), [answer(3)])[0]?.headers, {});
});

test("a wait ends with its step, another life, its time, or a service that does not let it wait", () => {
  assert.deepEqual(lines(run(waitForStep(held(), 3, Infinity), [unchanged, answer(3, { tookS: 1 })])), [`${PATH}30`, `${PATH}30`]);
  const other = answer(0, { incarnation: "def" });
  const described = answer(0, { incarnation: "def", document: SESSION });
  assert.deepEqual(lines(run(waitForStep(held(), 3, 70), [other, described])), [`${PATH}30`, "GET /v1/sessions/run"]);
  assert.deepEqual(lines(run(waitForStep(held(), 3, 0), [answer(0, { status: 304, tookS: 0 })])), [`${PATH}0`]);
  assert.deepEqual(lines(run(waitForStep(held(), 3, 70), [answer(2, { tookS: 0.01 })])), [`${PATH}30`]);
});

test("a wait without a time takes as long as it takes", () => {
  for (const timeoutS of [null, undefined, Infinity]) {
    const requests = run(waitForStep(held(), 3, timeoutS), [unchanged, unchanged, unchanged, answer(3)]);
    assert.deepEqual(lines(requests), Array(4).fill(`${PATH}30`));
  }
});

test("where the service allows less, the wait is made of requests so long", () => {
  const refused = answer(0, { status: 400, document: { code: "invalid-query" }, tookS: 0 });
  const limits = answer(0, { document: { limits: { max_wait_s: 5 } } });
  const five = answer(0, { status: 304, tookS: 5 });
  const requests = run(waitForStep(held(), 3, 7), [refused, limits, five, answer(0, { status: 304, tookS: 2 })]);
  assert.deepEqual(lines(requests), [`${PATH}7`, "GET /v1/info", `${PATH}5`, `${PATH}2`]);
  for (const allowed of [null, 60, 0, "soon"]) {
    const answers = [refused, answer(0, { document: { limits: { max_wait_s: allowed } } })];
    assert.throws(() => run(waitForStep(held(), 3, 7), answers), { name: "InvalidQuery" });
  }
});

test("a step or a time that is none is refused before anything is asked", () => {
  for (const step of [-1, 1.5, NaN, "3"]) assert.throws(() => run(waitForStep(held(), /** @type {any} */ (step), 1), []), RangeError);
  for (const timeoutS of [-1, NaN]) assert.throws(() => run(waitForStep(held(), 1, timeoutS), []), RangeError);
  for (const timeoutS of ["1", true, {}]) {
    assert.throws(() => run(waitForStep(held(), 1, /** @type {any} */ (timeoutS)), []), { name: "TypeError", message: /^timeoutS is a/ });
  }
});
