/**
 * Bundles src/ into the one readable ES module that the service gives to its pages as /client.js:
 *
 *     node build.js FILE
 */

import { resolve } from "node:path";
import { argv, exit, stderr } from "node:process";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const [file] = argv.slice(2);
if (file === undefined) {
  stderr.write("usage: node build.js FILE\n");
  exit(2);
}
await build({
  // The names of files in the bundle are relative to this folder, wherever it is built from.
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["src/index.js"],
  outfile: resolve(file),
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// Made from clients/javascript/src by `npm run build` there: change it there." },
});
