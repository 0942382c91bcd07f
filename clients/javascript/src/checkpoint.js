/** A whole session as values: what `state()` gives and `restore()` takes, and its form as a JSON document. */

import { decode, encode, shapeOf } from "./arrays.js";
import { isPlainObject, nameOfType, write } from "./json.js";
import { dtypeNamed, give, reshaped, take } from "./values.js";

/** @import {Arrays, DType, Shapes} from "./arrays.js" */
/** @import {Optimizer} from "./info.js" */
/** @import {Form} from "./values.js" */

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
   * The params as arrays and the form in which they were given.
   *
   * @returns {{arrays: Arrays, form: Form}}
   * @throws {TypeError | RangeError} they don't hold finite numbers, or not in `shape`
   */
  taken() {
    return this.#take("params", this.params, dtypeNamed(this.dtype));
  }

  /**
   * As the service takes it, for the client's own JSON writer.
   *
   * @returns {Record<string, unknown>}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers, or not in `shape`
   */
  document() {
    const dtype = dtypeNamed(this.dtype);
    const slots = Object.entries(this.state).map(([slot, values]) => {
      return [slot, encode(this.#take(slot, values, dtype).arrays)];
    });
    return {
      optimizer: this.optimizer,
      dtype,
      step: this.step,
      params: encode(this.taken().arrays),
      state: Object.fromEntries(slots),
      digest: this.digest ?? undefined,
    };
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
    return write(this.document());
  }

  /**
   * From what `toJSON` or the service wrote; the values are typed arrays, `shape` is told.
   *
   * @param {string} written
   * @returns {Checkpoint}
   * @throws {TypeError} not JSON, or not a checkpoint
   */
  static fromJSON(written) {
    const document = parse(written);
    return Checkpoint.read(typeof document === "string" ? parse(document) : document);
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
    try {
      return readCheckpoint(document, form);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      throw new TypeError(`this is no checkpoint: ${error.message}`);
    }
  }
}

/**
 * @param {unknown} document
 * @param {Form | null} form
 */
function readCheckpoint(document, form) {
  if (!isPlainObject(document)) throw new TypeError(`it is ${nameOfType(document)}`);
  const { optimizer, dtype, step, state, digest } = document;
  if (!isPlainObject(optimizer) || typeof optimizer.name !== "string") throw new TypeError("it names no optimizer");
  if (!Number.isInteger(step)) throw new TypeError("its step is no whole number");
  if (!isPlainObject(state)) throw new TypeError("it has no state");
  if (dtype !== "float64" && dtype !== "float32") throw new TypeError(`its dtype is ${write(dtype ?? null)}`);
  const params = decode("params", document.params, dtype);
  return new Checkpoint({
    optimizer: /** @type {Optimizer} */ (optimizer),
    dtype,
    step: Number(step),
    params: give(params, form),
    state: Object.fromEntries(
      Object.entries(state).map(([slot, values]) => [slot, give(decode(slot, values, dtype), form)]),
    ),
    shape: shapeOf(params),
    digest: typeof digest === "string" ? digest : null,
  });
}

/** @param {string} written */
function parse(written) {
  try {
    return JSON.parse(written);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`this is no checkpoint: ${error.message}`);
  }
}
