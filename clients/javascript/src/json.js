/**
 * The client's own JSON writer: JSON.stringify drops the sign of -0 and writes NaN as null. No tensor lives here.
 */

/** Text that is JSON already. */
export class Written {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * A finite number as a decimal that reads back bit for bit. It always looks like a float: the integer -0 has no sign.
 *
 * @param {number} value
 * @returns {string}
 */
export function decimal(value) {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const shortest = String(value);
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${shortest}.0` : shortest;
}

/**
 * JSON text of null, strings, booleans, finite numbers, arrays, plain objects and what is written already. As with
 * JSON.stringify, members that are undefined are left out.
 *
 * @param {unknown} value
 * @param {string} [place] names the value in errors
 * @returns {string}
 * @throws {TypeError} for anything else, such as a bigint
 * @throws {RangeError} for NaN and infinities
 */
export function write(value, place = "the body") {
  if (value instanceof Written) return value.text;
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError(`${place} is ${value}; numbers must be finite`);
    return Object.is(value, -0) ? "-0.0" : String(value);
  }
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, index) => write(item, `${place}[${index}]`)).join(",")}]`;
  }
  if (!isPlainObject(value)) throw new TypeError(`${place} is ${nameOfType(value)}; it can't be sent`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => {
      return `${JSON.stringify(name)}:${write(member, place === "the body" ? name : `${place}.${name}`)}`;
    });
  return `{${members.join(",")}}`;
}

/**
 * Whether a value is an object of names to values, and not an instance of something with a meaning of its own.
 *
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isPlainObject(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  // An object of another realm (an iframe, a vm context) has another Object.prototype, which has no prototype either.
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * What a value is, for messages: "a string", "undefined", "a Map".
 *
 * @param {unknown} value
 * @returns {string}
 */
export function nameOfType(value) {
  if (value === null || value === undefined) return String(value);
  const name = typeof value === "object" ? value.constructor?.name ?? "object" : typeof value;
  return /^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`;
}
