/**
 * When a request is sent again, and after how long. Decides only: whoever sends also waits.
 *
 * Backoff is exponential with full jitter: before the n-th repetition a random time between 0 and baseS * 2**(n-1),
 * capped. Full jitter, because what fails many clients at once must not have them all back at once. Where the service
 * says how long to wait (Retry-After), that is added in front.
 */

import { errorOf, retryAfterS } from "./answers.js";
import { ConnectionFailed } from "./errors.js";
import { numberOf, optionsOf } from "./options.js";

/** @import {Answer, Request} from "./wire.js" */

// Not 409, 412 and 422, which would be the same again, nor 500, which says that the service is broken.
const RETRIED_STATUSES = new Set([408, 429, 502, 503, 504]);

const OPTIONS = /** @type {const} */ (["attempts", "baseS", "capS", "patienceS", "random"]);

/** How often and after how long what is safe to repeat is repeated. */
export class RetryPolicy {
  /**
   * @param {object} [options]
   * @param {number} [options.attempts] sendings in all, the first included; 1 repeats nothing
   * @param {number} [options.baseS] upper bound of the first pause, in seconds; it doubles with every repetition
   * @param {number} [options.capS] upper bound of any pause
   * @param {number} [options.patienceS] the longest Retry-After that is waited for; beyond it the error is raised at once
   * @param {() => number} [options.random] gives a float from 0 to 1; for tests
   * @throws {TypeError} a time is no number, or there is no such option
   * @throws {RangeError} `attempts` is no whole number from 1 on, or a time is negative
   */
  constructor(options = {}) {
    const { attempts = 4, baseS = 0.25, capS = 8, patienceS = 60, random = Math.random } = optionsOf(options, OPTIONS);
    if (!(Number.isInteger(attempts) && attempts >= 1)) {
      throw new RangeError(`attempts is ${attempts}; it must be a whole number, at least 1`);
    }
    for (const [name, value] of Object.entries({ baseS, capS, patienceS })) {
      if (!(numberOf(name, value) >= 0)) throw new RangeError(`${name} is ${value}; it must not be negative`);
    }
    this.attempts = attempts;
    this.baseS = baseS;
    this.capS = capS;
    this.patienceS = patienceS;
    this.random = random;
    Object.freeze(this);
  }

  /**
   * Seconds to wait before the first, second, ... repetition.
   *
   * @param {number} repetition
   * @param {number | null} askedS
   * @returns {number}
   */
  pauseBefore(repetition, askedS) {
    const bound = Math.min(this.capS, this.baseS * 2 ** Math.min(repetition - 1, 1000));
    return (askedS ?? 0) + this.random() * bound;
  }
}

/** The sendings of one request: told the outcome of each, says whether and when there is another. */
export class Sendings {
  #request;
  #policy;
  #count = 0;
  maybeApplied = false;

  /**
   * @param {Request} request
   * @param {RetryPolicy} policy
   */
  constructor(request, policy) {
    this.#request = request;
    this.#policy = policy;
  }

  /**
   * Seconds to wait before the next sending, or null if this outcome is the last.
   *
   * @param {Answer | ConnectionFailed} outcome
   * @returns {number | null}
   */
  pauseAfter(outcome) {
    this.#count += 1;
    if (!this.#mayRepeat(outcome)) return null;
    const askedS = outcome instanceof ConnectionFailed ? null : retryAfterS(outcome);
    if (askedS !== null && askedS > this.#policy.patienceS) return null;
    // Only what comes before the last outcome counts: the last one speaks for itself.
    this.maybeApplied ||= mayBeApplied(outcome);
    return this.#policy.pauseBefore(this.#count, askedS);
  }

  /** @param {Answer | ConnectionFailed} outcome */
  #mayRepeat(outcome) {
    if (this.#count >= this.#policy.attempts || !this.#request.repeatable) return false;
    return outcome instanceof ConnectionFailed || RETRIED_STATUSES.has(outcome.status);
  }
}

/**
 * Whether a request with this outcome may have been carried out all the same. Not if it was never sent, nor if the
 * service itself says, with a code that this version knows, that it refused.
 *
 * @param {Answer | ConnectionFailed} outcome
 * @returns {boolean}
 */
function mayBeApplied(outcome) {
  return (outcome instanceof ConnectionFailed ? outcome : errorOf(outcome)).maybeApplied;
}
