/**
 * What is asked of the service apart from any session object, as flows (wire.js): the list of sessions, a step without
 * a session, the catalogue, the service itself. Whoever runs them does the I/O.
 */

import { contentsOf, documentOf, infoOf, read, unexpectedMember, valuesOf } from "./answers.js";
import { shapeOf } from "./arrays.js";
import { isBinary, payload, rolesOf } from "./formats.js";
import { isPlainObject } from "./json.js";
import * as requests from "./requests.js";
import { dtypeNamed, fitted, give, shapesOf, take, takeIn } from "./values.js";

/** @import {Arrays, DType} from "./arrays.js" */
/** @import {Format} from "./formats.js" */
/** @import {Optimizer, SessionInfo} from "./info.js" */
/** @import {ShapeLike, Values} from "./values.js" */
/** @import {Answer, Flow} from "./wire.js" */

/**
 * One page of sessions and the token of the next, null after the last.
 *
 * @param {Readonly<Record<string, string>>} label
 * @param {number | null} pageSize
 * @param {string | null} pageToken
 * @returns {Flow<{sessions: SessionInfo[], following: string | null}>}
 */
export function* page(label, pageSize, pageToken) {
  const answer = yield requests.listSessions(label, pageSize, pageToken);
  const { sessions, next_page_token: following = null } = documentOf(answer);
  if (!Array.isArray(sessions) || !(following === null || typeof following === "string")) {
    throw unexpectedMember(answer, "sessions");
  }
  return { sessions: sessions.map((session) => infoOf(answer, session)), following: following || null };
}

/**
 * The stateless form; params and slots come back in the form of the params.
 *
 * @param {Optimizer} optimizer
 * @param {Values} params
 * @param {Values} grads
 * @param {{state?: Readonly<Record<string, Values>> | null | undefined, dtype?: DType | undefined,
 *   shape?: ShapeLike | undefined}} how
 * @param {Format} format in which values travel
 * @returns {Flow<{params: any, state: Record<string, any>}>}
 */
export function* stepOnce(optimizer, params, grads, { state: slots, dtype, shape }, format) {
  const chosen = dtypeNamed(dtype, params);
  const { arrays, form } = takeIn("params", params, chosen, shape === undefined ? null : shapesOf(shape));
  /** @type {(role: string, values: Values) => Arrays} */
  const like = (role, values) => {
    const taken = take(role, values, chosen);
    return fitted(taken.arrays, taken.form, shapeOf(arrays));
  };
  const vectors = { params: arrays, grads: like("grads", grads) };
  const state = slots ? Object.fromEntries(Object.entries(slots).map(([slot, values]) => [slot, like(slot, values)])) : null;
  const binary = isBinary(format, shapeOf(arrays));
  const answer = yield requests.stepOnce(payload({ optimizer, dtype: chosen }, vectors, state, binary));
  const { params: newParams, ...newSlots } = steppedRoles(answer, chosen);
  if (newParams === undefined) throw unexpectedMember(answer, "params");
  const given = Object.entries(newSlots).map(([slot, values]) => [slot, give(values, form)]);
  return { params: give(newParams, form), state: Object.fromEntries(given) };
}

/**
 * Params and slots, each under its name.
 *
 * @param {Answer} answer
 * @param {DType} dtype
 * @returns {Record<string, Arrays>}
 */
function steppedRoles(answer, dtype) {
  const contents = contentsOf(answer);
  if (contents !== null) return read(answer, "the answer can't be read", () => rolesOf(contents.tensors, dtype).roles);
  const document = documentOf(answer);
  const { state } = document;
  if (!isPlainObject(state)) throw unexpectedMember(answer, "state");
  const slots = Object.keys(state).map((slot) => [slot, valuesOf(answer, state, slot, dtype)]);
  return { ...Object.fromEntries(slots), params: valuesOf(answer, document, "params", dtype) };
}

/**
 * GET the catalogue, as it comes.
 *
 * @returns {Flow<Record<string, unknown>>}
 */
export function* optimizers() {
  return documentOf(yield requests.optimizers());
}

/**
 * GET what the service is, as it comes.
 *
 * @returns {Flow<Record<string, unknown>>}
 */
export function* info() {
  return documentOf(yield requests.info());
}
