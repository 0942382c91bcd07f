"""Profiles go through JSON and back unchanged, and nothing else comes back as a profile."""

import json
from dataclasses import replace

import pytest

from stepd.records import Lineage, Profile

PROFILE = Profile(
    {"name": "sgd", "lr": 0.1, "nesterov": True},
    "float32",
    {"w": [2, 3], "b": []},
    {"run": "7", "é": "\u0000\ud800"},
    60.5,
    1e9 + 1 / 3,
    "journal",
    {"params_digest": "sha-256:00"},
    Lineage("a checkpoint", None, 42),
)


@pytest.mark.parametrize("shape", [None, [3], [2, 3], {"b": [], "w": [2]}])
def test_a_profile_comes_back(shape: object) -> None:
    """Whatever its shape; with and without what may be missing; the same text for the same profile."""
    for profile in (PROFILE, replace(PROFILE, ttl_s=None, spec=None, lineage=Lineage())):
        shaped = replace(profile, shape=shape)
        assert Profile.from_json(shaped.to_json()) == shaped
        assert Profile.from_json(shaped.to_json()).to_json() == shaped.to_json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dtype", "float16"),
        ("durability", "sometimes"),
        ("optimizer", []),
        ("optimizer", {"lr": None}),
        ("labels", {"a": 1}),
        ("shape", [0]),
        ("shape", [1.0]),
        ("shape", [True]),
        ("shape", {"w": 3}),
        ("shape", "3"),
        ("ttl_s", "1"),
        ("ttl_s", True),
        ("created_at", None),
        ("spec", []),
        ("born_step", -1),
        ("born_step", True),
        ("born_step", 2**53 + 1),
        ("forked_from", 1),
        ("more", 1),
    ],
)
def test_what_is_no_profile_is_refused(field: str, value: object) -> None:
    """Each field with a value that it can't have, and one that there is not."""
    document = json.loads(PROFILE.to_json())
    with pytest.raises(ValueError):
        Profile.from_json(json.dumps(document | {field: value}))
    if field in document:
        del document[field]
        with pytest.raises(ValueError):
            Profile.from_json(json.dumps(document))


def test_numbers_that_are_not_finite_are_refused() -> None:
    """Out and in; and so is what is no object."""
    with pytest.raises(ValueError):
        replace(PROFILE, ttl_s=float("inf")).to_json()
    for text in (PROFILE.to_json().replace("60.5", "Infinity"), "[]", "{", ""):
        with pytest.raises(ValueError):
            Profile.from_json(text)
