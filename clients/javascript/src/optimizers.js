/**
 * The optimizers of the service's catalogue: names and hyper-parameters, no arithmetic.
 *
 * Each function makes the object that the service takes. A hyper-parameter that is left out is left to the service,
 * whose default is named here; ranges are checked there. Names are the catalogue's.
 */

/** @import {Optimizer} from "./info.js" */

/**
 * What all optimizers have. `lr` scales each step; at least 0; each optimizer has its own default. `weight_decay` is the
 * L2 penalty, added to the gradient as weight_decay * params; at least 0; default 0. `maximize` turns the gradient
 * around, to climb; default false.
 *
 * @typedef {{lr?: number, weight_decay?: number, maximize?: boolean}} Common
 */

/**
 * Adadelta (Zeiler 2012). Its default `lr` is 1: the paper has no learning rate. `rho` is the decay of both running
 * averages, 0 <= rho < 1, default 0.95; `eps` stands inside both roots, above 0, default 1e-6.
 *
 * @param {Common & {rho?: number, eps?: number}} [hyperParameters]
 * @returns {Optimizer}
 */
export function Adadelta(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "adadelta" });
}

/**
 * Adagrad (Duchi, Hazan, Singer 2011). Its default `lr` is 0.01. `eps` is added to the root, above 0, default 1e-10.
 *
 * @param {Common & {eps?: number}} [hyperParameters]
 * @returns {Optimizer}
 */
export function Adagrad(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "adagrad" });
}

/**
 * RMSprop (Tieleman, Hinton 2012). Its default `lr` is 0.01. `alpha` is the decay of the running average,
 * 0 <= alpha < 1, default 0.99; `eps` is added to the root, above 0, default 1e-8.
 *
 * @param {Common & {alpha?: number, eps?: number}} [hyperParameters]
 * @returns {Optimizer}
 */
export function RMSprop(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "rmsprop" });
}

/**
 * Gradient descent with (Nesterov) momentum. Its default `lr` is 0.001. `momentum` is the decay of the momentum buffer,
 * 0 <= momentum < 1, default 0; `nesterov` looks one momentum step ahead and needs a momentum above 0, default false.
 *
 * @param {Common & {momentum?: number, nesterov?: boolean}} [hyperParameters]
 * @returns {Optimizer}
 */
export function SGD(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "sgd" });
}
