"""Rows of the table of bad requests: queries, headers, formats, paths, methods, and what is judged before what."""

from tests.api.refusals import EVIL, LARGEST_BODY, STALE, Table

TABLE = Table()

# Queries.
GOOD = {"grads": [1, 1, 1, 1]}
for text in ("abc", "", "NaN", "Infinity", "+1", "1,5", "0x1", "1_0", "%EF%BC%91", "1e", ".5", "01", "%201"):
    TABLE.bad(f"query: lr={text}", f"POST /v1/sessions/four/step?lr={text}", GOOD, "400 invalid-query", None, "lr is")
for text in ("-1", "-1e-300", "1e400"):
    TABLE.bad(
        f"query: lr={text}",
        f"POST /v1/sessions/four/step?lr={text}",
        GOOD,
        "422 invalid-hyper-parameter",
        None,
        "lr is",
        "0 <= lr",
    )
TABLE.bad(
    "query: lr beyond float32",
    "POST /v1/sessions/single/step?lr=1e39",
    {"grads": [1, 1]},
    "422 invalid-hyper-parameter",
    None,
    "1e+39",
)
TABLE.bad("query: lr twice", "POST /v1/sessions/four/step?lr=1&lr=1", GOOD, "400 invalid-query", None, "lr", "twice")
TABLE.bad("query: LR", "POST /v1/sessions/four/step?LR=1", GOOD, "400 invalid-query", None, "'LR'", "lr")
for text in ("-1", "x", "1.5", "", "1e3", "%2B1", "01", "0x1", "99999999999999999"):
    TABLE.query(
        "/v1/sessions/four/params", f"wait_for_step={text}", "400 invalid-query", "wait_for_step", "whole number"
    )
for text in ("-1", "61", "60.001", "NaN", "1e400", "x", ""):
    TABLE.query("/v1/sessions/four/params", f"wait_for_step=9&timeout_s={text}", "400 invalid-query", "timeout_s")
TABLE.query("/v1/sessions/four/params", "timeout_s=1", "400 invalid-query", "wait_for_step")
TABLE.query("/v1/sessions/four/params", "wait_for_step=1&wait_for_step=2", "400 invalid-query", "twice")
for text in ("0", "1001", "-1", "x", "0x", "1.0", ""):
    TABLE.query("/v1/sessions", f"page_size={text}", "400 invalid-query", "page_size", "1 to 1000")
for text in ("%21", "x", "", "L2V0Yw%3D%3D", "four"):
    TABLE.query("/v1/sessions", f"page_token={text}", "400 invalid-query", "page_token", "next_page_token")
for text in ("run", "", "label=a%3D1&label=a%3D2"):
    TABLE.query(
        "/v1/sessions", f"label={text}" if "=" not in text else text, "400 invalid-query", "label", "name=value"
    )
TABLE.query("/v1/sessions", "&".join(f"label=a{i}%3D1" for i in range(65)), "400 invalid-query", "64")
for path, takes in (
    ("/v1/sessions/four", "no query"), ("/v1/sessions/four/params", "wait_for_step, timeout_s"),
    ("/v1/sessions/four/state", "no query"), ("/v1/sessions", "page_size, page_token, label"),
    ("/v1/info", "no query"), ("/v1/optimizers", "no query"),
):  # fmt: skip
    TABLE.query(path, "pretty=1", "400 invalid-query", "'pretty'", takes)
for request, body in (
    ("PUT /v1/sessions/new", {}), ("POST /v1/sessions", {}), ("PUT /v1/sessions/four/params", {"params": [1, 2, 3, 4]}),
    ("PUT /v1/sessions/four/state", {}), ("POST /v1/sessions/four/reset", None), ("DELETE /v1/sessions/four", None),
    ("POST /v1/step", {"params": [1], "grads": [1]}),
):  # fmt: skip
    TABLE.bad(f"query: {request}?force", f"{request}?force=", body, "400 invalid-query", None, "'force'", "no query")


# Paths where there is nothing, and sessions that are not there.
for path in ("/v1", "/v1/", "/v2/info", "/v1/sessions/", "/v1/sessions/four/", "/v1/sessions/four/past", "/v1/step/",
             "/V1/info", "/docs/", "/nothing", "/v1/sessions/four/step/1", "/problems/none", "/assets/none.js",
             "/assets/../settings.py", "//v1/info", "/openapi.yaml"):  # fmt: skip
    TABLE.bad(f"path: {path}", f"GET {path}", None, "404 not-found")
VERBS = (
    ("GET /v1/sessions/none", None), ("DELETE /v1/sessions/none", None), ("POST /v1/sessions/none/step", GOOD),
    ("GET /v1/sessions/none/params", None), ("PUT /v1/sessions/none/params", {"params": [1]}),
    ("GET /v1/sessions/none/state", None), ("POST /v1/sessions/none/reset", None),
)  # fmt: skip
for request, body in VERBS:
    TABLE.bad(f"no session: {request}", request, body, "404 session-not-found", None, "'none'")
TABLE.query("/v1/sessions/none/params", "wait_for_step=1", "404 session-not-found", "'none'")

# Methods that a path does not take.
for path, *allowed in (
    ("/v1/sessions", "GET", "HEAD", "POST"),
    ("/v1/sessions/four", "DELETE", "GET", "HEAD", "PUT"),
    ("/v1/sessions/four/step", "POST"),
    ("/v1/sessions/four/params", "GET", "HEAD", "PUT"),
    ("/v1/sessions/four/state", "GET", "HEAD", "PUT"),
    ("/v1/sessions/four/reset", "POST"),
    ("/v1/step", "POST"),
    ("/v1/optimizers", "GET", "HEAD"),
    ("/v1/info", "GET", "HEAD"),
    ("/livez", "GET", "HEAD"),
    ("/readyz", "GET", "HEAD"),
    ("/openapi.json", "GET", "HEAD"),
    ("/", "GET", "HEAD"),
    ("/docs", "GET", "HEAD"),
    ("/problems", "GET", "HEAD"),
    ("/problems/not-found", "GET", "HEAD"),
):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        if method not in allowed:
            TABLE.bad(f"method: {method} {path}", f"{method} {path}", None, "405 method-not-allowed", None, method,
                      ", ".join(allowed))  # fmt: skip

# Bodies where none is taken.
for request in ("POST /v1/sessions/four/reset", "DELETE /v1/sessions/four"):
    for body in ("{}", "x"):
        TABLE.bad(f"body: {request} {body}", request, body, "400 unexpected-body", None, "no body")

# Headers and formats.
WITH_BODY = (
    ("PUT /v1/sessions/new", {}), ("POST /v1/sessions", {}), ("POST /v1/sessions/four/step", GOOD),
    ("PUT /v1/sessions/four/params", {"params": [1, 2, 3, 4]}), ("PUT /v1/sessions/four/state", {}),
    ("POST /v1/step", {"params": [1], "grads": [1]}),
)  # fmt: skip
WITHOUT_BODY = (
    ("GET /v1/sessions", None), ("GET /v1/sessions/four", None), ("GET /v1/sessions/four/params", None),
    ("GET /v1/sessions/four/state", None), ("POST /v1/sessions/four/reset", None), ("DELETE /v1/sessions/four", None),
    ("GET /v1/info", None), ("GET /v1/optimizers", None),
)  # fmt: skip
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KEY = {"Idempotency-Key": "a"}
for request, body in WITH_BODY:
    TABLE.bad(f"form: {request}", request, body, "415 unsupported-media-type", None, "--json", headers=FORM)
    TABLE.bad(f"gzip: {request}", request, body, "415 unsupported-content-encoding", None, "gzip",
              headers={"Content-Encoding": "gzip"})  # fmt: skip
    TABLE.bad(f"huge: {request}", request, " " * (LARGEST_BODY + 1), "413 request-too-large", None, str(LARGEST_BODY))
    TABLE.bad(f"empty: {request}", request, "", "400 malformed-json", None, "empty")
    TABLE.bad(f"no object: {request}", request, "[]", "422 invalid-field", "", "object")
for request, field in (
    ("PUT /v1/sessions/new", "/grads"), ("POST /v1/sessions", "/grads"), ("POST /v1/sessions/four/step", "/x"),
    ("PUT /v1/sessions/four/params", "/grads"), ("POST /v1/step", "/x"),
):  # fmt: skip
    body = {"grads": [1], "params": [1], "x": 1}
    TABLE.bad(f"unknown field: {request}", request, body, "422 unknown-field", field, "no such field")
for request, body in WITH_BODY + WITHOUT_BODY:
    TABLE.bad(f"html: {request}", request, body, "406 not-acceptable", None, "text/html", "application/json",
              headers={"Accept": "text/html"})  # fmt: skip
    if not request.endswith("/step") or request == "POST /v1/step":
        TABLE.bad(f"key: {request}", request, body, "400 key-not-supported", None, "If-Match", headers=KEY)
    if not request.startswith("GET"):
        TABLE.bad(f"origin: {request}", request, body, "403 cross-origin", None, "http://evil.example", headers=EVIL)
for request, body in (
    ("POST /v1/sessions/four/step", GOOD), ("PUT /v1/sessions/four/params", {"params": [1, 2, 3, 4]}),
    ("POST /v1/sessions/four/reset", None), ("DELETE /v1/sessions/four", None),
):  # fmt: skip
    for name, value in (("If-Match", "four-1"), ("If-Match", '"a" "b"'), ("If-None-Match", "'a'")):
        TABLE.bad(f"{name}: {value}: {request}", request, body, "400 invalid-header", None, name.lower(),
                  headers={name: value})  # fmt: skip
    TABLE.bad(f"stale: {request}", request, body, "412 precondition-failed", None, "aaaaaaaaaaaaa-0",
              headers={"If-Match": STALE})  # fmt: skip
    TABLE.bad(f"weak: {request}", request, body, "412 precondition-failed", headers={"If-Match": f"W/{STALE}"})
    TABLE.bad(f"If-None-Match: {request}", request, body, "412 precondition-failed", headers={"If-None-Match": "*"})
for key in ("", '""', "a b", 'a"b', "k" * 256, '"a'):
    TABLE.step(f"key {key[:9]}", GOOD, "400 invalid-header", None, "Idempotency-Key", headers={"Idempotency-Key": key})
TABLE.step("a key of another step", {"grads": [2, 2, 2, 2]}, "422 key-reused", None, "step 1",
           headers={"Idempotency-Key": "taken"})  # fmt: skip

# What is judged before what, one pair after another.
TEXT = {"Content-Type": "text/plain"}
HTML = {"Accept": "text/html"}
HUGE = " " * (LARGEST_BODY + 1)
TAKEN = {"Idempotency-Key": "taken"}
STALE_TAG = {"If-Match": STALE}
NOT_FINITE = {"grads": [1, 1, 1e300, 1]}
RESET, STEP = "POST /v1/sessions/four/reset", "POST /v1/sessions/four/step"
for name, request, body, headers, refusal, pointer in (
    ("403 before 404", "POST /v1/sessions/none/step", GOOD, EVIL, "403 cross-origin", None),
    ("403 before 405", "PATCH /v1/info", None, EVIL, "403 cross-origin", None),
    ("id before 415", "POST /v1/sessions/.a/step", "x", TEXT, "400 invalid-session-id", None),
    ("404 before 415", "POST /v1/sessions/none/step", "x", TEXT, "404 session-not-found", None),
    ("404 before 406", "GET /v1/sessions/none", None, HTML, "404 session-not-found", None),
    ("404 before 413", "POST /v1/sessions/none/step", HUGE, {}, "404 session-not-found", None),
    ("404 before 400 of a header", "DELETE /v1/sessions/none", None, {"If-Match": "x"}, "404 session-not-found", None),
    ("404 before 400 of the query", "GET /v1/sessions/none?x=1", None, {}, "404 session-not-found", None),
    ("404 before 400 of the body", "POST /v1/sessions/none/step", "{", {}, "404 session-not-found", None),
    ("404 before 400 for a body", "POST /v1/sessions/none/reset", "{}", {}, "404 session-not-found", None),
    ("404 before 412", "POST /v1/sessions/none/reset", None, STALE_TAG, "404 session-not-found", None),
    ("415 before 406", STEP, "x", TEXT | HTML, "415 unsupported-media-type", None),
    ("415 before 413", STEP, HUGE, TEXT, "415 unsupported-media-type", None),
    ("415 before 400 for a key", "PUT /v1/sessions/new", "x", TEXT | KEY, "415 unsupported-media-type", None),
    ("415 before 400 of the body", STEP, "{", TEXT, "415 unsupported-media-type", None),
    ("406 before 413", STEP, HUGE, HTML, "406 not-acceptable", None),
    ("406 before 400 for a body", RESET, "{}", HTML, "406 not-acceptable", None),
    ("406 before 412", RESET, None, HTML | STALE_TAG, "406 not-acceptable", None),
    ("413 before 400 of a header", STEP, HUGE, {"If-Match": "x"}, "413 request-too-large", None),
    ("413 before 400 of the query", STEP + "?x=1", HUGE, {}, "413 request-too-large", None),
    ("the query before the body", STEP + "?x=1", "{", {}, "400 invalid-query", None),
    ("a header before the body", STEP, "{", {"If-Match": "x"}, "400 invalid-header", None),
    ("the body before the key", STEP, {"grads": [2]}, TAKEN, "422 shape-mismatch", "/grads"),
    ("the body before 412", STEP, {"grads": [2]}, STALE_TAG, "422 shape-mismatch", "/grads"),
    ("lr before the key", STEP + "?lr=-1", {"grads": [2, 2, 2, 2]}, TAKEN, "422 invalid-hyper-parameter", None),
    ("the key before 412", STEP, {"grads": [2, 2, 2, 2]}, TAKEN | STALE_TAG, "422 key-reused", None),
    ("the key before the numbers", STEP, NOT_FINITE, TAKEN, "422 key-reused", None),
    ("412 before the numbers", STEP, NOT_FINITE, STALE_TAG, "412 precondition-failed", None),
    ("412 before 507", "PUT /v1/sessions/new", {"shape": [10**15]}, {"If-Match": "*"}, "412 precondition-failed", None),
    ("412 before 409", "PUT /v1/sessions/four", {}, {"If-None-Match": "*"}, "412 precondition-failed", None),
    ("422 of a field before 507", "PUT /v1/sessions/new", {"shape": [10**15], "ttl_s": 0}, {}, "422 invalid-field",
     "/ttl_s"),
):  # fmt: skip
    TABLE.bad(f"order: {name}", request, body, refusal, pointer, headers=headers)
