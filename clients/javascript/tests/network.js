/** Plays what a network does: one outcome per request, in order; remembers requests and pauses. */

import { Client, RetryPolicy } from "../src/index.js";

export const SESSION = {
  id: "run",
  optimizer: { name: "adadelta", rho: 0.95 },
  dtype: "float64",
  shape: [2],
  size: 2,
  step: 0,
  incarnation: "abc",
  bytes: 48,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  ttl_s: null,
  expires_at: null,
  labels: {},
  durability: "memory",
  restored_from: null,
  forked_from: null,
  steps_since_restore: 0,
};

/**
 * @param {unknown} [document]
 * @param {{step?: number, status?: number, incarnation?: string}} [about]
 */
export function ok(document = SESSION, { step = 0, status = 200, incarnation = "abc" } = {}) {
  return () => new Response(JSON.stringify(document), { status, headers: { etag: `"${incarnation}-${step}"` } });
}

/**
 * @param {number} status
 * @param {string} code
 * @param {Record<string, string>} [headers]
 */
export function problem(status, code, headers = {}) {
  const body = JSON.stringify({ code, detail: "because", status, etag: '"abc-9"', step: 9 });
  return () => new Response(body, { status, headers: { "content-type": "application/problem+json", ...headers } });
}

export const badGateway = () =>
  new Response("<html>Bad Gateway</html>", { status: 502, headers: { "content-type": "text/html" } });
export const lost = failing({ code: "ECONNRESET", message: "connection reset by peer" });
export const refused = failing({ code: "ECONNREFUSED", syscall: "connect", message: "connection refused" });

/** @param {{code: string, syscall?: string, message: string}} system what Node's fetch hides in `cause` */
export function failing({ message, ...system }) {
  return () => {
    throw new TypeError("fetch failed", { cause: Object.assign(new Error(message), system) });
  };
}

/** @typedef {{line: string, url: string, headers: Headers, body: string, init: RequestInit}} Sent */

export class Network {
  /** @type {Sent[]} */
  requests = [];
  /** @type {number[]} */
  pauses = [];

  /** @param {(() => Response)[]} outcomes */
  constructor(...outcomes) {
    this.outcomes = outcomes;
  }

  /** @type {typeof globalThis.fetch} */
  fetch = async (input, init = {}) => {
    const url = new URL(String(input));
    const line = `${init.method} ${url.pathname}${url.search}`;
    this.requests.push({ line, url: url.href, headers: new Headers(init.headers), body: String(init.body), init });
    const outcome = this.outcomes.shift();
    if (outcome === undefined) throw new Error(`there is no outcome for ${line}`);
    return outcome();
  };

  /** @param {{retry?: RetryPolicy, timeoutS?: number, format?: import("../src/index.js").Format}} [options] */
  client(options = {}) {
    return new Client("http://stepd.test", {
      fetch: this.fetch,
      sleep: async (seconds) => void this.pauses.push(seconds),
      retry: new RetryPolicy({ random: () => 0 }),
      ...options,
    });
  }

  /**
   * A session of two params at step 0; the creating request is not remembered.
   *
   * @param {{retry?: RetryPolicy, timeoutS?: number, format?: import("../src/index.js").Format}} [options]
   */
  async session(options) {
    this.outcomes.unshift(ok(SESSION, { status: 201 }));
    const session = await this.client(options).session("run", { params: new Float64Array([1, 2]) });
    this.requests = [];
    return session;
  }

  get lines() {
    return this.requests.map(({ line }) => line);
  }
}
