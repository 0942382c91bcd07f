/**
 * The problem document (RFC 9457) as plain data, and how it is read. Which class it becomes is for error-class.js.
 */

import { isPlainObject } from "./json.js";

/** @typedef {{readonly pointer: string, readonly detail: string}} FieldError one place in the request's body */

/**
 * What the service says in a problem document. Members that it does not give are empty or null.
 *
 * @typedef {object} Problem
 * @property {string} code
 * @property {number} status
 * @property {string} title
 * @property {string} detail
 * @property {string} requestId
 * @property {readonly FieldError[]} errors
 * @property {string | null} etag
 * @property {number | null} step
 * @property {readonly string[]} fields
 * @property {number | null} retryAfterS
 */

/**
 * From the parsed document. A member of another type than the contract's is taken as absent.
 *
 * @param {Readonly<Record<string, unknown>>} document
 * @param {number} status
 * @param {number | null} retryAfterS
 * @returns {Problem}
 */
export function readProblem(document, status, retryAfterS) {
  return {
    code: text(document.code) ?? "",
    status,
    title: text(document.title) ?? "",
    detail: text(document.detail) ?? "",
    requestId: text(document.request_id) ?? "",
    errors: list(document.errors)
      .filter(isPlainObject)
      .map((entry) => ({ pointer: text(entry.pointer) ?? "", detail: text(entry.detail) ?? "" })),
    etag: text(document.etag),
    step: Number.isInteger(document.step) ? /** @type {number} */ (document.step) : null,
    fields: list(document.fields).filter((name) => typeof name === "string"),
    retryAfterS,
  };
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : null;
}

/** @param {unknown} value */
function list(value) {
  return Array.isArray(value) ? value : [];
}
