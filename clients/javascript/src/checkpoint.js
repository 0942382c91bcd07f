/** A whole session as values: what `state()` gives and `restore()` takes, and as JSON and safetensors. */

import { copied, decode, sameShapes, shapeOf } from "./arrays.js";
import { isBinary, payload, rolesOf } from "./formats.js";
import { isPlainObject, nameOfType, write } from "./json.js";
import * as safetensors from "./safetensors.js";
import { dtypeNamed, give, reshaped, take } from "./values.js";

/** @import {Arrays, DType, Shapes} from "./arrays.js" */
/** @import {Document, Format, Payload, Roles} from "./formats.js" */
/** @import {Optimizer} from "./info.js" */
/** @import {Contents} from "./safetensors.js" */
/** @import {Form} from "./values.js" */

/** @typedef {{document: Document, params: Arrays, slots: Roles, form: Form}} Parts a checkpoint as it is sent */

/**
 * A session at one step: enough to go on from there, here or in another service, bit for bit.
 *
 * `params` are values as a caller writes them, and `state` maps each slot (Adadelta: `square_avg` and `acc_delta`) to
 * values like it. `shape` is theirs; without it typed arrays are vectors. `digest` is the service's checksum over all
 * values; it is checked on restore. To restore values that you changed, take it away:
 * `new Checkpoint({ ...checkpoint, params, digest: null })`.
 */
export class Checkpoint {
  /**
   * @param {object} parts
   * @param {Optimizer} parts.optimizer name and every hyper-parameter
   * @param {string} parts.dtype "float64" or "float32"
   * @param {number} parts.step
   * @param {any} parts.params
   * @param {Readonly<Record<string, any>>} parts.state
   * @param {Shapes | null} [parts.shape]
   * @param {string | null} [parts.digest]
   */
  constructor({ optimizer, dtype, step, params, state, shape = null, digest = null }) {
    this.optimizer = optimizer;
    this.dtype = dtype;
    this.step = step;
    this.params = params;
    this.state = state;
    this.shape = shape;
    this.digest = digest;
    Object.freeze(this);
  }

  /**
   * The values as arrays that nobody else holds, and what stands beside them.
   *
   * @returns {Parts}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers, or not in `shape`
   */
  parts() {
    const dtype = dtypeNamed(this.dtype);
    if (!isPlainObject(this.state)) throw new TypeError(`state is ${nameOfType(this.state)}; it must be an object of slots`);
    const { arrays, form } = this.#take("params", this.params, dtype);
    const slots = Object.entries(this.state).map(([slot, values]) => {
      return [slot, copied(this.#take(slot, values, dtype).arrays)];
    });
    const document = { optimizer: this.optimizer, dtype, step: this.step, digest: this.digest ?? undefined };
    return { document, params: copied(arrays), slots: Object.fromEntries(slots), form };
  }

  /**
   * @param {string} role
   * @param {unknown} values
   * @param {DType} dtype
   */
  #take(role, values, dtype) {
    const { arrays, form } = take(role, values, dtype);
    return { arrays: this.shape === null ? arrays : reshaped(role, arrays, form, this.shape), form };
  }

  /**
   * One JSON object, as text; every value reads back bit for bit. Where JSON.stringify meets a checkpoint it writes this
   * text as a string, since its own way with numbers loses the sign of -0; `fromJSON` reads that too.
   *
   * @returns {string}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers
   */
  toJSON() {
    const { document, params, slots } = this.parts();
    return /** @type {string} */ (payload(document, { params }, slots, false).body);
  }

  /**
   * From what `toJSON` or the service wrote; the values are typed arrays, `shape` is told.
   *
   * @param {string} written
   * @returns {Checkpoint}
   * @throws {TypeError} not JSON, or not a checkpoint
   */
  static fromJSON(written) {
    return readable(() => {
      const document = parse(written);
      return readDocument(typeof document === "string" ? parse(document) : document, null);
    });
  }

  /**
   * In the safetensors format, which other programs open too. Tensors are named `params` and as the slots, or
   * `params/<name>`, ...; optimizer (JSON), step and digest are in the metadata.
   *
   * @returns {Uint8Array}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers, or a slot has no name for a tensor
   */
  toSafetensors() {
    const { mediaType, body } = checkpointPayload(this.parts(), "binary");
    if (mediaType !== safetensors.MEDIA_TYPE) throw new TypeError("the slots have no names that tensors can have");
    return /** @type {Uint8Array} */ (body);
  }

  /**
   * From what `toSafetensors` or the service wrote; the values are typed arrays, `shape` is told.
   *
   * @param {Uint8Array | ArrayBuffer} written
   * @returns {Checkpoint}
   * @throws {TypeError} not safetensors, or not a checkpoint
   */
  static fromSafetensors(written) {
    const bytes = written instanceof ArrayBuffer ? new Uint8Array(written) : written;
    if (!ArrayBuffer.isView(bytes)) throw new TypeError(`this is no checkpoint: it is ${nameOfType(bytes)}, not bytes`);
    return readable(() => readContents(safetensors.read(bytes), null));
  }

  /**
   * From tensors and metadata, values in `form`, or as typed arrays.
   *
   * @param {Contents} contents
   * @param {Form | null} form
   * @returns {Checkpoint}
   * @throws {TypeError} they are no checkpoint
   */
  static of(contents, form) {
    return readable(() => readContents(contents, form));
  }

  /**
   * From the parsed document, values in `form`, or as typed arrays.
   *
   * @param {unknown} document
   * @param {Form | null} [form]
   * @returns {Checkpoint}
   * @throws {TypeError} it is no checkpoint
   */
  static read(document, form = null) {
    return readable(() => readDocument(document, form));
  }
}

/**
 * As the service takes it.
 *
 * @param {Parts} parts
 * @param {Format} format
 * @param {Document} [extras] stand beside the rest
 * @returns {Payload}
 */
export function checkpointPayload({ document, params, slots }, format, extras = {}) {
  return payload({ ...document, ...extras }, { params }, slots, isBinary(format, shapeOf(params)));
}

/**
 * @param {unknown} given
 * @returns {Checkpoint}
 * @throws {TypeError} it is none
 */
export function checkedCheckpoint(given) {
  if (given instanceof Checkpoint) return given;
  throw new TypeError(
    `the checkpoint is ${nameOfType(given)}; give a Checkpoint, such as state() and Checkpoint.fromJSON() give`,
  );
}

/** @param {() => Checkpoint} reader */
function readable(reader) {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new TypeError(`this is no checkpoint: ${error.message}`);
  }
}

/**
 * @param {unknown} document
 * @param {Form | null} form
 */
function readDocument(document, form) {
  if (!isPlainObject(document)) throw new TypeError(`it is ${nameOfType(document)}`);
  const { optimizer, dtype, step, state, digest } = document;
  if (!isPlainObject(state)) throw new TypeError("it has no state");
  if (dtype !== "float64" && dtype !== "float32") throw new TypeError(`its dtype is ${write(dtype ?? null)}`);
  const slots = Object.entries(state).map(([slot, values]) => [slot, decode(slot, values, dtype)]);
  const params = decode("params", document.params, dtype);
  return assembled({ optimizer, dtype, step, params, slots: Object.fromEntries(slots), digest }, form);
}

/**
 * @param {Contents} contents
 * @param {Form | null} form
 */
function readContents({ tensors, metadata }, form) {
  const { roles, dtype } = rolesOf(tensors);
  const { params, ...slots } = roles;
  if (params === undefined) throw new TypeError("it has no params");
  const [optimizer, step] = ["optimizer", "step"].map((name) => parse(metadata.get(name) ?? "null"));
  return assembled({ optimizer, dtype, step, params, slots, digest: metadata.get("digest") }, form);
}

/**
 * @param {{optimizer: unknown, dtype: DType, step: unknown, params: Arrays, slots: Roles, digest: unknown}} parts
 * @param {Form | null} form
 */
function assembled({ optimizer, dtype, step, params, slots, digest }, form) {
  if (!isPlainObject(optimizer) || typeof optimizer.name !== "string") throw new TypeError("it names no optimizer");
  if (!Number.isInteger(step)) throw new TypeError("its step is no whole number");
  const shape = shapeOf(params);
  for (const [slot, arrays] of Object.entries(slots)) {
    if (!sameShapes(shapeOf(arrays), shape)) throw new TypeError(`its ${slot} has another shape than its params`);
  }
  return new Checkpoint({
    optimizer: /** @type {Optimizer} */ (optimizer),
    dtype,
    step: Number(step),
    params: give(params, form),
    state: Object.fromEntries(Object.entries(slots).map(([slot, arrays]) => [slot, give(arrays, form)])),
    shape,
    digest: typeof digest === "string" ? digest : null,
  });
}

/** @param {string} written */
function parse(written) {
  try {
    return JSON.parse(written);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`it is not JSON: ${error.message}`);
  }
}
