/**
 * A program over openapi-fetch, typed by what openapi-typescript makes of /openapi.json (schema.d.ts beside it, when it is
 * run): creates a session at the address that it is given, steps it twice, is refused once, and prints what it got.
 */

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] ?? "" });
const path = { session_id: "generated" };

const created = await client.PUT("/v1/sessions/{session_id}", {
  params: { path },
  body: { optimizer: { name: "adadelta", rho: 0.9 }, params: [1, 2], dtype: "float64", labels: { made: "by a generator" } },
});
if (created.data === undefined) throw new Error(created.error.detail);
const session: components["schemas"]["SessionDocument"] = created.data;

let etag = created.response.headers.get("etag") ?? "";
const params = [];
for (const key of ["first", "second"]) {
  const stepped = await client.POST("/v1/sessions/{session_id}/step", {
    params: { path, header: { "If-Match": etag, "Idempotency-Key": key } },
    body: { grads: [0.5, -0.5] },
  });
  if (stepped.data === undefined) throw new Error(stepped.error?.detail ?? "no params");
  etag = stepped.response.headers.get("etag") ?? "";
  params.push(stepped.data.params);
}

const refused = await client.POST("/v1/sessions/{session_id}/step", { params: { path }, body: { grads: [0.5] } });
const problem: components["schemas"]["Problem"] | undefined = refused.error;
console.log(JSON.stringify({ id: session.id, step: session.step, params, refused: problem?.code }));

/** Not run: what the types refuse. */
export async function wrong() {
  // @ts-expect-error there is no such path
  await client.GET("/v1/session");
  // @ts-expect-error a session's dtype is float64 or float32
  await client.POST("/v1/sessions", { body: { dtype: "float16" } });
  // @ts-expect-error a step takes gradients
  await client.POST("/v1/sessions/{session_id}/step", { params: { path }, body: { params: [1, 2] } });
}
