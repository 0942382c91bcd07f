/**
 * How a Session object comes about, as flows (wire.js): by creating, attaching, restoring or forking. Whoever runs them
 * does the I/O. Values are checked before the first request is yielded: a TypeError or RangeError means that nothing was sent.
 */

import { checked, sessionOf, validatorOf } from "./answers.js";
import { copied, shapeOf } from "./arrays.js";
import { checkedCheckpoint, checkpointPayload } from "./checkpoint.js";
import { checkStep, fetchWhereShaped, isGone } from "./flows.js";
import { isBinary, payload } from "./formats.js";
import { Held } from "./held.js";
import { Adadelta } from "./optimizers.js";
import * as requests from "./requests.js";
import { dtypeNamed, shapesOf, takeIn } from "./values.js";

/** @import {DType} from "./arrays.js" */
/** @import {Checkpoint} from "./checkpoint.js" */
/** @import {Format} from "./formats.js" */
/** @import {Durability, Optimizer} from "./info.js" */
/** @import {Fitting, ShapeLike, Values} from "./values.js" */
/** @import {Answer, Flow} from "./wire.js" */

/**
 * What a session is created with; every member may be left out.
 *
 * @template {Fitting<Params>} [Params=Values]
 * @typedef {object} Creation
 * @property {Optimizer} [optimizer] default Adadelta()
 * @property {Params} [params] the initial values
 * @property {ShapeLike} [shape] alone: zeros of that shape, or of a shape per name; beside params: their shape
 * @property {DType} [dtype] default float32 if every array in `params` is a Float32Array, else float64
 * @property {number} [ttlS] seconds without a successful request after which the service deletes the session
 * @property {Readonly<Record<string, string>>} [labels] names and values to find it by
 * @property {Durability} [durability] what outlives the service's process; without it the service's own
 */

/**
 * From where a fork goes on and what is other about it; every member may be left out.
 *
 * @typedef {object} Forking
 * @property {number} [atStep] the step to go on from; without it the service's current one. Earlier ones take a journaled
 *   session
 * @property {string} [incarnation] of which life; without it the current one. Without `atStep`: the last state of it
 * @property {Readonly<Record<string, string | number | boolean | undefined>>} [optimizer] hyper-parameters that are to be
 *   other than the session's, by name
 * @property {number} [ttlS] as in Creation; none of these is taken over from the session
 * @property {Readonly<Record<string, string>>} [labels]
 * @property {Durability} [durability]
 */

/**
 * Create, or attach to what is there.
 *
 * @param {string | null} sessionId
 * @param {Creation} creation
 * @param {Format} format in which values travel
 * @returns {Flow<Held>}
 */
export function* openSession(sessionId, { optimizer, params, shape, dtype, ttlS, labels, durability }, format) {
  if (sessionId !== null && optimizer === undefined && params === undefined && shape === undefined) {
    if ([dtype, ttlS, labels, durability].some((given) => given !== undefined)) {
      throw new TypeError(
        "dtype, ttlS, labels and durability are for creating; that takes an optimizer, params or a shape too",
      );
    }
    return yield* attach(sessionId, format);
  }
  const chosen = dtypeNamed(dtype, params);
  const shapes = shape === undefined ? null : shapesOf(shape);
  const taken = params === undefined ? null : takeIn("params", params, chosen, shapes);
  const kept = taken === null ? null : copied(taken.arrays);
  const document = {
    optimizer: optimizer ?? Adadelta(),
    dtype: chosen,
    shape: kept === null ? (shapes ?? undefined) : undefined,
    ...extras({ ttlS, labels, durability }),
  };
  const binary = kept !== null && isBinary(format, shapeOf(kept));
  const sent = payload(document, kept === null ? {} : { params: kept }, null, binary);
  const answer = yield requests.create(sessionId, sent);
  const held = new Held(sessionOf(answer), answer, format);
  held.form = taken?.form ?? null;
  if (answer.status !== 201) yield* fetchWhereShaped(held);
  else if (kept === null) held.seeZeros();
  else held.arrays = kept;
  return held;
}

/**
 * GET what is there, and its params where it has a shape.
 *
 * @param {string} sessionId
 * @param {Format} format
 * @returns {Flow<Held>}
 */
function* attach(sessionId, format) {
  const answer = yield requests.describe(sessionId);
  const held = new Held(sessionOf(answer), answer, format);
  yield* fetchWhereShaped(held);
  return held;
}

/**
 * Restore under an id, free or not: looks first, and says what it found, so that no step is undone unseen.
 *
 * @param {string} sessionId
 * @param {Checkpoint} checkpoint
 * @param {Extras} made
 * @param {Format} format in which values travel
 * @returns {Flow<Held>}
 */
export function* restoreAs(sessionId, checkpoint, made, format) {
  const parts = checkedCheckpoint(checkpoint).parts();
  const found = yield* etagOrNull(yield requests.describe(sessionId));
  const answer = yield requests.putState(
    sessionId,
    checkpointPayload(parts, format, found === null ? extras(made) : {}),
    found,
  );
  const held = new Held(sessionOf(answer), answer, format);
  held.see(answer, parts.params, parts.form);
  return held;
}

/**
 * @param {Answer} described
 * @returns {Flow<string | null>}
 */
function* etagOrNull(described) {
  try {
    return validatorOf(checked(described)).etag;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/**
 * Make another session of one that is held, and GET its params; changes nothing of the one held.
 *
 * @param {Held} origin
 * @param {string | null} sessionId
 * @param {Forking} forking
 * @returns {Flow<Held>}
 */
export function* fork(origin, sessionId, { atStep, incarnation, optimizer, ...made }) {
  checkStep("atStep", atStep ?? 0);
  const document = { id: sessionId ?? undefined, at_step: atStep, incarnation, optimizer, ...extras(made) };
  const answer = yield requests.fork(origin.id, payload(document, {}, null, false), sessionId !== null);
  const held = new Held(sessionOf(answer), answer, origin.format);
  held.form = origin.form;
  yield* fetchWhereShaped(held);
  return held;
}

/**
 * @typedef {{ttlS?: number | undefined, labels?: Readonly<Record<string, string>> | undefined,
 *   durability?: Durability | undefined}} Extras
 */

/** @param {Extras} extras */
function extras({ ttlS, labels, durability }) {
  return { ttl_s: ttlS, labels, durability };
}
