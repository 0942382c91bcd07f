/** What TypeScript makes of the package: this file is checked by tsc and never run. */

import { Adadelta, Checkpoint, Client, PreconditionFailed, ProblemError, RetryPolicy, SGD, StepdError } from "stepd-client";
import type { DType, Durability, Forking, Incarnation, Optimizer, PastStep, Session, SessionInfo, Values } from "stepd-client";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_Holds extends true>() => undefined;

const client = new Client("http://127.0.0.1:8000", { timeoutS: 5, retry: new RetryPolicy({ attempts: 2 }) });
const optimizer: Optimizer = Adadelta({ rho: 0.9, weight_decay: 0.1 });
const session: Session = await client.session("run", { optimizer, params: new Float64Array(2), labels: { run: "7" } });
await client.session();
await client.session({ shape: { w: [64, 10], b: 10 }, dtype: "float32" });
await client.session("run", { shape: 3, signal: AbortSignal.timeout(1000) });

const typed = await session.step(new Float64Array([0.5, -0.5]));
is<Equal<typeof typed, Float64Array | Float32Array>>();
const listed = await session.step([0.5, -0.5], { params: [[1]], lr: 0.1 });
is<Equal<typeof listed, number[]>>();
const nested = await session.step([[0.5], [-0.5]]);
is<Equal<typeof nested, number[][]>>();
const named = await session.step({ w: new Float32Array(2), b: 0.5, rows: [[1]] });
is<Equal<typeof named, { w: Float64Array | Float32Array; b: number; rows: number[][] }>>();
const nothing = await session.step([1], { returnParams: false });
is<Equal<typeof nothing, null>>();
const either = await session.step([1], { returnParams: Math.random() < 0.5 });
is<Equal<typeof either, number[] | null>>();

const { params, state } = await client.stepOnce(SGD({ momentum: 0.9 }), { w: [1] }, { w: [1] });
is<Equal<typeof params, { w: number[] }>>();
is<Equal<typeof state, Record<string, { w: number[] }>>>();

const checkpoint: Checkpoint = Checkpoint.fromJSON((await session.state()).toJSON());
await (await client.restore("copy", checkpoint, { ttlS: 60 })).waitForStep(3, { timeoutS: 10 });
for await (const info of client.sessions({ label: { run: "7" }, pageSize: 10 })) {
  const { id, ttlS, shape }: SessionInfo = info;
  is<Equal<typeof id, string>>();
  is<Equal<typeof ttlS, number | null>>();
  void shape;
}
const durability: Durability = "journal";
await client.session("run", { shape: 3, durability });
await client.restore("copy", await session.state({ atStep: 3, incarnation: "abc" }), { durability: "snapshot" });
const written: SessionInfo = await session.snapshot();
is<Equal<typeof written.forkedFrom, string | null>>();
for await (const past of session.history({ pageSize: 10 })) {
  is<Equal<typeof past, Readonly<PastStep>>>();
  is<Equal<typeof past.gradNorm, number | null>>();
}
const lives: readonly Incarnation[] = await session.incarnations();
const forking: Forking = { atStep: lives[0]?.lastStep ?? 0, optimizer: { lr: 0.5 } };
const forked: Session = await session.fork("fork", { ...forking, signal: AbortSignal.timeout(1000) });
await forked.fork({ ttlS: 60 });
await forked.fork();
try {
  await session.reset({ signal: new AbortController().signal });
} catch (error) {
  if (error instanceof PreconditionFailed) is<Equal<typeof error.resent, boolean>>();
  if (error instanceof ProblemError) is<Equal<typeof error.step, number | null>>();
  if (error instanceof StepdError) is<Equal<typeof error.maybeApplied, boolean>>();
}
is<Equal<typeof PreconditionFailed.code, string>>();
const dtype: DType = session.dtype;
const values: Values = { w: new Float64Array(1), b: 1 };
void [dtype, values];

interface Weights {
  w: Float64Array;
  readonly bias: number;
  rows: number[][];
}
const weights: Weights = { w: new Float64Array(2), bias: 0.5, rows: [[1]] };
await client.session("run", { params: weights });
await client.session({ params: weights, signal: AbortSignal.timeout(1000) });
const declared = await session.step(weights, { params: weights, lr: 0.1 });
is<Equal<typeof declared, { w: Float64Array | Float32Array; bias: number; rows: number[][] }>>();
is<Equal<null, Awaited<ReturnType<typeof minimal>>>>();
const minimal = () => session.step(weights, { params: weights, returnParams: false });
await session.putParams(weights);
const twice = await client.stepOnce(SGD({ momentum: 0.9 }), weights, weights);
await client.stepOnce(SGD({ momentum: 0.9 }), twice.params, weights, { state: twice.state });
const bytes: Uint8Array = checkpoint.toSafetensors();
void [Checkpoint.fromSafetensors(bytes), Checkpoint.fromSafetensors(await new Response().arrayBuffer())];
await session.waitForStep(3, { timeoutS: null });
new Client(undefined, { format: "binary" });

interface Wrong {
  w: Float64Array;
  name: string;
}
const wrong: Wrong = { w: new Float64Array(2), name: "w" };
// @ts-expect-error a name is no values
await session.step(wrong);
// @ts-expect-error nor as params of a step
await session.step(weights, { params: wrong });
// @ts-expect-error nor where they are put
await session.putParams(wrong);
// @ts-expect-error nor to create with
await client.session("run", { params: wrong });
// @ts-expect-error nor without a session
await client.stepOnce(SGD(), wrong, weights);
// @ts-expect-error dates are no values
await session.step(new Date());
// @ts-expect-error there is no such format
new Client(undefined, { format: "octet-stream" });
// @ts-expect-error a session holds numbers
await session.step(["0.5"]);
// @ts-expect-error not booleans
await session.step([true]);
// @ts-expect-error nor big integers
await session.step(new BigInt64Array(1));
// @ts-expect-error a number alone is no vector
await session.step(0.5);
// @ts-expect-error gradients are needed
await session.step();
// @ts-expect-error there is no such hyper-parameter
Adadelta({ epsilon: 1e-6 });
// @ts-expect-error momentum is SGD's
Adadelta({ momentum: 0.9 });
// @ts-expect-error there is no such dtype
await client.session({ shape: 1, dtype: "float16" });
// @ts-expect-error options are named in camel case
await client.session({ shape: 1, ttl_s: 60 });
// @ts-expect-error an optimizer has a name
await client.session({ optimizer: { rho: 0.9 }, shape: 1 });
// @ts-expect-error what the session is can't be set
session.id = "other";
// @ts-expect-error a checkpoint is made from its JSON, not from its document
Checkpoint.fromJSON({ step: 3 });
// @ts-expect-error a signal is an AbortSignal
await client.info({ signal: true });
// @ts-expect-error there is no such level
await client.session({ shape: 1, durability: "paper" });
// @ts-expect-error a step is a number
await session.state({ atStep: "3" });
