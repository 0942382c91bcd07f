/** What a Session object knows between requests, and how answers change it. No request is made here. */

import { isShape, shapeOf, zeros } from "./arrays.js";
import { validatorOf } from "./answers.js";
import { isBinary } from "./formats.js";
import { give } from "./values.js";

/** @import {Arrays, DType, Shapes} from "./arrays.js" */
/** @import {Format} from "./formats.js" */
/** @import {Optimizer, SessionInfo} from "./info.js" */
/** @import {Form} from "./values.js" */
/** @import {Answer} from "./wire.js" */

/**
 * The session as last heard of. `arrays` are the params of the state that `validator` names, or null. `form` is the
 * kind in which the caller last gave values, and so wants them back; null until there are any. `format` is that in which
 * values travel.
 */
export class Held {
  /** @type {Arrays | null} */
  arrays = null;
  /** @type {Form | null} */
  form = null;
  /** @type {Optimizer} */
  optimizer;
  /** @type {DType} */
  dtype;
  /** @type {Shapes | null} */
  shape;

  /**
   * @param {SessionInfo} info
   * @param {Answer} answer
   * @param {Format} format
   */
  constructor(info, answer, format) {
    this.id = info.id;
    this.validator = validatorOf(answer);
    this.optimizer = info.optimizer;
    this.dtype = info.dtype;
    this.shape = info.shape;
    this.format = format;
  }

  /** Whether its values come in a binary format. */
  get binary() {
    return isBinary(this.format, this.shape);
  }

  /**
   * Takes over the state that the answer names, with the params of that state where they are known.
   *
   * @param {Answer} answer
   * @param {Arrays | null} arrays
   * @param {Form | null} [form]
   */
  see(answer, arrays, form = null) {
    this.validator = validatorOf(answer);
    this.arrays = arrays;
    if (arrays !== null) this.shape = shapeOf(arrays);
    if (form !== null) this.form = form;
  }

  /** After a create by shape alone: the params are zeros. */
  seeZeros() {
    this.arrays = this.shape === null ? null : zeros(this.shape, this.dtype);
  }

  /**
   * After the id went to another session: everything that a session has for life.
   *
   * @param {SessionInfo} info
   */
  become(info) {
    this.optimizer = info.optimizer;
    this.dtype = info.dtype;
    this.shape = info.shape;
  }

  /**
   * The shape, names in the order in which the caller last gave them; the caller's to keep.
   *
   * @returns {number[] | Record<string, number[]> | null}
   */
  givenShape() {
    const shapes = this.shape;
    if (shapes === null) return null;
    if (isShape(shapes)) return [...shapes];
    const names = Object.keys(shapes);
    const given = this.form instanceof Map ? [...this.form.keys()] : [];
    const fits = given.length === names.length && given.every((name) => Object.hasOwn(shapes, name));
    return Object.fromEntries((fits ? given : names).map((name) => [name, [...(shapes[name] ?? [])]]));
  }

  /** The params in the caller's form, the caller's to keep; null where they are not known. */
  given() {
    return this.arrays === null ? null : give(this.arrays, this.form);
  }
}
