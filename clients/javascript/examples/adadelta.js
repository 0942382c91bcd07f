/**
 * Adadelta as a textbook has it, in plain JavaScript: what a session computes, in the same order of operations. Nothing
 * of the client's code is in it. IEEE 754 rounds +, -, *, / and the square root correctly, so it gives the same bits.
 */

/** @template {Float64Array | Float32Array} Data */
export class TextbookAdadelta {
  #round;
  #rho;
  #oneMinusRho;
  #eps;
  #lr;

  /**
   * @param {Data} params the first params, copied; their type is that of all arithmetic
   * @param {{rho?: number, eps?: number, lr?: number}} [hyperParameters]
   */
  constructor(params, { rho = 0.95, eps = 1e-6, lr = 1 } = {}) {
    // A float32 operation is the float64 operation, rounded: float64 has more than twice the digits.
    this.#round = params instanceof Float32Array ? Math.fround : (/** @type {number} */ value) => value;
    this.#rho = this.#round(rho);
    this.#oneMinusRho = this.#round(1 - rho);
    this.#eps = this.#round(eps);
    this.#lr = this.#round(lr);
    this.params = /** @type {Data} */ (params.slice());
    this.squareAvg = /** @type {Data} */ (params.slice().fill(0));
    this.accDelta = /** @type {Data} */ (params.slice().fill(0));
  }

  /**
   * One step; gives the new params.
   *
   * @param {ArrayLike<number>} grads
   */
  step(grads) {
    const r = this.#round;
    const { params, squareAvg, accDelta } = this;
    for (let i = 0; i < params.length; i++) {
      const g = r(at(grads, i));
      squareAvg[i] = r(r(this.#rho * at(squareAvg, i)) + r(this.#oneMinusRho * r(g * g)));
      const rms = r(Math.sqrt(r(at(squareAvg, i) + this.#eps)));
      const delta = r(-r(r(Math.sqrt(r(at(accDelta, i) + this.#eps))) / rms) * g);
      accDelta[i] = r(r(this.#rho * at(accDelta, i)) + r(this.#oneMinusRho * r(delta * delta)));
      params[i] = r(at(params, i) + r(this.#lr * delta));
    }
    return params;
  }
}

/**
 * @param {ArrayLike<number>} values
 * @param {number} index
 */
function at(values, index) {
  return /** @type {number} */ (values[index]);
}
