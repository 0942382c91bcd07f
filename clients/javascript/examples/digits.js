/**
 * Trains softmax regression on real handwritten digits: gradients are computed here, a stepd service optimizes.
 *
 *     node examples/digits.js [URL]        URL: of a running service; default STEPD_URL, else http://127.0.0.1:8000
 *
 * A textbook Adadelta in this process is fed the same gradients; the last line says whether both agree to the bit.
 */

import { Adadelta, Client } from "stepd-client";
import { TextbookAdadelta } from "./adadelta.js";
import { DIGITS, loadDigits, PIXELS } from "./digits-data.js";
import { evaluate } from "./softmax.js";

/** @import {Model} from "./softmax.js" */

const STEPS = 300;
const HYPER_PARAMETERS = { rho: 0.95, eps: 1e-6, lr: 1 };

const { train, test } = await loadDigits();
console.log(`${train.labels.length} images to train on, ${test.labels.length} to test on`);

const client = new Client(process.argv[2]);
const session = await client.session({
  optimizer: Adadelta(HYPER_PARAMETERS),
  params: { weights: new Float64Array(PIXELS * DIGITS), bias: new Float64Array(DIGITS) },
  shape: { weights: [PIXELS, DIGITS], bias: DIGITS },
  labels: { example: "digits" },
});
/** @type {Model} */
let model = session.params;
const textbook = {
  weights: new TextbookAdadelta(model.weights, HYPER_PARAMETERS),
  bias: new TextbookAdadelta(model.bias, HYPER_PARAMETERS),
};
let equal = true;
let seconds = 0;
try {
  for (let step = 1; step <= STEPS; step++) {
    const { grads } = evaluate(model, train);
    const began = performance.now();
    model = /** @type {Model} */ (await session.step(grads));
    seconds += (performance.now() - began) / 1000;
    equal &&= same(model.weights, textbook.weights.step(grads.weights)) && same(model.bias, textbook.bias.step(grads.bias));
    if (step % 30 === 0) report(step);
  }
} finally {
  await session.delete();
}
console.log(`${Math.round(STEPS / seconds)} steps per second over HTTP, of ${PIXELS * DIGITS + DIGITS} params each`);
console.log(`equal to the textbook class fed the same gradients, bit for bit: ${equal ? "yes" : "no"}`);
process.exitCode = equal ? 0 : 1;

/** @param {number} step */
function report(step) {
  const [training, testing] = [evaluate(model, train), evaluate(model, test)];
  const accuracies = `accuracy ${percent(training.accuracy)} in training, ${percent(testing.accuracy)} in the test`;
  console.log(`step ${String(step).padStart(4)}   loss ${training.loss.toFixed(4)}   ${accuracies}`);
}

/** @param {number} fraction */
function percent(fraction) {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** @type {(values: Float64Array, others: Float64Array) => boolean} Object.is tells -0 from 0 */
function same(values, others) {
  return values.length === others.length && values.every((value, index) => Object.is(value, others[index]));
}
