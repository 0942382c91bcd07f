// Made from clients/javascript/src by `npm run build` there: change it there.
var __defProp = Object.defineProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

// src/json.js
var Written = class {
  /** @param {string} text */
  constructor(text2) {
    this.text = text2;
  }
};
function decimal(value) {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const shortest = String(value);
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${shortest}.0` : shortest;
}
function write(value, place = "the body") {
  if (value instanceof Written) return value.text;
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError(`${place} is ${value}; numbers must be finite`);
    return Object.is(value, -0) ? "-0.0" : String(value);
  }
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, index) => write(item, `${place}[${index}]`)).join(",")}]`;
  }
  if (!isPlainObject(value)) throw new TypeError(`${place} is ${nameOfType(value)}; it can't be sent`);
  const members = Object.entries(value).filter(([, member2]) => member2 !== void 0).map(([name, member2]) => {
    return `${JSON.stringify(name)}:${write(member2, place === "the body" ? name : `${place}.${name}`)}`;
  });
  return `{${members.join(",")}}`;
}
function isPlainObject(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
function nameOfType(value) {
  if (value === null || value === void 0) return String(value);
  const name = typeof value === "object" ? value.constructor?.name ?? "object" : typeof value;
  return /^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`;
}

// src/arrays.js
var MAX_RANK = 64;
function isNamed(arrays) {
  return arrays instanceof Map;
}
function mapTensors(arrays, change) {
  if (!isNamed(arrays)) return change(arrays);
  return new Map(Array.from(arrays, ([name, tensor]) => [name, change(tensor)]));
}
function zeroData(dtype, size) {
  return dtype === "float32" ? new Float32Array(size) : new Float64Array(size);
}
function zeros(shapes, dtype) {
  const one = (shape) => ({ data: zeroData(dtype, sizeOf(shape)), shape });
  if (isShape(shapes)) return one(shapes);
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, one(shape)]));
}
function isShape(shapes) {
  return Array.isArray(shapes);
}
function sizeOf(shape) {
  return shape.reduce((size, length) => size * length, 1);
}
function shapeOf(arrays) {
  if (!isNamed(arrays)) return arrays.shape;
  return Object.fromEntries(Array.from(arrays, ([name, tensor]) => [name, tensor.shape]));
}
function sameShapes(one, other) {
  if (isShape(one) || isShape(other)) return isShape(one) && isShape(other) && one.join() === other.join();
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && one[name]?.join() === other[name]?.join());
}
function copied(arrays) {
  return mapTensors(arrays, ({ data, shape }) => ({ data: data.slice(), shape }));
}
function flatten(place, rows, dtype) {
  const shape = [];
  for (let row = rows; Array.isArray(row); row = row[0]) {
    shape.push(row.length);
    if (shape.length > MAX_RANK) throw new RangeError(`${place} is nested deeper than ${MAX_RANK}`);
  }
  const wide = new Float64Array(sizeOf(shape));
  let filled = 0;
  const fill = (row, axis, index) => {
    if (Array.isArray(row)) {
      if (row.length !== shape[axis]) throw new RangeError(`${place} is ragged: its rows differ in shape`);
      for (let position = 0; position < row.length; position++) {
        const value = row[position];
        if (typeof value === "number" && axis === shape.length - 1) wide[filled++] = value;
        else fill(value, axis + 1, [...index, position]);
      }
    } else if (typeof row !== "number") {
      throw new TypeError(`${at(place, index)} is ${nameOfType(row)}; arrays hold numbers`);
    } else if (axis !== shape.length) {
      throw new RangeError(`${place} is ragged: its rows differ in shape`);
    } else {
      wide[filled++] = row;
    }
  };
  fill(rows, 0, []);
  return rounded(place, wide, shape, dtype);
}
function rounded(place, values, shape, dtype) {
  const Data = dtype === "float32" ? Float32Array : Float64Array;
  const data = values instanceof Data ? values : new Data(values);
  const offender = firstNotFinite(data);
  if (offender >= 0) {
    const value = values[offender];
    const reason = Number.isFinite(value) ? `that is too large for ${dtype}` : "values must be finite";
    throw new RangeError(`${at(place, indexOf(offender, shape))} is ${value}; ${reason}`);
  }
  return { data, shape };
}
function firstNotFinite(data) {
  for (let index = 0; index < data.length; index++) if (!Number.isFinite(data[index])) return index;
  return -1;
}
function at(place, index) {
  return index.length > 0 ? `${place}[${index.join(", ")}]` : place;
}
function indexOf(flat, shape) {
  const index = [];
  for (const length of [...shape].reverse()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return index;
}
function nest({ data, shape }) {
  return walk(shape, (offset) => data[offset], (rows) => rows);
}
function encode(arrays) {
  if (isNamed(arrays)) {
    const members = Array.from(arrays, ([name, tensor]) => `${write(name)}:${encodeTensor(tensor)}`);
    return new Written(`{${members.join(",")}}`);
  }
  return new Written(encodeTensor(arrays));
}
function encodeTensor({ data, shape }) {
  return walk(shape, (offset) => decimal(
    /** @type {number} */
    data[offset]
  ), (rows) => `[${rows.join(",")}]`);
}
function walk(shape, leaf, row) {
  let offset = 0;
  const visit = (axis) => {
    if (axis === shape.length) return leaf(offset++);
    const rows = [];
    for (let position = 0; position < /** @type {number} */
    shape[axis]; position++) rows.push(visit(axis + 1));
    return row(rows);
  };
  return visit(0);
}
function decode(place, document, dtype) {
  if (Array.isArray(document)) return flatten(place, document, dtype);
  if (!isPlainObject(document)) throw new TypeError(`${place} is ${nameOfType(document)}, not arrays or an object`);
  return new Map(
    Object.entries(document).map(([name, tensor]) => [name, flatten(`${place}[${write(name)}]`, tensor, dtype)])
  );
}

// src/raw.js
var LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
function bytesPerValue(dtype) {
  return dtype === "float32" ? 4 : 8;
}
function bytesOf(data, littleEndian = LITTLE_ENDIAN) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return littleEndian ? bytes : swapped(bytes, data.BYTES_PER_ELEMENT);
}
function valuesOf(bytes, dtype, littleEndian = LITTLE_ENDIAN) {
  const Data = dtype === "float32" ? Float32Array : Float64Array;
  const aligned = bytes.byteOffset % Data.BYTES_PER_ELEMENT === 0;
  const native = littleEndian ? aligned ? bytes : bytes.slice() : swapped(bytes, Data.BYTES_PER_ELEMENT);
  return new Data(
    /** @type {ArrayBuffer} */
    native.buffer,
    native.byteOffset,
    native.byteLength / Data.BYTES_PER_ELEMENT
  );
}
function swapped(bytes, width) {
  const turned = new Uint8Array(bytes);
  for (let begin = 0; begin < turned.length; begin += width) turned.subarray(begin, begin + width).reverse();
  return turned;
}
function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

// src/safetensors.js
var MEDIA_TYPE = "application/vnd.safetensors";
var LENGTH_BYTES = 8;
var ALIGNMENT = 8;
var METADATA = "__metadata__";
var DTYPES = /* @__PURE__ */ new Map([
  ["F64", "float64"],
  ["F32", "float32"]
]);
function write2({ tensors, metadata }) {
  const members = metadata.size > 0 ? [member(METADATA, Object.fromEntries(metadata))] : [];
  const pieces = [];
  let end = 0;
  for (const [name, { data, shape }] of tensors) {
    const begin = end;
    end += data.byteLength;
    members.push(member(name, { dtype: data instanceof Float32Array ? "F32" : "F64", shape, data_offsets: [begin, end] }));
    pieces.push(bytesOf(data));
  }
  const text2 = new TextEncoder().encode(`{${members.join(",")}}`);
  const padding = new Uint8Array(-text2.length & ALIGNMENT - 1).fill(32);
  const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
  length.setBigUint64(0, BigInt(text2.length + padding.length), true);
  return joined([new Uint8Array(length.buffer), text2, padding, ...pieces]);
}
function member(name, value) {
  return `${write(name)}:${write(value)}`;
}
function read(body) {
  const { header, begin } = headerOf(body);
  const { [METADATA]: metadata = {}, ...described } = header;
  if (!isPlainObject(metadata) || !Object.values(metadata).every((said) => typeof said === "string")) {
    throw new TypeError("the metadata is not text by name");
  }
  const places = Object.entries(described).map(([name, tensor]) => (
    /** @type {const} */
    [name, placeOf(name, tensor)]
  ));
  let end = 0;
  for (const [name, place] of [...places].sort(([, one], [, other]) => one.begin - other.begin || one.end - other.end)) {
    if (place.begin !== end) {
      throw new RangeError(`tensor ${write(name)} begins at byte ${place.begin} of the values, not at ${end}`);
    }
    end = place.end;
  }
  if (begin + end !== body.length) {
    throw new RangeError(`the tensors have ${end} bytes, the body has ${body.length - begin} for them`);
  }
  const tensors = places.map(([name, { dtype, shape, begin: first, end: last }]) => {
    return (
      /** @type {const} */
      [name, { data: valuesOf(body.subarray(begin + first, begin + last), dtype), shape }]
    );
  });
  return { tensors: new Map(tensors), metadata: new Map(
    /** @type {[string, string][]} */
    Object.entries(metadata)
  ) };
}
function headerOf(body) {
  if (body.length < LENGTH_BYTES) throw new RangeError(`${body.length} bytes are too few for the header's length`);
  const length = Number(new DataView(body.buffer, body.byteOffset, LENGTH_BYTES).getBigUint64(0, true));
  const begin = LENGTH_BYTES + length;
  if (begin > body.length) throw new RangeError(`${body.length} bytes are too few for a header of ${length}`);
  const text2 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body.subarray(LENGTH_BYTES, begin));
  const header = parsed(text2);
  if (!isPlainObject(header) || !text2.startsWith("{")) throw new TypeError("the header is not a JSON object");
  return { header, begin };
}
function parsed(text2) {
  let document;
  try {
    document = JSON.parse(text2);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`the header is not JSON: ${error.message}`);
  }
  const names = /* @__PURE__ */ new Set();
  let depth = 0;
  for (const [token, , colon] of text2.matchAll(/"(\\.|[^"\\])*"(\s*:)?|[{}[\]]/g)) {
    if (/^[{[]/.test(token)) depth += 1;
    else if (/^[}\]]/.test(token)) depth -= 1;
    else if (depth === 1 && colon !== void 0) {
      const name = JSON.parse(token.slice(0, -colon.length));
      if (names.has(name)) throw new TypeError(`the header has ${write(name)} twice`);
      names.add(name);
    }
  }
  return document;
}
function placeOf(name, described) {
  const which = `tensor ${write(name)}`;
  if (!isPlainObject(described) || Object.keys(described).sort().join() !== "data_offsets,dtype,shape") {
    throw new TypeError(`${which} must have dtype, shape and data_offsets`);
  }
  const { shape, data_offsets: offsets } = described;
  const dtype = DTYPES.get(described.dtype);
  if (dtype === void 0) {
    const found = typeof described.dtype === "string" ? described.dtype : nameOfType(described.dtype);
    throw new TypeError(`${which} has dtype ${found}, not ${[...DTYPES.keys()].join(" or ")}`);
  }
  if (!areLengths(shape) || !areLengths(offsets) || offsets.length !== 2) {
    throw new TypeError(`${which} must have a list of lengths as shape and two numbers as data_offsets`);
  }
  const [begin = 0, end = 0] = offsets;
  if (end - begin !== sizeOf(shape) * bytesPerValue(dtype)) {
    throw new RangeError(`${which} has ${end - begin} bytes, not those of the shape [${shape.join(", ")}]`);
  }
  return { dtype, shape, begin, end };
}
function areLengths(given) {
  return Array.isArray(given) && given.every((one) => Number.isSafeInteger(one) && one >= 0);
}

// src/formats.js
var JSON_TYPE = "application/json";
var RAW = "application/octet-stream";
var SAFETENSORS = MEDIA_TYPE;
var BINARY_FROM = 256;
var TEXT_METADATA = "digest";
function formatNamed(format) {
  if (format === "auto" || format === "json" || format === "binary") return format;
  throw new RangeError(`format is ${String(format)}; it must be "auto", "json" or "binary"`);
}
function isBinary(format, shapes) {
  return format === "binary" || format === "auto" && shapes !== null && countOf(shapes) >= BINARY_FROM;
}
function countOf(shapes) {
  if (isShape(shapes)) return sizeOf(shapes);
  return Object.values(shapes).reduce((count, shape) => count + sizeOf(shape), 0);
}
function payload(document, vectors, slots, binary, alone = null) {
  if (!binary || !haveNamesOfTheirOwn(vectors, slots)) return { mediaType: JSON_TYPE, body: written(document, vectors, slots) };
  const [only, ...others] = Object.values(vectors);
  if (alone !== null && only !== void 0 && others.length === 0 && !isNamed(only) && sameShapes(only.shape, alone)) {
    return { mediaType: RAW, body: joined([bytesOf(only.data)]) };
  }
  const metadata = Object.entries(document).filter(([name, said]) => name !== "dtype" && said !== void 0).map(([name, said]) => (
    /** @type {const} */
    [name, name === TEXT_METADATA ? String(said) : write(said, name)]
  ));
  const tensors = flattened({ ...vectors, ...slots });
  return { mediaType: SAFETENSORS, body: write2({ tensors, metadata: new Map(metadata) }) };
}
function haveNamesOfTheirOwn(vectors, slots) {
  if (slots === null) return true;
  const names = Object.keys(slots);
  return names.length > 0 && names.every((name) => /^(?!__metadata__$)[^/]+$/s.test(name) && !Object.hasOwn(vectors, name));
}
function written({ [TEXT_METADATA]: digest, ...document }, vectors, slots) {
  const encoded = (roles) => Object.fromEntries(Object.entries(roles).map(([role, arrays]) => [role, encode(arrays)]));
  const state2 = slots === null ? void 0 : encoded(slots);
  return write({ ...document, ...encoded(vectors), state: state2, [TEXT_METADATA]: digest });
}
function flattened(roles) {
  return new Map(
    Object.entries(roles).flatMap(([role, arrays]) => {
      if (!isNamed(arrays)) return [[role, arrays]];
      return Array.from(arrays, ([name, tensor]) => (
        /** @type {[string, Tensor]} */
        [`${role}/${name}`, tensor]
      ));
    })
  );
}
function rolesOf(tensors, dtype = null) {
  const roles = /* @__PURE__ */ new Map();
  let common = dtype;
  for (const [fullName, tensor] of tensors) {
    const own = tensor.data instanceof Float32Array ? "float32" : "float64";
    common ??= own;
    if (own !== common) throw new TypeError(`tensor ${write(fullName)} is ${own}, not ${common}`);
    checkValues(fullName, tensor);
    const [, role = fullName, name] = /^(.*?)\/(.*)$/s.exec(fullName) ?? [];
    const held = roles.get(role) ?? (name === void 0 ? tensor : /* @__PURE__ */ new Map());
    if (held instanceof Map !== (name !== void 0)) {
      throw new TypeError(`there are tensors of ${write(role)} with names and one without`);
    }
    if (held instanceof Map) held.set(String(name), tensor);
    roles.set(role, held);
  }
  if (common === null) throw new TypeError("there are no tensors");
  return { roles: Object.fromEntries(roles), dtype: common };
}
function paramsIn(body, dtype, shapes) {
  const { params, ...others } = rolesOf(read(body).tensors, dtype).roles;
  if (params === void 0) throw new TypeError("there are none");
  for (const role of Object.keys(others)) throw new TypeError(`there is ${write(role)} beside them`);
  const found = shapeOf(params);
  if (shapes !== null && !sameShapes(found, shapes)) {
    throw new RangeError(`they have the shape ${write(found)}, the session has ${write(shapes)}`);
  }
  return params;
}
function octetStream(body, dtype, shape) {
  if (shape === null || !isShape(shape)) throw new TypeError("the session has no unnamed tensor, which octet-stream is for");
  const expected = sizeOf(shape) * bytesPerValue(dtype);
  if (body.length !== expected) {
    throw new RangeError(`the body has ${body.length} bytes, the values of the session have ${expected}`);
  }
  const tensor = { data: valuesOf(body, dtype), shape };
  checkValues("params", tensor);
  return tensor;
}
function checkValues(name, { data, shape }) {
  if (shape.length > MAX_RANK || shape.includes(0)) throw new RangeError(`${name} has a shape that no session has`);
  const offender = firstNotFinite(data);
  if (offender >= 0) throw new RangeError(`${name} is ${data[offender]} at ${offender}; values must be finite`);
}

// src/values.js
function dtypeNamed(dtype, values) {
  if (dtype === "float64" || dtype === "float32") return dtype;
  if (dtype !== void 0 && dtype !== null) {
    throw new RangeError(`dtype is ${String(dtype)}; a session's is "float64" or "float32"`);
  }
  const tensors = isPlainObject(values) ? Object.values(values) : [values];
  return tensors.length > 0 && tensors.every((tensor) => typeOfArray(tensor) === "Float32Array") ? "float32" : "float64";
}
function take(role, values, dtype) {
  if (typeof values === "number") {
    throw new TypeError(`${role} is a number; give a typed array, an array, or an object of names to these or numbers`);
  }
  if (!isPlainObject(values)) {
    const { tensor, kind } = takeTensor(role, values, dtype);
    return { arrays: tensor, form: kind };
  }
  const arrays = /* @__PURE__ */ new Map();
  const form = /* @__PURE__ */ new Map();
  for (const [name, given] of Object.entries(values)) {
    const { tensor, kind } = takeTensor(`${role}[${JSON.stringify(name)}]`, given, dtype);
    arrays.set(name, tensor);
    form.set(name, kind);
  }
  return { arrays, form };
}
function takeTensor(place, values, dtype) {
  if (Array.isArray(values)) return { tensor: flatten(place, values, dtype), kind: "array" };
  if (typeof values === "number") return { tensor: flatten(place, values, dtype), kind: "number" };
  const type = typeOfArray(values);
  if (type === null || type.startsWith("Big")) {
    throw new TypeError(`${place} is ${nameOfType(values)}; give a typed array, an array or, under a name, a number`);
  }
  const numbers = (
    /** @type {TypedArray} */
    values
  );
  return { tensor: rounded(place, numbers, [numbers.length], dtype), kind: "typed array" };
}
function typeOfArray(values) {
  if (!ArrayBuffer.isView(values) || values instanceof DataView) return null;
  return (
    /** @type {any} */
    values[Symbol.toStringTag] ?? null
  );
}
function fitted(arrays, form, shapes) {
  if (shapes === null) return arrays;
  if (!isNamed(arrays)) return isShape(shapes) ? fittedTensor(arrays, kindOf(form), shapes) : arrays;
  if (isShape(shapes)) return arrays;
  return new Map(
    Array.from(arrays, ([name, tensor]) => [
      name,
      Object.hasOwn(shapes, name) ? fittedTensor(
        tensor,
        kindOf(form, name),
        /** @type {Shape} */
        shapes[name]
      ) : tensor
    ])
  );
}
function fittedTensor(tensor, kind, shape) {
  return kind === "typed array" && sizeOf(shape) === tensor.data.length ? { data: tensor.data, shape } : tensor;
}
function reshaped(role, arrays, form, shapes) {
  const changed = fitted(arrays, form, shapes);
  const check = (place, tensor, shape) => {
    if (tensor === void 0 || shape === void 0 || tensor.shape.join() !== shape.join()) {
      const found = tensor === void 0 ? "is not there" : `has shape [${tensor.shape.join(", ")}]`;
      throw new RangeError(`${place} ${found}; shape says ${shape === void 0 ? "nothing" : `[${shape.join(", ")}]`}`);
    }
  };
  if (!isNamed(changed) && isShape(shapes)) check(role, changed, shapes);
  else if (isNamed(changed) && !isShape(shapes)) {
    for (const name of /* @__PURE__ */ new Set([...changed.keys(), ...Object.keys(shapes)])) {
      check(`${role}[${JSON.stringify(name)}]`, changed.get(name), Object.hasOwn(shapes, name) ? shapes[name] : void 0);
    }
  } else throw new RangeError(`${role} and shape must both have names, or neither`);
  return changed;
}
function takeIn(role, values, dtype, shapes) {
  const { arrays, form } = take(role, values, dtype);
  return { arrays: shapes === null ? arrays : reshaped(role, arrays, form, shapes), form };
}
function shapesOf(shape) {
  const lengths = (one) => typeof one === "number" ? [one] : [...one];
  if (typeof shape === "number" || isShape(
    /** @type {Shapes} */
    shape
  )) {
    return lengths(
      /** @type {number | readonly number[]} */
      shape
    );
  }
  if (!isPlainObject(shape)) throw new TypeError("shape is neither a number, an array of lengths nor an object of these");
  return Object.fromEntries(Object.entries(shape).map(([name, one]) => [name, lengths(one)]));
}
function kindOf(form, name) {
  if (typeof form === "string") return form;
  return (name === void 0 ? void 0 : form.get(name)) ?? "typed array";
}
function give(arrays, form) {
  if (!isNamed(arrays)) return giveTensor(arrays, typeof form === "string" ? form : "typed array");
  const fits = form instanceof Map && form.size === arrays.size && [...form.keys()].every((name) => arrays.has(name));
  const names = fits ? (
    /** @type {ReadonlyMap<string, Kind>} */
    form
  ) : arrays;
  return Object.fromEntries(
    Array.from(names.keys(), (name) => [
      name,
      giveTensor(
        /** @type {Tensor} */
        arrays.get(name),
        fits ? kindOf(
          /** @type {Form} */
          form,
          name
        ) : "typed array"
      )
    ])
  );
}
function giveTensor(tensor, kind) {
  return kind === "typed array" ? (
    /** @type {Tensor} */
    copied(tensor).data
  ) : nest(tensor);
}

// src/checkpoint.js
var Checkpoint = class {
  /**
   * @param {object} parts
   * @param {Optimizer} parts.optimizer name and every hyper-parameter
   * @param {string} parts.dtype "float64" or "float32"
   * @param {number} parts.step
   * @param {any} parts.params
   * @param {Readonly<Record<string, any>>} parts.state
   * @param {Shapes | null} [parts.shape]
   * @param {string | null} [parts.digest]
   */
  constructor({ optimizer, dtype, step: step3, params, state: state2, shape = null, digest = null }) {
    this.optimizer = optimizer;
    this.dtype = dtype;
    this.step = step3;
    this.params = params;
    this.state = state2;
    this.shape = shape;
    this.digest = digest;
    Object.freeze(this);
  }
  /**
   * The values as arrays that nobody else holds, and what stands beside them.
   *
   * @returns {Parts}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers, or not in `shape`
   */
  parts() {
    const dtype = dtypeNamed(this.dtype);
    if (!isPlainObject(this.state)) throw new TypeError(`state is ${nameOfType(this.state)}; it must be an object of slots`);
    const { arrays, form } = this.#take("params", this.params, dtype);
    const slots = Object.entries(this.state).map(([slot, values]) => {
      return [slot, copied(this.#take(slot, values, dtype).arrays)];
    });
    const document = { optimizer: this.optimizer, dtype, step: this.step, digest: this.digest ?? void 0 };
    return { document, params: copied(arrays), slots: Object.fromEntries(slots), form };
  }
  /**
   * @param {string} role
   * @param {unknown} values
   * @param {DType} dtype
   */
  #take(role, values, dtype) {
    const { arrays, form } = take(role, values, dtype);
    return { arrays: this.shape === null ? arrays : reshaped(role, arrays, form, this.shape), form };
  }
  /**
   * One JSON object, as text; every value reads back bit for bit. Where JSON.stringify meets a checkpoint it writes this
   * text as a string, since its own way with numbers loses the sign of -0; `fromJSON` reads that too.
   *
   * @returns {string}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers
   */
  toJSON() {
    const { document, params, slots } = this.parts();
    return (
      /** @type {string} */
      payload(document, { params }, slots, false).body
    );
  }
  /**
   * From what `toJSON` or the service wrote; the values are typed arrays, `shape` is told.
   *
   * @param {string} written
   * @returns {Checkpoint}
   * @throws {TypeError} not JSON, or not a checkpoint
   */
  static fromJSON(written2) {
    return readable(() => {
      const document = parse(written2);
      return readDocument(typeof document === "string" ? parse(document) : document, null);
    });
  }
  /**
   * In the safetensors format, which other programs open too. Tensors are named `params` and as the slots, or
   * `params/<name>`, ...; optimizer (JSON), step and digest are in the metadata.
   *
   * @returns {Uint8Array}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers, or a slot has no name for a tensor
   */
  toSafetensors() {
    const { mediaType, body } = checkpointPayload(this.parts(), "binary");
    if (mediaType !== MEDIA_TYPE) throw new TypeError("the slots have no names that tensors can have");
    return (
      /** @type {Uint8Array} */
      body
    );
  }
  /**
   * From what `toSafetensors` or the service wrote; the values are typed arrays, `shape` is told.
   *
   * @param {Uint8Array | ArrayBuffer} written
   * @returns {Checkpoint}
   * @throws {TypeError} not safetensors, or not a checkpoint
   */
  static fromSafetensors(written2) {
    const bytes = written2 instanceof ArrayBuffer ? new Uint8Array(written2) : written2;
    if (!ArrayBuffer.isView(bytes)) throw new TypeError(`this is no checkpoint: it is ${nameOfType(bytes)}, not bytes`);
    return readable(() => readContents(read(bytes), null));
  }
  /**
   * From tensors and metadata, values in `form`, or as typed arrays.
   *
   * @param {Contents} contents
   * @param {Form | null} form
   * @returns {Checkpoint}
   * @throws {TypeError} they are no checkpoint
   */
  static of(contents, form) {
    return readable(() => readContents(contents, form));
  }
  /**
   * From the parsed document, values in `form`, or as typed arrays.
   *
   * @param {unknown} document
   * @param {Form | null} [form]
   * @returns {Checkpoint}
   * @throws {TypeError} it is no checkpoint
   */
  static read(document, form = null) {
    return readable(() => readDocument(document, form));
  }
};
function checkpointPayload({ document, params, slots }, format, extras2 = {}) {
  return payload({ ...document, ...extras2 }, { params }, slots, isBinary(format, shapeOf(params)));
}
function checkedCheckpoint(given) {
  if (given instanceof Checkpoint) return given;
  throw new TypeError(
    `the checkpoint is ${nameOfType(given)}; give a Checkpoint, such as state() and Checkpoint.fromJSON() give`
  );
}
function readable(reader) {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new TypeError(`this is no checkpoint: ${error.message}`);
  }
}
function readDocument(document, form) {
  if (!isPlainObject(document)) throw new TypeError(`it is ${nameOfType(document)}`);
  const { optimizer, dtype, step: step3, state: state2, digest } = document;
  if (!isPlainObject(state2)) throw new TypeError("it has no state");
  if (dtype !== "float64" && dtype !== "float32") throw new TypeError(`its dtype is ${write(dtype ?? null)}`);
  const slots = Object.entries(state2).map(([slot, values]) => [slot, decode(slot, values, dtype)]);
  const params = decode("params", document.params, dtype);
  return assembled({ optimizer, dtype, step: step3, params, slots: Object.fromEntries(slots), digest }, form);
}
function readContents({ tensors, metadata }, form) {
  const { roles, dtype } = rolesOf(tensors);
  const { params, ...slots } = roles;
  if (params === void 0) throw new TypeError("it has no params");
  const [optimizer, step3] = ["optimizer", "step"].map((name) => parse(metadata.get(name) ?? "null"));
  return assembled({ optimizer, dtype, step: step3, params, slots, digest: metadata.get("digest") }, form);
}
function assembled({ optimizer, dtype, step: step3, params, slots, digest }, form) {
  if (!isPlainObject(optimizer) || typeof optimizer.name !== "string") throw new TypeError("it names no optimizer");
  if (!Number.isInteger(step3)) throw new TypeError("its step is no whole number");
  const shape = shapeOf(params);
  for (const [slot, arrays] of Object.entries(slots)) {
    if (!sameShapes(shapeOf(arrays), shape)) throw new TypeError(`its ${slot} has another shape than its params`);
  }
  return new Checkpoint({
    optimizer: (
      /** @type {Optimizer} */
      optimizer
    ),
    dtype,
    step: Number(step3),
    params: give(params, form),
    state: Object.fromEntries(Object.entries(slots).map(([slot, arrays]) => [slot, give(arrays, form)])),
    shape,
    digest: typeof digest === "string" ? digest : null
  });
}
function parse(written2) {
  try {
    return JSON.parse(written2);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`it is not JSON: ${error.message}`);
  }
}

// src/errors.js
var errors_exports = {};
__export(errors_exports, {
  CapacityExceeded: () => CapacityExceeded,
  CheckpointMismatch: () => CheckpointMismatch,
  ConnectionFailed: () => ConnectionFailed,
  CrossOrigin: () => CrossOrigin,
  DigestMismatch: () => DigestMismatch,
  DtypeMismatch: () => DtypeMismatch,
  HyperParameterInvalid: () => HyperParameterInvalid,
  HyperParameterUnknown: () => HyperParameterUnknown,
  Impossible: () => Impossible,
  InternalError: () => InternalError,
  InvalidField: () => InvalidField,
  InvalidHeader: () => InvalidHeader,
  InvalidQuery: () => InvalidQuery,
  InvalidSessionId: () => InvalidSessionId,
  InvalidTensors: () => InvalidTensors,
  KeyNotSupported: () => KeyNotSupported,
  KeyReused: () => KeyReused,
  Malformed: () => Malformed,
  MalformedJson: () => MalformedJson,
  MalformedSafetensors: () => MalformedSafetensors,
  MethodNotAllowed: () => MethodNotAllowed,
  Missing: () => Missing,
  MissingField: () => MissingField,
  NamesMismatch: () => NamesMismatch,
  NotANumber: () => NotANumber,
  NotAcceptable: () => NotAcceptable,
  NotDurable: () => NotDurable,
  NotReady: () => NotReady,
  OptimizerUnknown: () => OptimizerUnknown,
  OutcomeUnknown: () => OutcomeUnknown,
  OverBudget: () => OverBudget,
  PageNotFound: () => PageNotFound,
  PreconditionFailed: () => PreconditionFailed,
  ProblemError: () => ProblemError,
  RaggedArray: () => RaggedArray,
  RequestRefused: () => RequestRefused,
  RequestTimedOut: () => RequestTimedOut,
  RequestTooLarge: () => RequestTooLarge,
  ServiceFailed: () => ServiceFailed,
  SessionCorrupt: () => SessionCorrupt,
  SessionExists: () => SessionExists,
  SessionExpired: () => SessionExpired,
  SessionHasNoShape: () => SessionHasNoShape,
  SessionNotFound: () => SessionNotFound,
  SessionReplaced: () => SessionReplaced,
  ShapeMismatch: () => ShapeMismatch,
  Stale: () => Stale,
  StepNotFinite: () => StepNotFinite,
  StepNotRetained: () => StepNotRetained,
  StepdError: () => StepdError,
  StorageFull: () => StorageFull,
  StorageUnavailable: () => StorageUnavailable,
  Unavailable: () => Unavailable,
  UnexpectedAnswer: () => UnexpectedAnswer,
  UnexpectedBody: () => UnexpectedBody,
  UnknownField: () => UnknownField,
  UnsupportedEncoding: () => UnsupportedEncoding,
  UnsupportedMediaType: () => UnsupportedMediaType,
  ValueNotFinite: () => ValueNotFinite,
  ValueOutOfRange: () => ValueOutOfRange
});

// src/error-bases.js
var StepdError = class extends Error {
  maybeApplied = false;
  get name() {
    return this.constructor.name;
  }
};
var ConnectionFailed = class extends StepdError {
};
var RequestTimedOut = class extends ConnectionFailed {
};
var UnexpectedAnswer = class extends StepdError {
  /**
   * @param {number} status
   * @param {string} contentType
   * @param {string} reason
   * @param {string} [excerpt]
   */
  constructor(status, contentType2, reason, excerpt = "") {
    const begins = excerpt === "" ? "" : `; it begins ${JSON.stringify(excerpt)}`;
    super(`${reason} (status ${status}, ${contentType2 || "no content type"})${begins}`);
    this.status = status;
    this.contentType = contentType2;
    this.reason = reason;
    this.excerpt = excerpt;
  }
};
var ProblemError = class extends StepdError {
  /** The code that the class stands for; empty for a family of classes. */
  static code = "";
  /** @param {Problem} problem */
  constructor(problem) {
    const { code, status, title, detail, requestId } = problem;
    const request2 = requestId === "" ? "" : `, request ${requestId}`;
    super(`${detail || title} (${code || "no code"}, status ${status}${request2})`);
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.requestId = requestId;
    this.errors = problem.errors;
    this.etag = problem.etag;
    this.step = problem.step;
    this.retryAfterS = problem.retryAfterS;
  }
};

// src/errors.js
var RequestRefused = class extends ProblemError {
};
var Malformed = class extends RequestRefused {
};
var MalformedJson = class extends Malformed {
  static code = "malformed-json";
};
var MalformedSafetensors = class extends Malformed {
  static code = "malformed-safetensors";
};
var InvalidHeader = class extends Malformed {
  static code = "invalid-header";
};
var InvalidQuery = class extends Malformed {
  static code = "invalid-query";
};
var InvalidSessionId = class extends Malformed {
  static code = "invalid-session-id";
};
var UnexpectedBody = class extends Malformed {
  static code = "unexpected-body";
};
var KeyNotSupported = class extends Malformed {
  static code = "key-not-supported";
};
var CrossOrigin = class extends RequestRefused {
  static code = "cross-origin";
};
var Missing = class extends RequestRefused {
};
var PageNotFound = class extends Missing {
  static code = "not-found";
};
var SessionNotFound = class extends Missing {
  static code = "session-not-found";
};
var SessionExpired = class extends Missing {
  static code = "session-expired";
};
var StepNotRetained = class extends Missing {
  static code = "step-not-retained";
};
var MethodNotAllowed = class extends RequestRefused {
  static code = "method-not-allowed";
};
var NotAcceptable = class extends RequestRefused {
  static code = "not-acceptable";
};
var UnsupportedMediaType = class extends RequestRefused {
  static code = "unsupported-media-type";
};
var UnsupportedEncoding = class extends RequestRefused {
  static code = "unsupported-content-encoding";
};
var RequestTooLarge = class extends RequestRefused {
  static code = "request-too-large";
};
var Impossible = class extends RequestRefused {
};
var UnknownField = class extends Impossible {
  static code = "unknown-field";
};
var MissingField = class extends Impossible {
  static code = "missing-field";
};
var InvalidField = class extends Impossible {
  static code = "invalid-field";
};
var OptimizerUnknown = class extends Impossible {
  static code = "unknown-optimizer";
};
var HyperParameterUnknown = class extends Impossible {
  static code = "unknown-hyper-parameter";
};
var HyperParameterInvalid = class extends Impossible {
  static code = "invalid-hyper-parameter";
};
var InvalidTensors = class extends Impossible {
  static code = "invalid-tensors";
};
var NotANumber = class extends Impossible {
  static code = "not-a-number";
};
var ValueNotFinite = class extends Impossible {
  static code = "value-not-finite";
};
var ValueOutOfRange = class extends Impossible {
  static code = "value-out-of-range";
};
var RaggedArray = class extends Impossible {
  static code = "ragged-array";
};
var ShapeMismatch = class extends Impossible {
  static code = "shape-mismatch";
};
var DtypeMismatch = class extends Impossible {
  static code = "dtype-mismatch";
};
var NamesMismatch = class extends Impossible {
  static code = "names-mismatch";
};
var SessionHasNoShape = class extends Impossible {
  static code = "session-has-no-shape";
};
var StepNotFinite = class extends Impossible {
  static code = "step-not-finite";
};
var KeyReused = class extends Impossible {
  static code = "key-reused";
};
var CheckpointMismatch = class extends Impossible {
  static code = "checkpoint-mismatch";
};
var NotDurable = class extends Impossible {
  static code = "not-durable";
};
var DigestMismatch = class extends Impossible {
  static code = "digest-mismatch";
};
var SessionExists = class extends RequestRefused {
  static code = "session-exists";
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem);
    this.fields = problem.fields;
  }
};
var Stale = class extends RequestRefused {
  get resent() {
    return this.maybeApplied;
  }
};
var PreconditionFailed = class extends Stale {
  static code = "precondition-failed";
};
var SessionReplaced = class extends Stale {
  static code = "session-replaced";
};
var ServiceFailed = class extends ProblemError {
};
var Unavailable = class extends ServiceFailed {
};
var OverBudget = class extends Unavailable {
  static code = "over-budget";
};
var NotReady = class extends Unavailable {
  static code = "not-ready";
};
var OutcomeUnknown = class extends Unavailable {
  static code = "outcome-unknown";
};
var StorageUnavailable = class extends Unavailable {
  static code = "storage-unavailable";
};
var CapacityExceeded = class extends ServiceFailed {
  static code = "capacity-exceeded";
};
var StorageFull = class extends ServiceFailed {
  static code = "storage-full";
};
var SessionCorrupt = class extends ServiceFailed {
  static code = "session-corrupt";
};
var InternalError = class extends ServiceFailed {
  static code = "internal-error";
};

// src/error-class.js
var BY_CODE = new Map(
  Object.values(errors_exports).filter((one) => one.prototype instanceof ProblemError && Object.hasOwn(one, "code")).map((one) => [
    /** @type {ProblemClass} */
    one.code,
    /** @type {ProblemClass} */
    one
  ])
);
var BY_STATUS = /* @__PURE__ */ new Map([
  [400, Malformed],
  [404, Missing],
  [410, Missing],
  [412, Stale],
  [422, Impossible],
  [503, Unavailable]
]);
var LEAVE_OUTCOME_OPEN = /* @__PURE__ */ new Set(["internal-error", "outcome-unknown"]);
function classOf(code, status) {
  const family = status >= 500 ? ServiceFailed : RequestRefused;
  return BY_CODE.get(code) ?? BY_STATUS.get(status) ?? family;
}
function tellsOutcome(code) {
  return BY_CODE.has(code) && !LEAVE_OUTCOME_OPEN.has(code);
}

// src/info.js
function readInfo(document) {
  if (!isPlainObject(document)) throw new TypeError("it is no object");
  const member2 = (name) => {
    if (document[name] === void 0) throw new TypeError(`it has no ${name}`);
    return document[name];
  };
  return Object.freeze({
    id: member2("id"),
    optimizer: member2("optimizer"),
    dtype: dtypeNamed(member2("dtype")),
    shape: readShape(member2("shape")),
    size: member2("size"),
    step: member2("step"),
    incarnation: member2("incarnation"),
    bytes: member2("bytes"),
    createdAt: member2("created_at"),
    updatedAt: member2("updated_at"),
    ttlS: member2("ttl_s"),
    expiresAt: member2("expires_at"),
    labels: member2("labels"),
    durability: member2("durability"),
    restoredFrom: member2("restored_from"),
    forkedFrom: member2("forked_from"),
    stepsSinceRestore: member2("steps_since_restore")
  });
}
function readShape(shape) {
  const shapes = isPlainObject(shape) ? Object.values(shape) : [shape ?? []];
  if (!shapes.every((one) => Array.isArray(one) && one.every(Number.isInteger))) {
    throw new TypeError("its shape is none");
  }
  return (
    /** @type {Shapes | null} */
    shape
  );
}

// src/problem.js
function readProblem(document, status, retryAfterS2) {
  return {
    code: text(document.code) ?? "",
    status,
    title: text(document.title) ?? "",
    detail: text(document.detail) ?? "",
    requestId: text(document.request_id) ?? "",
    errors: list(document.errors).filter(isPlainObject).map((entry) => ({ pointer: text(entry.pointer) ?? "", detail: text(entry.detail) ?? "" })),
    etag: text(document.etag),
    step: Number.isInteger(document.step) ? (
      /** @type {number} */
      document.step
    ) : null,
    fields: list(document.fields).filter((name) => typeof name === "string"),
    retryAfterS: retryAfterS2
  };
}
function text(value) {
  return typeof value === "string" ? value : null;
}
function list(value) {
  return Array.isArray(value) ? value : [];
}

// src/wire.js
function request(method, path, others = {}) {
  return Object.freeze({
    method,
    path,
    repeatable: true,
    query: [],
    headers: {},
    body: null,
    waitS: 0,
    ...others
  });
}
function textOf({ body }) {
  return new TextDecoder().decode(body);
}
function contentType(answer) {
  const [type = ""] = (answer.headers["content-type"] ?? "").split(";");
  return type.trim().toLowerCase();
}

// src/answers.js
var ETAG = /^(?:W\/)?("([!#-~]+)-([0-9]+)")$/;
var EXCERPT_CHARACTERS = 200;
function checked(answer) {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const error = errorOf(answer);
  error.maybeApplied ||= answer.maybeApplied;
  throw error;
}
function errorOf(answer) {
  if (contentType(answer) === "application/problem+json") {
    const document = parsed2(answer);
    if (document !== null) {
      const problem = readProblem(document, answer.status, retryAfterS(answer));
      const refused = new (classOf(problem.code, answer.status))(problem);
      refused.maybeApplied = answer.status >= 500 && !tellsOutcome(problem.code);
      return refused;
    }
  }
  return unexpected(answer, "the answer is not stepd's");
}
function retryAfterS(answer) {
  const given = (answer.headers["retry-after"] ?? "").trim();
  return /^[0-9]+$/.test(given) ? Number(given) : null;
}
function documentOf(answer) {
  const document = parsed2(checked(answer));
  if (document === null) throw unexpected(answer, "the answer is no JSON object");
  return document;
}
function validatorOf(answer) {
  const given = answer.headers.etag ?? "";
  const [, etag, incarnation, step3] = ETAG.exec(given) ?? [];
  if (etag === void 0 || incarnation === void 0) {
    throw unexpected(answer, given === "" ? "the answer has no ETag" : `the ETag is ${JSON.stringify(given)}`);
  }
  return { etag, incarnation, step: Number(step3) };
}
function sessionOf(answer) {
  return infoOf(answer, documentOf(answer));
}
function infoOf(answer, document) {
  return read2(answer, "the answer describes no session", () => readInfo(document));
}
function valuesOf2(answer, document, member2, dtype) {
  if (document[member2] === void 0) throw unexpectedMember(answer, member2);
  return read2(answer, `${member2} can't be read`, () => decode(member2, document[member2], dtype));
}
function paramsOf(answer, dtype, shape) {
  const type = contentType(checked(answer));
  if (type !== RAW && type !== SAFETENSORS) return valuesOf2(answer, documentOf(answer), "params", dtype);
  const reader = type === RAW ? octetStream : paramsIn;
  return read2(answer, "params can't be read", () => reader(answer.body, dtype, shape));
}
function contentsOf(answer) {
  if (contentType(checked(answer)) !== SAFETENSORS) return null;
  return read2(answer, "the answer can't be read", () => read(answer.body));
}
function read2(answer, failure2, reader) {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw unexpected(answer, `${failure2}: ${error.message}`);
  }
}
function unexpectedMember(answer, member2) {
  return unexpected(answer, `the answer has no ${member2}, or it is of another type than it should be`);
}
function parsed2(answer) {
  try {
    const document = JSON.parse(textOf(answer));
    return isPlainObject(document) ? document : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
function unexpected(answer, reason) {
  const excerpt = answer.status < 300 ? "" : textOf(answer).slice(0, EXCERPT_CHARACTERS);
  const error = new UnexpectedAnswer(answer.status, contentType(answer), reason, excerpt);
  error.maybeApplied = answer.status < 300 || answer.status === 408 || answer.status >= 500;
  return error;
}

// src/options.js
function optionsOf(given, names) {
  if (typeof given !== "object" || given === null || Array.isArray(given) || ArrayBuffer.isView(given)) {
    throw new TypeError(`options is ${nameOfType(given)}; give an object of names to values, or leave it out`);
  }
  for (const name of Object.keys(given)) {
    if (!/** @type {readonly string[]} */
    names.includes(name)) {
      throw new TypeError(`there is no option ${JSON.stringify(name)}; there is ${names.join(", ")}`);
    }
  }
  return given;
}
function numberOf(name, given, otherwise = "") {
  if (typeof given === "number") return given;
  throw new TypeError(`${name} is ${nameOfType(given)}; it must be a number${otherwise}`);
}

// src/requests.js
var SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
var BINARY_ANSWER = { accept: SAFETENSORS };
function sessionPath(sessionId, below = "") {
  if (typeof sessionId !== "string" || !SESSION_ID.test(sessionId)) {
    throw new RangeError(
      `${JSON.stringify(String(sessionId).slice(0, 70))} is no session id; that is 1 to 64 letters, digits, ".", "_" and "-", the first of them a letter or a digit`
    );
  }
  return `/v1/sessions/${sessionId}${below}`;
}
function create(sessionId, { mediaType, body }) {
  const content = { headers: { "content-type": mediaType }, body };
  if (sessionId === null) return request("POST", "/v1/sessions", { repeatable: false, ...content });
  return request("PUT", sessionPath(sessionId), content);
}
function describe(sessionId) {
  return request("GET", sessionPath(sessionId));
}
function remove(sessionId, etag) {
  return request("DELETE", sessionPath(sessionId), { headers: etag === null ? {} : { "if-match": etag } });
}
function step(sessionId, payload2, { etag, key, lr, returnParams }) {
  return request("POST", sessionPath(sessionId, "/step"), {
    query: lr === null ? [] : [["lr", write(lr, "lr")]],
    headers: {
      ...bothWays(payload2),
      "if-match": etag,
      "idempotency-key": key,
      ...returnParams ? {} : { prefer: "return=minimal" }
    },
    body: payload2.body
  });
}
function getParams(sessionId, binary) {
  return request("GET", sessionPath(sessionId, "/params"), { headers: binary ? BINARY_ANSWER : {} });
}
function waitForParams(sessionId, step3, timeoutS, etag, binary) {
  return request("GET", sessionPath(sessionId, "/params"), {
    query: [
      ["wait_for_step", String(step3)],
      ["timeout_s", String(timeoutS)]
    ],
    headers: { ...binary ? BINARY_ANSWER : {}, ...etag === null ? {} : { "if-none-match": etag } },
    waitS: timeoutS
  });
}
function putParams(sessionId, { mediaType, body }, etag) {
  const headers = { "content-type": mediaType, "if-match": etag };
  return request("PUT", sessionPath(sessionId, "/params"), { headers, body });
}
function getState(sessionId, { atStep, incarnation }, binary) {
  const query = queryOf({ at_step: atStep, incarnation });
  return request("GET", sessionPath(sessionId, "/state"), { query, headers: binary ? BINARY_ANSWER : {} });
}
function snapshot(sessionId) {
  return request("POST", sessionPath(sessionId, "/snapshot"));
}
function steps(sessionId, incarnation, pageSize, pageToken) {
  const query = queryOf({ incarnation, page_size: pageSize, page_token: pageToken ?? void 0 });
  return request("GET", sessionPath(sessionId, "/steps"), { query });
}
function fork(sessionId, { mediaType, body }, repeatable) {
  return request("POST", sessionPath(sessionId, "/fork"), { repeatable, headers: { "content-type": mediaType }, body });
}
function putState(sessionId, { mediaType, body }, etag) {
  const condition = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
  const headers = { "content-type": mediaType, ...condition };
  return request("PUT", sessionPath(sessionId, "/state"), { headers, body });
}
function reset(sessionId, etag) {
  return request("POST", sessionPath(sessionId, "/reset"), { headers: { "if-match": etag } });
}
function listSessions(label, pageSize, pageToken) {
  const query = Object.entries(label).map(([name, value]) => ["label", `${name}=${value}`]);
  if (pageSize !== null) query.push(["page_size", String(pageSize)]);
  if (pageToken !== null) query.push(["page_token", pageToken]);
  return request("GET", "/v1/sessions", { query });
}
function stepOnce(payload2) {
  return request("POST", "/v1/step", { headers: bothWays(payload2), body: payload2.body });
}
function optimizers() {
  return request("GET", "/v1/optimizers");
}
function info() {
  return request("GET", "/v1/info");
}
function bothWays({ mediaType }) {
  return mediaType === JSON_TYPE ? { "content-type": mediaType } : { "content-type": mediaType, accept: mediaType };
}
function queryOf(given) {
  return Object.entries(given).flatMap(([name, value]) => value === void 0 ? [] : [[name, String(value)]]);
}

// src/service.js
function* page(label, pageSize, pageToken) {
  const answer = yield listSessions(label, pageSize, pageToken);
  const { sessions, next_page_token: following = null } = documentOf(answer);
  if (!Array.isArray(sessions) || !(following === null || typeof following === "string")) {
    throw unexpectedMember(answer, "sessions");
  }
  return { sessions: sessions.map((session) => infoOf(answer, session)), following: following || null };
}
function* stepOnce2(optimizer, params, grads, { state: slots, dtype, shape }, format) {
  const chosen = dtypeNamed(dtype, params);
  const { arrays, form } = takeIn("params", params, chosen, shape === void 0 ? null : shapesOf(shape));
  const like = (role, values) => {
    const taken = take(role, values, chosen);
    return fitted(taken.arrays, taken.form, shapeOf(arrays));
  };
  const vectors = { params: arrays, grads: like("grads", grads) };
  const state2 = slots ? Object.fromEntries(Object.entries(slots).map(([slot, values]) => [slot, like(slot, values)])) : null;
  const binary = isBinary(format, shapeOf(arrays));
  const answer = yield stepOnce(payload({ optimizer, dtype: chosen }, vectors, state2, binary));
  const { params: newParams, ...newSlots } = steppedRoles(answer, chosen);
  if (newParams === void 0) throw unexpectedMember(answer, "params");
  const given = Object.entries(newSlots).map(([slot, values]) => [slot, give(values, form)]);
  return { params: give(newParams, form), state: Object.fromEntries(given) };
}
function steppedRoles(answer, dtype) {
  const contents = contentsOf(answer);
  if (contents !== null) return read2(answer, "the answer can't be read", () => rolesOf(contents.tensors, dtype).roles);
  const document = documentOf(answer);
  const { state: state2 } = document;
  if (!isPlainObject(state2)) throw unexpectedMember(answer, "state");
  const slots = Object.keys(state2).map((slot) => [slot, valuesOf2(answer, state2, slot, dtype)]);
  return { ...Object.fromEntries(slots), params: valuesOf2(answer, document, "params", dtype) };
}
function* optimizers2() {
  return documentOf(yield optimizers());
}
function* info2() {
  return documentOf(yield info());
}

// src/flows.js
var LONGEST_WAIT_S = 30;
function* fetchWhereShaped(held) {
  if (held.shape !== null) yield* takeParams(held, yield getParams(held.id, held.binary));
}
function* describe2(sessionId) {
  return sessionOf(yield describe(sessionId));
}
function* step2(held, key, grads, { params, lr, returnParams = true, shape }) {
  const shapes = shape === void 0 ? null : shapesOf(shape);
  const given = takeFor(held, "grads", grads, shapes);
  numberOf("lr", lr ?? 0);
  const replacing = params === void 0 ? {} : { params: takeFor(held, "params", params, shapes).arrays };
  const binary = isBinary(held.format, shapeOf(given.arrays));
  const answer = yield step(
    held.id,
    payload({}, { grads: given.arrays, ...replacing }, null, binary, held.shape),
    { etag: held.validator.etag, key, lr: lr ?? null, returnParams }
  );
  if (checked(answer).status === 204) {
    held.see(answer, null, given.form);
    held.shape ??= shapeOf(given.arrays);
    return null;
  }
  held.see(answer, paramsOf(answer, held.dtype, held.shape ?? shapeOf(given.arrays)), given.form);
  return held.given();
}
function* fetchParams(held) {
  yield* takeParams(held, yield getParams(held.id, held.binary));
  return held.given();
}
function* waitForStep(held, wanted, timeoutS) {
  checkStep("step", wanted);
  let left = numberOf("timeoutS", timeoutS ?? Infinity, ", or null");
  if (!(left >= 0)) throw new RangeError(`timeoutS is ${left}; it must be at least 0, or null: as long as it takes`);
  let longest = LONGEST_WAIT_S;
  for (; ; ) {
    const { incarnation, etag } = held.validator;
    const asked = Math.min(left, longest);
    const answer = yield waitForParams(held.id, wanted, asked, held.arrays === null ? null : etag, held.binary);
    try {
      yield* takeParams(held, answer);
    } catch (error) {
      if (!(error instanceof InvalidQuery)) throw error;
      const allowed = yield* longestWait();
      if (!(allowed > 0 && allowed < asked)) throw error;
      longest = allowed;
      continue;
    }
    left -= answer.tookS;
    const drains = answer.tookS < 0.9 * asked;
    const { step: reached, incarnation: life } = held.validator;
    if (reached >= wanted || life !== incarnation || left <= 0 || drains) return held.given();
  }
}
function* longestWait() {
  const { limits } = yield* info2();
  return isPlainObject(limits) ? Number(limits.max_wait_s) : NaN;
}
function* takeParams(held, answer) {
  if (answer.status === 304) return;
  try {
    checked(answer);
  } catch (error) {
    if (!(error instanceof SessionHasNoShape)) throw error;
    const described = yield describe(held.id);
    held.become(sessionOf(described));
    held.see(described, null);
    yield* fetchWhereShaped(held);
    return;
  }
  const sameLife = validatorOf(answer).incarnation === held.validator.incarnation;
  const session = sameLife ? null : sessionOf(yield describe(held.id));
  const { dtype, shape } = session ?? held;
  const arrays = paramsOf(answer, dtype, shape);
  if (session !== null) held.become(session);
  held.see(answer, arrays);
}
function* putParams2(held, params, shape) {
  const { arrays, form } = takeFor(held, "params", params, shape === void 0 ? null : shapesOf(shape));
  const kept = copied(arrays);
  const sent = payload({}, { params: kept }, null, isBinary(held.format, shapeOf(kept)), held.shape);
  const answer = yield putParams(held.id, sent, held.validator.etag);
  sessionOf(answer);
  held.see(answer, kept, form);
}
function* state(held, { atStep, incarnation }) {
  checkStep("atStep", atStep ?? 0);
  const answer = yield getState(held.id, { atStep, incarnation }, held.binary);
  const contents = contentsOf(answer);
  const document = contents === null ? documentOf(answer) : null;
  return read2(answer, "the answer is no checkpoint", () => {
    return contents === null ? Checkpoint.read(document, held.form) : Checkpoint.of(contents, held.form);
  });
}
function* snapshot2(sessionId) {
  return sessionOf(yield snapshot(sessionId));
}
function* restore(held, checkpoint) {
  const parts = checkedCheckpoint(checkpoint).parts();
  const answer = yield putState(held.id, checkpointPayload(parts, held.format), held.validator.etag);
  held.become(sessionOf(answer));
  held.see(answer, parts.params);
}
function* reset2(held) {
  const answer = yield reset(held.id, held.validator.etag);
  sessionOf(answer);
  held.see(answer, held.arrays);
}
function* remove2(sessionId, etag) {
  const answer = yield remove(sessionId, etag);
  try {
    checked(answer);
  } catch (error) {
    if (!(isGone(error) && error.maybeApplied)) throw error;
  }
}
function isGone(error) {
  return error instanceof SessionNotFound || error instanceof SessionExpired;
}
function checkStep(name, step3) {
  if (!(Number.isSafeInteger(step3) && step3 >= 0)) {
    throw new RangeError(`${name} is ${step3}; it must be a whole number, at least 0`);
  }
}
function takeFor(held, role, values, shapes) {
  const { arrays, form } = takeIn(role, values, held.dtype, shapes);
  return { arrays: shapes === null ? fitted(arrays, form, held.shape) : arrays, form };
}

// src/held.js
var Held = class {
  /** @type {Arrays | null} */
  arrays = null;
  /** @type {Form | null} */
  form = null;
  /** @type {Optimizer} */
  optimizer;
  /** @type {DType} */
  dtype;
  /** @type {Shapes | null} */
  shape;
  /**
   * @param {SessionInfo} info
   * @param {Answer} answer
   * @param {Format} format
   */
  constructor(info3, answer, format) {
    this.id = info3.id;
    this.validator = validatorOf(answer);
    this.optimizer = info3.optimizer;
    this.dtype = info3.dtype;
    this.shape = info3.shape;
    this.format = format;
  }
  /** Whether its values come in a binary format. */
  get binary() {
    return isBinary(this.format, this.shape);
  }
  /**
   * Takes over the state that the answer names, with the params of that state where they are known.
   *
   * @param {Answer} answer
   * @param {Arrays | null} arrays
   * @param {Form | null} [form]
   */
  see(answer, arrays, form = null) {
    this.validator = validatorOf(answer);
    this.arrays = arrays;
    if (arrays !== null) this.shape = shapeOf(arrays);
    if (form !== null) this.form = form;
  }
  /** After a create by shape alone: the params are zeros. */
  seeZeros() {
    this.arrays = this.shape === null ? null : zeros(this.shape, this.dtype);
  }
  /**
   * After the id went to another session: everything that a session has for life.
   *
   * @param {SessionInfo} info
   */
  become(info3) {
    this.optimizer = info3.optimizer;
    this.dtype = info3.dtype;
    this.shape = info3.shape;
  }
  /**
   * The shape, names in the order in which the caller last gave them; the caller's to keep.
   *
   * @returns {number[] | Record<string, number[]> | null}
   */
  givenShape() {
    const shapes = this.shape;
    if (shapes === null) return null;
    if (isShape(shapes)) return [...shapes];
    const names = Object.keys(shapes);
    const given = this.form instanceof Map ? [...this.form.keys()] : [];
    const fits = given.length === names.length && given.every((name) => Object.hasOwn(shapes, name));
    return Object.fromEntries((fits ? given : names).map((name) => [name, [...shapes[name] ?? []]]));
  }
  /** The params in the caller's form, the caller's to keep; null where they are not known. */
  given() {
    return this.arrays === null ? null : give(this.arrays, this.form);
  }
};

// src/optimizers.js
function Adadelta(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "adadelta" });
}
function Adagrad(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "adagrad" });
}
function RMSprop(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "rmsprop" });
}
function SGD(hyperParameters = {}) {
  return Object.freeze({ ...hyperParameters, name: "sgd" });
}

// src/opening.js
function* openSession(sessionId, { optimizer, params, shape, dtype, ttlS, labels, durability }, format) {
  if (sessionId !== null && optimizer === void 0 && params === void 0 && shape === void 0) {
    if ([dtype, ttlS, labels, durability].some((given) => given !== void 0)) {
      throw new TypeError(
        "dtype, ttlS, labels and durability are for creating; that takes an optimizer, params or a shape too"
      );
    }
    return yield* attach(sessionId, format);
  }
  const chosen = dtypeNamed(dtype, params);
  const shapes = shape === void 0 ? null : shapesOf(shape);
  const taken = params === void 0 ? null : takeIn("params", params, chosen, shapes);
  const kept = taken === null ? null : copied(taken.arrays);
  const document = {
    optimizer: optimizer ?? Adadelta(),
    dtype: chosen,
    shape: kept === null ? shapes ?? void 0 : void 0,
    ...extras({ ttlS, labels, durability })
  };
  const binary = kept !== null && isBinary(format, shapeOf(kept));
  const sent = payload(document, kept === null ? {} : { params: kept }, null, binary);
  const answer = yield create(sessionId, sent);
  const held = new Held(sessionOf(answer), answer, format);
  held.form = taken?.form ?? null;
  if (answer.status !== 201) yield* fetchWhereShaped(held);
  else if (kept === null) held.seeZeros();
  else held.arrays = kept;
  return held;
}
function* attach(sessionId, format) {
  const answer = yield describe(sessionId);
  const held = new Held(sessionOf(answer), answer, format);
  yield* fetchWhereShaped(held);
  return held;
}
function* restoreAs(sessionId, checkpoint, made, format) {
  const parts = checkedCheckpoint(checkpoint).parts();
  const found = yield* etagOrNull(yield describe(sessionId));
  const answer = yield putState(
    sessionId,
    checkpointPayload(parts, format, found === null ? extras(made) : {}),
    found
  );
  const held = new Held(sessionOf(answer), answer, format);
  held.see(answer, parts.params, parts.form);
  return held;
}
function* etagOrNull(described) {
  try {
    return validatorOf(checked(described)).etag;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}
function* fork2(origin, sessionId, { atStep, incarnation, optimizer, ...made }) {
  checkStep("atStep", atStep ?? 0);
  const document = { id: sessionId ?? void 0, at_step: atStep, incarnation, optimizer, ...extras(made) };
  const answer = yield fork(origin.id, payload(document, {}, null, false), sessionId !== null);
  const held = new Held(sessionOf(answer), answer, origin.format);
  held.form = origin.form;
  yield* fetchWhereShaped(held);
  return held;
}
function extras({ ttlS, labels, durability }) {
  return { ttl_s: ttlS, labels, durability };
}

// src/retry.js
var RETRIED_STATUSES = /* @__PURE__ */ new Set([408, 429, 502, 503, 504]);
var OPTIONS = (
  /** @type {const} */
  ["attempts", "baseS", "capS", "patienceS", "random"]
);
var RetryPolicy = class {
  /**
   * @param {object} [options]
   * @param {number} [options.attempts] sendings in all, the first included; 1 repeats nothing
   * @param {number} [options.baseS] upper bound of the first pause, in seconds; it doubles with every repetition
   * @param {number} [options.capS] upper bound of any pause
   * @param {number} [options.patienceS] the longest Retry-After that is waited for; beyond it the error is raised at once
   * @param {() => number} [options.random] gives a float from 0 to 1; for tests
   * @throws {TypeError} a time is no number, or there is no such option
   * @throws {RangeError} `attempts` is no whole number from 1 on, or a time is negative
   */
  constructor(options = {}) {
    const { attempts = 4, baseS = 0.25, capS = 8, patienceS = 60, random = Math.random } = optionsOf(options, OPTIONS);
    if (!(Number.isInteger(attempts) && attempts >= 1)) {
      throw new RangeError(`attempts is ${attempts}; it must be a whole number, at least 1`);
    }
    for (const [name, value] of Object.entries({ baseS, capS, patienceS })) {
      if (!(numberOf(name, value) >= 0)) throw new RangeError(`${name} is ${value}; it must not be negative`);
    }
    this.attempts = attempts;
    this.baseS = baseS;
    this.capS = capS;
    this.patienceS = patienceS;
    this.random = random;
    Object.freeze(this);
  }
  /**
   * Seconds to wait before the first, second, ... repetition.
   *
   * @param {number} repetition
   * @param {number | null} askedS
   * @returns {number}
   */
  pauseBefore(repetition, askedS) {
    const bound = Math.min(this.capS, this.baseS * 2 ** Math.min(repetition - 1, 1e3));
    return (askedS ?? 0) + this.random() * bound;
  }
};
var Sendings = class {
  #request;
  #policy;
  #count = 0;
  maybeApplied = false;
  /**
   * @param {Request} request
   * @param {RetryPolicy} policy
   */
  constructor(request2, policy) {
    this.#request = request2;
    this.#policy = policy;
  }
  /**
   * Seconds to wait before the next sending, or null if this outcome is the last.
   *
   * @param {Answer | ConnectionFailed} outcome
   * @returns {number | null}
   */
  pauseAfter(outcome) {
    this.#count += 1;
    if (!this.#mayRepeat(outcome)) return null;
    const askedS = outcome instanceof ConnectionFailed ? null : retryAfterS(outcome);
    if (askedS !== null && askedS > this.#policy.patienceS) return null;
    this.maybeApplied ||= mayBeApplied(outcome);
    return this.#policy.pauseBefore(this.#count, askedS);
  }
  /** @param {Answer | ConnectionFailed} outcome */
  #mayRepeat(outcome) {
    if (this.#count >= this.#policy.attempts || !this.#request.repeatable) return false;
    return outcome instanceof ConnectionFailed || RETRIED_STATUSES.has(outcome.status);
  }
};
function mayBeApplied(outcome) {
  return (outcome instanceof ConnectionFailed ? outcome : errorOf(outcome)).maybeApplied;
}

// src/history.js
function* page2(sessionId, incarnation, pageSize, pageToken) {
  const answer = yield steps(sessionId, incarnation, pageSize, pageToken);
  const { steps: steps2, incarnation: life, next_page_token: following = null } = documentOf(answer);
  if (typeof life !== "string" || !(following === null || typeof following === "string")) {
    throw unexpectedMember(answer, "incarnation");
  }
  return { steps: each(answer, "steps", steps2, readStep), incarnation: life, following: following || null };
}
function* incarnations(sessionId) {
  const answer = yield steps(sessionId, void 0, 1, null);
  return each(answer, "incarnations", documentOf(answer).incarnations, readIncarnation);
}
function each(answer, member2, items, reader) {
  if (!Array.isArray(items)) throw unexpectedMember(answer, member2);
  return read2(answer, `${member2} can't be read`, () => items.map((item) => reader(memberOf(item))));
}
function memberOf(item) {
  if (!isPlainObject(item)) throw new TypeError("one is no object");
  return (name) => {
    if (item[name] === void 0) throw new TypeError(`one has no ${name}`);
    return item[name];
  };
}
function readStep(member2) {
  return Object.freeze({
    step: member2("step"),
    time: member2("time"),
    gradNorm: member2("grad_norm"),
    updateNorm: member2("update_norm"),
    lr: member2("lr"),
    worker: member2("worker"),
    key: member2("key")
  });
}
function readIncarnation(member2) {
  return Object.freeze({
    incarnation: member2("incarnation"),
    firstStep: member2("first_step"),
    lastStep: member2("last_step"),
    beganAt: member2("began_at")
  });
}

// src/session.js
var OF_FORKING = (
  /** @type {const} */
  [
    "atStep",
    "incarnation",
    "optimizer",
    "ttlS",
    "labels",
    "durability",
    "signal"
  ]
);
var Session = class _Session {
  #run;
  #held;
  /**
   * @param {Runner} run
   * @param {Held} held
   */
  constructor(run, held) {
    this.#run = run;
    this.#held = held;
  }
  toString() {
    return `<Session "${this.id}": ${this.optimizer.name}, ${this.dtype}, step ${this.stepNumber}>`;
  }
  [/* @__PURE__ */ Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toString();
  }
  /** The name under which the service keeps the session. */
  get id() {
    return this.#held.id;
  }
  /**
   * The optimizer's name and every hyper-parameter, the service's defaults filled in.
   *
   * @returns {Optimizer}
   */
  get optimizer() {
    return { ...this.#held.optimizer };
  }
  /**
   * What the service computes in, and what comes out.
   *
   * @returns {DType}
   */
  get dtype() {
    return this.#held.dtype;
  }
  /** Lengths; with names an object of these; null while the session has no shape. */
  get shape() {
    return this.#held.givenShape();
  }
  /** The number of steps taken, as of the last answer. */
  get stepNumber() {
    return this.#held.validator.step;
  }
  /** The state that the next verb applies to: `"<incarnation>-<step>"`, quotes included. */
  get etag() {
    return this.#held.validator.etag;
  }
  /**
   * The params of the last answer, without a request: new arrays each time, in the kind in which values last went in.
   * Null while the session has no shape, and after a step with `returnParams: false`: then see `fetchParams()`.
   *
   * @returns {any}
   */
  get params() {
    return this.#held.given();
  }
  /**
   * Take one step: gradients in, updated params out. Applied once, however often it has to be sent. If no answer comes
   * at all, `maybeApplied` of the error says whether it may have been applied; stepping again is safe, since it is
   * refused if it was.
   *
   * Rejects with TypeError or RangeError (grads, params or lr can't be sent; nothing was sent), PreconditionFailed or
   * SessionReplaced (the session has changed since the last answer), ShapeMismatch, NamesMismatch, StepNotFinite (the
   * result would not be finite; the session stays as it was), SessionHasNoShape (a first step without params).
   *
   * @template {Fitting<Grads>} Grads
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Grads} grads of the session's shape; converted to its dtype
   * @param {StepOptions<Params> & {returnParams?: true}} [options]
   * @returns {Promise<Returned<Grads>>} the new params in the kind of `grads`
   */
  /**
   * @template {Fitting<Grads>} Grads
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Grads} grads
   * @param {StepOptions<Params> & {returnParams: false}} options
   * @returns {Promise<null>}
   */
  /**
   * @template {Fitting<Grads>} Grads
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Grads} grads
   * @param {StepOptions<Params>} options
   * @returns {Promise<Returned<Grads> | null>}
   */
  /**
   * @param {Values} grads
   * @param {StepOptions} [options]
   * @returns {Promise<any>}
   */
  async step(grads, options = {}) {
    const { signal, ...how } = optionsOf(options, ["params", "lr", "returnParams", "shape", "signal"]);
    return this.#run(step2(this.#held, newKey(), grads, how), signal);
  }
  /**
   * Get the params from the service, and go on from the state that they belong to: the way back into step with the
   * service after PreconditionFailed.
   *
   * @param {Abortable} [options]
   * @returns {Promise<any>} as `params`
   */
  async fetchParams(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(fetchParams(this.#held), signal);
  }
  /**
   * Wait until the session has taken so many steps, whoever takes them, and go on from what is there then. The wait ends
   * early when the session is reset, restored or given other params (or had been, before the wait began: with no
   * params held that shows after 30 seconds), and when the service shuts down; `stepNumber` tells which step was reached. A long
   * wait is made of several requests. The client's `timeoutS` counts from when the service should have answered.
   *
   * Rejects with TypeError or RangeError for a step or a time that is none.
   *
   * @param {number} step
   * @param {Abortable & {timeoutS?: number | null}} [options] `timeoutS`: how long to wait at most, in seconds; by
   *   default, and with null, as long as it takes
   * @returns {Promise<any>} the params that are there when the wait ends, as `params`
   */
  async waitForStep(step3, options = {}) {
    const { timeoutS, signal } = optionsOf(options, ["timeoutS", "signal"]);
    return this.#run(waitForStep(this.#held, step3, timeoutS), signal);
  }
  /**
   * Replace the params; optimizer state and step number stay.
   *
   * Rejects with TypeError or RangeError (the values can't be sent; nothing was sent), PreconditionFailed (the session
   * has changed since the last answer; see its `resent`), ShapeMismatch, NamesMismatch.
   *
   * @template {Fitting<Params>} Params
   * @param {Params} params of the session's shape; they give it one if it has none
   * @param {Abortable & {shape?: ShapeLike}} [options] `shape`: of typed arrays, where the session has none yet
   * @returns {Promise<void>}
   */
  async putParams(params, options = {}) {
    const { shape, signal } = optionsOf(options, ["shape", "signal"]);
    return this.#run(putParams2(
      this.#held,
      /** @type {Values} */
      params,
      shape
    ), signal);
  }
  /**
   * Get the whole session as it is now: params, optimizer state, step number. Nothing changes, here or there.
   * Rejects with SessionHasNoShape while there are no values, StepNotRetained (that state is not kept, or never was),
   * NotDurable (the session is not journaled, so that no past state is kept).
   *
   * @param {Abortable & {atStep?: number, incarnation?: string}} [options] `atStep`: as it was then, rebuilt from the
   *   journal to the bit; `incarnation`: in which life. Without `atStep` it is the last state of that life
   * @returns {Promise<Checkpoint>} values in the kind in which they last went in
   */
  async state(options = {}) {
    const { signal, ...when } = optionsOf(options, ["atStep", "incarnation", "signal"]);
    return this.#run(state(this.#held, when), signal);
  }
  /**
   * Have the session written to the service's store now, whole, and wait until it is there. A session of durability
   * `snapshot` outlives the service's process as it was written last. This object's own view does not change. Rejects with
   * NotDurable (it is kept in memory alone), StorageUnavailable, StorageFull (it could not be written).
   *
   * @param {Abortable} [options]
   * @returns {Promise<SessionInfo>} what was written
   */
  async snapshot(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(snapshot2(this.id), signal);
  }
  /**
   * Iterate over the steps that the session has taken, oldest first, page by page. All are of one life, even if the
   * session is reset meanwhile; how many are kept is a setting of the service. Rejects with NotDurable if the session is
   * not journaled.
   *
   * @param {Abortable & {incarnation?: string, pageSize?: number}} [options] `incarnation`: of which life, the current one
   *   by default; `pageSize`: how many to ask for at once
   * @returns {AsyncGenerator<Readonly<PastStep>, void, undefined>}
   */
  async *history(options = {}) {
    const { pageSize, signal, ...which } = optionsOf(options, ["incarnation", "pageSize", "signal"]);
    let { incarnation } = which;
    let pageToken = null;
    do {
      const page3 = await this.#run(page2(this.id, incarnation, pageSize, pageToken), signal);
      yield* page3.steps;
      ({ incarnation, following: pageToken } = page3);
    } while (pageToken !== null);
  }
  /**
   * Get the lives of the session that are kept, the current one first: what `history`, `state` and `fork` take as
   * `incarnation`. Rejects with NotDurable if the session is not journaled.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Readonly<Incarnation>[]>}
   */
  async incarnations(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(incarnations(this.id), signal);
  }
  /**
   * Make a new session that goes on from a state of this one, which stays as it is. Without an id, where the service makes
   * one, the request is sent only once. With an id it is repeated where an answer is lost, and is refused then if the first
   * did it: SessionExists, its `maybeApplied` true. Look to find out: `client.session(id)` attaches to what is there, and
   * its description's `forkedFrom` tells.
   *
   * Rejects with SessionExists (the id is taken), SessionHasNoShape (there is no state to go on from yet), StepNotRetained
   * (that state is not kept, or never was), NotDurable (this session is not journaled, or the service has no store),
   * CheckpointMismatch, HyperParameterInvalid, HyperParameterUnknown (not with that optimizer), CapacityExceeded.
   *
   * @overload
   * @param {string | null} [sessionId] as for `client.session`
   * @param {Forking & Abortable} [forking]
   * @returns {Promise<Session>} at that step, with params and optimizer state of then
   */
  /**
   * @overload
   * @param {Forking & Abortable} forking
   * @returns {Promise<Session>}
   */
  /**
   * @param {string | null | (Forking & Abortable)} [sessionId]
   * @param {Forking & Abortable} [forking]
   * @returns {Promise<Session>}
   */
  async fork(sessionId = null, forking = {}) {
    const id = typeof sessionId === "object" ? null : sessionId;
    const given = typeof sessionId === "object" && sessionId !== null ? sessionId : forking;
    const { signal, ...what } = optionsOf(given, OF_FORKING);
    return new _Session(this.#run, await this.#run(fork2(this.#held, id, what), signal));
  }
  /**
   * Put the session back to a checkpoint of the same optimizer, dtype and shape: params, optimizer state, step number.
   *
   * Rejects with TypeError or RangeError (its values can't be sent; nothing was sent), PreconditionFailed (the session
   * has changed since the last answer; see its `resent`), CheckpointMismatch, ShapeMismatch, NamesMismatch (it does not
   * fit), DigestMismatch (it was damaged).
   *
   * @param {Checkpoint} checkpoint
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async restore(checkpoint, options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(restore(this.#held, checkpoint), signal);
  }
  /**
   * Set the optimizer state to zero and the step number to 0; params and shape stay. Rejects with PreconditionFailed if
   * the session has changed since the last answer; see its `resent`.
   *
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async reset(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(reset2(this.#held), signal);
  }
  /**
   * Delete the session; its id is free again. Rejects with PreconditionFailed if the session has changed since the last
   * answer; `client.delete(id)` does not mind.
   *
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async delete(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(remove2(this.id, this.etag), signal);
  }
  /**
   * Get what the service tells about the session, values apart. This object's own view does not change.
   *
   * @param {Abortable} [options]
   * @returns {Promise<SessionInfo>}
   */
  async describe(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(describe2(this.id), signal);
  }
};
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// src/transport.js
var LONGEST_TIMER_MS = 2 ** 31 - 1;
var TIMEOUT_CODES = /* @__PURE__ */ new Set(["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
async function sendOnce(request2, { fetch, url, headers, timeoutS, signal }) {
  signal?.throwIfAborted();
  const ending = new AbortController();
  const aborted = () => ending.abort();
  signal?.addEventListener("abort", aborted, { once: true });
  const silence = new Silence(ending);
  try {
    silence.begin(timeoutS + request2.waitS);
    const query = request2.query.length > 0 ? `?${new URLSearchParams(request2.query.map(([...pair]) => pair))}` : "";
    const response = await fetch(`${url}${request2.path}${query}`, {
      method: request2.method,
      headers: { ...headers, ...request2.headers },
      body: request2.body,
      cache: "no-store",
      redirect: "manual",
      signal: ending.signal
    });
    const body = await readBody(response, () => silence.begin(timeoutS));
    return { status: response.status, headers: Object.fromEntries(response.headers), body, maybeApplied: false, tookS: 0 };
  } catch (error) {
    signal?.throwIfAborted();
    return failure(request2, error, silence.tooLong ? `no answer within ${timeoutS + request2.waitS} s` : null);
  } finally {
    silence.end();
    signal?.removeEventListener("abort", aborted);
  }
}
async function pause(seconds, signal) {
  signal?.throwIfAborted();
  let finish = () => {
  };
  let timer;
  try {
    await new Promise((resolve) => {
      finish = () => resolve(void 0);
      timer = setTimeout(finish, Math.min(seconds * 1e3, LONGEST_TIMER_MS));
      signal?.addEventListener("abort", finish, { once: true });
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", finish);
  }
  signal?.throwIfAborted();
}
var Silence = class {
  #ending;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  tooLong = false;
  /** @param {AbortController} ending */
  constructor(ending) {
    this.#ending = ending;
  }
  /**
   * From now on.
   *
   * @param {number} limitS
   */
  begin(limitS) {
    this.end();
    if (limitS * 1e3 > LONGEST_TIMER_MS) return;
    this.#timer = setTimeout(() => {
      this.tooLong = true;
      this.#ending.abort();
    }, limitS * 1e3);
  }
  end() {
    clearTimeout(this.#timer);
  }
};
async function readBody(response, heard) {
  heard();
  const pieces = [];
  const reader = response.body?.getReader();
  for (; ; ) {
    const { done, value } = await reader?.read() ?? { done: true, value: void 0 };
    if (done) return joined(pieces);
    heard();
    pieces.push(value);
  }
}
function failure(request2, error, tooLong) {
  const causes = causesOf(error);
  const reason = tooLong ?? [...new Set(causes.map((cause) => cause.message || cause.code || String(cause)))].join("; ");
  const timedOut = tooLong !== null || causes.some((cause) => TIMEOUT_CODES.has(cause.code ?? ""));
  const Failure = timedOut ? RequestTimedOut : ConnectionFailed;
  const failed = new Failure(`${request2.method} ${request2.path}: ${reason}`, { cause: error });
  failed.maybeApplied = tooLong !== null || !causes.every(wasNeverSent);
  return failed;
}
function causesOf(error) {
  const { cause, errors } = (
    /** @type {SystemError} */
    error
  );
  if (Array.isArray(errors) && errors.length > 0) return errors.flatMap(causesOf);
  return cause instanceof Error ? causesOf(cause) : [
    /** @type {SystemError} */
    error
  ];
}
function wasNeverSent({ code, syscall, message }) {
  if (message === "bad port") return true;
  return syscall === "connect" || syscall === "getaddrinfo" || code === "UND_ERR_CONNECT_TIMEOUT";
}

// src/version.js
var VERSION = "0.1.0";

// src/client.js
var DEFAULT_URL = "http://127.0.0.1:8000";
var OPTIONS2 = (
  /** @type {const} */
  ["timeoutS", "retry", "format", "fetch", "sleep"]
);
var OF_CREATION = (
  /** @type {const} */
  [
    "optimizer",
    "params",
    "shape",
    "dtype",
    "ttlS",
    "labels",
    "durability",
    "signal"
  ]
);
var Client = class {
  #url;
  #headers;
  #timeoutS;
  #format;
  #retry;
  #fetch;
  #sleep;
  /**
   * @param {string | URL} [baseUrl] where the service is; default: in a page the page's own origin, else the
   *   environment's STEPD_URL, else http://127.0.0.1:8000. A path in it is kept, for a service behind a proxy.
   * @param {object} [options]
   * @param {number} [options.timeoutS] the longest silence of the service within one attempt, in seconds; default 60
   * @param {RetryPolicy} [options.retry] how often and when a request that is safe to repeat is repeated
   * @param {Format} [options.format] how values travel: "json"; "binary" (octet-stream or safetensors, exact copies
   *   without text, and without the service's limit for JSON); or "auto", the default, which is JSON for a few values, so
   *   that they can be read on their way, and binary for more. The results are the same, bit for bit
   * @param {typeof globalThis.fetch} [options.fetch] sends, for tests
   * @param {(seconds: number, signal?: AbortSignal) => Promise<void>} [options.sleep] waits between attempts, for tests
   * @throws {TypeError} `baseUrl` is not an http or https URL, `timeoutS` no number, or there is no such option
   * @throws {RangeError} `timeoutS` is not above 0, or there is no such format
   */
  constructor(baseUrl, options = {}) {
    const { timeoutS = 60, retry = new RetryPolicy(), format = "auto" } = optionsOf(options, OPTIONS2);
    const { fetch = globalThis.fetch, sleep = pause } = options;
    if (!(numberOf("timeoutS", timeoutS) > 0)) throw new RangeError(`timeoutS is ${timeoutS}; it must be above 0`);
    const url = checkedUrl(baseUrl ?? defaultUrl());
    this.#url = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
    this.#headers = { accept: "application/json", ...userAgent(), ...credentials(url) };
    this.#timeoutS = timeoutS;
    this.#format = formatNamed(format);
    this.#retry = retry;
    this.#fetch = /** @type {typeof fetch} */
    ((...call) => fetch(...call));
    this.#sleep = sleep;
  }
  toString() {
    return `<Client of ${this.#url}>`;
  }
  [/* @__PURE__ */ Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toString();
  }
  /**
   * Create a session, or attach to the one that was created like this; with an id alone, attach to what is there.
   *
   * Attaching resets nothing: the session goes on at its step, with its params and labels. The request may be lost and
   * repeated without harm; without an id, where the service makes one, it is sent only once. With neither params nor
   * shape, the first step that carries params gives the session its shape.
   *
   * Rejects with TypeError or RangeError (params can't be sent, or the options exclude one another; nothing was sent),
   * SessionExists (the id belongs to a session created otherwise; `fields` names what differs), SessionNotFound or
   * SessionExpired (an id alone, and there is no such session), HyperParameterInvalid, HyperParameterUnknown,
   * OptimizerUnknown, InvalidTensors (it can't be had like this), NotDurable (the service has no store to keep it in),
   * CapacityExceeded (the service has no room for it).
   *
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {string | null} [sessionId] 1 to 64 letters, digits, ".", "_" and "-"; without one the service makes one
   * @param {Creation<Params> & Abortable} [creation]
   * @returns {Promise<Session>} its `params` are those sent, or zeros, or, when attached, the current ones
   */
  /**
   * @template {Fitting<Params>} [Params=Values]
   * @overload
   * @param {Creation<Params> & Abortable} creation
   * @returns {Promise<Session>}
   */
  /**
   * @param {string | null | (Creation & Abortable)} [sessionId]
   * @param {Creation & Abortable} [creation]
   * @returns {Promise<Session>}
   */
  async session(sessionId = null, creation = {}) {
    const id = typeof sessionId === "object" ? null : sessionId;
    const given = typeof sessionId === "object" && sessionId !== null ? sessionId : creation;
    const { signal, ...what } = optionsOf(given, OF_CREATION);
    return new Session(this.#run, await this.#run(openSession(id, what, this.#format), signal));
  }
  /**
   * Restore a checkpoint under an id, which may be free or that of a session of the same kind.
   *
   * Rejects with TypeError or RangeError (its values can't be sent; nothing was sent), CheckpointMismatch,
   * ShapeMismatch, NamesMismatch (the id is that of a session which it does not fit), DigestMismatch (it was damaged),
   * PreconditionFailed (a session under that id was made, or changed, at this moment; see its `resent`).
   *
   * @param {string} sessionId
   * @param {Checkpoint} checkpoint
   * @param {Abortable & {ttlS?: number, labels?: Readonly<Record<string, string>>, durability?: Durability}} [options] as
   *   for `session`; they count where the id was free
   * @returns {Promise<Session>} at the checkpoint's step, values in the kind of the checkpoint's
   */
  async restore(sessionId, checkpoint, options = {}) {
    const { signal, ...made } = optionsOf(options, ["ttlS", "labels", "durability", "signal"]);
    return new Session(this.#run, await this.#run(restoreAs(sessionId, checkpoint, made, this.#format), signal));
  }
  /**
   * Iterate over the sessions, page by page. What is made or deleted meanwhile may or may not be among them. Rejects
   * with InvalidQuery if the service takes no such page size or label.
   *
   * @param {object} [options]
   * @param {Readonly<Record<string, string>>} [options.label] only those with these names and values
   * @param {number} [options.pageSize] how many to ask for at once
   * @param {AbortSignal} [options.signal]
   * @returns {AsyncGenerator<SessionInfo, void, undefined>}
   */
  async *sessions(options = {}) {
    const { label = {}, pageSize, signal } = optionsOf(options, ["label", "pageSize", "signal"]);
    let pageToken = null;
    do {
      const page3 = await this.#run(page(label, pageSize ?? null, pageToken), signal);
      yield* page3.sessions;
      pageToken = page3.following;
    } while (pageToken !== null);
  }
  /**
   * Delete the session under an id, whatever its state. Rejects with SessionNotFound or SessionExpired if there is none.
   *
   * @param {string} sessionId
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async delete(sessionId, options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(remove2(sessionId, null), signal);
  }
  /**
   * Take one step without a session: params, gradients and optimizer state in, params and state out.
   *
   * Rejects with TypeError or RangeError (the values can't be sent; nothing was sent), ShapeMismatch, NamesMismatch,
   * StepNotFinite, HyperParameterInvalid, HyperParameterUnknown, OptimizerUnknown.
   *
   * @template {Fitting<Params>} Params
   * @template {Fitting<Grads>} Grads
   * @param {Optimizer} optimizer
   * @param {Params} params
   * @param {Grads} grads of the shape of `params`
   * @param {object} [options]
   * @param {Readonly<Record<string, Values>> | null} [options.state] values like `params` for every slot (Adadelta:
   *   `square_avg`, `acc_delta`); without it zeros
   * @param {DType} [options.dtype] as for `session`
   * @param {ShapeLike} [options.shape] of typed arrays; without it they are vectors
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<{params: Returned<Params>, state: Record<string, Returned<Params>>}>} in the kind of `params`
   */
  async stepOnce(optimizer, params, grads, options = {}) {
    const { signal, ...how } = optionsOf(options, ["state", "dtype", "shape", "signal"]);
    return this.#run(stepOnce2(
      optimizer,
      /** @type {Values} */
      params,
      /** @type {Values} */
      grads,
      how,
      this.#format
    ), signal);
  }
  /**
   * Get the service's catalogue of optimizers: hyper-parameters with ranges and defaults, formulas.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async optimizers(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(optimizers2(), signal);
  }
  /**
   * Get what the service tells about itself: version, formats, limits, durability.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async info(options = {}) {
    const { signal } = optionsOf(options, ["signal"]);
    return this.#run(info2(), signal);
  }
  /** @type {<Result>(flow: Flow<Result>, signal: AbortSignal | undefined) => Promise<Result>} */
  #run = async (flow, signal) => {
    let turn = flow.next();
    while (!turn.done) turn = flow.next(await this.#send(turn.value, signal));
    return turn.value;
  };
  /**
   * @param {Request} request
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Answer>}
   */
  async #send(request2, signal) {
    const sendings = new Sendings(request2, this.#retry);
    const began = performance.now();
    for (; ; ) {
      const outcome = await sendOnce(request2, {
        fetch: this.#fetch,
        url: this.#url,
        headers: this.#headers,
        timeoutS: this.#timeoutS,
        signal
      });
      const pauseS = sendings.pauseAfter(outcome);
      if (pauseS === null) {
        if (!(outcome instanceof ConnectionFailed)) {
          return { ...outcome, maybeApplied: sendings.maybeApplied, tookS: (performance.now() - began) / 1e3 };
        }
        outcome.maybeApplied ||= sendings.maybeApplied;
        throw outcome;
      }
      await this.#sleep(pauseS, signal);
    }
  }
};
function defaultUrl() {
  const origin = globalThis.location?.origin ?? "";
  if (/^https?:/.test(origin)) return origin;
  return globalThis.process?.env?.STEPD_URL || DEFAULT_URL;
}
function checkedUrl(baseUrl) {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const given = String(baseUrl).replace(/\/\/[^/@]*@/, "//");
    throw new TypeError(`the base URL is ${JSON.stringify(given)}; it should be like ${DEFAULT_URL}`);
  }
  return url;
}
function credentials({ username, password }) {
  if (username === "" && password === "") return {};
  return { authorization: `Basic ${btoa(`${percentDecoded(username)}:${percentDecoded(password)}`)}` };
}
function percentDecoded(text2) {
  return text2.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
}
function userAgent() {
  return globalThis.location === void 0 ? { "user-agent": `stepd-client-js/${VERSION}` } : {};
}
export {
  Adadelta,
  Adagrad,
  CapacityExceeded,
  Checkpoint,
  CheckpointMismatch,
  Client,
  ConnectionFailed,
  CrossOrigin,
  DigestMismatch,
  DtypeMismatch,
  HyperParameterInvalid,
  HyperParameterUnknown,
  Impossible,
  InternalError,
  InvalidField,
  InvalidHeader,
  InvalidQuery,
  InvalidSessionId,
  InvalidTensors,
  KeyNotSupported,
  KeyReused,
  Malformed,
  MalformedJson,
  MalformedSafetensors,
  MethodNotAllowed,
  Missing,
  MissingField,
  NamesMismatch,
  NotANumber,
  NotAcceptable,
  NotDurable,
  NotReady,
  OptimizerUnknown,
  OutcomeUnknown,
  OverBudget,
  PageNotFound,
  PreconditionFailed,
  ProblemError,
  RMSprop,
  RaggedArray,
  RequestRefused,
  RequestTimedOut,
  RequestTooLarge,
  RetryPolicy,
  SGD,
  ServiceFailed,
  Session,
  SessionCorrupt,
  SessionExists,
  SessionExpired,
  SessionHasNoShape,
  SessionNotFound,
  SessionReplaced,
  ShapeMismatch,
  Stale,
  StepNotFinite,
  StepNotRetained,
  StepdError,
  StorageFull,
  StorageUnavailable,
  Unavailable,
  UnexpectedAnswer,
  UnexpectedBody,
  UnknownField,
  UnsupportedEncoding,
  UnsupportedMediaType,
  ValueNotFinite,
  ValueOutOfRange
};
