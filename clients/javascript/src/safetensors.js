/**
 * The safetensors format: a header's length in 8 bytes, the header as JSON, the values of all tensors in a row.
 *
 * What tensors and metadata mean is for others to say. Reading is strict: what breaks the format's own rules is refused.
 */

import { sizeOf } from "./arrays.js";
import { isPlainObject, nameOfType, write as writeJson } from "./json.js";
import { bytesOf, bytesPerValue, joined, valuesOf } from "./raw.js";

/** @import {DType, Tensor} from "./arrays.js" */

/** @typedef {{tensors: ReadonlyMap<string, Tensor>, metadata: ReadonlyMap<string, string>}} Contents by full names */
/** @typedef {{dtype: DType, shape: number[], begin: number, end: number}} Place where a tensor is, by the header */

export const MEDIA_TYPE = "application/vnd.safetensors";

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
const METADATA = "__metadata__";
/** @type {ReadonlyMap<unknown, DType>} */
const DTYPES = new Map([
  ["F64", "float64"],
  ["F32", "float32"],
]);

/**
 * A body, in memory of its own.
 *
 * @param {Contents} contents
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function write({ tensors, metadata }) {
  /** @type {string[]} */
  const members = metadata.size > 0 ? [member(METADATA, Object.fromEntries(metadata))] : [];
  const pieces = [];
  let end = 0;
  for (const [name, { data, shape }] of tensors) {
    const begin = end;
    end += data.byteLength;
    members.push(member(name, { dtype: data instanceof Float32Array ? "F32" : "F64", shape, data_offsets: [begin, end] }));
    pieces.push(bytesOf(data));
  }
  const text = new TextEncoder().encode(`{${members.join(",")}}`);
  const padding = new Uint8Array(-text.length & (ALIGNMENT - 1)).fill(0x20);
  const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
  length.setBigUint64(0, BigInt(text.length + padding.length), true);
  return joined([new Uint8Array(length.buffer), text, padding, ...pieces]);
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function member(name, value) {
  return `${writeJson(name)}:${writeJson(value)}`;
}

/**
 * What a body holds. The tensors are views of it where its values are aligned, else copies.
 *
 * @param {Uint8Array} body
 * @returns {Contents}
 * @throws {TypeError | RangeError} it is not safetensors, or has tensors of another dtype than float64 and float32
 */
export function read(body) {
  const { header, begin } = headerOf(body);
  const { [METADATA]: metadata = {}, ...described } = header;
  if (!isPlainObject(metadata) || !Object.values(metadata).every((said) => typeof said === "string")) {
    throw new TypeError("the metadata is not text by name");
  }
  const places = Object.entries(described).map(([name, tensor]) => /** @type {const} */ ([name, placeOf(name, tensor)]));
  let end = 0;
  for (const [name, place] of [...places].sort(([, one], [, other]) => one.begin - other.begin || one.end - other.end)) {
    if (place.begin !== end) {
      throw new RangeError(`tensor ${writeJson(name)} begins at byte ${place.begin} of the values, not at ${end}`);
    }
    end = place.end;
  }
  if (begin + end !== body.length) {
    throw new RangeError(`the tensors have ${end} bytes, the body has ${body.length - begin} for them`);
  }
  const tensors = places.map(([name, { dtype, shape, begin: first, end: last }]) => {
    return /** @type {const} */ ([name, { data: valuesOf(body.subarray(begin + first, begin + last), dtype), shape }]);
  });
  return { tensors: new Map(tensors), metadata: new Map(/** @type {[string, string][]} */ (Object.entries(metadata))) };
}

/**
 * The header, and where the values begin.
 *
 * @param {Uint8Array} body
 */
function headerOf(body) {
  if (body.length < LENGTH_BYTES) throw new RangeError(`${body.length} bytes are too few for the header's length`);
  const length = Number(new DataView(body.buffer, body.byteOffset, LENGTH_BYTES).getBigUint64(0, true));
  const begin = LENGTH_BYTES + length;
  if (begin > body.length) throw new RangeError(`${body.length} bytes are too few for a header of ${length}`);
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body.subarray(LENGTH_BYTES, begin));
  const header = parsed(text);
  // The format wants the brace in front.
  if (!isPlainObject(header) || !text.startsWith("{")) throw new TypeError("the header is not a JSON object");
  return { header, begin };
}

/**
 * JSON whose outermost object has every name once, which JSON.parse itself does not look at.
 *
 * @param {string} text
 * @returns {unknown}
 */
function parsed(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`the header is not JSON: ${error.message}`);
  }
  const names = new Set();
  let depth = 0;
  for (const [token, , colon] of text.matchAll(/"(\\.|[^"\\])*"(\s*:)?|[{}[\]]/g)) {
    if (/^[{[]/.test(token)) depth += 1;
    else if (/^[}\]]/.test(token)) depth -= 1;
    else if (depth === 1 && colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (names.has(name)) throw new TypeError(`the header has ${writeJson(name)} twice`);
      names.add(name);
    }
  }
  return document;
}

/**
 * @param {string} name
 * @param {unknown} described
 * @returns {Place}
 */
function placeOf(name, described) {
  const which = `tensor ${writeJson(name)}`;
  if (!isPlainObject(described) || Object.keys(described).sort().join() !== "data_offsets,dtype,shape") {
    throw new TypeError(`${which} must have dtype, shape and data_offsets`);
  }
  const { shape, data_offsets: offsets } = described;
  const dtype = DTYPES.get(described.dtype);
  if (dtype === undefined) {
    const found = typeof described.dtype === "string" ? described.dtype : nameOfType(described.dtype);
    throw new TypeError(`${which} has dtype ${found}, not ${[...DTYPES.keys()].join(" or ")}`);
  }
  if (!areLengths(shape) || !areLengths(offsets) || offsets.length !== 2) {
    throw new TypeError(`${which} must have a list of lengths as shape and two numbers as data_offsets`);
  }
  const [begin = 0, end = 0] = offsets;
  if (end - begin !== sizeOf(shape) * bytesPerValue(dtype)) {
    throw new RangeError(`${which} has ${end - begin} bytes, not those of the shape [${shape.join(", ")}]`);
  }
  return { dtype, shape, begin, end };
}

/**
 * @param {unknown} given
 * @returns {given is number[]}
 */
function areLengths(given) {
  return Array.isArray(given) && given.every((one) => Number.isSafeInteger(one) && one >= 0);
}
