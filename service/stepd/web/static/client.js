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
  const members = Object.entries(value).filter(([, member]) => member !== void 0).map(([name, member]) => {
    return `${JSON.stringify(name)}:${write(member, place === "the body" ? name : `${place}.${name}`)}`;
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
  const data = values instanceof Data ? values : Data.from(values);
  const offender = data.findIndex((value) => !Number.isFinite(value));
  if (offender >= 0) {
    const value = values[offender];
    const reason = Number.isFinite(value) ? `that is too large for ${dtype}` : "values must be finite";
    throw new RangeError(`${at(place, indexOf(offender, shape))} is ${value}; ${reason}`);
  }
  return { data, shape };
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
var Checkpoint = class _Checkpoint {
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
   * The params as arrays and the form in which they were given.
   *
   * @returns {{arrays: Arrays, form: Form}}
   * @throws {TypeError | RangeError} they don't hold finite numbers, or not in `shape`
   */
  taken() {
    return this.#take("params", this.params, dtypeNamed(this.dtype));
  }
  /**
   * As the service takes it, for the client's own JSON writer.
   *
   * @returns {Record<string, unknown>}
   * @throws {TypeError | RangeError} the params or a slot don't hold finite numbers, or not in `shape`
   */
  document() {
    const dtype = dtypeNamed(this.dtype);
    const slots = Object.entries(this.state).map(([slot, values]) => {
      return [slot, encode(this.#take(slot, values, dtype).arrays)];
    });
    return {
      optimizer: this.optimizer,
      dtype,
      step: this.step,
      params: encode(this.taken().arrays),
      state: Object.fromEntries(slots),
      digest: this.digest ?? void 0
    };
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
    return write(this.document());
  }
  /**
   * From what `toJSON` or the service wrote; the values are typed arrays, `shape` is told.
   *
   * @param {string} written
   * @returns {Checkpoint}
   * @throws {TypeError} not JSON, or not a checkpoint
   */
  static fromJSON(written) {
    const document = parse(written);
    return _Checkpoint.read(typeof document === "string" ? parse(document) : document);
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
    try {
      return readCheckpoint(document, form);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      throw new TypeError(`this is no checkpoint: ${error.message}`);
    }
  }
};
function readCheckpoint(document, form) {
  if (!isPlainObject(document)) throw new TypeError(`it is ${nameOfType(document)}`);
  const { optimizer, dtype, step: step3, state: state2, digest } = document;
  if (!isPlainObject(optimizer) || typeof optimizer.name !== "string") throw new TypeError("it names no optimizer");
  if (!Number.isInteger(step3)) throw new TypeError("its step is no whole number");
  if (!isPlainObject(state2)) throw new TypeError("it has no state");
  if (dtype !== "float64" && dtype !== "float32") throw new TypeError(`its dtype is ${write(dtype ?? null)}`);
  const params = decode("params", document.params, dtype);
  return new Checkpoint({
    optimizer: (
      /** @type {Optimizer} */
      optimizer
    ),
    dtype,
    step: Number(step3),
    params: give(params, form),
    state: Object.fromEntries(
      Object.entries(state2).map(([slot, values]) => [slot, give(decode(slot, values, dtype), form)])
    ),
    shape: shapeOf(params),
    digest: typeof digest === "string" ? digest : null
  });
}
function parse(written) {
  try {
    return JSON.parse(written);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(`this is no checkpoint: ${error.message}`);
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
  MethodNotAllowed: () => MethodNotAllowed,
  Missing: () => Missing,
  MissingField: () => MissingField,
  NamesMismatch: () => NamesMismatch,
  NotANumber: () => NotANumber,
  NotAcceptable: () => NotAcceptable,
  NotReady: () => NotReady,
  OptimizerUnknown: () => OptimizerUnknown,
  OverBudget: () => OverBudget,
  PageNotFound: () => PageNotFound,
  PreconditionFailed: () => PreconditionFailed,
  ProblemError: () => ProblemError,
  RaggedArray: () => RaggedArray,
  RequestRefused: () => RequestRefused,
  RequestTimedOut: () => RequestTimedOut,
  RequestTooLarge: () => RequestTooLarge,
  ServiceFailed: () => ServiceFailed,
  SessionExists: () => SessionExists,
  SessionExpired: () => SessionExpired,
  SessionHasNoShape: () => SessionHasNoShape,
  SessionNotFound: () => SessionNotFound,
  SessionReplaced: () => SessionReplaced,
  ShapeMismatch: () => ShapeMismatch,
  Stale: () => Stale,
  StepNotFinite: () => StepNotFinite,
  StepdError: () => StepdError,
  Unavailable: () => Unavailable,
  UnexpectedAnswer: () => UnexpectedAnswer,
  UnexpectedBody: () => UnexpectedBody,
  UnknownField: () => UnknownField,
  UnsupportedEncoding: () => UnsupportedEncoding,
  UnsupportedMediaType: () => UnsupportedMediaType,
  ValueNotFinite: () => ValueNotFinite,
  ValueOutOfRange: () => ValueOutOfRange
});
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
var RequestRefused = class extends ProblemError {
};
var Malformed = class extends RequestRefused {
};
var MalformedJson = class extends Malformed {
  static code = "malformed-json";
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
var CapacityExceeded = class extends ServiceFailed {
  static code = "capacity-exceeded";
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
  const member = (name) => {
    if (document[name] === void 0) throw new TypeError(`it has no ${name}`);
    return document[name];
  };
  return Object.freeze({
    id: member("id"),
    optimizer: member("optimizer"),
    dtype: dtypeNamed(member("dtype")),
    shape: readShape(member("shape")),
    size: member("size"),
    step: member("step"),
    incarnation: member("incarnation"),
    bytes: member("bytes"),
    createdAt: member("created_at"),
    updatedAt: member("updated_at"),
    ttlS: member("ttl_s"),
    expiresAt: member("expires_at"),
    labels: member("labels"),
    durability: member("durability")
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
    const document = parsed(answer);
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
  const document = parsed(checked(answer));
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
  return read(answer, "the answer describes no session", () => readInfo(document));
}
function valuesOf(answer, document, member, dtype) {
  if (document[member] === void 0) throw unexpectedMember(answer, member);
  return read(answer, `${member} can't be read`, () => decode(member, document[member], dtype));
}
function read(answer, failure2, reader) {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw unexpected(answer, `${failure2}: ${error.message}`);
  }
}
function unexpectedMember(answer, member) {
  return unexpected(answer, `the answer has no ${member}, or it is of another type than it should be`);
}
function parsed(answer) {
  try {
    const document = JSON.parse(answer.text);
    return isPlainObject(document) ? document : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
function unexpected(answer, reason) {
  const excerpt = answer.status < 300 ? "" : answer.text.slice(0, EXCERPT_CHARACTERS);
  const error = new UnexpectedAnswer(answer.status, contentType(answer), reason, excerpt);
  error.maybeApplied = answer.status < 300 || answer.status === 408 || answer.status >= 500;
  return error;
}

// src/requests.js
var SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
var JSON_BODY = { "content-type": "application/json" };
function sessionPath(sessionId, below = "") {
  if (typeof sessionId !== "string" || !SESSION_ID.test(sessionId)) {
    throw new RangeError(
      `${JSON.stringify(String(sessionId).slice(0, 70))} is no session id; that is 1 to 64 letters, digits, ".", "_" and "-", the first of them a letter or a digit`
    );
  }
  return `/v1/sessions/${sessionId}${below}`;
}
function create(sessionId, document) {
  const content = { headers: JSON_BODY, body: write(document) };
  if (sessionId === null) return request("POST", "/v1/sessions", { repeatable: false, ...content });
  return request("PUT", sessionPath(sessionId), content);
}
function describe(sessionId) {
  return request("GET", sessionPath(sessionId));
}
function remove(sessionId, etag) {
  return request("DELETE", sessionPath(sessionId), { headers: etag === null ? {} : { "if-match": etag } });
}
function step(sessionId, document, { etag, key, lr, returnParams }) {
  return request("POST", sessionPath(sessionId, "/step"), {
    query: lr === null ? [] : [["lr", write(lr, "lr")]],
    headers: {
      ...JSON_BODY,
      "if-match": etag,
      "idempotency-key": key,
      ...returnParams ? {} : { prefer: "return=minimal" }
    },
    body: write(document)
  });
}
function getParams(sessionId) {
  return request("GET", sessionPath(sessionId, "/params"));
}
function waitForParams(sessionId, step3, timeoutS, etag) {
  return request("GET", sessionPath(sessionId, "/params"), {
    query: [
      ["wait_for_step", String(step3)],
      ["timeout_s", String(timeoutS)]
    ],
    headers: etag === null ? {} : { "if-none-match": etag },
    waitS: timeoutS
  });
}
function putParams(sessionId, document, etag) {
  const headers = { ...JSON_BODY, "if-match": etag };
  return request("PUT", sessionPath(sessionId, "/params"), { headers, body: write(document) });
}
function getState(sessionId) {
  return request("GET", sessionPath(sessionId, "/state"));
}
function putState(sessionId, document, etag) {
  const condition = etag === null ? { "if-none-match": "*" } : { "if-match": etag };
  const headers = { ...JSON_BODY, ...condition };
  return request("PUT", sessionPath(sessionId, "/state"), { headers, body: write(document) });
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
function stepOnce(document) {
  return request("POST", "/v1/step", { headers: JSON_BODY, body: write(document) });
}
function optimizers() {
  return request("GET", "/v1/optimizers");
}
function info() {
  return request("GET", "/v1/info");
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
function* stepOnce2(optimizer, params, grads, { state: slots, dtype, shape }) {
  const chosen = dtypeNamed(dtype, params);
  const { arrays, form } = takeIn("params", params, chosen, shape === void 0 ? null : shapesOf(shape));
  const like = (role, values) => {
    const taken = take(role, values, chosen);
    return encode(fitted(taken.arrays, taken.form, shapeOf(arrays)));
  };
  const answer = yield stepOnce({
    optimizer,
    dtype: chosen,
    params: encode(arrays),
    grads: like("grads", grads),
    state: slots ? Object.fromEntries(Object.entries(slots).map(([slot, values]) => [slot, like(slot, values)])) : void 0
  });
  const document = documentOf(answer);
  const newParams = valuesOf(answer, document, "params", chosen);
  const newState = document.state;
  if (!isPlainObject(newState)) throw unexpectedMember(answer, "state");
  const given = Object.keys(newState).map((slot) => [slot, give(valuesOf(answer, newState, slot, chosen), form)]);
  return { params: give(newParams, form), state: Object.fromEntries(given) };
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
  if (held.shape !== null) yield* takeParams(held, yield getParams(held.id));
}
function* describe2(sessionId) {
  return sessionOf(yield describe(sessionId));
}
function* step2(held, key, grads, { params, lr, returnParams = true, shape }) {
  const shapes = shape === void 0 ? null : shapesOf(shape);
  const given = takeFor(held, "grads", grads, shapes);
  if (typeof (lr ?? 0) !== "number") throw new TypeError(`lr is ${nameOfType(lr)}; it must be a number`);
  const replacing = params === void 0 ? void 0 : encode(takeFor(held, "params", params, shapes).arrays);
  const answer = yield step(
    held.id,
    { grads: encode(given.arrays), params: replacing },
    { etag: held.validator.etag, key, lr: lr ?? null, returnParams }
  );
  if (checked(answer).status === 204) {
    held.see(answer, null, given.form);
    held.shape ??= shapeOf(given.arrays);
    return null;
  }
  const arrays = valuesOf(answer, documentOf(answer), "params", held.dtype);
  held.see(answer, arrays, given.form);
  return held.given();
}
function* fetchParams(held) {
  yield* takeParams(held, yield getParams(held.id));
  return held.given();
}
function* waitForStep(held, wanted, timeoutS) {
  if (!(Number.isSafeInteger(wanted) && wanted >= 0)) {
    throw new RangeError(`step is ${wanted}; it must be a whole number, at least 0`);
  }
  if (!(timeoutS >= 0)) throw new RangeError(`timeoutS is ${timeoutS}; it must not be negative`);
  let longest = LONGEST_WAIT_S;
  let left = timeoutS;
  for (; ; ) {
    const { incarnation, etag } = held.validator;
    const asked = Math.min(left, longest);
    const answer = yield waitForParams(held.id, wanted, asked, held.arrays === null ? null : etag);
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
  let document;
  try {
    document = documentOf(answer);
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
  const arrays = valuesOf(answer, document, "params", session?.dtype ?? held.dtype);
  if (session !== null) held.become(session);
  held.see(answer, arrays);
}
function* putParams2(held, params, shape) {
  const { arrays, form } = takeFor(held, "params", params, shape === void 0 ? null : shapesOf(shape));
  const kept = copied(arrays);
  const answer = yield putParams(held.id, { params: encode(kept) }, held.validator.etag);
  sessionOf(answer);
  held.see(answer, kept, form);
}
function* state(held) {
  const answer = yield getState(held.id);
  const document = documentOf(answer);
  return read(answer, "the answer is no checkpoint", () => Checkpoint.read(document, held.form));
}
function* restore(held, checkpoint) {
  const document = checkpoint.document();
  const kept = copied(checkpoint.taken().arrays);
  const answer = yield putState(held.id, document, held.validator.etag);
  held.become(sessionOf(answer));
  held.see(answer, kept);
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
   */
  constructor(info3, answer) {
    this.id = info3.id;
    this.validator = validatorOf(answer);
    this.optimizer = info3.optimizer;
    this.dtype = info3.dtype;
    this.shape = info3.shape;
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
function* openSession(sessionId, { optimizer, params, shape, dtype, ttlS, labels }) {
  if (sessionId !== null && optimizer === void 0 && params === void 0 && shape === void 0) {
    if (dtype !== void 0 || ttlS !== void 0 || labels !== void 0) {
      throw new TypeError("dtype, ttlS and labels are for creating; that takes an optimizer, params or a shape too");
    }
    return yield* attach(sessionId);
  }
  const chosen = dtypeNamed(dtype, params);
  const shapes = shape === void 0 ? null : shapesOf(shape);
  const taken = params === void 0 ? null : takeIn("params", params, chosen, shapes);
  const kept = taken === null ? null : copied(taken.arrays);
  const answer = yield create(sessionId, {
    optimizer: optimizer ?? Adadelta(),
    dtype: chosen,
    params: kept === null ? void 0 : encode(kept),
    shape: kept === null ? shapes ?? void 0 : void 0,
    ...extras(ttlS, labels)
  });
  const held = new Held(sessionOf(answer), answer);
  held.form = taken?.form ?? null;
  if (answer.status !== 201) yield* fetchWhereShaped(held);
  else if (kept === null) held.seeZeros();
  else held.arrays = kept;
  return held;
}
function* attach(sessionId) {
  const answer = yield describe(sessionId);
  const held = new Held(sessionOf(answer), answer);
  yield* fetchWhereShaped(held);
  return held;
}
function* restoreAs(sessionId, checkpoint, { ttlS, labels }) {
  const document = checkpoint.document();
  const { arrays, form } = checkpoint.taken();
  const kept = copied(arrays);
  const found = yield* etagOrNull(yield describe(sessionId));
  const answer = yield putState(
    sessionId,
    found === null ? { ...document, ...extras(ttlS, labels) } : document,
    found
  );
  const held = new Held(sessionOf(answer), answer);
  held.see(answer, kept, form);
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
function extras(ttlS, labels) {
  return { ttl_s: ttlS, labels };
}

// src/retry.js
var RETRIED_STATUSES = /* @__PURE__ */ new Set([408, 429, 502, 503, 504]);
var RetryPolicy = class {
  /**
   * @param {object} [options]
   * @param {number} [options.attempts] sendings in all, the first included; 1 repeats nothing
   * @param {number} [options.baseS] upper bound of the first pause, in seconds; it doubles with every repetition
   * @param {number} [options.capS] upper bound of any pause
   * @param {number} [options.patienceS] the longest Retry-After that is waited for; beyond it the error is raised at once
   * @param {() => number} [options.random] gives a float from 0 to 1; for tests
   * @throws {RangeError} `attempts` is no whole number from 1 on, or a time is negative
   */
  constructor({ attempts = 4, baseS = 0.25, capS = 8, patienceS = 60, random = Math.random } = {}) {
    if (!(Number.isInteger(attempts) && attempts >= 1)) {
      throw new RangeError(`attempts is ${attempts}; it must be a whole number, at least 1`);
    }
    for (const [name, value] of Object.entries({ baseS, capS, patienceS })) {
      if (!(value >= 0)) throw new RangeError(`${name} is ${value}; it must not be negative`);
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

// src/session.js
var Session = class {
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
   * @template {Values} Grads
   * @overload
   * @param {Grads} grads of the session's shape; converted to its dtype
   * @param {StepOptions & {returnParams?: true}} [options]
   * @returns {Promise<Returned<Grads>>} the new params in the kind of `grads`
   */
  /**
   * @template {Values} Grads
   * @overload
   * @param {Grads} grads
   * @param {StepOptions & {returnParams: false}} options
   * @returns {Promise<null>}
   */
  /**
   * @template {Values} Grads
   * @overload
   * @param {Grads} grads
   * @param {StepOptions} options
   * @returns {Promise<Returned<Grads> | null>}
   */
  /**
   * @param {Values} grads
   * @param {StepOptions} [options]
   * @returns {Promise<any>}
   */
  async step(grads, { signal, ...how } = {}) {
    return this.#run(step2(this.#held, newKey(), grads, how), signal);
  }
  /**
   * Get the params from the service, and go on from the state that they belong to: the way back into step with the
   * service after PreconditionFailed.
   *
   * @param {Abortable} [options]
   * @returns {Promise<any>} as `params`
   */
  async fetchParams({ signal } = {}) {
    return this.#run(fetchParams(this.#held), signal);
  }
  /**
   * Wait until the session has taken so many steps, whoever takes them, and go on from what is there then. The wait ends
   * early when the session is reset, restored or given other params (or had been, before the wait began: with no
   * params held that shows after 30 seconds), and when the service shuts down; `stepNumber` tells which step was reached. A long
   * wait is made of several requests. The client's `timeoutS` counts from when the service should have answered.
   *
   * Rejects with RangeError for a step or a time that is none.
   *
   * @param {number} step
   * @param {Abortable & {timeoutS?: number}} [options] `timeoutS`: how long to wait at most, in seconds; by default as
   *   long as it takes
   * @returns {Promise<any>} the params that are there when the wait ends, as `params`
   */
  async waitForStep(step3, { timeoutS = Infinity, signal } = {}) {
    return this.#run(waitForStep(this.#held, step3, timeoutS), signal);
  }
  /**
   * Replace the params; optimizer state and step number stay.
   *
   * Rejects with TypeError or RangeError (the values can't be sent; nothing was sent), PreconditionFailed (the session
   * has changed since the last answer; see its `resent`), ShapeMismatch, NamesMismatch.
   *
   * @param {Values} params of the session's shape; they give it one if it has none
   * @param {Abortable & {shape?: ShapeLike}} [options] `shape`: of typed arrays, where the session has none yet
   * @returns {Promise<void>}
   */
  async putParams(params, { shape, signal } = {}) {
    return this.#run(putParams2(this.#held, params, shape), signal);
  }
  /**
   * Get the whole session as it is now: params, optimizer state, step number. Nothing changes, here or there.
   * Rejects with SessionHasNoShape while there are no values.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Checkpoint>} values in the kind in which they last went in
   */
  async state({ signal } = {}) {
    return this.#run(state(this.#held), signal);
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
  async restore(checkpoint, { signal } = {}) {
    return this.#run(restore(this.#held, checkpoint), signal);
  }
  /**
   * Set the optimizer state to zero and the step number to 0; params and shape stay. Rejects with PreconditionFailed if
   * the session has changed since the last answer; see its `resent`.
   *
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async reset({ signal } = {}) {
    return this.#run(reset2(this.#held), signal);
  }
  /**
   * Delete the session; its id is free again. Rejects with PreconditionFailed if the session has changed since the last
   * answer; `client.delete(id)` does not mind.
   *
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async delete({ signal } = {}) {
    return this.#run(remove2(this.id, this.etag), signal);
  }
  /**
   * Get what the service tells about the session, values apart. This object's own view does not change.
   *
   * @param {Abortable} [options]
   * @returns {Promise<SessionInfo>}
   */
  async describe({ signal } = {}) {
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
    const text2 = await readText(response, () => silence.begin(timeoutS));
    return { status: response.status, headers: Object.fromEntries(response.headers), text: text2, maybeApplied: false, tookS: 0 };
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
async function readText(response, heard) {
  heard();
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text2 = "";
  for (; ; ) {
    const { done, value } = await reader.read();
    if (done) return text2 + decoder.decode();
    heard();
    text2 += decoder.decode(value, { stream: true });
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
function wasNeverSent({ code, syscall }) {
  return syscall === "connect" || syscall === "getaddrinfo" || code === "UND_ERR_CONNECT_TIMEOUT";
}

// src/version.js
var VERSION = "0.1.0";

// src/client.js
var DEFAULT_URL = "http://127.0.0.1:8000";
var Client = class {
  #url;
  #headers;
  #timeoutS;
  #retry;
  #fetch;
  #sleep;
  /**
   * @param {string | URL} [baseUrl] where the service is; default: in a page the page's own origin, else the
   *   environment's STEPD_URL, else http://127.0.0.1:8000. A path in it is kept, for a service behind a proxy.
   * @param {object} [options]
   * @param {number} [options.timeoutS] the longest silence of the service within one attempt, in seconds; default 60
   * @param {RetryPolicy} [options.retry] how often and when a request that is safe to repeat is repeated
   * @param {typeof globalThis.fetch} [options.fetch] sends, for tests
   * @param {(seconds: number, signal?: AbortSignal) => Promise<void>} [options.sleep] waits between attempts, for tests
   * @throws {TypeError} `baseUrl` is not an http or https URL
   * @throws {RangeError} `timeoutS` is not above 0
   */
  constructor(baseUrl, { timeoutS = 60, retry = new RetryPolicy(), fetch = globalThis.fetch, sleep = pause } = {}) {
    if (!(timeoutS > 0)) throw new RangeError(`timeoutS is ${timeoutS}; it must be above 0`);
    const url = checkedUrl(baseUrl ?? defaultUrl());
    this.#url = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
    this.#headers = { accept: "application/json", ...userAgent(), ...credentials(url) };
    this.#timeoutS = timeoutS;
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
   * OptimizerUnknown, InvalidTensors (it can't be had like this), CapacityExceeded (the service has no room for it).
   *
   * @overload
   * @param {string | null} [sessionId] 1 to 64 letters, digits, ".", "_" and "-"; without one the service makes one
   * @param {Creation & Abortable} [creation]
   * @returns {Promise<Session>} its `params` are those sent, or zeros, or, when attached, the current ones
   */
  /**
   * @overload
   * @param {Creation & Abortable} creation
   * @returns {Promise<Session>}
   */
  /**
   * @param {string | null | (Creation & Abortable)} [sessionId]
   * @param {Creation & Abortable} [creation]
   * @returns {Promise<Session>}
   */
  async session(sessionId = null, creation = {}) {
    const id = typeof sessionId === "object" ? null : sessionId;
    const { signal, ...what } = typeof sessionId === "object" && sessionId !== null ? sessionId : creation;
    return new Session(this.#run, await this.#run(openSession(id, what), signal));
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
   * @param {Abortable & {ttlS?: number, labels?: Readonly<Record<string, string>>}} [options] as for `session`; ttlS
   *   and labels count where the id was free
   * @returns {Promise<Session>} at the checkpoint's step, values in the kind of the checkpoint's
   */
  async restore(sessionId, checkpoint, { signal, ...made } = {}) {
    return new Session(this.#run, await this.#run(restoreAs(sessionId, checkpoint, made), signal));
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
  async *sessions({ label = {}, pageSize, signal } = {}) {
    let pageToken = null;
    do {
      const page2 = await this.#run(page(label, pageSize ?? null, pageToken), signal);
      yield* page2.sessions;
      pageToken = page2.following;
    } while (pageToken !== null);
  }
  /**
   * Delete the session under an id, whatever its state. Rejects with SessionNotFound or SessionExpired if there is none.
   *
   * @param {string} sessionId
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async delete(sessionId, { signal } = {}) {
    return this.#run(remove2(sessionId, null), signal);
  }
  /**
   * Take one step without a session: params, gradients and optimizer state in, params and state out.
   *
   * Rejects with TypeError or RangeError (the values can't be sent; nothing was sent), ShapeMismatch, NamesMismatch,
   * StepNotFinite, HyperParameterInvalid, HyperParameterUnknown, OptimizerUnknown.
   *
   * @template {Values} Params
   * @param {Optimizer} optimizer
   * @param {Params} params
   * @param {Values} grads of the shape of `params`
   * @param {object} [options]
   * @param {Readonly<Record<string, Values>> | null} [options.state] values like `params` for every slot (Adadelta:
   *   `square_avg`, `acc_delta`); without it zeros
   * @param {DType} [options.dtype] as for `session`
   * @param {ShapeLike} [options.shape] of typed arrays; without it they are vectors
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<{params: Returned<Params>, state: Record<string, Returned<Params>>}>} in the kind of `params`
   */
  async stepOnce(optimizer, params, grads, { signal, ...how } = {}) {
    return this.#run(stepOnce2(optimizer, params, grads, how), signal);
  }
  /**
   * Get the service's catalogue of optimizers: hyper-parameters with ranges and defaults, formulas.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async optimizers({ signal } = {}) {
    return this.#run(optimizers2(), signal);
  }
  /**
   * Get what the service tells about itself: version, formats, limits, durability.
   *
   * @param {Abortable} [options]
   * @returns {Promise<Record<string, any>>}
   */
  async info({ signal } = {}) {
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
  const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
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
  MethodNotAllowed,
  Missing,
  MissingField,
  NamesMismatch,
  NotANumber,
  NotAcceptable,
  NotReady,
  OptimizerUnknown,
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
  SessionExists,
  SessionExpired,
  SessionHasNoShape,
  SessionNotFound,
  SessionReplaced,
  ShapeMismatch,
  Stale,
  StepNotFinite,
  StepdError,
  Unavailable,
  UnexpectedAnswer,
  UnexpectedBody,
  UnknownField,
  UnsupportedEncoding,
  UnsupportedMediaType,
  ValueNotFinite,
  ValueOutOfRange
};
