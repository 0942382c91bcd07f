"""Rows of the table of bad requests: vectors, values and bodies, all sent as steps."""

from tests.api.refusals import LARGEST_BODY, Table

TABLE = Table()

# Bodies in the binary formats; tests/wire has every way in which they can be wrong.
RAW = {"Content-Type": "application/octet-stream"}
SAFETENSORS = {"Content-Type": "application/vnd.safetensors"}
FLOAT32 = b'{"grads":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}     '
TABLE.step("too few bytes", b"\0" * 31, "422 shape-mismatch", "", "31 bytes", "takes 32", headers=RAW)
TABLE.step("too many bytes", b"\0" * 33, "422 shape-mismatch", "", "33 bytes", "takes 32", headers=RAW)
TABLE.step("bytes of NaN", b"\0" * 24 + b"\xff" * 8, "422 value-not-finite", "", "nan", "flat index 3", headers=RAW)
TABLE.step("bytes for no shape", b"", "422 session-has-no-shape", None, "no shape", headers=RAW, on="empty")
TABLE.step("bytes for several tensors", b"", "415 unsupported-media-type", None, "safetensors", headers=RAW, on="named")
TABLE.step("no header", b"\0" * 4, "400 malformed-safetensors", None, "4 bytes", headers=SAFETENSORS)
TABLE.step(
    "a header too long",
    (16_000).to_bytes(8, "little"),
    "400 malformed-safetensors",
    None,
    "16000 bytes",
    "4096",
    headers=SAFETENSORS,
)
TABLE.step(
    "another dtype",
    len(FLOAT32).to_bytes(8, "little") + FLOAT32 + b"\0" * 16,
    "422 dtype-mismatch",
    "/grads",
    "F32",
    "F64",
    headers=SAFETENSORS,
)

# Vectors that do not have the session's shape or names.
TABLE.step("too few values", {"grads": [1, 2, 3]}, "422 shape-mismatch", "/grads", "grads has 3 values", "has 4 values")
TABLE.step("too many values", {"grads": [1, 2, 3, 4, 5]}, "422 shape-mismatch", "/grads", "5 values", "4 values")
TABLE.step("one value", {"grads": [1]}, "422 shape-mismatch", "/grads", "1 value,", "4 values")
TABLE.step("no values", {"grads": []}, "422 shape-mismatch", "/grads", "0 values", "4 values")
TABLE.step("another rank", {"grads": [[1, 2], [3, 4]]}, "422 shape-mismatch", "/grads", "[2, 2]", "[4]")
TABLE.step(
    "transposed", {"grads": [[1, 2], [3, 4], [5, 6]]}, "422 shape-mismatch", "/grads", "[3, 2]", "[2, 3]", on="grid"
)
TABLE.step("flattened", {"grads": [1, 2, 3, 4, 5, 6]}, "422 shape-mismatch", "/grads", "[6]", "[2, 3]", on="grid")
TABLE.step("names for an array", {"grads": {"w": [1, 2, 3, 4]}}, "422 names-mismatch", "/grads", "single unnamed")
TABLE.step("an array for names", {"grads": [1, 2]}, "422 names-mismatch", "/grads", "'b', 'w'", on="named")
TABLE.step(
    "a name lacking", {"grads": {"w": [[1, 2], [3, 4]]}}, "422 names-mismatch", "/grads", "lacks", "'b'", on="named"
)
TABLE.step(
    "a name too many",
    {"grads": {"w": [[1, 2], [3, 4]], "b": 1, "c": 1}},
    "422 names-mismatch",
    "/grads",
    "adds",
    "'c'",
    on="named",
)
TABLE.step(
    "a name misspelt",
    {"grads": {"W": [[1, 2], [3, 4]], "b": 1}},
    "422 names-mismatch",
    "/grads",
    "lacks",
    "'w'",
    "adds",
    "'W'",
    on="named",
)
TABLE.step("no names", {"grads": {}}, "422 names-mismatch", "/grads", "lacks 2 tensors", on="named")
TABLE.step(
    "one named shape wrong",
    {"grads": {"w": [1, 2, 3, 4], "b": 1}},
    "422 shape-mismatch",
    "/grads/w",
    "'w'",
    "[4]",
    "[2, 2]",
    on="named",
)
TABLE.step(
    "an array for a number",
    {"grads": {"w": [[1, 2], [3, 4]], "b": [1]}},
    "422 shape-mismatch",
    "/grads/b",
    "[1]",
    "[]",
    on="named",
)
TABLE.step(
    "params of another shape", {"params": [1, 2], "grads": [1, 1, 1, 1]}, "422 shape-mismatch", "/params", "2 values"
)
TABLE.step(
    "grads unlike new params", {"params": [1, 2], "grads": [1]}, "422 shape-mismatch", "/grads", "1 value", on="empty"
)
TABLE.step("no shape", {"grads": [1]}, "422 session-has-no-shape", None, "empty", "params", on="empty")
TABLE.step(
    "a row too short", {"grads": [[1, 2, 3], [4, 5]]}, "422 ragged-array", "/grads/1", "2 values", "has 3", on="grid"
)
TABLE.step("a number for a row", {"grads": [[1, 2, 3], 4]}, "422 ragged-array", "/grads/1", on="grid")
TABLE.step("a row for a number", {"grads": [1, [2], 3, 4]}, "422 ragged-array", "/grads/1", "array at index [1]")
TABLE.step(
    "a deep row too short", {"grads": [[[1, 2], [3, 4]], [[5, 6], [7]]]}, "422 ragged-array", "/grads/1/1", on="grid"
)
TABLE.step("nine dimensions", '{"grads": ' + "[" * 9 + "1" + "]" * 9 + "}", "422 invalid-tensors", "/grads", "8")

# Values that are no finite numbers.
for text in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400):
    TABLE.step(
        f"{text[:9]} in a vector", f'{{"grads": [1, {text}, 3, 4]}}', "422 value-not-finite", "/grads/1", "/grads/1"
    )
TABLE.step(
    "NaN in a named tensor",
    '{"grads": {"b": 1, "w": [[1, NaN], [3, 4]]}}',
    "422 value-not-finite",
    "/grads/w/0/1",
    "NaN",
    on="named",
)
TABLE.step(
    "the first of several", '{"grads": [1, 1e999, NaN, 4]}', "422 value-not-finite", "/grads/1", "beyond float64"
)
TABLE.step("NaN in params", '{"params": [NaN, 1, 1, 1], "grads": [1, 1, 1, 1]}', "422 value-not-finite", "/params/0")
for given, shown in ((None, "null"), ("1", "'1'"), (True, "true"), (False, "false"), ({}, "an object")):
    TABLE.step(f"{shown} in a vector", {"grads": [1, 2, given, 4]}, "422 not-a-number", "/grads/2", "[2]", shown)
    TABLE.step(
        f"{shown} in a row",
        {"grads": [[1, 2, 3], [4, given, 6]]},
        "422 not-a-number",
        "/grads/1/1",
        "[1, 1]",
        shown,
        on="grid",
    )
TABLE.step("several", {"grads": [1, None, "x", 4]}, "422 not-a-number", "/grads/1", "2 values are no numbers")
for given, shown in ((None, "null"), ("NaN", "'NaN'"), (5, "5"), (True, "true")):
    TABLE.step(f"{shown} for a vector", {"grads": given}, "422 not-a-number", "/grads", "array of numbers", shown)
TABLE.step(
    "an object for a tensor",
    {"grads": {"w": {"x": 1}, "b": 1}},
    "422 invalid-field",
    "/grads/w",
    "an object",
    on="named",
)
TABLE.step(
    "null for a named number",
    {"grads": {"w": [[1, 2], [3, 4]], "b": None}},
    "422 not-a-number",
    "/grads/b",
    "null",
    on="named",
)
TABLE.step(
    "beyond float32", {"grads": [1, 1e39]}, "422 value-out-of-range", "/grads/1", "[1]", "1e+39", "float32", on="single"
)
TABLE.step(
    "far below float32",
    {"params": [-1e300, 1], "grads": [1, 1]},
    "422 value-out-of-range",
    "/params/0",
    "-1e+300",
    on="single",
)
TABLE.step(
    "a result not finite",
    {"grads": [1, 1, 1e300, 1]},
    "422 step-not-finite",
    "/grads/2",
    "square_avg",
    "inf",
    "[2]",
    "1e+300",
)
TABLE.step("a result beyond float32", {"grads": [1, 1e38]}, "422 step-not-finite", "/grads/1", "1e+38", on="single")

# Fields.
TABLE.step("lr in the body", {"grads": [1, 1, 1, 1], "lr": 0.1}, "422 unknown-field", "/lr", "?lr=", "grads, params")
TABLE.step("a misspelt field", {"gradients": [1, 1, 1, 1]}, "422 missing-field", "/grads", "grads")
TABLE.step("a field too many", {"grads": [1, 1, 1, 1], "state": {}}, "422 unknown-field", "/state", "grads, params")
TABLE.step("an empty object", {}, "422 missing-field", "/grads", "grads")
TABLE.step("null params", {"params": None, "grads": [1, 1, 1, 1]}, "422 not-a-number", "/params", "null")
for text in ("[1, 1, 1, 1]", "null", "5", '"grads"', "true"):
    TABLE.step(f"{text} for a body", text, "422 invalid-field", "", "object")

# Bodies that are not JSON.
for name, text in {
    "nothing": "",
    "blanks": " \n ",
    "a truncated body": '{"grads": [1, 2',
    "a trailing comma": '{"grads": [1, 2, 3, 4,]}',
    "a comment": '{"grads": [1, 2, 3, 4]} // four',
    "two documents": '{"grads": [1, 2, 3, 4]}{}',
    "single quotes": "{'grads': [1, 2, 3, 4]}",
    "a bare name": "{grads: [1, 2, 3, 4]}",
    "nan": '{"grads": [nan, 2, 3, 4]}',
    "undefined": '{"grads": [undefined, 2, 3, 4]}',
    "a leading zero": '{"grads": [01, 2, 3, 4]}',
    "a leading plus": '{"grads": [+1, 2, 3, 4]}',
    "no digit before the point": '{"grads": [.5, 2, 3, 4]}',
    "no digit after the point": '{"grads": [1., 2, 3, 4]}',
    "hexadecimal": '{"grads": [0x10, 2, 3, 4]}',
    "NaN and then nothing": '{"grads": [NaN, 2',
    "a lone surrogate": '{"grads": ["\\ud800"]}',
    "a byte order mark": "\ufeff{}",
    "a form": "grads=1&grads=2",
}.items():
    TABLE.step(name, text, "400 malformed-json", None, "body")
TABLE.step("no UTF-8", b'{"grads": ["\xff"]}', "400 malformed-json", None, "UTF-8")
TABLE.step("UTF-16", '{"grads": [1]}'.encode("utf-16"), "400 malformed-json", None, "UTF-8")
TABLE.step("100,000 brackets", "[" * 100_000, "400 malformed-json", None, "deep")
TABLE.step(
    "100,000 closed brackets", '{"grads": ' + "[" * 100_000 + "]" * 100_000 + "}", "400 malformed-json", None, "deep"
)
TABLE.step("40,000 objects", '{"a":' * 40_000, "400 malformed-json", None, "deep")
TABLE.step(
    "a huge body", b" " * (LARGEST_BODY + 1), "413 request-too-large", None, str(LARGEST_BODY), str(LARGEST_BODY + 1)
)
