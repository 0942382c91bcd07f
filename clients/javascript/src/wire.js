/**
 * What passes between the client's logic and whoever sends: requests, answers, flows. No logic and no I/O lives here.
 *
 * A flow is a generator that yields each request that it needs, is sent the answer, and returns its result. The logic
 * of every operation is a flow (flows.js); a client runs flows: it sends, waits, retries, and knows no more than that.
 */

/** @typedef {string | Uint8Array<ArrayBuffer>} Body bytes belong to the request: nobody changes them */

/**
 * One HTTP request. `path` is within the base URL; headers say what the body is, where there is one. `repeatable`: it may be sent
 * again, whatever became of earlier sendings, for it changes nothing, or carries what keeps it from being carried out
 * twice. `waitS`: how long the service is asked to hold its answer back, in seconds.
 *
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {boolean} repeatable
 * @property {ReadonlyArray<readonly [string, string]>} query
 * @property {Readonly<Record<string, string>>} headers
 * @property {Body | null} body
 * @property {number} waitS
 */

/**
 * One HTTP answer, header names in lower case. `maybeApplied`: an earlier sending of the same request may have been
 * carried out, its answer lost. `tookS`: the seconds from the first sending of the request until this answer was read.
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {Readonly<Record<string, string>>} headers
 * @property {Uint8Array} body belongs to the answer
 * @property {boolean} maybeApplied
 * @property {number} tookS
 */

/**
 * @template Result
 * @typedef {Generator<Request, Result, Answer>} Flow
 */

/**
 * A request with whatever it does not say at its usual value.
 *
 * @param {string} method
 * @param {string} path
 * @param {Partial<Omit<Request, "method" | "path">>} [others]
 * @returns {Request}
 */
export function request(method, path, others = {}) {
  return Object.freeze({
    method,
    path,
    repeatable: true,
    query: [],
    headers: {},
    body: null,
    waitS: 0,
    ...others,
  });
}

/**
 * The body of an answer as text.
 *
 * @param {Answer} answer
 * @returns {string}
 */
export function textOf({ body }) {
  return new TextDecoder().decode(body);
}

/**
 * The media type of an answer without its parameters, in lower case.
 *
 * @param {Answer} answer
 * @returns {string}
 */
export function contentType(answer) {
  const [type = ""] = (answer.headers["content-type"] ?? "").split(";");
  return type.trim().toLowerCase();
}
