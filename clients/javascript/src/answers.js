/** What answers say, read by pure functions: errors raised, documents decoded, validators taken from headers. */

import { decode } from "./arrays.js";
import { classOf, tellsOutcome } from "./error-class.js";
import { UnexpectedAnswer } from "./errors.js";
import { octetStream, paramsIn, RAW, SAFETENSORS } from "./formats.js";
import { readInfo } from "./info.js";
import { isPlainObject } from "./json.js";
import { readProblem } from "./problem.js";
import { read as readSafetensors } from "./safetensors.js";
import { contentType, textOf } from "./wire.js";

/** @import {Arrays, DType, Shapes} from "./arrays.js" */
/** @import {StepdError} from "./errors.js" */
/** @import {SessionInfo} from "./info.js" */
/** @import {Contents} from "./safetensors.js" */
/** @import {Answer} from "./wire.js" */

/** @typedef {Record<string, unknown>} Document */

/**
 * An ETag, as If-Match takes it, and the two things that it is made of.
 *
 * @typedef {{readonly etag: string, readonly incarnation: string, readonly step: number}} Validator
 */

const ETAG = /^(?:W\/)?("([!#-~]+)-([0-9]+)")$/;
const EXCERPT_CHARACTERS = 200;

/**
 * The answer, if it is a success; throws what it is otherwise.
 *
 * @param {Answer} answer
 * @returns {Answer}
 */
export function checked(answer) {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const error = errorOf(answer);
  error.maybeApplied ||= answer.maybeApplied;
  throw error;
}

/**
 * The error that an answer other than a success stands for: a typed problem, or something unexpected. Its
 * `maybeApplied` is about this answer alone, not about earlier sendings of the request.
 *
 * @param {Answer} answer
 * @returns {StepdError}
 */
export function errorOf(answer) {
  if (contentType(answer) === "application/problem+json") {
    const document = parsed(answer);
    if (document !== null) {
      const problem = readProblem(document, answer.status, retryAfterS(answer));
      const refused = new (classOf(problem.code, answer.status))(problem);
      refused.maybeApplied = answer.status >= 500 && !tellsOutcome(problem.code);
      return refused;
    }
  }
  return unexpected(answer, "the answer is not stepd's");
}

/**
 * Retry-After in seconds; null where it is absent or a date.
 *
 * @param {Answer} answer
 * @returns {number | null}
 */
export function retryAfterS(answer) {
  const given = (answer.headers["retry-after"] ?? "").trim();
  return /^[0-9]+$/.test(given) ? Number(given) : null;
}

/**
 * The JSON object that a success carries. Throws what `checked` throws, and UnexpectedAnswer.
 *
 * @param {Answer} answer
 * @returns {Document}
 */
export function documentOf(answer) {
  const document = parsed(checked(answer));
  if (document === null) throw unexpected(answer, "the answer is no JSON object");
  return document;
}

/**
 * The session's ETag. Proxies that compress mark it weak; it names the state, not the bytes, so that is undone.
 *
 * @param {Answer} answer
 * @returns {Validator}
 */
export function validatorOf(answer) {
  const given = answer.headers.etag ?? "";
  const [, etag, incarnation, step] = ETAG.exec(given) ?? [];
  if (etag === undefined || incarnation === undefined) {
    throw unexpected(answer, given === "" ? "the answer has no ETag" : `the ETag is ${JSON.stringify(given)}`);
  }
  return { etag, incarnation, step: Number(step) };
}

/**
 * The session that the answer describes. Throws what `checked` throws, and UnexpectedAnswer.
 *
 * @param {Answer} answer
 * @returns {SessionInfo}
 */
export function sessionOf(answer) {
  return infoOf(answer, documentOf(answer));
}

/**
 * The session that a document within the answer describes.
 *
 * @param {Answer} answer
 * @param {unknown} document
 * @returns {SessionInfo}
 */
export function infoOf(answer, document) {
  return read(answer, "the answer describes no session", () => readInfo(document));
}

/**
 * The values under `member` of the answer's document.
 *
 * @param {Answer} answer
 * @param {Document} document
 * @param {string} member
 * @param {DType} dtype
 * @returns {Arrays}
 */
export function valuesOf(answer, document, member, dtype) {
  if (document[member] === undefined) throw unexpectedMember(answer, member);
  return read(answer, `${member} can't be read`, () => decode(member, document[member], dtype));
}

/**
 * The params that an answer carries, in whichever format. Throws what `checked` throws, and UnexpectedAnswer.
 *
 * @param {Answer} answer
 * @param {DType} dtype the session's
 * @param {Shapes | null} shape the session's, of which a binary body has to be; null takes any
 * @returns {Arrays}
 */
export function paramsOf(answer, dtype, shape) {
  const type = contentType(checked(answer));
  if (type !== RAW && type !== SAFETENSORS) return valuesOf(answer, documentOf(answer), "params", dtype);
  const reader = type === RAW ? octetStream : paramsIn;
  return read(answer, "params can't be read", () => reader(answer.body, dtype, shape));
}

/**
 * What an answer in safetensors holds; null for one in another format. Throws like `paramsOf`.
 *
 * @param {Answer} answer
 * @returns {Contents | null}
 */
export function contentsOf(answer) {
  if (contentType(checked(answer)) !== SAFETENSORS) return null;
  return read(answer, "the answer can't be read", () => readSafetensors(answer.body));
}

/**
 * What a reader makes of an answer; where that is impossible, the answer is not what the contract says.
 *
 * @template Result
 * @param {Answer} answer
 * @param {string} failure
 * @param {() => Result} reader
 * @returns {Result}
 */
export function read(answer, failure, reader) {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw unexpected(answer, `${failure}: ${error.message}`);
  }
}

/**
 * For a success whose document lacks what the contract promises.
 *
 * @param {Answer} answer
 * @param {string} member
 * @returns {UnexpectedAnswer}
 */
export function unexpectedMember(answer, member) {
  return unexpected(answer, `the answer has no ${member}, or it is of another type than it should be`);
}

/**
 * @param {Answer} answer
 * @returns {Document | null}
 */
function parsed(answer) {
  try {
    const document = JSON.parse(textOf(answer));
    return isPlainObject(document) ? document : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * @param {Answer} answer
 * @param {string} reason
 */
function unexpected(answer, reason) {
  const excerpt = answer.status < 300 ? "" : textOf(answer).slice(0, EXCERPT_CHARACTERS);
  const error = new UnexpectedAnswer(answer.status, contentType(answer), reason, excerpt);
  // A success that can't be read is a success all the same; and who knows what happened behind a failing proxy.
  error.maybeApplied = answer.status < 300 || answer.status === 408 || answer.status >= 500;
  return error;
}
