/** Softmax regression: its mean cross-entropy with the gradients of that, and how often it is right. */

/** @import {Examples} from "./digits-data.js" */

/**
 * `weights` has a row of as many values as there are classes for each input; `bias` one value a class.
 *
 * @typedef {{weights: Float64Array, bias: Float64Array}} Model
 */

/**
 * @param {Model} model
 * @param {Examples} examples
 * @returns {{loss: number, accuracy: number, grads: Model}}
 */
export function evaluate(model, { images, labels }) {
  const classes = model.bias.length;
  const inputs = model.weights.length / classes;
  const grads = { weights: new Float64Array(model.weights.length), bias: new Float64Array(classes) };
  let loss = 0;
  let right = 0;
  for (let index = 0; index < labels.length; index++) {
    const label = at(labels, index);
    const image = images.subarray(index * inputs, (index + 1) * inputs);
    const scores = scoresOf(model, image);
    const highest = Math.max(...scores);
    if (scores.indexOf(highest) === label) right += 1;
    const odds = scores.map((score) => Math.exp(score - highest));
    const total = odds.reduce((sum, one) => sum + one, 0);
    loss += Math.log(total) + highest - at(scores, label);
    // The gradient of an image's cross-entropy by its scores: what it was, less what it should have been.
    const slopes = odds.map((one, digit) => (one / total - (digit === label ? 1 : 0)) / labels.length);
    for (let digit = 0; digit < classes; digit++) add(grads.bias, digit, at(slopes, digit));
    for (let input = 0; input < inputs; input++) {
      const pixel = at(image, input);
      if (pixel === 0) continue;
      for (let digit = 0; digit < classes; digit++) add(grads.weights, input * classes + digit, pixel * at(slopes, digit));
    }
  }
  return { loss: loss / labels.length, accuracy: right / labels.length, grads };
}

/**
 * @param {Model} model
 * @param {Float64Array} image
 */
function scoresOf({ weights, bias }, image) {
  const scores = bias.slice();
  for (let input = 0; input < image.length; input++) {
    const pixel = at(image, input);
    if (pixel === 0) continue;
    for (let digit = 0; digit < scores.length; digit++) add(scores, digit, pixel * at(weights, input * scores.length + digit));
  }
  return scores;
}

/** @type {(values: ArrayLike<number>, index: number) => number} */
function at(values, index) {
  return /** @type {number} */ (values[index]);
}

/** @type {(values: Float64Array, index: number, more: number) => void} */
function add(values, index, more) {
  values[index] = at(values, index) + more;
}
