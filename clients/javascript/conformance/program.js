/**
 * The conformance program of the JavaScript client: reads commands on standard input, one JSON object a line, does with
 * the client what each says, and answers each on standard output. docs/writing-a-client.md describes both; this program
 * judges nothing.
 */

import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import {
  Adadelta,
  Checkpoint,
  Client,
  ProblemError,
  RetryPolicy,
  SessionExists,
  Stale,
  StepdError,
  UnexpectedAnswer,
} from "../src/index.js";
import { nestedArrays, roleOf, shapesOf, typedArrays } from "./bits.js";

/** @import {Session} from "../src/index.js" */

/** @typedef {Record<string, any>} Command */

let client = new Client();
/** @type {Map<string, Session>} */
const sessions = new Map();
/** @type {Map<string, Checkpoint>} */
const checkpoints = new Map();

/** @type {Record<string, (command: Command) => unknown>} */
const DO = {
  connect({ url, attempts, timeout_s: timeoutS, waits, format }) {
    const retry = attempts === undefined ? undefined : new RetryPolicy({ attempts });
    client = new Client(url, { retry, timeoutS, format, sleep: waits ? undefined : async () => {} });
    sessions.clear();
    checkpoints.clear();
    return {};
  },
  async open({ as, id, optimizer, params, shape, dtype, ttl_s: ttlS, labels }) {
    const values = params === undefined ? { shape } : { params: typedArrays(params), shape: shapesOf(params) };
    return opened(as, await client.session(id, { optimizer, ...values, dtype, ttlS, labels }));
  },
  view: ({ on }) => view(session(on)),
  async step({ on, grads, params, lr, return_params: returnParams }) {
    const given = params === undefined ? undefined : nestedArrays(params);
    const options = /** @type {any} */ ({ params: given, lr, returnParams });
    return view(session(on), await session(on).step(nestedArrays(grads), options));
  },
  async fetch_params({ on }) {
    return view(session(on), await session(on).fetchParams());
  },
  async wait_for_step({ on, step, timeout_s: timeoutS }) {
    return view(session(on), await session(on).waitForStep(step, timeoutS === undefined ? {} : { timeoutS }));
  },
  async put_params({ on, params }) {
    await session(on).putParams(nestedArrays(params));
    return view(session(on));
  },
  async reset({ on }) {
    await session(on).reset();
    return view(session(on));
  },
  async state({ on, keep }) {
    return kept(keep, await session(on).state());
  },
  async restore({ on, checkpoint }) {
    await session(on).restore(taken(checkpoint));
    return view(session(on));
  },
  async restore_as({ as, id, checkpoint, ttl_s: ttlS, labels }) {
    return opened(as, await client.restore(id, taken(checkpoint), { ttlS, labels }));
  },
  async fork({ on, as, id, optimizer, ttl_s: ttlS, labels }) {
    return opened(as, await session(on).fork(id, { optimizer, ttlS, labels }));
  },
  async save({ checkpoint, path }) {
    const saved = taken(checkpoint);
    await writeFile(path, isSafetensors(path) ? saved.toSafetensors() : saved.toJSON());
    return {};
  },
  async load({ keep, path }) {
    const written = await readFile(path);
    return kept(keep, isSafetensors(path) ? Checkpoint.fromSafetensors(written) : Checkpoint.fromJSON(String(written)));
  },
  async describe({ on }) {
    const members = Object.entries(await session(on).describe());
    return Object.fromEntries(members.map(([name, value]) => [snake(name), value]));
  },
  async delete({ on }) {
    await session(on).delete();
    return {};
  },
  async delete_id({ id }) {
    await client.delete(id);
    return {};
  },
  async list({ labels, page_size: pageSize }) {
    const ids = [];
    for await (const info of client.sessions({ label: labels, pageSize })) ids.push(info.id);
    return { ids };
  },
  async step_once({ optimizer, params, grads, state, dtype }) {
    const shape = shapesOf(params);
    const slots = state && mapped(state, nestedArrays);
    const values = typedArrays(params);
    const how = { state: slots, dtype, shape };
    const after = await client.stepOnce(optimizer ?? Adadelta(), values, nestedArrays(grads), how);
    const held = after.params instanceof Float32Array || Object.values(after.params)[0] instanceof Float32Array;
    const given = held ? "float32" : "float64";
    return {
      params: roleOf(after.params, shape, given),
      state: mapped(after.state, (slot) => roleOf(slot, shape, given)),
    };
  },
  optimizers: () => client.optimizers(),
  info: () => client.info(),
};

/** @param {string} path */
function isSafetensors(path) {
  return path.endsWith(".safetensors");
}

/** @param {string} name */
function session(name) {
  return found(sessions, name, "session");
}

/** @param {string} name */
function taken(name) {
  return found(checkpoints, name, "checkpoint");
}

/**
 * @template Kept
 * @param {ReadonlyMap<string, Kept>} map
 * @param {string} name
 * @param {string} what
 * @returns {Kept}
 */
function found(map, name, what) {
  const one = map.get(name);
  if (one === undefined) throw new Error(`there is no ${what} ${JSON.stringify(name)}`);
  return one;
}

/**
 * @param {string} name
 * @param {Session} made
 */
function opened(name, made) {
  sessions.set(name, made);
  return view(made);
}

/**
 * @param {Session} seen
 * @param {any} [params]
 */
function view(seen, params = seen.params) {
  const { id, stepNumber, etag, dtype, shape } = seen;
  return { id, step: stepNumber, etag, dtype, shape, params: params === null ? null : roleOf(params, shape, dtype) };
}

/**
 * @param {string} name
 * @param {Checkpoint} checkpoint
 */
function kept(name, checkpoint) {
  checkpoints.set(name, checkpoint);
  const { optimizer, dtype, step, params, state, shape, digest } = checkpoint;
  /** @type {(values: any) => unknown} */
  const role = (values) => roleOf(values, shape, dtype);
  return { optimizer, dtype, step, params: role(params), state: mapped(state, role), digest };
}

/**
 * @param {Readonly<Record<string, any>>} slots
 * @param {(values: any) => unknown} change
 */
function mapped(slots, change) {
  return Object.fromEntries(Object.entries(slots).map(([slot, values]) => [slot, change(values)]));
}

/** @param {string} name */
function snake(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @param {StepdError | TypeError | RangeError} error */
function told(error) {
  if (!(error instanceof StepdError)) return { type: "not-sent", detail: error.message };
  const Class = /** @type {typeof ProblemError} */ (error.constructor);
  const name = snake(Class.name).slice(1).replaceAll("_", "-");
  const type = (error instanceof ProblemError && Class.code) || name;
  const known = { type, maybe_applied: error.maybeApplied, ...details(error) };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null && value !== ""));
}

/** @param {StepdError} error */
function details(error) {
  if (error instanceof UnexpectedAnswer) return { status: error.status, detail: error.reason };
  if (!(error instanceof ProblemError)) return { detail: error.message };
  return {
    code: error.code,
    status: error.status,
    detail: error.detail,
    request_id: error.requestId,
    pointers: error.errors.map(({ pointer }) => pointer),
    etag: error.etag,
    step: error.step,
    retry_after_s: error.retryAfterS,
    ...(error instanceof SessionExists ? { fields: error.fields } : {}),
    ...(error instanceof Stale ? { resent: error.resent } : {}),
  };
}

/**
 * @param {Command} command
 * @returns {Promise<object>}
 */
async function answer(command) {
  const does = DO[command.do];
  if (does === undefined) throw new Error(`there is no command ${JSON.stringify(command.do)}`);
  try {
    return { ok: await does(command) };
  } catch (error) {
    if (error instanceof StepdError || error instanceof TypeError || error instanceof RangeError) {
      return { error: told(error) };
    }
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
