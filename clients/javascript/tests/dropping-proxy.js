/**
 * A real TCP proxy that loses answers: it forwards a request, reads the whole answer, and then does not give it. So the
 * service has carried the request out, and the client can't know. One request per connection; nothing sleeps.
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * How an answer is lost: `closed` without an answer, `reset` without one, `cut` in the middle, or `held`: no answer
 * comes, and the connection stays open. `null`: it is given as usual.
 *
 * @typedef {"closed" | "reset" | "cut" | "held" | null} Loss
 */

/**
 * A request that was forwarded: what must be the same when it is sent again, and how the service answered it.
 *
 * @typedef {{line: string, ifMatch: string | undefined, key: string | undefined, body: string, status: number}} Seen
 */

export class DroppingProxy {
  /** @type {Seen[]} */
  seen = [];
  /** @type {Loss[]} */
  #losses = [];
  /** @type {() => unknown} */
  #meanwhile = () => undefined;
  /** @type {Set<import("node:net").Socket>} */
  #open = new Set();
  #upstream;
  #server;

  /** @param {string} upstream the service's address */
  constructor(upstream) {
    this.#upstream = new URL(upstream);
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
      socket.on("error", () => socket.destroy());
      void this.#serve(socket);
    });
  }

  /** Starts to listen. */
  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url() {
    const address = /** @type {import("node:net").AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${address.port}`;
  }

  /**
   * Lose the next answers, each in its way; those after them are given. `meanwhile` is done when the first answer is in
   * and about to be lost: before the client can send again.
   *
   * @param {readonly Loss[]} losses
   * @param {() => unknown} [meanwhile]
   */
  lose(losses, meanwhile = () => undefined) {
    this.seen = [];
    this.#losses = [...losses];
    this.#meanwhile = meanwhile;
  }

  async stop() {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** @param {import("node:net").Socket} socket */
  async #serve(socket) {
    const request = await readRequest(socket);
    if (request === null) return;
    const answer = await this.#forward(request);
    this.seen.push({
      line: request.line.replace(/ HTTP.*/, ""),
      ifMatch: request.headers.get("if-match"),
      key: request.headers.get("idempotency-key"),
      body: request.body,
      status: Number(answer.toString("latin1").split(" ", 2)[1]),
    });
    if (this.seen.length === 1) await this.#meanwhile();
    const loss = this.#losses.shift() ?? null;
    if (loss === null) socket.end(answer);
    else if (loss === "cut") socket.end(answer.subarray(0, answer.length / 2));
    else if (loss === "reset") socket.resetAndDestroy();
    else if (loss === "closed") socket.end();
  }

  /** @param {{line: string, headers: Map<string, string>, body: string}} request */
  async #forward({ line, headers, body }) {
    const upstream = connect(Number(this.#upstream.port), this.#upstream.hostname);
    const fields = Array.from(headers.set("connection", "close"), ([name, value]) => `${name}: ${value}\r\n`);
    upstream.write(`${line}\r\n${fields.join("")}\r\n${body}`);
    const parts = [];
    for await (const part of upstream) parts.push(part);
    return Buffer.concat(parts);
  }
}

/**
 * @param {import("node:net").Socket} socket
 * @returns {Promise<{line: string, headers: Map<string, string>, body: string} | null>} null if none came
 */
function readRequest(socket) {
  return new Promise((resolve) => {
    let text = "";
    socket.on("close", () => resolve(null));
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      text += part;
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [line = "", ...fields] = text.slice(0, end).split("\r\n");
      const headers = new Map(fields.map((field) => /** @type {[string, string]} */ (splitField(field))));
      const body = text.slice(end + 4);
      if (body.length >= Number(headers.get("content-length") ?? 0)) resolve({ line, headers, body });
    });
  });
}

/** @param {string} field */
function splitField(field) {
  const colon = field.indexOf(":");
  return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
}
