/** When and after how long a request is sent again: full jitter under a doubling bound, behind what the service asks. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConnectionFailed, RetryPolicy } from "../src/index.js";
import { Sendings } from "../src/retry.js";
import { request } from "../src/wire.js";

/** @type {(status: number, headers?: Record<string, string>) => import("../src/wire.js").Answer} */
const answer = (status, headers = {}) => ({ status, headers, body: new Uint8Array(0), maybeApplied: false, tookS: 0 });
const always = new RetryPolicy({ random: () => 1 });

test("the bound doubles up to the cap, and stays finite however often", () => {
  const bounds = [1, 2, 3, 4, 5, 6, 7, 5000].map((repetition) => always.pauseBefore(repetition, null));
  assert.deepEqual(bounds, [0.25, 0.5, 1, 2, 4, 8, 8, 8]);
  assert.equal(new RetryPolicy({ random: () => 0 }).pauseBefore(3, null), 0);
  assert.equal(always.pauseBefore(1, 7), 7.25);
  for (let n = 0; n < 100; n++) assert.ok(new RetryPolicy().pauseBefore(2, null) <= 0.5);
});

test("what may pass later is repeated, what would be the same again is not", () => {
  for (const status of [408, 429, 502, 503, 504]) {
    assert.notEqual(new Sendings(request("GET", "/"), always).pauseAfter(answer(status)), null, `${status}`);
  }
  for (const status of [200, 204, 304, 400, 404, 409, 412, 413, 422, 500, 507]) {
    assert.equal(new Sendings(request("GET", "/"), always).pauseAfter(answer(status)), null, `${status}`);
  }
});

test("what is not repeatable is sent once, and nothing more often than the policy allows", () => {
  const once = new Sendings(request("POST", "/", { repeatable: false }), always);
  assert.equal(once.pauseAfter(new ConnectionFailed("lost")), null);
  const sendings = new Sendings(request("GET", "/"), new RetryPolicy({ attempts: 3, random: () => 1 }));
  const pauses = [1, 2, 3].map(() => sendings.pauseAfter(new ConnectionFailed("lost")));
  assert.deepEqual(pauses, [0.25, 0.5, null]);
});

test("only outcomes before the last one count as maybe applied", () => {
  const failed = new ConnectionFailed("lost");
  failed.maybeApplied = true;
  const last = new Sendings(request("GET", "/"), new RetryPolicy({ attempts: 1 }));
  last.pauseAfter(failed);
  assert.equal(last.maybeApplied, false);
  const earlier = new Sendings(request("GET", "/"), always);
  earlier.pauseAfter(failed);
  earlier.pauseAfter(answer(412));
  assert.equal(earlier.maybeApplied, true);
});

test("a policy that makes no sense is refused", () => {
  for (const options of [{ attempts: 0 }, { attempts: 1.5 }, { baseS: -1 }, { capS: NaN }, { patienceS: -1 }]) {
    assert.throws(() => new RetryPolicy(options), RangeError);
  }
});
