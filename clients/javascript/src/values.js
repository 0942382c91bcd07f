/**
 * Values as callers write them: taken in, and given back in the same kind. No request and no session lives here.
 *
 * A caller writes one tensor as a typed array (flat: its shape is told apart, or is the session's), as nested arrays,
 * or, under a name, as a number; several as an object of names to these.
 */

import { copied, flatten, isNamed, isShape, nest, rounded, sizeOf } from "./arrays.js";
import { isPlainObject, nameOfType } from "./json.js";

/** @import {Arrays, DType, FloatArray, Shape, Shapes, Tensor} from "./arrays.js" */

/** @typedef {Float64Array | Float32Array | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array |
 *    Int32Array | Uint32Array} TypedArray */
/** @typedef {ReadonlyArray<number | NestedNumbers>} NestedNumbers */
/** @typedef {TypedArray | NestedNumbers} UnnamedValues one tensor */
/** @typedef {{readonly [name: string]: UnnamedValues | number}} NamedValues tensors by name */
/** @typedef {UnnamedValues | NamedValues} Values whatever a caller may give as params, gradients or a slot */

/**
 * What `Given` has to be: `Values`, or an object of a declared type (an `interface`), which has no index signature.
 *
 * @template Given
 * @typedef {Values | Readonly<Record<keyof Given, UnnamedValues | number>>} Fitting
 */

/**
 * What values come back as: typed arrays as typed arrays of the session's dtype, arrays as arrays, numbers as numbers,
 * objects as objects of the same names. (`0 extends 1 & Given` holds for `any` alone.)
 *
 * @template Given
 * @typedef {0 extends 1 & Given ? any
 *   : Given extends TypedArray ? FloatArray
 *   : Given extends number ? number
 *   : Given extends ReadonlyArray<infer Row> ? Returned<Row>[]
 *   : {-readonly [Name in keyof Given]: Returned<Given[Name]>}} Returned
 */

/** @typedef {number | Shapes | Readonly<Record<string, number | readonly number[]>>} ShapeLike how a caller writes one */
/** @typedef {"typed array" | "array" | "number"} Kind how a caller writes one tensor */
/** @typedef {Kind | ReadonlyMap<string, Kind>} Form how a caller writes the values of one role, names in his order */

/**
 * The dtype asked for; if none is, float32 where every value given is a Float32Array, else float64.
 *
 * @param {unknown} dtype
 * @param {unknown} [values]
 * @returns {DType}
 * @throws {RangeError} it is neither float64 nor float32
 */
export function dtypeNamed(dtype, values) {
  if (dtype === "float64" || dtype === "float32") return dtype;
  if (dtype !== undefined && dtype !== null) {
    throw new RangeError(`dtype is ${String(dtype)}; a session's is "float64" or "float32"`);
  }
  const tensors = isPlainObject(values) ? Object.values(values) : [values];
  return tensors.length > 0 && tensors.every((tensor) => typeOfArray(tensor) === "Float32Array") ? "float32" : "float64";
}

/**
 * From what a caller gave to arrays of the dtype and the form to give values back in. Typed arrays are taken as
 * vectors, see `fitted` and `reshaped`; those that are of the dtype already are not copied.
 *
 * @param {string} role names the values in errors: params, grads, or a slot
 * @param {unknown} values
 * @param {DType} dtype
 * @returns {{arrays: Arrays, form: Form}}
 * @throws {TypeError} not a typed array, nested arrays or an object of names to these or to numbers
 * @throws {RangeError} ragged; a value is NaN, infinite or too large for the dtype. Both name the place
 */
export function take(role, values, dtype) {
  if (typeof values === "number") {
    throw new TypeError(`${role} is a number; give a typed array, an array, or an object of names to these or numbers`);
  }
  if (!isPlainObject(values)) {
    const { tensor, kind } = takeTensor(role, values, dtype);
    return { arrays: tensor, form: kind };
  }
  /** @type {Map<string, Tensor>} */
  const arrays = new Map();
  /** @type {Map<string, Kind>} */
  const form = new Map();
  for (const [name, given] of Object.entries(values)) {
    const { tensor, kind } = takeTensor(`${role}[${JSON.stringify(name)}]`, given, dtype);
    arrays.set(name, tensor);
    form.set(name, kind);
  }
  return { arrays, form };
}

/**
 * @param {string} place
 * @param {unknown} values
 * @param {DType} dtype
 * @returns {{tensor: Tensor, kind: Kind}}
 */
function takeTensor(place, values, dtype) {
  if (Array.isArray(values)) return { tensor: flatten(place, values, dtype), kind: "array" };
  if (typeof values === "number") return { tensor: flatten(place, values, dtype), kind: "number" };
  const type = typeOfArray(values);
  if (type === null || type.startsWith("Big")) {
    throw new TypeError(`${place} is ${nameOfType(values)}; give a typed array, an array or, under a name, a number`);
  }
  const numbers = /** @type {TypedArray} */ (values);
  return { tensor: rounded(place, numbers, [numbers.length], dtype), kind: "typed array" };
}

/**
 * The name of a typed array's type, whatever realm it comes from; null for anything else.
 *
 * @param {unknown} values
 * @returns {string | null}
 */
function typeOfArray(values) {
  if (!ArrayBuffer.isView(values) || values instanceof DataView) return null;
  return /** @type {any} */ (values)[Symbol.toStringTag] ?? null;
}

/**
 * What was written as typed arrays takes the session's shape where it has as many values; the service judges the rest.
 *
 * @param {Arrays} arrays
 * @param {Form} form
 * @param {Shapes | null} shapes
 * @returns {Arrays}
 */
export function fitted(arrays, form, shapes) {
  if (shapes === null) return arrays;
  if (!isNamed(arrays)) return isShape(shapes) ? fittedTensor(arrays, kindOf(form), shapes) : arrays;
  if (isShape(shapes)) return arrays;
  return new Map(
    Array.from(arrays, ([name, tensor]) => [
      name,
      Object.hasOwn(shapes, name) ? fittedTensor(tensor, kindOf(form, name), /** @type {Shape} */ (shapes[name])) : tensor,
    ]),
  );
}

/**
 * @param {Tensor} tensor
 * @param {Kind} kind
 * @param {Shape} shape
 * @returns {Tensor}
 */
function fittedTensor(tensor, kind, shape) {
  return kind === "typed array" && sizeOf(shape) === tensor.data.length ? { data: tensor.data, shape } : tensor;
}

/**
 * The values in a shape that the caller names: typed arrays take it, arrays must have it.
 *
 * @param {string} role
 * @param {Arrays} arrays
 * @param {Form} form
 * @param {Shapes} shapes
 * @returns {Arrays}
 * @throws {RangeError} a tensor is not of that shape, or names differ
 */
export function reshaped(role, arrays, form, shapes) {
  const changed = fitted(arrays, form, shapes);
  /** @type {(place: string, tensor: Tensor | undefined, shape: Shape | undefined) => void} */
  const check = (place, tensor, shape) => {
    if (tensor === undefined || shape === undefined || tensor.shape.join() !== shape.join()) {
      const found = tensor === undefined ? "is not there" : `has shape [${tensor.shape.join(", ")}]`;
      throw new RangeError(`${place} ${found}; shape says ${shape === undefined ? "nothing" : `[${shape.join(", ")}]`}`);
    }
  };
  if (!isNamed(changed) && isShape(shapes)) check(role, changed, shapes);
  else if (isNamed(changed) && !isShape(shapes)) {
    for (const name of new Set([...changed.keys(), ...Object.keys(shapes)])) {
      check(`${role}[${JSON.stringify(name)}]`, changed.get(name), Object.hasOwn(shapes, name) ? shapes[name] : undefined);
    }
  } else throw new RangeError(`${role} and shape must both have names, or neither`);
  return changed;
}

/**
 * Values in a shape that the caller names, if any.
 *
 * @param {string} role
 * @param {unknown} values
 * @param {DType} dtype
 * @param {Shapes | null} shapes
 * @returns {{arrays: Arrays, form: Form}}
 */
export function takeIn(role, values, dtype, shapes) {
  const { arrays, form } = take(role, values, dtype);
  return { arrays: shapes === null ? arrays : reshaped(role, arrays, form, shapes), form };
}

/**
 * A shape, or a shape per name, of what a caller writes: a number is the length of a vector.
 *
 * @param {ShapeLike} shape
 * @returns {Shapes}
 */
export function shapesOf(shape) {
  /** @type {(one: number | readonly number[]) => number[]} */
  const lengths = (one) => (typeof one === "number" ? [one] : [...one]);
  if (typeof shape === "number" || isShape(/** @type {Shapes} */ (shape))) {
    return lengths(/** @type {number | readonly number[]} */ (shape));
  }
  if (!isPlainObject(shape)) throw new TypeError("shape is neither a number, an array of lengths nor an object of these");
  return Object.fromEntries(Object.entries(shape).map(([name, one]) => [name, lengths(one)]));
}

/**
 * @param {Form} form
 * @param {string} [name]
 * @returns {Kind}
 */
function kindOf(form, name) {
  if (typeof form === "string") return form;
  return (name === undefined ? undefined : form.get(name)) ?? "typed array";
}

/**
 * The values in the caller's form, all new objects: the caller may write to them. Where the form does not fit, or there
 * is none, as typed arrays, names in the order in which they came.
 *
 * @param {Arrays} arrays
 * @param {Form | null} form
 * @returns {any}
 */
export function give(arrays, form) {
  if (!isNamed(arrays)) return giveTensor(arrays, typeof form === "string" ? form : "typed array");
  const fits = form instanceof Map && form.size === arrays.size && [...form.keys()].every((name) => arrays.has(name));
  const names = fits ? /** @type {ReadonlyMap<string, Kind>} */ (form) : arrays;
  return Object.fromEntries(
    Array.from(names.keys(), (name) => [
      name,
      giveTensor(/** @type {Tensor} */ (arrays.get(name)), fits ? kindOf(/** @type {Form} */ (form), name) : "typed array"),
    ]),
  );
}

/**
 * @param {Tensor} tensor
 * @param {Kind} kind
 */
function giveTensor(tensor, kind) {
  return kind === "typed array" ? /** @type {Tensor} */ (copied(tensor)).data : nest(tensor);
}
