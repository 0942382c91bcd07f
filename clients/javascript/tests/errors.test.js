/** The error tree: it is as it is drawn, every class has its code, and nothing of an answer is lost on the way. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { checked, errorOf, retryAfterS } from "../src/answers.js";
import { classOf } from "../src/error-class.js";
import * as errors from "../src/errors.js";
import { readProblem } from "../src/problem.js";

/** @type {(status: number, text: string, headers?: Record<string, string>) => import("../src/wire.js").Answer} */
const problemAnswer = (status, text, headers = {}) => ({
  status,
  headers: { "content-type": "application/problem+json", ...headers },
  body: new TextEncoder().encode(text),
  maybeApplied: false,
  tookS: 0,
});

test("the tree on top of errors.js names every class under its base, with its code", async () => {
  const source = await readFile(new URL("../src/errors.js", import.meta.url), "utf8");
  /** @type {Record<string, string>} */
  const drawn = {};
  /** @type {string[]} */
  const path = ["StepdError"];
  for (const line of source.split("*/")[0]?.split("\n") ?? []) {
    const [, name] = /[├└]── (\w+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const depth = (line.indexOf("──") - 8) / 4 + 1;
    path.splice(depth, path.length, name);
    drawn[name] = String(path[depth - 1]);
    assert.ok(line.endsWith(/** @type {any} */ (errors)[name].code ?? ""), line);
  }
  const tree = Object.entries(errors).map(([name, one]) => [name, Object.getPrototypeOf(one).name]);
  assert.deepEqual(drawn, Object.fromEntries(tree.filter(([name]) => name !== "StepdError")));
  assert.ok(Object.keys(drawn).length > 40);
});

test("a code that is not known becomes a family by status, and keeps its name", () => {
  /** @type {[number, Function][]} */
  const families = [
    [400, errors.Malformed],
    [401, errors.RequestRefused],
    [404, errors.Missing],
    [409, errors.RequestRefused],
    [412, errors.Stale],
    [422, errors.Impossible],
    [429, errors.RequestRefused],
    [500, errors.ServiceFailed],
    [503, errors.Unavailable],
    [507, errors.ServiceFailed],
  ];
  for (const [status, family] of families) {
    assert.equal(classOf("some-new-code", status), family);
    const error = errorOf(problemAnswer(status, '{"code":"some-new-code","detail":"new"}'));
    assert.equal(error.constructor, family);
    assert.equal(/** @type {errors.ProblemError} */ (error).code, "some-new-code");
  }
});

test("a problem carries all that the service says", () => {
  const text = `{"type":"/problems/precondition-failed","title":"The session is not in the state","status":412,
    "detail":"the session is at step 4","code":"precondition-failed","request_id":"r1","etag":"\\"abc-4\\"","step":4,
    "errors":[{"pointer":"/grads/0","detail":"no"}]}`;
  const error = errorOf(problemAnswer(412, text, { "retry-after": "7" }));
  assert.ok(error instanceof errors.PreconditionFailed);
  assert.equal(errors.PreconditionFailed.code, "precondition-failed");
  assert.deepEqual([error.code, error.status, error.requestId], ["precondition-failed", 412, "r1"]);
  assert.deepEqual([error.etag, error.step, error.retryAfterS], ['"abc-4"', 4, 7]);
  assert.deepEqual(error.errors, [{ pointer: "/grads/0", detail: "no" }]);
  assert.equal(error.title, "The session is not in the state");
  assert.equal(String(error), "PreconditionFailed: the session is at step 4 (precondition-failed, status 412, request r1)");
  assert.deepEqual([error.resent, error.maybeApplied], [false, false]);
  const exists = errorOf(problemAnswer(409, '{"code":"session-exists","fields":["dtype","shape"]}'));
  assert.ok(exists instanceof errors.SessionExists);
  assert.deepEqual(exists.fields, ["dtype", "shape"]);
});

test("members of other types are taken as absent", () => {
  const document = { code: 7, detail: null, errors: "x", fields: [1], step: true, etag: 3, title: [] };
  const empty = readProblem({}, 400, null);
  assert.deepEqual(readProblem(document, 400, null), empty);
  assert.deepEqual(readProblem({ errors: [3, { pointer: 1 }] }, 400, null).errors, [{ pointer: "", detail: "" }]);
});

test("an error without a problem document is UnexpectedAnswer, with its status and how it begins", () => {
  /** @type {[number, string, string][]} */
  const cases = [
    [502, "text/html; charset=utf-8", "<html>Bad Gateway</html>"],
    [404, "", ""],
    [503, "application/problem+json", "<not json>"],
    [400, "application/problem+json", "[]"],
  ];
  for (const [status, type, text] of cases) {
    const error = errorOf(problemAnswer(status, text, { "content-type": type }));
    assert.ok(error instanceof errors.UnexpectedAnswer);
    assert.deepEqual([error.status, error.contentType, error.excerpt], [status, type.split(";")[0], text]);
    assert.match(error.message, new RegExp(String(status)));
  }
  const long = errorOf(problemAnswer(502, "x".repeat(100_000), { "content-type": "" }));
  assert.equal(/** @type {errors.UnexpectedAnswer} */ (long).excerpt.length, 200);
});

test("only a refusal by the service, in terms known here, settles that nothing was applied", () => {
  /** @type {[number, string | null, boolean][]} */
  const cases = [
    [422, "step-not-finite", false],
    [503, "not-ready", false],
    [503, "outcome-unknown", true],
    [500, "internal-error", true],
    [503, "some-new-code", true],
    [422, "some-new-code", false],
    [502, null, true],
    [408, null, true],
    [403, null, false],
  ];
  for (const [status, code, open] of cases) {
    const answer = code === null ? problemAnswer(status, "", { "content-type": "" }) : problemAnswer(status, JSON.stringify({ code }));
    assert.equal(errorOf(answer).maybeApplied, open, `${status} ${code}`);
  }
  const resent = { ...problemAnswer(412, '{"code":"precondition-failed"}'), maybeApplied: true };
  assert.throws(() => checked(resent), { name: "PreconditionFailed", resent: true, maybeApplied: true });
});

test("dates and nonsense in Retry-After are as if it were absent", () => {
  for (const [text, seconds] of /** @type {const} */ ([["7", 7], ["0", 0], ["", null], ["Fri, 01 Jan", null], ["-1", null]])) {
    assert.equal(retryAfterS(problemAnswer(503, "", { "retry-after": text })), seconds);
  }
});
