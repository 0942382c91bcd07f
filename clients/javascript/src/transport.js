/**
 * The only place that does I/O: one request over fetch, with a limit to the service's silence, and pauses.
 *
 * What fetch throws says little: Node hides why a connection failed in `cause`, browsers say nothing at all. Here it
 * becomes a ConnectionFailed that names the reason where there is one, and tells whether the request may have gone out.
 */

import { ConnectionFailed, RequestTimedOut } from "./errors.js";
import { joined } from "./raw.js";

/** @import {Answer, Request} from "./wire.js" */

// What setTimeout takes at most; it fires at once for more.
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const TIMEOUT_CODES = new Set(["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/**
 * Sends a request once.
 *
 * @param {Request} request
 * @param {object} how
 * @param {typeof globalThis.fetch} how.fetch
 * @param {string} how.url the base URL, without a slash at its end
 * @param {Readonly<Record<string, string>>} how.headers go with every request
 * @param {number} how.timeoutS the longest silence of the service, in seconds, beside what it was asked to wait
 * @param {AbortSignal | undefined} how.signal
 * @returns {Promise<Answer | ConnectionFailed>}
 * @throws the signal's reason, if it is aborted
 */
export async function sendOnce(request, { fetch, url, headers, timeoutS, signal }) {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const aborted = () => ending.abort();
  signal?.addEventListener("abort", aborted, { once: true });
  const silence = new Silence(ending);
  try {
    silence.begin(timeoutS + request.waitS);
    const query = request.query.length > 0 ? `?${new URLSearchParams(request.query.map(([...pair]) => pair))}` : "";
    const response = await fetch(`${url}${request.path}${query}`, {
      method: request.method,
      headers: { ...headers, ...request.headers },
      body: request.body,
      cache: "no-store",
      redirect: "manual",
      signal: ending.signal,
    });
    const body = await readBody(response, () => silence.begin(timeoutS));
    return { status: response.status, headers: Object.fromEntries(response.headers), body, maybeApplied: false, tookS: 0 };
  } catch (error) {
    signal?.throwIfAborted();
    return failure(request, error, silence.tooLong ? `no answer within ${timeoutS + request.waitS} s` : null);
  } finally {
    silence.end();
    signal?.removeEventListener("abort", aborted);
  }
}

/**
 * Waits.
 *
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 * @throws the signal's reason, if it is aborted
 */
export async function pause(seconds, signal) {
  signal?.throwIfAborted();
  /** @type {() => void} */
  let finish = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    await new Promise((resolve) => {
      finish = () => resolve(undefined);
      timer = setTimeout(finish, Math.min(seconds * 1000, LONGEST_TIMER_MS));
      signal?.addEventListener("abort", finish, { once: true });
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", finish);
  }
  signal?.throwIfAborted();
}

/** Ends a request when the service has been silent for too long. */
class Silence {
  #ending;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  tooLong = false;

  /** @param {AbortController} ending */
  constructor(ending) {
    this.#ending = ending;
  }

  /**
   * From now on.
   *
   * @param {number} limitS
   */
  begin(limitS) {
    this.end();
    if (limitS * 1000 > LONGEST_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      this.tooLong = true;
      this.#ending.abort();
    }, limitS * 1000);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

/**
 * The body in one piece; `heard` is called whenever a part of it has come.
 *
 * @param {Response} response
 * @param {() => void} heard
 */
async function readBody(response, heard) {
  heard();
  /** @type {Uint8Array[]} */
  const pieces = [];
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return joined(pieces);
    heard();
    pieces.push(value);
  }
}

/**
 * @param {Request} request
 * @param {unknown} error
 * @param {string | null} tooLong
 * @returns {ConnectionFailed}
 */
function failure(request, error, tooLong) {
  const causes = causesOf(error);
  const reason = tooLong ?? [...new Set(causes.map((cause) => cause.message || cause.code || String(cause)))].join("; ");
  const timedOut = tooLong !== null || causes.some((cause) => TIMEOUT_CODES.has(cause.code ?? ""));
  const Failure = timedOut ? RequestTimedOut : ConnectionFailed;
  const failed = new Failure(`${request.method} ${request.path}: ${reason}`, { cause: error });
  failed.maybeApplied = tooLong !== null || !causes.every(wasNeverSent);
  return failed;
}

/** @typedef {Error & {code?: string, syscall?: string, errors?: unknown[]}} SystemError */

/**
 * What is at the bottom of an error: Node tries several addresses and tells why each failed.
 *
 * @param {unknown} error
 * @returns {SystemError[]}
 */
function causesOf(error) {
  const { cause, errors } = /** @type {SystemError} */ (error);
  if (Array.isArray(errors) && errors.length > 0) return errors.flatMap(causesOf);
  return cause instanceof Error ? causesOf(cause) : [/** @type {SystemError} */ (error)];
}

/**
 * Whether no connection came about, so that nothing of the request can have gone out.
 *
 * @param {SystemError} cause
 */
function wasNeverSent({ code, syscall, message }) {
  // Node's fetch has no code for a port that it refuses to connect to.
  if (message === "bad port") return true;
  return syscall === "connect" || syscall === "getaddrinfo" || code === "UND_ERR_CONNECT_TIMEOUT";
}
