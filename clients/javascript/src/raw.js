/** Values as bytes, one after another, little-endian: what octet-stream is, and safetensors after its header. */

/** @import {DType, FloatArray} from "./arrays.js" */

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * How many bytes a value has.
 *
 * @param {DType} dtype
 * @returns {4 | 8}
 */
export function bytesPerValue(dtype) {
  return dtype === "float32" ? 4 : 8;
}

/**
 * The bytes of values: their own memory where the platform is little-endian, else a swapped copy.
 *
 * @param {FloatArray} data
 * @param {boolean} [littleEndian] what the platform is; for tests
 * @returns {Uint8Array}
 */
export function bytesOf(data, littleEndian = LITTLE_ENDIAN) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return littleEndian ? bytes : swapped(bytes, data.BYTES_PER_ELEMENT);
}

/**
 * The reverse: a view of the bytes where they lie as the platform has its values, else a copy.
 *
 * @param {Uint8Array} bytes nothing but the values
 * @param {DType} dtype
 * @param {boolean} [littleEndian] what the platform is; for tests
 * @returns {FloatArray}
 */
export function valuesOf(bytes, dtype, littleEndian = LITTLE_ENDIAN) {
  const Data = dtype === "float32" ? Float32Array : Float64Array;
  const aligned = bytes.byteOffset % Data.BYTES_PER_ELEMENT === 0;
  const native = littleEndian ? (aligned ? bytes : bytes.slice()) : swapped(bytes, Data.BYTES_PER_ELEMENT);
  return new Data(/** @type {ArrayBuffer} */ (native.buffer), native.byteOffset, native.byteLength / Data.BYTES_PER_ELEMENT);
}

/**
 * A copy in which the bytes of each value are turned around.
 *
 * @param {Uint8Array} bytes
 * @param {number} width
 */
function swapped(bytes, width) {
  const turned = new Uint8Array(bytes);
  for (let begin = 0; begin < turned.length; begin += width) turned.subarray(begin, begin + width).reverse();
  return turned;
}

/**
 * The pieces one after another, in memory that nobody else holds.
 *
 * @param {readonly Uint8Array[]} pieces
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}
