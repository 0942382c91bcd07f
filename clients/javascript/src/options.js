/** The last argument of the verbs. */

import { nameOfType } from "./json.js";

/**
 * Options as a caller gave them.
 *
 * @template {object} Options
 * @param {Options} given
 * @param {string} [name]
 * @returns {Options}
 * @throws {TypeError} they are no object of names to values, such as params that were meant to be an option
 */
export function optionsOf(given, name = "options") {
  if (typeof given === "object" && given !== null && !Array.isArray(given) && !ArrayBuffer.isView(given)) return given;
  throw new TypeError(`${name} is ${nameOfType(given)}; give an object of names to values, or leave it out`);
}
