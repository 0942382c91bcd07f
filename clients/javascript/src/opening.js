/**
 * How a Session object comes about, as flows (wire.js): by creating, attaching or restoring. Whoever runs them does the
 * I/O. Values are checked before the first request is yielded: a TypeError or RangeError means that nothing was sent.
 */

import { checked, sessionOf, validatorOf } from "./answers.js";
import { copied, shapeOf } from "./arrays.js";
import { checkedCheckpoint, checkpointPayload } from "./checkpoint.js";
import { fetchWhereShaped, isGone } from "./flows.js";
import { isBinary, payload } from "./formats.js";
import { Held } from "./held.js";
import { Adadelta } from "./optimizers.js";
import * as requests from "./requests.js";
import { dtypeNamed, shapesOf, takeIn } from "./values.js";

/** @import {DType} from "./arrays.js" */
/** @import {Checkpoint} from "./checkpoint.js" */
/** @import {Format} from "./formats.js" */
/** @import {Optimizer} from "./info.js" */
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
 */

/**
 * Create, or attach to what is there.
 *
 * @param {string | null} sessionId
 * @param {Creation} creation
 * @param {Format} format in which values travel
 * @returns {Flow<Held>}
 */
export function* openSession(sessionId, { optimizer, params, shape, dtype, ttlS, labels }, format) {
  if (sessionId !== null && optimizer === undefined && params === undefined && shape === undefined) {
    if (dtype !== undefined || ttlS !== undefined || labels !== undefined) {
      throw new TypeError("dtype, ttlS and labels are for creating; that takes an optimizer, params or a shape too");
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
    ...extras(ttlS, labels),
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
 * @param {{ttlS?: number | undefined, labels?: Readonly<Record<string, string>> | undefined}} made
 * @param {Format} format in which values travel
 * @returns {Flow<Held>}
 */
export function* restoreAs(sessionId, checkpoint, { ttlS, labels }, format) {
  const parts = checkedCheckpoint(checkpoint).parts();
  const found = yield* etagOrNull(yield requests.describe(sessionId));
  const answer = yield requests.putState(
    sessionId,
    checkpointPayload(parts, format, found === null ? extras(ttlS, labels) : {}),
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
 * @param {number | undefined} ttlS
 * @param {Readonly<Record<string, string>> | undefined} labels
 */
function extras(ttlS, labels) {
  return { ttl_s: ttlS, labels };
}
