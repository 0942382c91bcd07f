/**
 * The formats in which values travel: which one is chosen, bodies of requests, and values read from bodies of answers.
 *
 * No request and no session lives here; what an answer that can't be read means is for answers.js to say.
 */

import { encode, firstNotFinite, isNamed, isShape, MAX_RANK, sameShapes, shapeOf, sizeOf } from "./arrays.js";
import { write } from "./json.js";
import { bytesOf, bytesPerValue, joined, valuesOf } from "./raw.js";
import * as safetensors from "./safetensors.js";

/** @import {Arrays, DType, Shapes, Tensor} from "./arrays.js" */
/** @import {Body} from "./wire.js" */

/** @typedef {"auto" | "json" | "binary"} Format how values travel; see Client */
/** @typedef {{readonly mediaType: string, readonly body: Body}} Payload a body with its media type */
/** @typedef {Readonly<Record<string, unknown>>} Document */
/** @typedef {Readonly<Record<string, Arrays>>} Roles values by role: params, grads, slots */

export const JSON_TYPE = "application/json";
export const RAW = "application/octet-stream";
export const SAFETENSORS = safetensors.MEDIA_TYPE;

// From so many values on "auto" is binary. Measured as the processor time of a float64 step, client in Node 20 and service
// together: text takes 3 % more than octet-stream at 128 values, 10 % at 256, 24 % at 512, 40 % at 1,000, three times as
// long at 10,000 and nine times at 100,000. Safetensors of two tensors cost 18 % more than text at 128, as much at 256,
// and 9 % less at 512. Below, what is sent can stay readable.
const BINARY_FROM = 256;

// Metadata that is text as it is; everything else in it is JSON.
const TEXT_METADATA = "digest";

/**
 * The format asked for.
 *
 * @param {unknown} format
 * @returns {Format}
 * @throws {RangeError} there is no such format
 */
export function formatNamed(format) {
  if (format === "auto" || format === "json" || format === "binary") return format;
  throw new RangeError(`format is ${String(format)}; it must be "auto", "json" or "binary"`);
}

/**
 * Whether values of such shapes go in a binary format; null where nobody knows their shapes.
 *
 * @param {Format} format
 * @param {Shapes | null} shapes
 * @returns {boolean}
 */
export function isBinary(format, shapes) {
  return format === "binary" || (format === "auto" && shapes !== null && countOf(shapes) >= BINARY_FROM);
}

/** @param {Shapes} shapes */
function countOf(shapes) {
  if (isShape(shapes)) return sizeOf(shapes);
  return Object.values(shapes).reduce((count, shape) => count + sizeOf(shape), 0);
}

/**
 * A document and the values beside it as a body that nobody else holds: what becomes of the caller's arrays meanwhile
 * changes nothing in it, so that it can be sent again as it was.
 *
 * @param {Document} document in safetensors it is metadata, apart from `dtype`, which tensors have. Members that are
 *   undefined are left out
 * @param {Roles} vectors
 * @param {Roles | null} slots those under `state`
 * @param {boolean} binary
 * @param {Shapes | null} [alone] the session's, where a vector that is its only, unnamed tensor may go as octet-stream
 * @returns {Payload}
 */
export function payload(document, vectors, slots, binary, alone = null) {
  if (!binary || !haveNamesOfTheirOwn(vectors, slots)) return { mediaType: JSON_TYPE, body: written(document, vectors, slots) };
  const [only, ...others] = Object.values(vectors);
  if (alone !== null && only !== undefined && others.length === 0 && !isNamed(only) && sameShapes(only.shape, alone)) {
    return { mediaType: RAW, body: joined([bytesOf(only.data)]) };
  }
  const metadata = Object.entries(document)
    .filter(([name, said]) => name !== "dtype" && said !== undefined)
    .map(([name, said]) => /** @type {const} */ ([name, name === TEXT_METADATA ? String(said) : write(said, name)]));
  const tensors = flattened({ ...vectors, ...slots });
  return { mediaType: SAFETENSORS, body: safetensors.write({ tensors, metadata: new Map(metadata) }) };
}

/**
 * Whether safetensors can say what JSON can: not, where a slot is called as something else is, and not that there are no
 * slots, which is another thing than that none are given.
 *
 * @param {Roles} vectors
 * @param {Roles | null} slots
 */
function haveNamesOfTheirOwn(vectors, slots) {
  if (slots === null) return true;
  const names = Object.keys(slots);
  return names.length > 0 && names.every((name) => /^(?!__metadata__$)[^/]+$/s.test(name) && !Object.hasOwn(vectors, name));
}

/**
 * @param {Document} document
 * @param {Roles} vectors
 * @param {Roles | null} slots
 */
function written({ [TEXT_METADATA]: digest, ...document }, vectors, slots) {
  /** @type {(roles: Roles) => Document} */
  const encoded = (roles) => Object.fromEntries(Object.entries(roles).map(([role, arrays]) => [role, encode(arrays)]));
  const state = slots === null ? undefined : encoded(slots);
  return write({ ...document, ...encoded(vectors), state, [TEXT_METADATA]: digest });
}

/**
 * The tensors of all roles under their full names: the role, or role and name.
 *
 * @param {Roles} roles
 * @returns {Map<string, Tensor>}
 */
function flattened(roles) {
  return new Map(
    Object.entries(roles).flatMap(([role, arrays]) => {
      if (!isNamed(arrays)) return [[role, arrays]];
      return Array.from(arrays, ([name, tensor]) => /** @type {[string, Tensor]} */ ([`${role}/${name}`, tensor]));
    }),
  );
}

/**
 * The reverse, checked: all of one dtype; finite; of shapes that a session can have.
 *
 * @param {ReadonlyMap<string, Tensor>} tensors
 * @param {DType | null} dtype null where they say it themselves
 * @returns {{roles: Record<string, Arrays>, dtype: DType}}
 * @throws {TypeError | RangeError}
 */
export function rolesOf(tensors, dtype = null) {
  /** @type {Map<string, Tensor | Map<string, Tensor>>} */
  const roles = new Map();
  let common = dtype;
  for (const [fullName, tensor] of tensors) {
    const own = tensor.data instanceof Float32Array ? "float32" : "float64";
    common ??= own;
    if (own !== common) throw new TypeError(`tensor ${write(fullName)} is ${own}, not ${common}`);
    checkValues(fullName, tensor);
    const [, role = fullName, name] = /^(.*?)\/(.*)$/s.exec(fullName) ?? [];
    const held = roles.get(role) ?? (name === undefined ? tensor : new Map());
    if (held instanceof Map !== (name !== undefined)) {
      throw new TypeError(`there are tensors of ${write(role)} with names and one without`);
    }
    if (held instanceof Map) held.set(String(name), tensor);
    roles.set(role, held);
  }
  if (common === null) throw new TypeError("there are no tensors");
  return { roles: Object.fromEntries(roles), dtype: common };
}

/**
 * The params of a body in safetensors, and nothing beside them.
 *
 * @param {Uint8Array} body
 * @param {DType} dtype
 * @param {Shapes | null} shapes what they must be; null takes any
 * @returns {Arrays}
 * @throws {TypeError | RangeError}
 */
export function paramsIn(body, dtype, shapes) {
  const { params, ...others } = rolesOf(safetensors.read(body).tensors, dtype).roles;
  if (params === undefined) throw new TypeError("there are none");
  for (const role of Object.keys(others)) throw new TypeError(`there is ${write(role)} beside them`);
  const found = shapeOf(params);
  if (shapes !== null && !sameShapes(found, shapes)) {
    throw new RangeError(`they have the shape ${write(found)}, the session has ${write(shapes)}`);
  }
  return params;
}

/**
 * The values of a session's only, unnamed tensor, as a view of the body where it is aligned.
 *
 * @param {Uint8Array} body
 * @param {DType} dtype
 * @param {Shapes | null} shape the session's
 * @returns {Tensor}
 * @throws {TypeError | RangeError}
 */
export function octetStream(body, dtype, shape) {
  if (shape === null || !isShape(shape)) throw new TypeError("the session has no unnamed tensor, which octet-stream is for");
  const expected = sizeOf(shape) * bytesPerValue(dtype);
  if (body.length !== expected) {
    throw new RangeError(`the body has ${body.length} bytes, the values of the session have ${expected}`);
  }
  const tensor = { data: valuesOf(body, dtype), shape };
  checkValues("params", tensor);
  return tensor;
}

/**
 * @param {string} name
 * @param {Tensor} tensor
 */
function checkValues(name, { data, shape }) {
  if (shape.length > MAX_RANK || shape.includes(0)) throw new RangeError(`${name} has a shape that no session has`);
  const offender = firstNotFinite(data);
  if (offender >= 0) throw new RangeError(`${name} is ${data[offender]} at ${offender}; values must be finite`);
}
