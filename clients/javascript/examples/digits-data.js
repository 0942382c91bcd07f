/**
 * Scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels from 0 to 16, each with the digit that it shows.
 *
 * digits.csv.gz is scikit-learn's own file, a copy of the test set of "Optical Recognition of Handwritten Digits" by
 * E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, under CC BY 4.0.
 */

import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";

export const PIXELS = 64;
export const DIGITS = 10;

/**
 * Images, one after another, `PIXELS` values from 0 to 1 each; and the digit that each shows.
 *
 * @typedef {{images: Float64Array, labels: Uint8Array}} Examples
 */

/**
 * All of them, split: every fifth image, counted from the first, is for testing.
 *
 * @returns {Promise<{train: Examples, test: Examples}>}
 */
export async function loadDigits() {
  const text = gunzipSync(await readFile(new URL("digits.csv.gz", import.meta.url))).toString("ascii");
  const rows = text.trim().split("\n").map((row) => row.split(",").map(Number));
  return {
    train: examples(rows.filter((_, index) => index % 5 !== 0)),
    test: examples(rows.filter((_, index) => index % 5 === 0)),
  };
}

/**
 * @param {number[][]} rows the pixels of an image and its digit
 * @returns {Examples}
 */
function examples(rows) {
  const images = Float64Array.from(rows.flatMap((row) => row.slice(0, PIXELS).map((pixel) => pixel / 16)));
  return { images, labels: Uint8Array.from(rows, (row) => row[PIXELS] ?? 0) };
}
