/** What the service tells about a session, as a plain frozen object. */

import { isPlainObject } from "./json.js";
import { dtypeNamed } from "./values.js";

/** @import {DType, Shapes} from "./arrays.js" */

/**
 * An optimizer as the service takes and tells it: `name`, and hyper-parameters under the names of the catalogue.
 *
 * @typedef {{readonly name: string, readonly [hyperParameter: string]: string | number | boolean | undefined}} Optimizer
 */

/**
 * What is kept of a session when the service's process ends: nothing, the last snapshot, every step.
 *
 * @typedef {"memory" | "snapshot" | "journal"} Durability
 */

/**
 * A session as the service describes it, values apart. `optimizer` holds every hyper-parameter, defaults filled in.
 * `shape` is null (then so is `size`) while the session has none; `bytes` is what it takes of the service's memory.
 * Times are UTC, RFC 3339; `expiresAt` is null where `ttlS` is. `durability` says what outlives the service's process:
 * `memory`, `snapshot` or `journal`. `restoredFrom` is digest, `@` and step of the checkpoint that was last restored,
 * `forkedFrom` id, `@` and entity tag of the session that this one goes on from; null where there was none.
 *
 * @typedef {object} SessionInfo
 * @property {string} id
 * @property {Optimizer} optimizer
 * @property {DType} dtype
 * @property {Shapes | null} shape
 * @property {number | null} size
 * @property {number} step
 * @property {string} incarnation
 * @property {number} bytes
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {number | null} ttlS
 * @property {string | null} expiresAt
 * @property {Readonly<Record<string, string>>} labels
 * @property {string} durability
 * @property {string | null} restoredFrom
 * @property {string | null} forkedFrom
 * @property {number} stepsSinceRestore
 */

/**
 * From the parsed document; members that this version does not know are left out.
 *
 * @param {unknown} document
 * @returns {Readonly<SessionInfo>}
 * @throws {TypeError | RangeError} the document is not what the contract says
 */
export function readInfo(document) {
  if (!isPlainObject(document)) throw new TypeError("it is no object");
  /** @type {(member: string) => any} */
  const member = (name) => {
    if (document[name] === undefined) throw new TypeError(`it has no ${name}`);
    return document[name];
  };
  return Object.freeze({
    id: member("id"),
    optimizer: member("optimizer"),
    dtype: dtypeNamed(member("dtype")),
    shape: readShape(member("shape")),
    size: member("size"),
    step: member("step"),
    incarnation: member("incarnation"),
    bytes: member("bytes"),
    createdAt: member("created_at"),
    updatedAt: member("updated_at"),
    ttlS: member("ttl_s"),
    expiresAt: member("expires_at"),
    labels: member("labels"),
    durability: member("durability"),
    restoredFrom: member("restored_from"),
    forkedFrom: member("forked_from"),
    stepsSinceRestore: member("steps_since_restore"),
  });
}

/**
 * @param {unknown} shape
 * @returns {Shapes | null}
 */
function readShape(shape) {
  const shapes = isPlainObject(shape) ? Object.values(shape) : [shape ?? []];
  if (!shapes.every((one) => Array.isArray(one) && one.every(Number.isInteger))) {
    throw new TypeError("its shape is none");
  }
  return /** @type {Shapes | null} */ (shape);
}
