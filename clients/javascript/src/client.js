/** The Client: it runs flows, sends their requests, waits, and sends again. What to send is in flows.js and its like. */

import { ConnectionFailed } from "./errors.js";
import { formatNamed } from "./formats.js";
import * as flows from "./flows.js";
import { numberOf, optionsOf } from "./options.js";
import { openSession, restoreAs } from "./opening.js";
import { RetryPolicy, Sendings } from "./retry.js";
import * as service from "./service.js";
import { Session } from "./session.js";
import { pause, sendOnce } from "./transport.js";
import { VERSION } from "./version.js";

/** @import {DType} from "./arrays.js" */
/** @import {Checkpoint} from "./checkpoint.js" */
/** @import {Format} from "./formats.js" */
/** @import {Durability, Optimizer, SessionInfo} from "./info.js" */
/** @import {Creation} from "./opening.js" */
/** @import {Abortable} from "./session.js" */
/** @import {Fitting, Returned, ShapeLike, Values} from "./values.js" */
/** @import {Answer, Flow, Request} from "./wire.js" */

const DEFAULT_URL = "http://127.0.0.1:8000";

const OPTIONS = /** @type {const} */ (["timeoutS", "retry", "format", "fetch", "sleep"]);
const OF_CREATION = /** @type {const} */ ([
  "optimizer", "params", "shape", "dtype", "ttlS", "labels", "durability", "signal",
]);

/**
 * A way to a stepd service. Its sessions are independent of one another.
 *
 * Every method may reject with ConnectionFailed or RequestTimedOut (no answer came), UnexpectedAnswer (one that is not
 * stepd's) and ProblemError (the service refused): all of them StepdError. Every method takes `signal`, see Session.
 */
export class Client {
  #url;
  #headers;
  #timeoutS;
  #format;
  #retry;
  #fetch;
  #sleep;

  /**
   * @param {string | URL} [baseUrl] where the service is; default: in a page the page's own origin, else the
   *   environment's STEPD_URL, else http://127.0.0.1:8000. A path in it is kept, for a service behind a proxy.
   * @param {object} [options]
   * @param {number} [options.timeoutS] the longest silence of the service within one attempt, in seconds; default 60
   * @param {RetryPolicy} [options.retry] how often and when a request that is safe to repeat is repeated
   * @param {Format} [options.format] how values travel: "json"; "binary" (octet-stream or safetensors, exact copies
   *   without text, and without the service's limit for JSON); or "auto", the default, which is JSON for a few values, so
   *   that they can be read on their way, and binary for more. The results are the same, bit for bit
   * @param {typeof globalThis.fetch} [options.fetch] sends, for tests
   * @param {(seconds: number, signal?: AbortSignal) => Promise<void>} [options.sleep] waits between attempts, for tests
   * @throws {TypeError} `baseUrl` is not an http or https URL, `timeoutS` no number, or there is no such option
   * @throws {RangeError} `timeoutS` is not above 0, or there is no such format
   */
  constructor(baseUrl, options = {}) {
    const { timeoutS = 60, retry = new RetryPolicy(), format = "auto" } = optionsOf(options, OPTIONS);
    const { fetch = globalThis.fetch, sleep = pause } = options;
    if (!(numberOf("timeoutS", timeoutS) > 0)) throw new RangeError(`timeoutS is ${timeoutS}; it must be above 0`);
    const url = checkedUrl(baseUrl ?? defaultUrl());
    this.#url = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
    this.#headers = { accept: "application/json", ...userAgent(), ...credentials(url) };
    this.#timeoutS = timeoutS;
    this.#format = formatNamed(format);
    this.#retry = retry;
    // Browsers insist on being called on no object at all.
    this.#fetch = /** @type {typeof fetch} */ ((...call) => fetch(...call));
    this.#sleep = sleep;
  }

  toString() {
    return `<Client of ${this.#url}>`;
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toString();
  }

  /**
   * Create a session, or attach to the one that was created like this; with an id alone, attach to what is there.
   *
   * Attaching resets nothing: the session goes on at its step, with its params and labels. The request may be lost and
   * repeated without harm; without an id, where the service makes one, it is sent only once. With neither params nor
   * shape, the first step that carries params gives the session its shape.
   *
   * Rejects with TypeError or RangeError (params can't be sent, or the options exclude one another; nothing was sent),
   * SessionExists (the id belongs to a session created otherwise; `fields` names what differs), SessionNotFound or
   * SessionExpired (an id alone, and there is no such session), HyperParameterInvalid, HyperParameterUnknown,
   * OptimizerUnknown, InvalidTensors (it can't be had like this), NotDurable (the service has no store to keep it in),
   * CapacityExceeded (the service has no room for it).
   *
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {string | null} [sessionId] 1 to 64 letters, digits, ".", "_" and "-"; without one the service makes one
   * @param {Creation<Params> & Abortable} [creation]
   * @returns {Promise<Session>} its `params` are those sent, or zeros, or, when attached, the current ones
   */
  /**
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Creation<Params> & Abortable} creation
   * @returns {Promise<Session>}
   */
  /**
   * @param {string | null | (Creation & Abortable)} [sessionId]
   * @param {Creation & Abortable} [creation]
   * @returns {Promise<Session>}
   */
  async session(sessionId = null, creation = {}) {
    const id = typeof sessionId === "object" ? null : sessionId;
    const given = typeof sessionId === "object" && sessionId !== null ? sessionId : creation;
    const { signal, ...what } = optionsOf(given, OF_CREATION);
    return new Session(this.#run, await this.#run(openSession(id, what, this.#format), signal));
  }

  /**
   * Restore a checkpoint under an id, which may be free or that of a session of the same kind.
   *
   * Rejects with TypeError or RangeError (its values can't be sent; nothing was sent), CheckpointMismatch,
   * ShapeMismatch, NamesMismatch (the id is that of a session which it does not fit), DigestMismatch (it was damaged),
   * PreconditionFailed (a session under that id was made, or changed, at this moment; see its `resent`).
   *
   * @param {string} sessionId
   * @param {Checkpoint} checkpoint
   * @param {Abortable & {ttlS?: number, labels?: Readonly<Record<string, string>>, durability?: Durability}} [options] as
   *   for `session`; they count where the id was free
   * @returns {Promise<Session>} at the checkpoint's step, values in the kind of the checkpoint's
   */
  async restore(sessionId, checkpoint, options = {}) {
    const { signal, ...made } = optionsOf(options, ["ttlS", "labels", "durability", "signal"]);
    return new Session(this.#run, await this.#run(restoreAs(sessionId, checkpoint, made, this.#format), signal));
  }

  /**
   * Iterate over the sessions, page by page. What is made or deleted meanwhile may or may not be among them. Rejects
   * with InvalidQuery if the service takes no such page size or label.
   *
   * @param {object} [options]
   * @param {Readonly<Record<string, string>>} [options.label] only those with these names and values
   * @param {number} [options.pageSize] how many to ask for at once
   * @param {AbortSignal} [options.signal]
   * @returns {AsyncGenerator<SessionInfo, void, undefined>}
   */
  async *sessions(options = {}) {
    const { label = {}, pageSize, signal } = optionsOf(options, ["label", "pageSize", "signal"]);
    /** @type {string | null} */
    let pageToken = null;
    do {
      /** @type {{sessions: SessionInfo[], following: string | null}} */
      const page = await this.#run(service.page(label, pageSize ?? null, pageToken), signal);
      yield* page.sessions;
      pageToken = page.following;
    } while (pageToken !== null);
  }

  /**
   * Delete the session under an id, whatever its state. Rejects with SessionNotFound or SessionExpired if there is none.
   *
   * @param {string} sessionId
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async delete(sessionId, options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.remove(sessionId, null), signal);
  }

  /**
   * Take one step without a session: params, gradients and optimizer state in, params and state out.
   *
   * Rejects with TypeError or RangeError (the values can't be sent; nothing was sent), ShapeMismatch, NamesMismatch,
   * StepNotFinite, HyperParameterInvalid, HyperParameterUnknown, OptimizerUnknown.
   *
   * @template {Fitting<Params>} Params
   * @template {Fitting<Grads>} Grads
   * @param {Optimizer} optimizer
   * @param {Params} params
   * @param {Grads} grads of the shape of `params`
   * @param {object} [options]
   * @param {Readonly<Record<string, Values>> | null} [options.state] values like `params` for every slot (Adadelta:
   *   `square_avg`, `acc_delta`); without it zeros
   * @param {DType} [options.dtype] as for `session`
   * @param {ShapeLike} [options.shape] of typed arrays; without it they are vectors
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<{params: Returned<Params>, state: Record<string, Returned<Params>>}>} in the kind of `params`
   */
  async stepOnce(optimizer, params, grads, options = {}) {
    const { signal, ...how } = optionsOf(options, ["state", "dtype", "shape", "signal"]);
    return this.#run(service.stepOnce(optimizer, /** @type {Values} */ (params), /** @type {Values} */ (grads), how, this.#format), signal);
  }

  /**
   * Get the service's catalogue of optimizers: hyper-parameters with ranges and defaults, formulas.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async optimizers(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(service.optimizers(), signal);
  }

  /**
   * Get what the service tells about itself: version, formats, limits, durability.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async info(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(service.info(), signal);
  }

  /** @type {<Result>(flow: Flow<Result>, signal: AbortSignal | undefined) => Promise<Result>} */
  #run = async (flow, signal) => {
    let turn = flow.next();
    while (!turn.done) turn = flow.next(await this.#send(turn.value, signal));
    return turn.value;
  };

  /**
   * @param {Request} request
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Answer>}
   */
  async #send(request, signal) {
    const sendings = new Sendings(request, this.#retry);
    const began = performance.now();
    for (;;) {
      const outcome = await sendOnce(request, {
        fetch: this.#fetch,
        url: this.#url,
        headers: this.#headers,
        timeoutS: this.#timeoutS,
        signal,
      });
      const pauseS = sendings.pauseAfter(outcome);
      if (pauseS === null) {
        if (!(outcome instanceof ConnectionFailed)) {
          return { ...outcome, maybeApplied: sendings.maybeApplied, tookS: (performance.now() - began) / 1000 };
        }
        outcome.maybeApplied ||= sendings.maybeApplied;
        throw outcome;
      }
      await this.#sleep(pauseS, signal);
    }
  }
}

function defaultUrl() {
  const origin = globalThis.location?.origin ?? "";
  if (/^https?:/.test(origin)) return origin;
  return globalThis.process?.env?.STEPD_URL || DEFAULT_URL;
}

/** @param {string | URL} baseUrl */
function checkedUrl(baseUrl) {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    // Without what may be a password.
    const given = String(baseUrl).replace(/\/\/[^/@]*@/, "//");
    throw new TypeError(`the base URL is ${JSON.stringify(given)}; it should be like ${DEFAULT_URL}`);
  }
  return url;
}

/**
 * Credentials in the URL go into a header: fetch takes no such URL, and errors name URLs.
 *
 * @param {URL} url
 * @returns {Record<string, string>}
 */
function credentials({ username, password }) {
  if (username === "" && password === "") return {};
  return { authorization: `Basic ${btoa(`${percentDecoded(username)}:${percentDecoded(password)}`)}` };
}

/**
 * What percent-encoded text stands for, a character for each byte. A percent sign that encodes nothing is itself.
 *
 * @param {string} text of URL, and so ASCII
 */
function percentDecoded(text) {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
}

/**
 * A browser names itself.
 *
 * @returns {Record<string, string>}
 */
function userAgent() {
  return globalThis.location === undefined ? { "user-agent": `stepd-client-js/${VERSION}` } : {};
}
