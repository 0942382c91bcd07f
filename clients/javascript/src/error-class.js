/**
 * Which error a problem's code becomes, and what it says about the request. The classes themselves are in errors.js.
 */

import * as errors from "./errors.js";

/** @typedef {typeof errors.ProblemError} ProblemClass */

/** @type {ReadonlyMap<string, ProblemClass>} */
const BY_CODE = new Map(
  Object.values(errors)
    .filter((one) => one.prototype instanceof errors.ProblemError && Object.hasOwn(one, "code"))
    .map((one) => [/** @type {ProblemClass} */ (one).code, /** @type {ProblemClass} */ (one)]),
);

/** @type {ReadonlyMap<number, ProblemClass>} */
const BY_STATUS = new Map([
  [400, errors.Malformed],
  [404, errors.Missing],
  [410, errors.Missing],
  [412, errors.Stale],
  [422, errors.Impossible],
  [503, errors.Unavailable],
]);

const LEAVE_OUTCOME_OPEN = new Set(["internal-error", "outcome-unknown"]);

/**
 * The class for a code; for one that is not known, the nearest class without a code, by status.
 *
 * @param {string} code
 * @param {number} status
 * @returns {ProblemClass}
 */
export function classOf(code, status) {
  const family = status >= 500 ? errors.ServiceFailed : errors.RequestRefused;
  return BY_CODE.get(code) ?? BY_STATUS.get(status) ?? family;
}

/**
 * Whether this code says for certain that nothing was changed. What a code that is not known says, nobody knows.
 *
 * @param {string} code
 * @returns {boolean}
 */
export function tellsOutcome(code) {
  return BY_CODE.has(code) && !LEAVE_OUTCOME_OPEN.has(code);
}
