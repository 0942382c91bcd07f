/**
 * Values as the client holds them: one tensor, or one per name, each a flat typed array of the session's dtype with a
 * shape; written to JSON and read from it. How callers write values is for values.js.
 */

import { decimal, isPlainObject, nameOfType, write, Written } from "./json.js";

/** @typedef {"float64" | "float32"} DType */
/** @typedef {Float64Array | Float32Array} FloatArray */
/** @typedef {readonly number[]} Shape */
/** @typedef {Shape | Readonly<Record<string, Shape>>} Shapes a shape, or a shape per name */
/** @typedef {{readonly data: FloatArray, readonly shape: Shape}} Tensor */
/** @typedef {Tensor | ReadonlyMap<string, Tensor>} Arrays */

// Beyond any rank that a service takes; ends the walk into an array that holds itself.
export const MAX_RANK = 64;

/**
 * Whether these are tensors by name.
 *
 * @param {Arrays} arrays
 * @returns {arrays is ReadonlyMap<string, Tensor>}
 */
export function isNamed(arrays) {
  return arrays instanceof Map;
}

/**
 * The same for each tensor, with or without names.
 *
 * @param {Arrays} arrays
 * @param {(tensor: Tensor) => Tensor} change
 * @returns {Arrays}
 */
function mapTensors(arrays, change) {
  if (!isNamed(arrays)) return change(arrays);
  return new Map(Array.from(arrays, ([name, tensor]) => [name, change(tensor)]));
}

/**
 * Zeros in a flat typed array.
 *
 * @param {DType} dtype
 * @param {number} size
 * @returns {FloatArray}
 */
function zeroData(dtype, size) {
  return dtype === "float32" ? new Float32Array(size) : new Float64Array(size);
}

/**
 * Zeros of a shape, or of a shape per name.
 *
 * @param {Shapes} shapes
 * @param {DType} dtype
 * @returns {Arrays}
 */
export function zeros(shapes, dtype) {
  /** @param {Shape} shape */
  const one = (shape) => ({ data: zeroData(dtype, sizeOf(shape)), shape });
  if (isShape(shapes)) return one(shapes);
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, one(shape)]));
}

/**
 * Whether this is the shape of an unnamed tensor.
 *
 * @param {Shapes} shapes
 * @returns {shapes is Shape}
 */
export function isShape(shapes) {
  return Array.isArray(shapes);
}

/**
 * How many values a shape holds.
 *
 * @param {Shape} shape
 * @returns {number}
 */
export function sizeOf(shape) {
  return shape.reduce((size, length) => size * length, 1);
}

/**
 * A shape, or a shape per name.
 *
 * @param {Arrays} arrays
 * @returns {Shapes}
 */
export function shapeOf(arrays) {
  if (!isNamed(arrays)) return arrays.shape;
  return Object.fromEntries(Array.from(arrays, ([name, tensor]) => [name, tensor.shape]));
}

/**
 * Whether two shapes are the same, or are of the same names, in whichever order, and shapes.
 *
 * @param {Shapes} one
 * @param {Shapes} other
 * @returns {boolean}
 */
export function sameShapes(one, other) {
  if (isShape(one) || isShape(other)) return isShape(one) && isShape(other) && one.join() === other.join();
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && one[name]?.join() === other[name]?.join())
  );
}

/**
 * The same values in arrays that nobody else holds.
 *
 * @param {Arrays} arrays
 * @returns {Arrays}
 */
export function copied(arrays) {
  return mapTensors(arrays, ({ data, shape }) => ({ data: data.slice(), shape }));
}

/**
 * A flat typed array of nested arrays of numbers.
 *
 * @param {string} place names the values in errors, such as "grads"
 * @param {unknown} rows nested arrays, or a number
 * @param {DType} dtype
 * @returns {Tensor}
 * @throws {TypeError} something in them is not a number
 * @throws {RangeError} rows differ in length; a value is NaN, infinite or too large for the dtype
 */
export function flatten(place, rows, dtype) {
  /** @type {number[]} */
  const shape = [];
  for (let row = rows; Array.isArray(row); row = row[0]) {
    shape.push(row.length);
    if (shape.length > MAX_RANK) throw new RangeError(`${place} is nested deeper than ${MAX_RANK}`);
  }
  const wide = new Float64Array(sizeOf(shape));
  let filled = 0;
  /** @type {(row: unknown, axis: number, index: readonly number[]) => void} */
  const fill = (row, axis, index) => {
    if (Array.isArray(row)) {
      if (row.length !== shape[axis]) throw new RangeError(`${place} is ragged: its rows differ in shape`);
      for (let position = 0; position < row.length; position++) {
        const value = row[position];
        if (typeof value === "number" && axis === shape.length - 1) wide[filled++] = value;
        else fill(value, axis + 1, [...index, position]);
      }
    } else if (typeof row !== "number") {
      throw new TypeError(`${at(place, index)} is ${nameOfType(row)}; arrays hold numbers`);
    } else if (axis !== shape.length) {
      throw new RangeError(`${place} is ragged: its rows differ in shape`);
    } else {
      wide[filled++] = row;
    }
  };
  fill(rows, 0, []);
  return rounded(place, wide, shape, dtype);
}

/**
 * Values of a typed array in the dtype, each finite. The data are copied only where they are not of the dtype.
 *
 * @param {string} place
 * @param {ArrayLike<number>} values
 * @param {Shape} shape
 * @param {DType} dtype
 * @returns {Tensor}
 * @throws {RangeError} a value is NaN, infinite or too large for the dtype
 */
export function rounded(place, values, shape, dtype) {
  const Data = dtype === "float32" ? Float32Array : Float64Array;
  const data = values instanceof Data ? values : new Data(values);
  const offender = firstNotFinite(data);
  if (offender >= 0) {
    const value = values[offender];
    const reason = Number.isFinite(value) ? `that is too large for ${dtype}` : "values must be finite";
    throw new RangeError(`${at(place, indexOf(offender, shape))} is ${value}; ${reason}`);
  }
  return { data, shape };
}

/**
 * The flat index of the first value that is NaN or infinite; -1 where there is none.
 *
 * @param {FloatArray} data
 * @returns {number}
 */
export function firstNotFinite(data) {
  for (let index = 0; index < data.length; index++) if (!Number.isFinite(data[index])) return index;
  return -1;
}

/**
 * @param {string} place
 * @param {readonly number[]} index
 */
function at(place, index) {
  return index.length > 0 ? `${place}[${index.join(", ")}]` : place;
}

/**
 * @param {number} flat
 * @param {Shape} shape
 */
function indexOf(flat, shape) {
  const index = [];
  for (const length of [...shape].reverse()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return index;
}

/**
 * A tensor as nested arrays of numbers; of rank 0 as a number.
 *
 * @param {Tensor} tensor
 * @returns {unknown}
 */
export function nest({ data, shape }) {
  return walk(shape, (offset) => data[offset], (rows) => rows);
}

/**
 * Nested arrays as JSON, every value a decimal that reads back bit for bit.
 *
 * @param {Arrays} arrays
 * @returns {Written}
 */
export function encode(arrays) {
  if (isNamed(arrays)) {
    const members = Array.from(arrays, ([name, tensor]) => `${write(name)}:${encodeTensor(tensor)}`);
    return new Written(`{${members.join(",")}}`);
  }
  return new Written(encodeTensor(arrays));
}

/** @param {Tensor} tensor */
function encodeTensor({ data, shape }) {
  // A float32 is written as the float64 of the same value: longer than need be, and exact for every reader.
  return walk(shape, (offset) => decimal(/** @type {number} */ (data[offset])), (rows) => `[${rows.join(",")}]`);
}

/**
 * Visits a flat array as nested rows.
 *
 * @template Visited
 * @param {Shape} shape
 * @param {(offset: number) => Visited} leaf
 * @param {(rows: Visited[]) => any} row
 * @returns {any}
 */
function walk(shape, leaf, row) {
  let offset = 0;
  /** @type {(axis: number) => any} */
  const visit = (axis) => {
    if (axis === shape.length) return leaf(offset++);
    const rows = [];
    for (let position = 0; position < /** @type {number} */ (shape[axis]); position++) rows.push(visit(axis + 1));
    return row(rows);
  };
  return visit(0);
}

/**
 * From parsed JSON to arrays: text became float64, now the dtype.
 *
 * @param {string} place names the values in errors
 * @param {unknown} document
 * @param {DType} dtype
 * @returns {Arrays}
 * @throws {TypeError} the document is not nested arrays of numbers, or an object of such
 * @throws {RangeError} its rows differ in length, or a value is not finite in the dtype
 */
export function decode(place, document, dtype) {
  if (Array.isArray(document)) return flatten(place, document, dtype);
  if (!isPlainObject(document)) throw new TypeError(`${place} is ${nameOfType(document)}, not arrays or an object`);
  return new Map(
    Object.entries(document).map(([name, tensor]) => [name, flatten(`${place}[${write(name)}]`, tensor, dtype)]),
  );
}
