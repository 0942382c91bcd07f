"""Bad requests about what a session was, and about keeping it: history, states of the past, forks, snapshots."""

from typing import Any

from tests.api.refusals import Table

TABLE = Table()
FORK, STEPS, STATE = ("/v1/sessions/four/" + place for place in ("fork", "steps", "state"))

for durability in ("snapshot", "journal"):
    TABLE.create(f"durability {durability}", {"durability": durability}, "422 not-durable", "/durability", "no store")
TABLE.create("durability disk", {"durability": "disk"}, "422 invalid-field", "/durability", "journal")
for request, body in (
    ("POST /v1/sessions/four/snapshot", None),
    (f"GET {STEPS}", None),
    (f"GET {STATE}?at_step=0", None),
    (f"GET {STATE}?incarnation=abc", None),
    (f"POST {FORK}", {"at_step": 0}),
    (f"POST {FORK}", {"incarnation": "abc"}),
):
    TABLE.bad(f"memory alone: {request} {body or ''}", request, body, "422 not-durable", None, "memory")
for name, text in (("at_step", "-1"), ("at_step", "1.5"), ("at_step", "9007199254740993")):
    TABLE.query(STATE, f"{name}={text}", "400 invalid-query", name, text[:10])
for name, text in (("page_size", "0"), ("page_size", "1001"), ("page_token", "abc"), ("page_token", "-1")):
    TABLE.query(STEPS, f"{name}={text}", "400 invalid-query", name, text)
TABLE.query(STEPS, "after=1", "400 invalid-query", "'after'", "page_size, page_token, incarnation")

given: dict[str, Any]
for given, refusal, pointer, *words in (
    ({"id": "four"}, "409 session-exists", None, "'four'"),
    ({"id": ".a"}, "400 invalid-session-id", None, "letter or digit"),
    ({"id": 7}, "422 invalid-field", "/id", "string"),
    ({"at_step": -1}, "422 invalid-field", "/at_step", "at_step"),
    ({"at_step": 1.0}, "422 invalid-field", "/at_step", "at_step"),
    ({"steps": 1}, "422 unknown-field", "/steps", "at_step"),
    ({"optimizer": "sgd"}, "422 invalid-field", "/optimizer", "optimizer"),
    ({"optimizer": {"name": "sgd"}}, "422 checkpoint-mismatch", "/optimizer/name", "adadelta"),
    ({"optimizer": {"epsilon": 1e-6}}, "422 unknown-hyper-parameter", "/optimizer/epsilon", "did you mean eps"),
    ({"optimizer": {"rho": 1}}, "422 invalid-hyper-parameter", "/optimizer/rho", "rho"),
    ({"durability": "journal"}, "422 not-durable", "/durability", "no store"),
    ({"ttl_s": 0}, "422 invalid-field", "/ttl_s", "ttl_s"),
):
    TABLE.bad(f"fork: {given}", f"POST {FORK}", given, refusal, pointer, *words)
TABLE.bad("fork: no shape", "POST /v1/sessions/empty/fork", {}, "422 session-has-no-shape", None, "no shape")
TABLE.bad("fork: nothing there", "POST /v1/sessions/none/fork", {}, "404 session-not-found", None, "'none'")
TABLE.bad("fork: a key", f"POST {FORK}", {}, "400 key-not-supported", headers={"Idempotency-Key": "k"})
