/**
 * The smallest use: a session, a few steps downhill, a checkpoint.
 *
 *     node examples/quickstart.js [URL]        URL: of a running service; default STEPD_URL, else http://127.0.0.1:8000
 */

import { Adadelta, Client } from "stepd-client";

const client = new Client(process.argv[2]);
const target = [3, -1];
const session = await client.session({ optimizer: Adadelta({ rho: 0.95 }), params: new Float64Array(2) });
for (let step = 0; step < 100; step++) {
  const params = /** @type {Float64Array} */ (session.params);
  await session.step(params.map((value, index) => value - (target[index] ?? 0))); // gradients in, params out
}
const checkpoint = await session.state();
console.log(`step ${checkpoint.step}:`, ...checkpoint.params);
await session.delete();
