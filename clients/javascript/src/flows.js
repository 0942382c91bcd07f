/**
 * What each verb of a session asks of the service and makes of the answers, as flows (wire.js). Whoever runs them does
 * the I/O.
 *
 * Values are checked before the first request is yielded: a TypeError or RangeError means that nothing was sent. A flow
 * changes what it is handed (`Held`) only after the answer that it needs has been read in full.
 */

import { checked, contentsOf, documentOf, paramsOf, read, sessionOf, validatorOf } from "./answers.js";
import { copied, shapeOf } from "./arrays.js";
import { Checkpoint, checkedCheckpoint, checkpointPayload } from "./checkpoint.js";
import { InvalidQuery, SessionExpired, SessionHasNoShape, SessionNotFound } from "./errors.js";
import { isBinary, payload } from "./formats.js";
import { isPlainObject } from "./json.js";
import { numberOf } from "./options.js";
import * as requests from "./requests.js";
import { info } from "./service.js";
import { fitted, shapesOf, takeIn } from "./values.js";

/** @import {Shapes} from "./arrays.js" */
/** @import {Held} from "./held.js" */
/** @import {SessionInfo} from "./info.js" */
/** @import {ShapeLike, Values} from "./values.js" */
/** @import {Answer, Flow} from "./wire.js" */

// What one request is asked to wait at most: the service's own default, and less than what proxies cut off at.
const LONGEST_WAIT_S = 30;

/**
 * GET the params of a session that has a shape.
 *
 * @param {Held} held
 * @returns {Flow<void>}
 */
export function* fetchWhereShaped(held) {
  if (held.shape !== null) yield* takeParams(held, yield requests.getParams(held.id, held.binary));
}

/**
 * GET what the session is; changes nothing held.
 *
 * @param {string} sessionId
 * @returns {Flow<SessionInfo>}
 */
export function* describe(sessionId) {
  return sessionOf(yield requests.describe(sessionId));
}

/**
 * One step from the state held; a key of its own makes it safe to resend.
 *
 * @param {Held} held
 * @param {string} key
 * @param {Values} grads
 * @param {{params?: Values | undefined, lr?: number | undefined, returnParams?: boolean | undefined,
 *   shape?: ShapeLike | undefined}} how
 * @returns {Flow<any>}
 */
export function* step(held, key, grads, { params, lr, returnParams = true, shape }) {
  const shapes = shape === undefined ? null : shapesOf(shape);
  const given = takeFor(held, "grads", grads, shapes);
  numberOf("lr", lr ?? 0);
  const replacing = params === undefined ? {} : { params: takeFor(held, "params", params, shapes).arrays };
  const binary = isBinary(held.format, shapeOf(given.arrays));
  const answer = yield requests.step(
    held.id,
    payload({}, { grads: given.arrays, ...replacing }, null, binary, held.shape),
    { etag: held.validator.etag, key, lr: lr ?? null, returnParams },
  );
  if (checked(answer).status === 204) {
    held.see(answer, null, given.form);
    // A first step with params gives the session its shape.
    held.shape ??= shapeOf(given.arrays);
    return null;
  }
  held.see(answer, paramsOf(answer, held.dtype, held.shape ?? shapeOf(given.arrays)), given.form);
  return held.given();
}

/**
 * GET the params and hold the state that they belong to.
 *
 * @param {Held} held
 * @returns {Flow<any>}
 */
export function* fetchParams(held) {
  yield* takeParams(held, yield requests.getParams(held.id, held.binary));
  return held.given();
}

/**
 * GET the params once the session has taken so many steps, in as many requests as the wait takes.
 *
 * @param {Held} held
 * @param {number} wanted
 * @param {number | null | undefined} timeoutS
 * @returns {Flow<any>}
 */
export function* waitForStep(held, wanted, timeoutS) {
  checkStep("step", wanted);
  let left = numberOf("timeoutS", timeoutS ?? Infinity, ", or null");
  if (!(left >= 0)) throw new RangeError(`timeoutS is ${left}; it must be at least 0, or null: as long as it takes`);
  let longest = LONGEST_WAIT_S;
  for (;;) {
    const { incarnation, etag } = held.validator;
    const asked = Math.min(left, longest);
    // With params held, waiting in vain costs no more than a 304.
    const answer = yield requests.waitForParams(held.id, wanted, asked, held.arrays === null ? null : etag, held.binary);
    try {
      yield* takeParams(held, answer);
    } catch (error) {
      if (!(error instanceof InvalidQuery)) throw error;
      const allowed = yield* longestWait();
      if (!(allowed > 0 && allowed < asked)) throw error;
      longest = allowed;
      continue;
    }
    left -= answer.tookS;
    // Far from the time that was asked for, the service ends only the waits that it can't keep: it drains.
    const drains = answer.tookS < 0.9 * asked;
    const { step: reached, incarnation: life } = held.validator;
    if (reached >= wanted || life !== incarnation || left <= 0 || drains) return held.given();
  }
}

/** @returns {Flow<number>} */
function* longestWait() {
  const { limits } = yield* info();
  return isPlainObject(limits) ? Number(limits.max_wait_s) : NaN;
}

/**
 * Hold the state and the params that the answer to a GET of params gives.
 *
 * @param {Held} held
 * @param {Answer} answer
 * @returns {Flow<void>}
 */
function* takeParams(held, answer) {
  if (answer.status === 304) return;
  try {
    checked(answer);
  } catch (error) {
    if (!(error instanceof SessionHasNoShape)) throw error;
    const described = yield requests.describe(held.id);
    held.become(sessionOf(described));
    held.see(described, null);
    // It may have been given a shape between the two requests.
    yield* fetchWhereShaped(held);
    return;
  }
  // Another life may be another session altogether, of another dtype.
  const sameLife = validatorOf(answer).incarnation === held.validator.incarnation;
  const session = sameLife ? null : sessionOf(yield requests.describe(held.id));
  const { dtype, shape } = session ?? held;
  const arrays = paramsOf(answer, dtype, shape);
  if (session !== null) held.become(session);
  held.see(answer, arrays);
}

/**
 * Replace the params; what was sent is what is held.
 *
 * @param {Held} held
 * @param {Values} params
 * @param {ShapeLike} [shape]
 * @returns {Flow<void>}
 */
export function* putParams(held, params, shape) {
  const { arrays, form } = takeFor(held, "params", params, shape === undefined ? null : shapesOf(shape));
  const kept = copied(arrays);
  const sent = payload({}, { params: kept }, null, isBinary(held.format, shapeOf(kept)), held.shape);
  const answer = yield requests.putParams(held.id, sent, held.validator.etag);
  sessionOf(answer);
  held.see(answer, kept, form);
}

/**
 * GET the checkpoint of now or of then, in the caller's form; changes nothing held.
 *
 * @param {Held} held
 * @param {{atStep?: number | undefined, incarnation?: string | undefined}} when
 * @returns {Flow<Checkpoint>}
 */
export function* state(held, { atStep, incarnation }) {
  checkStep("atStep", atStep ?? 0);
  const answer = yield requests.getState(held.id, { atStep, incarnation }, held.binary);
  const contents = contentsOf(answer);
  const document = contents === null ? documentOf(answer) : null;
  return read(answer, "the answer is no checkpoint", () => {
    return contents === null ? Checkpoint.read(document, held.form) : Checkpoint.of(contents, held.form);
  });
}

/**
 * Have the session written to the store; changes nothing held.
 *
 * @param {string} sessionId
 * @returns {Flow<SessionInfo>}
 */
export function* snapshot(sessionId) {
  return sessionOf(yield requests.snapshot(sessionId));
}

/**
 * Replace the session held by a checkpoint.
 *
 * @param {Held} held
 * @param {Checkpoint} checkpoint
 * @returns {Flow<void>}
 */
export function* restore(held, checkpoint) {
  const parts = checkedCheckpoint(checkpoint).parts();
  const answer = yield requests.putState(held.id, checkpointPayload(parts, held.format), held.validator.etag);
  held.become(sessionOf(answer));
  held.see(answer, parts.params);
}

/**
 * Zero the optimizer state. The params stay, so those held, if any, stay true.
 *
 * @param {Held} held
 * @returns {Flow<void>}
 */
export function* reset(held) {
  const answer = yield requests.reset(held.id, held.validator.etag);
  sessionOf(answer);
  held.see(answer, held.arrays);
}

/**
 * DELETE; that nothing is there counts as done where an earlier sending may have done it.
 *
 * @param {string} sessionId
 * @param {string | null} etag
 * @returns {Flow<void>}
 */
export function* remove(sessionId, etag) {
  const answer = yield requests.remove(sessionId, etag);
  try {
    checked(answer);
  } catch (error) {
    if (!(isGone(error) && error.maybeApplied)) throw error;
  }
}

/**
 * Whether an error says that there is no such session.
 *
 * @param {unknown} error
 * @returns {error is SessionNotFound | SessionExpired}
 */
export function isGone(error) {
  return error instanceof SessionNotFound || error instanceof SessionExpired;
}

/**
 * @param {string} name
 * @param {number} step
 * @throws {RangeError} it is no number of steps
 */
export function checkStep(name, step) {
  if (!(Number.isSafeInteger(step) && step >= 0)) {
    throw new RangeError(`${name} is ${step}; it must be a whole number, at least 0`);
  }
}

/**
 * Values for a session: typed arrays have its shape.
 *
 * @param {Held} held
 * @param {string} role
 * @param {Values} values
 * @param {Shapes | null} shapes
 */
function takeFor(held, role, values, shapes) {
  const { arrays, form } = takeIn(role, values, held.dtype, shapes);
  return { arrays: shapes === null ? fitted(arrays, form, held.shape) : arrays, form };
}
