/** What the service tells of a journaled session's past, as plain frozen objects: its steps, its lives. As flows (wire.js). */

import { documentOf, read, unexpectedMember } from "./answers.js";
import { isPlainObject } from "./json.js";
import * as requests from "./requests.js";

/** @import {Answer, Flow} from "./wire.js" */

/**
 * One step that a session has taken. `step` is the number that it led to, `time` when it was taken, UTC, RFC 3339. The
 * norms are Euclidean, of the gradients as sent and of the change of the params; null beyond float64's range. `lr` is
 * null where the step had none of its own, `worker` where it did not say who took it, `key` where it had no
 * Idempotency-Key.
 *
 * @typedef {object} PastStep
 * @property {number} step
 * @property {string} time
 * @property {number | null} gradNorm
 * @property {number | null} updateNorm
 * @property {number | null} lr
 * @property {string | null} worker
 * @property {string | null} key
 */

/**
 * One life of a session: reset, restore and new params begin another. `incarnation` is its name, as in entity tags. The
 * states from `firstStep` to `lastStep` can be had. `beganAt` is UTC, RFC 3339.
 *
 * @typedef {object} Incarnation
 * @property {string} incarnation
 * @property {number} firstStep
 * @property {number} lastStep
 * @property {string} beganAt
 */

/**
 * One page of the steps of a life, with its name and the token of the next page, null after the last.
 *
 * @param {string} sessionId
 * @param {string | undefined} incarnation
 * @param {number | undefined} pageSize
 * @param {string | null} pageToken
 * @returns {Flow<{steps: Readonly<PastStep>[], incarnation: string, following: string | null}>}
 */
export function* page(sessionId, incarnation, pageSize, pageToken) {
  const answer = yield requests.steps(sessionId, incarnation, pageSize, pageToken);
  const { steps, incarnation: life, next_page_token: following = null } = documentOf(answer);
  if (typeof life !== "string" || !(following === null || typeof following === "string")) {
    throw unexpectedMember(answer, "incarnation");
  }
  return { steps: each(answer, "steps", steps, readStep), incarnation: life, following: following || null };
}

/**
 * All lives that are kept, newest first.
 *
 * @param {string} sessionId
 * @returns {Flow<Readonly<Incarnation>[]>}
 */
export function* incarnations(sessionId) {
  const answer = yield requests.steps(sessionId, undefined, 1, null);
  return each(answer, "incarnations", documentOf(answer).incarnations, readIncarnation);
}

/**
 * @template Item
 * @param {Answer} answer
 * @param {string} member
 * @param {unknown} items
 * @param {(member: (name: string) => any) => Item} reader
 * @returns {Item[]}
 */
function each(answer, member, items, reader) {
  if (!Array.isArray(items)) throw unexpectedMember(answer, member);
  return read(answer, `${member} can't be read`, () => items.map((item) => reader(memberOf(item))));
}

/**
 * @param {unknown} item
 * @returns {(name: string) => any}
 */
function memberOf(item) {
  if (!isPlainObject(item)) throw new TypeError("one is no object");
  return (name) => {
    if (item[name] === undefined) throw new TypeError(`one has no ${name}`);
    return item[name];
  };
}

/**
 * @param {(name: string) => any} member
 * @returns {Readonly<PastStep>}
 */
function readStep(member) {
  return Object.freeze({
    step: member("step"),
    time: member("time"),
    gradNorm: member("grad_norm"),
    updateNorm: member("update_norm"),
    lr: member("lr"),
    worker: member("worker"),
    key: member("key"),
  });
}

/**
 * @param {(name: string) => any} member
 * @returns {Readonly<Incarnation>}
 */
function readIncarnation(member) {
  return Object.freeze({
    incarnation: member("incarnation"),
    firstStep: member("first_step"),
    lastStep: member("last_step"),
    beganAt: member("began_at"),
  });
}
