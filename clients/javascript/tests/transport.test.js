/** What fetch does on real sockets: each failure becomes the error that says what is known of it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, test } from "node:test";

import { Client, ConnectionFailed, RequestTimedOut, RetryPolicy } from "../src/index.js";
import { pause } from "../src/transport.js";

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"version":"1"';

/** @type {(() => void)[]} */
let ends = [];
afterEach(() => {
  for (const end of ends) end();
  ends = [];
});

/**
 * A server that does with each connection what it is told, once a request has come.
 *
 * @param {(socket: import("node:net").Socket) => void} act
 */
async function serverThat(act) {
  const server = createServer((socket) => {
    ends.push(() => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.once("data", () => act(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => server.close());
  return `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
}

/** @type {(url: string, options?: object) => Client} */
const impatient = (url, options) => new Client(url, { retry: new RetryPolicy({ attempts: 1 }), ...options });

test("where nobody listens, the error says so, and that nothing was sent", async () => {
  const url = await serverThat(() => undefined);
  for (const end of ends) end();
  for (const address of [url, url.replace("127.0.0.1", "localhost")]) {
    await assert.rejects(impatient(address).info(), (error) => {
      assert.ok(error instanceof ConnectionFailed);
      assert.match(error.message, /^GET \/v1\/info: .*ECONNREFUSED/);
      return !error.maybeApplied;
    });
  }
});

test("a name that leads nowhere is an address that was never reached", async () => {
  const error = await impatient("http://no-such-host.invalid").info().catch((reason) => reason);
  assert.ok(error instanceof ConnectionFailed);
  assert.match(error.message, /getaddrinfo/);
  assert.equal(error.maybeApplied, false);
});

test("a port that fetch itself refuses was never reached", async () => {
  await assert.rejects(impatient("http://127.0.0.1:1").info(), (error) => {
    assert.ok(error instanceof ConnectionFailed);
    assert.match(error.message, /bad port/);
    return !error.maybeApplied;
  });
});

test("a connection that breaks may have been carried out", async () => {
  for (const url of [
    await serverThat((socket) => socket.end()),
    await serverThat((socket) => socket.resetAndDestroy()),
    await serverThat((socket) => socket.end(ANSWER.slice(0, -3))),
  ]) {
    await assert.rejects(impatient(url).info(), { name: "ConnectionFailed", maybeApplied: true });
  }
});

test("silence longer than the timeout is RequestTimedOut, before an answer and within one", async () => {
  for (const url of [await serverThat(() => undefined), await serverThat((socket) => socket.write(ANSWER))]) {
    await assert.rejects(impatient(url, { timeoutS: 0.05 }).info(), (error) => {
      assert.ok(error instanceof RequestTimedOut && error instanceof ConnectionFailed);
      assert.match(error.message, /no answer within 0\.05 s$/);
      return error.maybeApplied;
    });
  }
});

test("a service that goes on talking is waited for, however long it takes", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {ReadableStreamDefaultController<Uint8Array> | undefined} */
  let talk;
  const body = new ReadableStream({ start: (controller) => void (talk = controller) });
  /** @type {typeof globalThis.fetch} */
  const fetch = async (_, init) => {
    init?.signal?.addEventListener("abort", () => talk?.error(new Error("aborted")));
    return new Response(body);
  };
  const answering = impatient("http://stepd.test", { fetch, timeoutS: 1 }).info();
  for (const part of '{"version":"1"}') {
    talk?.enqueue(new TextEncoder().encode(part));
    await new Promise(setImmediate);
    context.mock.timers.tick(900);
  }
  talk?.close();
  assert.deepEqual(await answering, { version: "1" });
});

test("an abort ends a request at once and leaves no listener behind", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const url = await serverThat(() => controller.abort(reason));
  await assert.rejects(new Client(url).info({ signal: controller.signal }), reason);
  await assert.rejects(new Client(url).info({ signal: AbortSignal.timeout(0) }), { name: "TimeoutError" });
});

test("a pause ends when its signal is aborted", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const pausing = assert.rejects(pause(1e9, controller.signal), reason);
  controller.abort(reason);
  await pausing;
  await pause(0);
});
