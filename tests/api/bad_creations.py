"""Rows of the table of bad requests: what sessions are created from, ids, and checkpoints."""

import json

from tests.api.refusals import STALE, Table

TABLE = Table()

# What a session is created from.
for hyper, dtype, code, name, *words in (
    ({"rho": 1}, "float64", "invalid-hyper-parameter", "rho", "rho is 1", "0 <= rho < 1"),
    ({"rho": -0.1}, "float64", "invalid-hyper-parameter", "rho", "-0.1", "0 <= rho < 1"),
    ({"rho": 0.999999999}, "float32", "invalid-hyper-parameter", "rho", "0.999999999", "is 1 in float32"),
    ({"rho": "0.9"}, "float64", "invalid-hyper-parameter", "rho", "'0.9'", "number"),
    ({"rho": True}, "float64", "invalid-hyper-parameter", "rho", "true", "number"),
    ({"rho": None}, "float64", "invalid-hyper-parameter", "rho", "null", "number"),
    ({"rho": [0.9]}, "float64", "invalid-hyper-parameter", "rho", "number"),
    ({"eps": 0}, "float64", "invalid-hyper-parameter", "eps", "eps is 0", "0 < eps"),
    ({"eps": -1e-6}, "float64", "invalid-hyper-parameter", "eps", "-1e-06", "0 < eps"),
    ({"eps": 1e-50}, "float32", "invalid-hyper-parameter", "eps", "1e-50", "is 0 in float32"),
    ({"lr": -1}, "float64", "invalid-hyper-parameter", "lr", "lr is -1", "0 <= lr"),
    ({"lr": 1e39}, "float32", "invalid-hyper-parameter", "lr", "1e+39", "float32"),
    ({"weight_decay": -0.5}, "float64", "invalid-hyper-parameter", "weight_decay", "-0.5"),
    ({"maximize": 1}, "float64", "invalid-hyper-parameter", "maximize", "true or false"),
    ({"epsilon": 1e-6}, "float64", "unknown-hyper-parameter", "epsilon", "did you mean eps?"),
    ({"momentum": 0.9}, "float64", "unknown-hyper-parameter", "momentum", "adadelta has no hyper-parameter"),
    ({"name": "sgd", "nesterov": True}, "float64", "invalid-hyper-parameter", "nesterov", "momentum"),
    ({"name": "sgd", "momentum": 1}, "float64", "invalid-hyper-parameter", "momentum", "momentum < 1"),
    ({"name": "adam"}, "float64", "unknown-optimizer", "name", "'adam'", "adadelta, adagrad, rmsprop, sgd"),
    ({"name": "Adadelta"}, "float64", "unknown-optimizer", "name", "'Adadelta'"),
    ({"name": None}, "float64", "unknown-optimizer", "name", "adadelta"),
):  # fmt: skip
    given = {"optimizer": {"name": "adadelta", **hyper}, "dtype": dtype, "params": [1]}
    TABLE.create(f"{json.dumps(hyper)} in {dtype}", given, f"422 {code}", f"/optimizer/{name}", *words)
TABLE.create(
    "a huge integer",
    '{"optimizer": {"name": "sgd", "lr": 1' + "0" * 5000 + "}}",
    "422 value-not-finite",
    "/optimizer/lr",
)
TABLE.create(
    "an optimizer without a name", {"optimizer": {"rho": 0.9}}, "422 missing-field", "/optimizer/name", "no name"
)
for given in ("adadelta", None, ["adadelta"]):
    TABLE.create(f"{given} for the optimizer", {"optimizer": given}, "422 invalid-field", "/optimizer", "optimizer")
for given in ("float16", "f8", None, 64):
    TABLE.create(f"{given} for the dtype", {"dtype": given}, "422 invalid-field", "/dtype", "float64", "float32")
TABLE.create("params and shape", {"params": [1], "shape": [1]}, "422 invalid-field", "/shape", "params and shape")
TABLE.create(
    "a field too many", {"params": [1], "step": 1}, "422 unknown-field", "/step", "optimizer, params, shape, dtype"
)
for given in ([1.5], ["2"], [True], [None], [[2]], [1, 1e20]):
    pointer = f"/shape/{len(given) - 1}"
    TABLE.create(f"shape {json.dumps(given)}", {"shape": given}, "422 invalid-field", pointer, "whole number")
for given in ("x", 5, None, True):
    TABLE.create(f"shape {json.dumps(given)}", {"shape": given}, "422 invalid-field", "/shape", "whole numbers")
    named = {"b": [], "w": given}
    TABLE.create(f"shape {json.dumps(named)}", {"shape": named}, "422 invalid-field", "/shape/w", "whole numbers")
TABLE.create(
    "a length beyond 64 bits", '{"shape": [100000000000000000000]}', "422 invalid-field", "/shape/0", "whole number"
)
for given in ([0], [-1], [2, 0], [1] * 9, [], {}, {"w": [0]}, {"w": [1] * 9}):
    TABLE.create(f"shape {json.dumps(given)}", {"shape": given}, "422 invalid-tensors", "/shape")
for given in ([10**18], [10**18, 10**18], [10**9, 10**9], {"w": [10**15], "b": []}):
    TABLE.create(f"shape {json.dumps(given)}", {"shape": given}, "507 capacity-exceeded", None, "bytes", "free")
for name in ("", "a/b", "\n", "\u200b", "n" * 129):
    for role, given in (("shape", [1]), ("params", [1])):
        TABLE.create(
            f"{role} named {ascii(name)[:20]}", {role: {name: given}}, "422 invalid-tensors", f"/{role}", "1 to 128"
        )
for given in ([], [[]], {"w": []}, [[], []]):
    TABLE.create(f"params {json.dumps(given)}", {"params": given}, "422 invalid-tensors", "/params", "at least 1")
TABLE.create("no named params", {"params": {}}, "422 invalid-tensors", "/params", "at least one")
TABLE.create("null params", {"params": None}, "422 not-a-number", "/params", "null")
TABLE.create("params that are a number", {"params": 1}, "422 not-a-number", "/params", "array")
TABLE.create("ragged params", {"params": [[1], [2, 3]]}, "422 ragged-array", "/params/1", "2 values")
TABLE.create("a misspelt null", '{"params": [nul]}', "400 malformed-json", None, "character")
TABLE.create("params beyond float32", {"params": [3.5e38], "dtype": "float32"}, "422 value-out-of-range", "/params/0")
for given in (0, -1, "60", True, 1e9, [60]):
    TABLE.create(f"ttl_s {json.dumps(given)}", {"ttl_s": given}, "422 invalid-field", "/ttl_s", "ttl_s")
TABLE.create("ttl_s NaN", '{"ttl_s": NaN}', "422 value-not-finite", "/ttl_s", "NaN")
for given, pointer in (
    ([], "/labels"),
    (None, "/labels"),
    ({str(i): "" for i in range(17)}, "/labels"),
    ({"": "x"}, "/labels/"),
    ({"a=b": "x"}, "/labels/a=b"),
    ({"n" * 64: "x"}, "/labels/" + "n" * 64),
    ({"run": 7}, "/labels/run"),
    ({"run": "v" * 256}, "/labels/run"),
    ({"run": None}, "/labels/run"),
):
    TABLE.create(f"labels {json.dumps(given)[:30]}", {"labels": given}, "422 invalid-field", pointer, "labels")
for text in ("[]", "null", "7", '"x"', "[{}]"):
    TABLE.create(f"{text} for a body", text, "422 invalid-field", "", "object")
TABLE.create("nothing", "", "400 malformed-json", None, "empty")

# Ids: malformed, and taken.
for given in (".a", "-a", "_a", "a" * 65, "a%20b", "a%0A", "a%00", "a:b", "%C3%BC", "%FF", "a+b", "a,b", "~"):
    for method, place, body in (("PUT", "", {}), ("GET", "", None), ("POST", "/step", {"grads": [1]})):
        request = f"{method} /v1/sessions/{given}{place}"
        TABLE.bad(f"id: {request[:60]}", request, body, "400 invalid-session-id", None, "64", "letter or digit")
FOUR = {"params": [1, 2, 3, 4]}
for given, *fields in (
    ({"params": [1, 2, 3, 5]}, "params"),
    ({"shape": [4]}, "params"),
    ({"shape": [10**12]}, "shape"),
    ({}, "shape"),
    ({**FOUR, "dtype": "float32"}, "dtype"),
    ({**FOUR, "optimizer": {"name": "sgd"}}, "optimizer"),
):
    TABLE.bad(
        f"taken: {json.dumps(given)}", "PUT /v1/sessions/four", given, "409 session-exists", None, "'four'", *fields
    )
TABLE.bad("taken: restored", "PUT /v1/sessions/restored", {"params": [1]}, "409 session-exists", None, "checkpoint")
for name, headers in (("If-None-Match: *", {"If-None-Match": "*"}), ("stale If-Match", {"If-Match": STALE})):
    TABLE.bad(f"taken: {name}", "PUT /v1/sessions/four", FOUR, "412 precondition-failed", headers=headers)
for request in ("PUT /v1/sessions/new", "POST /v1/sessions", "PUT /v1/sessions/new/state"):
    body = {"optimizer": {"name": "sgd"}, "params": [1]}
    if request.endswith("state"):
        body |= {"step": 1, "state": {"momentum_buffer": [0]}}
    TABLE.bad(
        f"If-Match on {request}", request, body, "412 precondition-failed", None, "no such", headers={"If-Match": "*"}
    )

# Checkpoints.
ZEROS = [0, 0, 0, 0]
GOOD = {
    "optimizer": {"name": "adadelta"},
    "step": 3,
    "params": [1, 2, 3, 4],
    "state": {"square_avg": ZEROS, "acc_delta": ZEROS},
}
for field in GOOD:
    given = {name: value for name, value in GOOD.items() if name != field}
    TABLE.restore(f"without {field}", given, "422 missing-field", f"/{field}", field)
for changes, code, pointer, *words in (
    ({"step": -1}, "invalid-field", "/step", "step"),
    ({"step": 1.0}, "invalid-field", "/step", "step"),
    ({"step": "1"}, "invalid-field", "/step", "step"),
    ({"step": 2**53 + 1}, "invalid-field", "/step", "step"),
    ({"incarnation": "a"}, "unknown-field", "/incarnation", "digest"),
    ({"digest": "sha-256:0"}, "invalid-field", "/digest", "digest"),
    ({"digest": "sha-256:" + "0" * 64}, "digest-mismatch", "/digest", "0" * 64),
    ({"digest": "sha-256:" + "A" * 64}, "invalid-field", "/digest", "digest"),
    ({"dtype": "float32"}, "checkpoint-mismatch", "/dtype", "float32", "float64"),
    ({"optimizer": {"name": "adadelta", "rho": 0.9}}, "checkpoint-mismatch", "/optimizer", "0.9", "0.95"),
    ({"optimizer": {"name": "adagrad"}}, "checkpoint-mismatch", "/state/square_avg", "adagrad has sum"),
    ({"state": {"square_avg": ZEROS}}, "checkpoint-mismatch", "/state/acc_delta", "is missing"),
    ({"state": {}}, "checkpoint-mismatch", "/state/square_avg", "is missing"),
    (
        {"state": {"square_avg": ZEROS, "acc_delta": ZEROS, "sum": ZEROS}},
        "checkpoint-mismatch",
        "/state/sum",
        "no slot",
    ),
    ({"state": [ZEROS, ZEROS]}, "invalid-field", "/state", "state"),
    ({"state": None}, "invalid-field", "/state", "state"),
    ({"state": {"square_avg": ZEROS, "acc_delta": None}}, "not-a-number", "/state/acc_delta", "null"),
    ({"state": {"square_avg": ZEROS, "acc_delta": [0, 0]}}, "shape-mismatch", "/state/acc_delta", "2 values"),
    ({"state": {"square_avg": [0, 0, -1, 0], "acc_delta": ZEROS}}, "invalid-tensors", "/state/square_avg/2", "-1.0"),
    ({"params": [1], "state": {"square_avg": [0], "acc_delta": [0]}}, "shape-mismatch", "/params", "1 value"),
    ({"params": [1, 2, None, 4]}, "not-a-number", "/params/2", "null"),
    ({"ttl_s": 0}, "invalid-field", "/ttl_s", "ttl_s"),
    ({"labels": {"": ""}}, "invalid-field", "/labels/", "labels"),
):
    TABLE.restore(f"{json.dumps(changes)[:60]}", {**GOOD, **changes}, f"422 {code}", pointer, *words)
NAMED = {"w": [0] * 4}
TABLE.restore(
    "names",
    {**GOOD, "params": NAMED, "state": {"square_avg": NAMED, "acc_delta": NAMED}},
    "422 names-mismatch",
    "/params",
    "unnamed",
)
TABLE.restore(
    "Infinity in a slot",
    '{"optimizer": {"name": "sgd"}, "step": 0, "params": [1], "state": {"momentum_buffer": [Infinity]}}',
    "422 value-not-finite",
    "/state/momentum_buffer/0",
    "Infinity",
)
TABLE.restore("over an unshaped session of another optimizer", {**GOOD, "optimizer": {"name": "adadelta", "eps": 1e-7}},
              "422 checkpoint-mismatch", "/optimizer", "1e-07", on="empty")  # fmt: skip
TABLE.restore("stale", GOOD, "412 precondition-failed", None, "aaaaaaaaaaaaa-0", headers={"If-Match": STALE})
TABLE.restore("only where there is none", GOOD, "412 precondition-failed", headers={"If-None-Match": "*"})
