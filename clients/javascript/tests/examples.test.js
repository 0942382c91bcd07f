/** The examples and the README's code, run as they stand against a real service. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import * as stepd from "../src/index.js";
import { Serving } from "./serving.js";

const ROOT = new URL("../", import.meta.url);
const service = await Serving.start();
after(() => service.stop());

/** @type {(script: string, ...given: string[]) => Promise<string>} */
const run = async (script, ...given) => {
  const env = { ...process.env, STEPD_URL: service.url };
  return (await promisify(execFile)(process.execPath, [script, ...given], { env })).stdout;
};

/** @type {(name: string) => string} */
const example = (name) => fileURLToPath(new URL(`examples/${name}`, ROOT));

test("the digits are learnt over HTTP with the textbook's bits", async () => {
  const lines = (await run(example("digits.js"), service.url)).trimEnd().split("\n");
  assert.equal(lines[0], "1437 images to train on, 360 to test on");
  assert.equal(lines.at(-1), "equal to the textbook class fed the same gradients, bit for bit: yes");
  assert.match(lines.at(-2) ?? "", /^\d+ steps per second over HTTP, of 650 params each$/);
  const losses = lines.slice(1, -2).map((line) => Number(/loss ([\d.]+)/.exec(line)?.[1]));
  assert.equal(losses.length, 10);
  assert.deepEqual(losses, losses.toSorted((one, other) => other - one));
  const [training, testing] = Array.from(String(lines.at(-3)).matchAll(/([\d.]+) %/g), ([, found]) => Number(found));
  assert.ok(Number(training) > 95 && Number(testing) > 90, lines.at(-3));
  assert.equal((await new stepd.Client(service.url).sessions({ label: { example: "digits" } }).next()).done, true);
});

test("the quickstart goes downhill", async () => {
  const [, first, second] = /^step 100: (\S+) (\S+)\n$/.exec(await run(example("quickstart.js"))) ?? [];
  assert.ok(0 < Number(first) && Number(first) < 3 && -1 < Number(second) && Number(second) < 0);
});

test("the README's code runs as it stands, and names only what exists", async () => {
  const text = await readFile(new URL("README.md", ROOT), "utf8");
  const [, script] = /```js\n(import .*?)```/s.exec(text) ?? [];
  // Within the package, so that it finds the package by its name.
  const folder = await mkdtemp(fileURLToPath(new URL("readme-", ROOT)));
  try {
    await writeFile(`${folder}/example.js`, script ?? "");
    assert.match(await run(`${folder}/example.js`), /^100 Float64Array\(2\) \[/);
  } finally {
    await rm(folder, { recursive: true });
  }
  for (const [, owner, member] of text.matchAll(/`(?:await )?(client|session)\.(\w+)/g)) {
    const Class = owner === "client" ? stepd.Client : stepd.Session;
    assert.ok(String(member) in Class.prototype, `${owner}.${member}`);
  }
  for (const [, name] of text.matchAll(/`(?:new )?([A-Z][A-Za-z]+Error|[A-Z][a-z]+[A-Z]\w+)\b/g)) {
    assert.ok(String(name) in { ...stepd, ...globalThis, TypeError, RangeError, Float64Array, Float32Array, AbortSignal }, name);
  }
});
