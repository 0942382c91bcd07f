/**
 * The JavaScript client of stepd: optimizer sessions over HTTP, exact to the bit. What is exported here is public.
 *
 *     const client = new Client();
 *     const session = await client.session("run", { optimizer: Adadelta({ rho: 0.95 }), params: new Float64Array(2) });
 *     const params = await session.step(new Float64Array([0.5, -0.5]));
 *
 * @module
 */

export { Checkpoint } from "./checkpoint.js";
export { Client } from "./client.js";
export * from "./errors.js";
export { Adadelta, Adagrad, RMSprop, SGD } from "./optimizers.js";
export { RetryPolicy } from "./retry.js";
export { Session } from "./session.js";

/** @typedef {import("./arrays.js").DType} DType */
/** @typedef {import("./formats.js").Format} Format */
/** @typedef {import("./history.js").Incarnation} Incarnation */
/** @typedef {import("./history.js").PastStep} PastStep */
/** @typedef {import("./info.js").Durability} Durability */
/** @typedef {import("./info.js").Optimizer} Optimizer */
/** @typedef {import("./info.js").SessionInfo} SessionInfo */
/** @typedef {import("./opening.js").Creation} Creation */
/** @typedef {import("./opening.js").Forking} Forking */
/** @typedef {import("./problem.js").FieldError} FieldError */
/** @typedef {import("./session.js").StepOptions} StepOptions */
/** @typedef {import("./values.js").Values} Values */
