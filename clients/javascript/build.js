/**
 * Bundles src/ into the one readable ES module that the service gives to its pages as /client.js:
 *
 *     node build.js FILE
 */

import { argv, exit, stderr } from "node:process";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const [file] = argv.slice(2);
if (file === undefined) {
  stderr.write("usage: node build.js FILE\n");
  exit(2);
}
await build({
  entryPoints: [fileURLToPath(new URL("./src/index.js", import.meta.url))],
  outfile: file,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// Made from clients/javascript/src by `npm run build` there: change it there." },
});
