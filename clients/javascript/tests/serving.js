/** A stepd service of a test's own, on a free port, as a program beside it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

// pytest says which Python it runs in; by hand it is the one of the checkout.
const PYTHON = process.env.STEPD_TEST_PYTHON ?? fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));

/** A running service. */
export class Serving {
  #process;
  #url;

  /**
   * @param {import("node:child_process").ChildProcess} process
   * @param {string} url
   */
  constructor(process, url) {
    this.#process = process;
    this.#url = url;
  }

  /** Where it answers. */
  get url() {
    return this.#url;
  }

  /**
   * Starts one and waits for the line by which it says where it answers.
   *
   * @param {Readonly<Record<string, string>>} [settings]
   */
  static async start(settings = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(STEPD|WEB|COV)_/.test(name));
    const service = spawn(PYTHON, ["-m", "stepd", "serve", "--port", "0"], {
      env: { ...Object.fromEntries(inherited), STEPD_DRIVER: "blocked", ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Whatever ends this process, a test that fails to load included.
    process.on("exit", () => service.kill("SIGKILL"));
    const said = text(service.stderr);
    for await (const line of createInterface({ input: service.stdout })) {
      const [url] = /http:\/\/[\w.:]+/.exec(line) ?? [];
      if (url !== undefined) return new Serving(service, url);
    }
    throw new Error(`the service did not start: ${await said}`);
  }

  /** Ends it as an operator would. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await ended;
  }
}

/** @param {AsyncIterable<Buffer>} stream */
async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}
