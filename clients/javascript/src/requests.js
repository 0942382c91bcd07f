/**
 * The requests of stepd's HTTP contract, each built by a pure function from decoded parts. Nothing is sent here.
 *
 * All may be sent again but those that make a session under an id of the service's choice. What changes a session
 * carries If-Match, a step an Idempotency-Key besides, and a fork the id that it is to have: so none can be carried out
 * twice.
 */

import { JSON_TYPE, SAFETENSORS } from "./formats.js";
import { write } from "./json.js";
import { request } from "./wire.js";

/** @import {Payload} from "./formats.js" */
/** @import {Request} from "./wire.js" */

const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
// Documents about sessions are JSON always, which is what the client asks for where nothing else is said.
const BINARY_ANSWER = { accept: SAFETENSORS };

/**
 * Checked before it goes into a path, where an id such as `..` would name something else.
 *
 * @param {string} sessionId
 * @param {string} [below]
 */
function sessionPath(sessionId, below = "") {
  if (typeof sessionId !== "string" || !SESSION_ID.test(sessionId)) {
    throw new RangeError(
      `${JSON.stringify(String(sessionId).slice(0, 70))} is no session id; that is 1 to 64 letters, digits, ".", "_" ` +
        `and "-", the first of them a letter or a digit`,
    );
  }
  return `/v1/sessions/${sessionId}${below}`;
}

/**
 * Under a chosen id, or, never repeated, under one that the service makes.
 *
 * @param {string | null} sessionId
 * @param {Payload} payload
 * @returns {Request}
 */
export function create(sessionId, { mediaType, body }) {
  const content = { headers: { "content-type": mediaType }, body };
  if (sessionId === null) return request("POST", "/v1/sessions", { repeatable: false, ...content });
  return request("PUT", sessionPath(sessionId), content);
}

/**
 * What the session is.
 *
 * @param {string} sessionId
 */
export function describe(sessionId) {
  return request("GET", sessionPath(sessionId));
}

/**
 * From exactly the state that `etag` names, or, without one, whatever its state.
 *
 * @param {string} sessionId
 * @param {string | null} etag
 */
export function remove(sessionId, etag) {
  return request("DELETE", sessionPath(sessionId), { headers: etag === null ? {} : { "if-match": etag } });
}

/**
 * Grads, and params if they replace the session's; answered in their format. A resent step is this same request.
 *
 * @param {string} sessionId
 * @param {Payload} payload
 * @param {{etag: string, key: string, lr: number | null, returnParams: boolean}} how
 */
export function step(sessionId, payload, { etag, key, lr, returnParams }) {
  return request("POST", sessionPath(sessionId, "/step"), {
    query: lr === null ? [] : [["lr", write(lr, "lr")]],
    headers: {
      ...bothWays(payload),
      "if-match": etag,
      "idempotency-key": key,
      ...(returnParams ? {} : { prefer: "return=minimal" }),
    },
    body: payload.body,
  });
}

/**
 * The current params, with the ETag of the state that they belong to. In a binary format they say of what dtype, names
 * and shape they are: the session may have become another.
 *
 * @param {string} sessionId
 * @param {boolean} binary
 */
export function getParams(sessionId, binary) {
  return request("GET", sessionPath(sessionId, "/params"), { headers: binary ? BINARY_ANSWER : {} });
}

/**
 * The params once the session has taken `step` steps, or after `timeoutS`; 304 if they are those that `etag` names.
 *
 * @param {string} sessionId
 * @param {number} step
 * @param {number} timeoutS
 * @param {string | null} etag
 * @param {boolean} binary
 */
export function waitForParams(sessionId, step, timeoutS, etag, binary) {
  return request("GET", sessionPath(sessionId, "/params"), {
    query: [
      ["wait_for_step", String(step)],
      ["timeout_s", String(timeoutS)],
    ],
    headers: { ...(binary ? BINARY_ANSWER : {}), ...(etag === null ? {} : { "if-none-match": etag }) },
    waitS: timeoutS,
  });
}

/**
 * Replaces the params of the state that `etag` names.
 *
 * @param {string} sessionId
 * @param {Payload} payload
 * @param {string} etag
 */
export function putParams(sessionId, { mediaType, body }, etag) {
  const headers = { "content-type": mediaType, "if-match": etag };
  return request("PUT", sessionPath(sessionId, "/params"), { headers, body });
}

/**
 * The checkpoint of the session as it is, or as it was at a step of one of its lives.
 *
 * @param {string} sessionId
 * @param {{atStep: number | undefined, incarnation: string | undefined}} when
 * @param {boolean} binary
 */
export function getState(sessionId, { atStep, incarnation }, binary) {
  const query = queryOf({ at_step: atStep, incarnation });
  return request("GET", sessionPath(sessionId, "/state"), { query, headers: binary ? BINARY_ANSWER : {} });
}

/**
 * Has the session written to the store. Once or twice is the same.
 *
 * @param {string} sessionId
 */
export function snapshot(sessionId) {
  return request("POST", sessionPath(sessionId, "/snapshot"));
}

/**
 * One page of the steps of a life, the current one where none is named.
 *
 * @param {string} sessionId
 * @param {string | undefined} incarnation
 * @param {number | undefined} pageSize
 * @param {string | null} pageToken
 */
export function steps(sessionId, incarnation, pageSize, pageToken) {
  const query = queryOf({ incarnation, page_size: pageSize, page_token: pageToken ?? undefined });
  return request("GET", sessionPath(sessionId, "/steps"), { query });
}

/**
 * Makes another session of this one. Where it names an id, a second one finds that taken.
 *
 * @param {string} sessionId
 * @param {Payload} payload
 * @param {boolean} repeatable
 */
export function fork(sessionId, { mediaType, body }, repeatable) {
  return request("POST", sessionPath(sessionId, "/fork"), { repeatable, headers: { "content-type": mediaType }, body });
}

/**
 * Replaces the state that `etag` names or, without one, makes a session where there is none.
 *
 * @param {string} sessionId
 * @param {Payload} payload
 * @param {string | null} etag
 */
export function putState(sessionId, { mediaType, body }, etag) {
  /** @type {Record<string, string>} */
  const condition = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
  const headers = { "content-type": mediaType, ...condition };
  return request("PUT", sessionPath(sessionId, "/state"), { headers, body });
}

/**
 * Zeroes the optimizer state of the state that `etag` names. There is no body.
 *
 * @param {string} sessionId
 * @param {string} etag
 */
export function reset(sessionId, etag) {
  return request("POST", sessionPath(sessionId, "/reset"), { headers: { "if-match": etag } });
}

/**
 * One page of sessions; `label` narrows it down, each name and value on its own.
 *
 * @param {Readonly<Record<string, string>>} label
 * @param {number | null} pageSize
 * @param {string | null} pageToken
 */
export function listSessions(label, pageSize, pageToken) {
  /** @type {[string, string][]} */
  const query = Object.entries(label).map(([name, value]) => ["label", `${name}=${value}`]);
  if (pageSize !== null) query.push(["page_size", String(pageSize)]);
  if (pageToken !== null) query.push(["page_token", pageToken]);
  return request("GET", "/v1/sessions", { query });
}

/**
 * The stateless form: the service keeps nothing, so it may be repeated as it is.
 *
 * @param {Payload} payload
 */
export function stepOnce(payload) {
  return request("POST", "/v1/step", { headers: bothWays(payload), body: payload.body });
}

/** The catalogue. */
export function optimizers() {
  return request("GET", "/v1/optimizers");
}

/** What the service is. */
export function info() {
  return request("GET", "/v1/info");
}

/**
 * Sent in this format, and to be answered in it.
 *
 * @param {Payload} payload
 * @returns {Record<string, string>}
 */
function bothWays({ mediaType }) {
  return mediaType === JSON_TYPE ? { "content-type": mediaType } : { "content-type": mediaType, accept: mediaType };
}

/**
 * @param {Readonly<Record<string, string | number | undefined>>} given those that are undefined are left out
 * @returns {[string, string][]}
 */
function queryOf(given) {
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
}
