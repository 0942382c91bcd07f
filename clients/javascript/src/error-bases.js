/**
 * What every error is made of: the base of all, errors of an exchange that brought no answer of stepd's, and the base of
 * its refusals, whose classes by code are in errors.js.
 */

/** @import {Problem} from "./problem.js" */

/**
 * The base of everything that the client raises about an exchange with the service.
 *
 * `maybeApplied` is true where the request may have been carried out although this error says otherwise: it was sent,
 * an answer to that sending never came, and nothing since tells. For a request that changes nothing it means nothing.
 */
export class StepdError extends Error {
  maybeApplied = false;

  get name() {
    return this.constructor.name;
  }
}

/** No answer came, in as many attempts as the retry policy allows: refused, reset, or broken off. */
export class ConnectionFailed extends StepdError {}

/** No answer came in time, in as many attempts as the retry policy allows. */
export class RequestTimedOut extends ConnectionFailed {}

/**
 * An answer that is not stepd's, such as a proxy's error page or another server's reply.
 *
 * `status` is its HTTP status, `contentType` its media type, `reason` what is wrong with it, `excerpt` how it begins.
 */
export class UnexpectedAnswer extends StepdError {
  /**
   * @param {number} status
   * @param {string} contentType
   * @param {string} reason
   * @param {string} [excerpt]
   */
  constructor(status, contentType, reason, excerpt = "") {
    const begins = excerpt === "" ? "" : `; it begins ${JSON.stringify(excerpt)}`;
    super(`${reason} (status ${status}, ${contentType || "no content type"})${begins}`);
    this.status = status;
    this.contentType = contentType;
    this.reason = reason;
    this.excerpt = excerpt;
  }
}

/**
 * The service refused. After any of these, unless `maybeApplied`, nothing has changed.
 *
 * `code` is the stable name of the reason, `detail` says it with the numbers, `errors` are places in the body,
 * `requestId` finds the request in the service's log, `status` is the HTTP status. `etag` and `step` are the
 * session's current ones where the service gives them; `retryAfterS` is how long it asks to wait.
 */
export class ProblemError extends StepdError {
  /** The code that the class stands for; empty for a family of classes. */
  static code = "";

  /** @param {Problem} problem */
  constructor(problem) {
    const { code, status, title, detail, requestId } = problem;
    const request = requestId === "" ? "" : `, request ${requestId}`;
    super(`${detail || title} (${code || "no code"}, status ${status}${request})`);
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.requestId = requestId;
    this.errors = problem.errors;
    this.etag = problem.etag;
    this.step = problem.step;
    this.retryAfterS = problem.retryAfterS;
  }
}
