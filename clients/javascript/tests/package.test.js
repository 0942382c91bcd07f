/** The package: what it exports, what it says of itself, and that the browser can load it unchanged. */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

import * as errors from "../src/errors.js";
import * as stepd from "../src/index.js";
import { VERSION } from "../src/version.js";

const ROOT = new URL("../", import.meta.url);
const SOURCES = (await readdir(new URL("src/", ROOT))).map((name) => new URL(`src/${name}`, ROOT));

test("the public names are these, and all errors are among them", () => {
  const others = ["Adadelta", "Adagrad", "Checkpoint", "Client", "RMSprop", "RetryPolicy", "SGD", "Session"];
  assert.deepEqual(Object.keys(stepd).sort(), [...Object.keys(errors), ...others].sort());
});

test("the package has no dependency, and one version", async () => {
  const about = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8"));
  assert.equal(about.version, VERSION);
  assert.equal(about.dependencies, undefined);
  assert.equal((await import("stepd-client")).Client, stepd.Client);
});

test("the sources import one another and nothing else", async () => {
  for (const source of SOURCES) {
    const imports = (await readFile(source, "utf8")).matchAll(/^(?:import|export) .*? from "([^"]+)"/gm);
    for (const [, from] of imports) assert.match(String(from), /^\.\/[a-z-]+\.js$/);
  }
});

test("every file is short and begins by saying what belongs in it", async () => {
  assert.ok(SOURCES.length > 15);
  for (const source of SOURCES) {
    const text = await readFile(source, "utf8");
    assert.ok(text.split("\n").length <= 401, source.pathname);
    assert.match(text, /^\/\*\*\s+(\*\s+)?[A-Z].*?[.:,]/s);
  }
});
