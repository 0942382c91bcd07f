/**
 * What is asked of the service apart from any session object, as flows (wire.js): the list of sessions, a step without
 * a session, the catalogue, the service itself. Whoever runs them does the I/O.
 */

import { documentOf, infoOf, unexpectedMember, valuesOf } from "./answers.js";
import { encode, shapeOf } from "./arrays.js";
import { isPlainObject } from "./json.js";
import * as requests from "./requests.js";
import { dtypeNamed, fitted, give, shapesOf, take, takeIn } from "./values.js";

/** @import {DType} from "./arrays.js" */
/** @import {Optimizer, SessionInfo} from "./info.js" */
/** @import {ShapeLike, Values} from "./values.js" */
/** @import {Flow} from "./wire.js" */

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
 * @returns {Flow<{params: any, state: Record<string, any>}>}
 */
export function* stepOnce(optimizer, params, grads, { state: slots, dtype, shape }) {
  const chosen = dtypeNamed(dtype, params);
  const { arrays, form } = takeIn("params", params, chosen, shape === undefined ? null : shapesOf(shape));
  /** @type {(role: string, values: Values) => unknown} */
  const like = (role, values) => {
    const taken = take(role, values, chosen);
    return encode(fitted(taken.arrays, taken.form, shapeOf(arrays)));
  };
  const answer = yield requests.stepOnce({
    optimizer,
    dtype: chosen,
    params: encode(arrays),
    grads: like("grads", grads),
    state: slots ? Object.fromEntries(Object.entries(slots).map(([slot, values]) => [slot, like(slot, values)])) : undefined,
  });
  const document = documentOf(answer);
  const newParams = valuesOf(answer, document, "params", chosen);
  const newState = document.state;
  if (!isPlainObject(newState)) throw unexpectedMember(answer, "state");
  const given = Object.keys(newState).map((slot) => [slot, give(valuesOf(answer, newState, slot, chosen), form)]);
  return { params: give(newParams, form), state: Object.fromEntries(given) };
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
