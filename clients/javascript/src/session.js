/** The Session object: one optimization run as its caller sees it. The logic of its verbs is in flows.js. */

import * as flows from "./flows.js";
import * as past from "./history.js";
import { fork } from "./opening.js";
import { optionsOf } from "./options.js";

/** @import {DType} from "./arrays.js" */
/** @import {Checkpoint} from "./checkpoint.js" */
/** @import {Held} from "./held.js" */
/** @import {Incarnation, PastStep} from "./history.js" */
/** @import {Optimizer, SessionInfo} from "./info.js" */
/** @import {Forking} from "./opening.js" */
/** @import {Fitting, Returned, ShapeLike, Values} from "./values.js" */
/** @import {Flow} from "./wire.js" */

/**
 * Whoever does a flow's requests, one after another, and gives its result.
 *
 * @typedef {<Result>(flow: Flow<Result>, signal: AbortSignal | undefined) => Promise<Result>} Runner
 */

const OF_FORKING = /** @type {const} */ ([
  "atStep", "incarnation", "optimizer", "ttlS", "labels", "durability", "signal",
]);

/** @typedef {{signal?: AbortSignal | undefined}} Abortable `signal` ends the request; see Session */

/**
 * @template {Fitting<Params>} [Params=Values]
 * @typedef {object} StepOptions
 * @property {Params} [params] replace the session's before the step, in the same atomic step; the first step of a
 *   session without a shape needs them
 * @property {number} [lr] the learning rate of this step alone, finite and at least 0
 * @property {boolean} [returnParams] false leaves the params with the service; `params` is then null until the next
 *   answer
 * @property {ShapeLike} [shape] of typed arrays, where the session has none yet
 * @property {AbortSignal} [signal]
 */

/**
 * One session of the service, made by `client.session()` or `client.restore()`.
 *
 * Values go in as typed arrays, as nested arrays, or as an object of names to these or to numbers; they come out in the
 * kind in which they last went in, names in the caller's order, in the session's dtype: a typed array comes out as a
 * Float64Array of a float64 session, a Float32Array of a float32 session. Typed arrays are flat and have the session's
 * shape, last axis fastest. What comes out is the caller's own: writing to it changes nothing here.
 *
 * The object remembers the state that it last heard of. Every verb that changes the session applies to exactly that
 * state or throws PreconditionFailed; so a verb is safe to send again when an answer is lost, and the client does.
 * Await each verb before the next; several objects, tabs or programs may use one session.
 *
 * `signal` ends a verb: it rejects with the signal's reason, this object stays as it was, and whether the service
 * carried the verb out is open, as after an error whose `maybeApplied` is true.
 *
 * Beside what each verb names, all of them reject with:
 *   ConnectionFailed, RequestTimedOut, UnexpectedAnswer: no answer came, or none of stepd's.
 *   SessionNotFound, SessionExpired: the session is gone.
 *   Unavailable, InternalError: the service is busy, starting, stopping or broken.
 */
export class Session {
  #run;
  #held;

  /**
   * @param {Runner} run
   * @param {Held} held
   */
  constructor(run, held) {
    this.#run = run;
    this.#held = held;
  }

  toString() {
    return `<Session "${this.id}": ${this.optimizer.name}, ${this.dtype}, step ${this.stepNumber}>`;
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toString();
  }

  /** The name under which the service keeps the session. */
  get id() {
    return this.#held.id;
  }

  /**
   * The optimizer's name and every hyper-parameter, the service's defaults filled in.
   *
   * @returns {Optimizer}
   */
  get optimizer() {
    return { ...this.#held.optimizer };
  }

  /**
   * What the service computes in, and what comes out.
   *
   * @returns {DType}
   */
  get dtype() {
    return this.#held.dtype;
  }

  /** Lengths; with names an object of these; null while the session has no shape. */
  get shape() {
    return this.#held.givenShape();
  }

  /** The number of steps taken, as of the last answer. */
  get stepNumber() {
    return this.#held.validator.step;
  }

  /** The state that the next verb applies to: `"<incarnation>-<step>"`, quotes included. */
  get etag() {
    return this.#held.validator.etag;
  }

  /**
   * The params of the last answer, without a request: new arrays each time, in the kind in which values last went in.
   * Null while the session has no shape, and after a step with `returnParams: false`: then see `fetchParams()`.
   *
   * @returns {any}
   */
  get params() {
    return this.#held.given();
  }

  /**
   * Take one step: gradients in, updated params out. Applied once, however often it has to be sent. If no answer comes
   * at all, `maybeApplied` of the error says whether it may have been applied; stepping again is safe, since it is
   * refused if it was.
   *
   * Rejects with TypeError or RangeError (grads, params or lr can't be sent; nothing was sent), PreconditionFailed or
   * SessionReplaced (the session has changed since the last answer), ShapeMismatch, NamesMismatch, StepNotFinite (the
   * result would not be finite; the session stays as it was), SessionHasNoShape (a first step without params).
   *
   * @template {Fitting<Grads>} Grads
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Grads} grads of the session's shape; converted to its dtype
   * @param {StepOptions<Params> & {returnParams?: true}} [options]
   * @returns {Promise<Returned<Grads>>} the new params in the kind of `grads`
   */
  /**
   * @template {Fitting<Grads>} Grads
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Grads} grads
   * @param {StepOptions<Params> & {returnParams: false}} options
   * @returns {Promise<null>}
   */
  /**
   * @template {Fitting<Grads>} Grads
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Grads} grads
   * @param {StepOptions<Params>} options
   * @returns {Promise<Returned<Grads> | null>}
   */
  /**
   * @param {Values} grads
   * @param {StepOptions} [options]
   * @returns {Promise<any>}
   */
  async step(grads, options = {}) {
    const { signal, ...how } = optionsOf(options, ["params", "lr", "returnParams", "shape", "signal"]);
    return this.#run(flows.step(this.#held, newKey(), grads, how), signal);
  }

  /**
   * Get the params from the service, and go on from the state that they belong to: the way back into step with the
   * service after PreconditionFailed.
   *
   * @param {Abortable} [options]
   * @returns {Promise<any>} as `params`
   */
  async fetchParams(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.fetchParams(this.#held), signal);
  }

  /**
   * Wait until the session has taken so many steps, whoever takes them, and go on from what is there then. The wait ends
   * early when the session is reset, restored or given other params (or had been, before the wait began: with no
   * params held that shows after 30 seconds), and when the service shuts down; `stepNumber` tells which step was reached. A long
   * wait is made of several requests. The client's `timeoutS` counts from when the service should have answered.
   *
   * Rejects with TypeError or RangeError for a step or a time that is none.
   *
   * @param {number} step
   * @param {Abortable & {timeoutS?: number | null}} [options] `timeoutS`: how long to wait at most, in seconds; by
   *   default, and with null, as long as it takes
   * @returns {Promise<any>} the params that are there when the wait ends, as `params`
   */
  async waitForStep(step, options = {}) {
    const { timeoutS, signal } = optionsOf(options, ["timeoutS", "signal"]);
    return this.#run(flows.waitForStep(this.#held, step, timeoutS), signal);
  }

  /**
   * Replace the params; optimizer state and step number stay.
   *
   * Rejects with TypeError or RangeError (the values can't be sent; nothing was sent), PreconditionFailed (the session
   * has changed since the last answer; see its `resent`), ShapeMismatch, NamesMismatch.
   *
   * @template {Fitting<Params>} Params
   * @param {Params} params of the session's shape; they give it one if it has none
   * @param {Abortable & {shape?: ShapeLike}} [options] `shape`: of typed arrays, where the session has none yet
   * @returns {Promise<void>}
   */
  async putParams(params, options = {}) {
    const { shape, signal } = optionsOf(options, ["shape", "signal"]);
    return this.#run(flows.putParams(this.#held, /** @type {Values} */ (params), shape), signal);
  }

  /**
   * Get the whole session as it is now: params, optimizer state, step number. Nothing changes, here or there.
   * Rejects with SessionHasNoShape while there are no values, StepNotRetained (that state is not kept, or never was),
   * NotDurable (the session is not journaled, so that no past state is kept).
   *
   * @param {Abortable & {atStep?: number, incarnation?: string}} [options] `atStep`: as it was then, rebuilt from the
   *   journal to the bit; `incarnation`: in which life. Without `atStep` it is the last state of that life
   * @returns {Promise<Checkpoint>} values in the kind in which they last went in
   */
  async state(options = {}) {
    const { signal, ...when } = optionsOf(options, ["atStep", "incarnation", "signal"]);
    return this.#run(flows.state(this.#held, when), signal);
  }

  /**
   * Have the session written to the service's store now, whole, and wait until it is there. A session of durability
   * `snapshot` outlives the service's process as it was written last. This object's own view does not change. Rejects with
   * NotDurable (it is kept in memory alone), StorageUnavailable, StorageFull (it could not be written).
   *
   * @param {Abortable} [options]
   * @returns {Promise<SessionInfo>} what was written
   */
  async snapshot(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.snapshot(this.id), signal);
  }

  /**
   * Iterate over the steps that the session has taken, oldest first, page by page. All are of one life, even if the
   * session is reset meanwhile; how many are kept is a setting of the service. Rejects with NotDurable if the session is
   * not journaled.
   *
   * @param {Abortable & {incarnation?: string, pageSize?: number}} [options] `incarnation`: of which life, the current one
   *   by default; `pageSize`: how many to ask for at once
   * @returns {AsyncGenerator<Readonly<PastStep>, void, undefined>}
   */
  async *history(options = {}) {
    const { pageSize, signal, ...which } = optionsOf(options, ["incarnation", "pageSize", "signal"]);
    let { incarnation } = which;
    /** @type {string | null} */
    let pageToken = null;
    do {
      /** @type {{steps: Readonly<PastStep>[], incarnation: string, following: string | null}} */
      const page = await this.#run(past.page(this.id, incarnation, pageSize, pageToken), signal);
      yield* page.steps;
      ({ incarnation, following: pageToken } = page);
    } while (pageToken !== null);
  }

  /**
   * Get the lives of the session that are kept, the current one first: what `history`, `state` and `fork` take as
   * `incarnation`. Rejects with NotDurable if the session is not journaled.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Readonly<Incarnation>[]>}
   */
  async incarnations(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(past.incarnations(this.id), signal);
  }

  /**
   * Make a new session that goes on from a state of this one, which stays as it is. Without an id, where the service makes
   * one, the request is sent only once. With an id it is repeated where an answer is lost, and is refused then if the first
   * did it: SessionExists, its `maybeApplied` true. Look to find out: `client.session(id)` attaches to what is there, and
   * its description's `forkedFrom` tells.
   *
   * Rejects with SessionExists (the id is taken), SessionHasNoShape (there is no state to go on from yet), StepNotRetained
   * (that state is not kept, or never was), NotDurable (this session is not journaled, or the service has no store),
   * CheckpointMismatch, HyperParameterInvalid, HyperParameterUnknown (not with that optimizer), CapacityExceeded.
   *
   * @overload
   * @param {string | null} [sessionId] as for `client.session`
   * @param {Forking & Abortable} [forking]
   * @returns {Promise<Session>} at that step, with params and optimizer state of then
   */
  /**
   * @overload
   * @param {Forking & Abortable} forking
   * @returns {Promise<Session>}
   */
  /**
   * @param {string | null | (Forking & Abortable)} [sessionId]
   * @param {Forking & Abortable} [forking]
   * @returns {Promise<Session>}
   */
  async fork(sessionId = null, forking = {}) {
    const id = typeof sessionId === "object" ? null : sessionId;
    const given = typeof sessionId === "object" && sessionId !== null ? sessionId : forking;
    const { signal, ...what } = optionsOf(given, OF_FORKING);
    return new Session(this.#run, await this.#run(fork(this.#held, id, what), signal));
  }

  /**
   * Put the session back to a checkpoint of the same optimizer, dtype and shape: params, optimizer state, step number.
   *
   * Rejects with TypeError or RangeError (its values can't be sent; nothing was sent), PreconditionFailed (the session
   * has changed since the last answer; see its `resent`), CheckpointMismatch, ShapeMismatch, NamesMismatch (it does not
   * fit), DigestMismatch (it was damaged).
   *
   * @param {Checkpoint} checkpoint
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async restore(checkpoint, options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.restore(this.#held, checkpoint), signal);
  }

  /**
   * Set the optimizer state to zero and the step number to 0; params and shape stay. Rejects with PreconditionFailed if
   * the session has changed since the last answer; see its `resent`.
   *
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async reset(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.reset(this.#held), signal);
  }

  /**
   * Delete the session; its id is free again. Rejects with PreconditionFailed if the session has changed since the last
   * answer; `client.delete(id)` does not mind.
   *
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async delete(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.remove(this.id, this.etag), signal);
  }

  /**
   * Get what the service tells about the session, values apart. This object's own view does not change.
   *
   * @param {Abortable} [options]
   * @returns {Promise<SessionInfo>}
   */
  async describe(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(flows.describe(this.id), signal);
  }
}

/**
 * 128 random bits. Not crypto.randomUUID, which browsers keep from pages that came over plain HTTP from elsewhere.
 *
 * @returns {string}
 */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
