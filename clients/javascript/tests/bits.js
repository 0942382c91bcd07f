/** Values as hexadecimal bits, for comparisons that see signs of zeros and every last place; and random ones. */

/**
 * @param {any} values a typed array, nested arrays or a number
 * @returns {string}
 */
export function bits(values) {
  const flat = typeof values === "number" ? [values] : Array.isArray(values) ? values.flat(Infinity) : values;
  const Data = flat instanceof Float32Array ? Float32Array : Float64Array;
  return Buffer.from(Data.from(flat).buffer).toString("hex");
}

/**
 * Finite values drawn by their bits, so that all exponents are as likely; among them the extremes.
 *
 * @template {Float64ArrayConstructor | Float32ArrayConstructor} Data
 * @param {Data} Data
 * @param {number} count
 */
export function randomValues(Data, count) {
  const words = crypto.getRandomValues(new Uint32Array((count * Data.BYTES_PER_ELEMENT) / 4));
  const extremes =
    Data === Float64Array
      ? [0, -0, 5e-324, -5e-324, 2.225073858507201e-308, Number.MAX_VALUE, -Number.MAX_VALUE, 1e21, 2 ** 53 + 2]
      : [0, -0, 1.401298464324817e-45, -1.1754942106924411e-38, 3.4028234663852886e38, 7.038531e-26, 16777216];
  const values = Data.from(new Data(words.buffer));
  return Data.from([...extremes, ...values.filter((/** @type {number} */ value) => Number.isFinite(value))]);
}
