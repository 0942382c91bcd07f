/** The last argument of the verbs. */

import { nameOfType } from "./json.js";

/**
 * Options as a caller gave them.
 *
 * @template {object} Options
 * @param {Options} given
 * @param {readonly (keyof Options & string)[]} names all that there are
 * @returns {Options}
 * @throws {TypeError} they are no object of names to values, such as params that were meant to be an option; or there is
 *   no such option: one that is misspelt would be passed over
 */
export function optionsOf(given, names) {
  if (typeof given !== "object" || given === null || Array.isArray(given) || ArrayBuffer.isView(given)) {
    throw new TypeError(`options is ${nameOfType(given)}; give an object of names to values, or leave it out`);
  }
  for (const name of Object.keys(given)) {
    if (!(/** @type {readonly string[]} */ (names).includes(name))) {
      throw new TypeError(`there is no option ${JSON.stringify(name)}; there is ${names.join(", ")}`);
    }
  }
  return given;
}

/**
 * An option that is a number, whatever its range.
 *
 * @param {string} name
 * @param {unknown} given
 * @param {string} [otherwise] what it may be too
 * @returns {number}
 * @throws {TypeError} it is none: text is compared as a number would be, and then is none
 */
export function numberOf(name, given, otherwise = "") {
  if (typeof given === "number") return given;
  throw new TypeError(`${name} is ${nameOfType(given)}; it must be a number${otherwise}`);
}
