"""The pages as text: a front page, /docs (Swagger UI), and one page per problem, where a problem's `type` leads.

No HTTP here: api/routes/pages.py serves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources

from stepd.errors import StepdError

ASSETS = {
    "stepd.css": ("static", "text/css; charset=utf-8"),
    "docs.js": ("static", "text/javascript; charset=utf-8"),
    # Made by `npm run build` in clients/javascript.
    "client.js": ("static", "text/javascript; charset=utf-8"),
    "swagger-ui.css": ("vendor/swagger-ui", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("vendor/swagger-ui", "text/javascript; charset=utf-8"),
    "favicon-32x32.png": ("vendor/swagger-ui", "image/png"),
}

# What to do about each problem, beside what its detail says at the time.
ADVICE: dict[str, str] = {
    "malformed-json": "Send UTF-8 JSON, complete, without comments or trailing commas.",
    "malformed-safetensors": "Write the body with a safetensors library; the header has only what the request takes.",
    "invalid-header": "Send entity tags exactly as ETag gave them, in double quotes; one Idempotency-Key per step.",
    "invalid-query": "Leave out parameters that the operation does not have; write numbers as JSON does.",
    "invalid-session-id": "Use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit.",
    "unexpected-body": "Send this request without a body.",
    "key-not-supported": "Use If-Match to make this request safe to resend.",
    "cross-origin": "Send it from a program, or from a page that this service serves itself.",
    "not-found": "See /docs for what there is.",
    "session-not-found": "Create it with PUT /v1/sessions/{id}, or restore a checkpoint under that id.",
    "session-expired": "It was not used for its ttl_s. Create it anew; give it a longer ttl_s, or none.",
    "method-not-allowed": "The Allow header lists the methods that this path takes.",
    "not-acceptable": "Leave Accept out, or name application/json.",
    "session-exists": "GET it to attach to it as it is; or choose another id; or delete it first.",
    "precondition-failed": "Somebody else changed the session, or your first try was applied. Read it, then decide.",
    "session-replaced": "The session was reset, restored or given other params after that step. Read it, then decide.",
    "request-too-large": "Split the tensors over several sessions, or raise the limit where the service runs.",
    "unsupported-media-type": "Send Content-Type: application/json; with curl use --json.",
    "unsupported-content-encoding": "Send the body uncompressed.",
    "unknown-field": "Leave the field out, or correct its name; docs/protocol.md lists every field.",
    "missing-field": "Add the field.",
    "invalid-field": "Correct the value; nothing is coerced, so a number in quotes is not a number.",
    "unknown-optimizer": "GET /v1/optimizers lists them.",
    "unknown-hyper-parameter": "GET /v1/optimizers lists the hyper-parameters of each optimizer.",
    "invalid-hyper-parameter": "Keep to the range; it holds after rounding to the session's dtype.",
    "invalid-tensors": "Correct names, ranks or lengths; a session has at least one value.",
    "not-a-number": "Send numbers: null, strings and booleans are not coerced.",
    "value-not-finite": "Every value must be finite, in every format. Find out where the NaN or infinity comes from.",
    "value-out-of-range": "Scale the values, or use a float64 session.",
    "ragged-array": "Make every row as long as the first.",
    "shape-mismatch": "Send tensors of the session's shape; GET the session to see it.",
    "dtype-mismatch": "Convert every tensor to the session's dtype; GET the session to see it.",
    "names-mismatch": "Send every tensor of the session by its name, and no other.",
    "session-has-no-shape": "Send params with the first step, or PUT params or state first.",
    "step-not-finite": "The gradient is too large for the dtype. Clip or scale it; the session is as it was.",
    "key-reused": "Make a new key for every step; reuse it only to resend the same step.",
    "checkpoint-mismatch": "Restore into a session of the same optimizer and dtype, or under a new id.",
    "digest-mismatch": "The checkpoint was changed or cut on its way. Take it again.",
    "not-durable": "Start the service with --data DIR or --store, and create the session with durability journal.",
    "step-not-retained": "Ask for a step that the session's history names; retention drops the oldest.",
    "outcome-unknown": "Send the same request again, with the same Idempotency-Key or If-Match: the answer tells.",
    "storage-unavailable": "Nothing has changed. Send the request again after Retry-After seconds.",
    "storage-full": "Nothing has changed. Make room, or let the service write its store; then send the request again.",
    "session-corrupt": "Restore the session from a backup or a checkpoint, or delete it. Other sessions are served.",
    "internal-error": "The log has more under the request_id. Read the session's step before you go on.",
    "over-budget": "Send the request again after Retry-After seconds.",
    "not-ready": "Send the request again after Retry-After seconds.",
    "capacity-exceeded": "Delete sessions that are done, or give the service more memory. No session was touched.",
}


def front_page(version: str, address: str) -> str:
    """What this is and where to go."""
    address = escape(address)
    return _page(
        "stepd",
        f"""<h1>stepd <small>{version}</small></h1>
<p>An optimizer that any program can call: it keeps optimizer state per session, takes gradients over HTTP and gives
updated parameters back, exact to the bit.</p>
<pre>curl {address}/v1/step -H 'Content-Type: application/json' \\
     -d '{{"params": [1.0, 2.0], "grads": [0.5, -0.5]}}'</pre>
<ul>
<li><a href="/docs">Every operation, to read and to try</a> (<a href="/openapi.json">OpenAPI document</a>)</li>
<li><a href="/v1/optimizers">Optimizers</a>: hyper-parameters, formulas, references</li>
<li><a href="/v1/info">This service</a>: version, driver, limits</li>
<li><a href="/v1/sessions">Sessions</a></li>
<li><a href="/problems">Every problem</a> that an answer can name</li>
<li><a href="/client.js">The JavaScript client</a>, for pages of this service:
<code>import {{ Client }} from "/client.js"</code></li>
</ul>""",
    )


def docs_page() -> str:
    """Swagger UI over /openapi.json."""
    return """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stepd: operations</title>
<link rel="icon" href="/assets/favicon-32x32.png">
<link rel="stylesheet" href="/assets/swagger-ui.css">
</head>
<body>
<div id="operations"></div>
<script src="/assets/swagger-ui-bundle.js"></script>
<script src="/assets/docs.js"></script>
</body>
</html>
"""


@cache
def asset(name: str) -> tuple[bytes, str]:
    """The bytes and media type of a file of the pages. Raises KeyError where there is none of that name."""
    folder, media_type = ASSETS[name]
    return resources.files("stepd.web").joinpath(*folder.split("/"), name).read_bytes(), media_type


def problems_page(statuses: Mapping[type[StepdError], int]) -> str:
    """Every problem in a table."""
    rows = "\n".join(
        f'<tr><td>{status}</td><td><a href="/problems/{error.code}">{error.code}</a></td>'
        f"<td>{escape(error.title)}</td></tr>"
        for error, status in sorted(statuses.items(), key=lambda item: (item[1], item[0].code))
    )
    return _page(
        "Problems",
        f"<h1>Problems</h1>\n<table>\n<tr><th>Status</th><th>Code</th><th>Meaning</th></tr>\n{rows}\n</table>",
    )


def problem_page(error: type[StepdError], status: int) -> str:
    """One problem: what it means and what to do."""
    return _page(
        error.code,
        f"<h1>{error.code}</h1>\n<p><strong>{escape(error.title)}.</strong> Status {status}.</p>\n"
        f"<p>{escape(ADVICE[error.code])}</p>\n<p>After a 4xx or a 507 nothing has changed.</p>\n"
        '<p><a href="/problems">All problems</a></p>',
    )


def _page(title: str, content: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/assets/favicon-32x32.png">
<link rel="stylesheet" href="/assets/stepd.css">
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""
