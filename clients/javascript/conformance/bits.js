/**
 * Values as bits, as the conformance cases have them: `{"shape": [2], "bits": ["3ff0000000000000", …]}` under `unnamed`
 * or, by name, under `named`; and from there to what the client takes and gives.
 */

/** @typedef {{shape: number[], bits: string[]}} Bits */
/** @typedef {{unnamed: Bits} | {named: Record<string, Bits>}} Role */

/**
 * The same for each tensor of a role.
 *
 * @template Result
 * @param {Role} role
 * @param {(tensor: Bits) => Result} change
 * @returns {Result | Record<string, Result>}
 */
function each(role, change) {
  if ("unnamed" in role) return change(role.unnamed);
  return Object.fromEntries(Object.entries(role.named).map(([name, tensor]) => [name, change(tensor)]));
}

/**
 * Flat typed arrays: a Float32Array of 8 digits a value, a Float64Array of 16. Their shapes are `shapesOf` the role.
 *
 * @param {Role} role
 * @returns {any}
 */
export function typedArrays(role) {
  return each(role, ({ bits }) => {
    const Values = bits[0]?.length === 8 ? Float32Array : Float64Array;
    return Values.from(bits.map(valueOf));
  });
}

/**
 * Nested arrays of numbers; a tensor of rank 0 is a number.
 *
 * @param {Role} role
 * @returns {any}
 */
export function nestedArrays(role) {
  return each(role, ({ shape, bits }) => {
    /** @type {any[]} */
    let rows = bits.map(valueOf);
    for (const length of shape.slice().reverse()) {
      const count = length === 0 ? 0 : rows.length / length;
      rows = Array.from({ length: count }, (_, row) => rows.slice(row * length, (row + 1) * length));
    }
    return rows[0] ?? [];
  });
}

/**
 * @param {Role} role
 * @returns {any}
 */
export function shapesOf(role) {
  return each(role, ({ shape }) => shape);
}

/**
 * What the client gave, as bits.
 *
 * @param {any} values
 * @param {any} shapes a list, or lists by name
 * @param {string} dtype
 * @returns {Role}
 */
export function roleOf(values, shapes, dtype) {
  /** @type {(one: any, shape: number[]) => Bits} */
  const tensor = (one, shape) => ({ shape, bits: Array.from(flat(one), (value) => bitsOf(value, dtype)) });
  if (Array.isArray(shapes)) return { unnamed: tensor(values, shapes) };
  return {
    named: Object.fromEntries(Object.entries(values).map(([name, one]) => [name, tensor(one, shapes[name])])),
  };
}

/**
 * @param {any} values
 * @returns {ArrayLike<number>}
 */
function flat(values) {
  if (typeof values === "number") return [values];
  return Array.isArray(values) ? values.flat(Infinity) : values;
}

/** @param {string} digits */
function valueOf(digits) {
  const view = new DataView(new ArrayBuffer(8));
  if (digits.length === 8) {
    view.setUint32(0, Number(`0x${digits}`));
    return view.getFloat32(0);
  }
  view.setBigUint64(0, BigInt(`0x${digits}`));
  return view.getFloat64(0);
}

/**
 * @param {number} value
 * @param {string} dtype
 */
function bitsOf(value, dtype) {
  const view = new DataView(new ArrayBuffer(8));
  if (dtype === "float32") {
    view.setFloat32(0, value);
    return view.getUint32(0).toString(16).padStart(8, "0");
  }
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}
