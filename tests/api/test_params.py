"""GET and PUT params: the values alone, read when they have changed, and replaced while the slots stay."""

from typing import Any

import pytest

from tests.server import Handle, bits

READS = [Handle.params, Handle.state]


def test_get_params(session: Handle) -> None:
    """The values that the last step gave, with the step and the entity tag."""
    session.create(params=[1.0, 2.0])
    assert session.params().json() == {"step": 0, "params": [1.0, 2.0]}
    stepped = session.step([0.5, -0.5])
    answer = session.params()
    assert (answer.status_code, answer.json()) == (200, stepped.json())
    assert answer.headers["etag"] == stepped.headers["etag"] == session.tag()


def test_put_params_keeps_slots_and_step(session: Handle) -> None:
    """The values are replaced, slots and step stay, the incarnation is new; the answer is the session."""
    session.create(params=[1.0, 2.0])
    session.step([0.5, -0.5])
    before = session.state().json()
    incarnation = session.incarnation()
    answer = session.put_params([-7.0, 0.25])
    assert answer.status_code == 200
    assert answer.json() == session.get().json()
    assert answer.json()["incarnation"] != incarnation
    assert answer.headers["etag"] == f'"{answer.json()["incarnation"]}-1"'
    after = session.state().json()
    assert after["params"] == [-7.0, 0.25]
    assert {name: after[name] for name in ("step", "state")} == {name: before[name] for name in ("step", "state")}


def test_put_params_with_the_same_values_is_a_change(session: Handle) -> None:
    """Even so the incarnation is new: a step number of one life is never taken for one of another."""
    session.create(params=[1.0, 2.0])
    before = session.tag()
    assert session.put_params([1.0, 2.0]).headers["etag"] != before


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("float64", [-0.0, 0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3]),
        ("float32", [-0.0, 0.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, 0.1, 1 / 3]),
    ],
)
def test_values_survive_bit_for_bit(session: Handle, dtype: str, values: list[float]) -> None:
    """Signed zeros, subnormals and the largest values come out as they went in."""
    session.create(shape=[len(values)], dtype=dtype)
    session.put_params(values)
    assert bits(session.params().json()["params"], dtype) == bits(values, dtype)
    assert bits(session.state().json()["params"], dtype) == bits(values, dtype)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_float32_whose_shortest_decimal_is_read_as_its_neighbour_survives(session: Handle, sign: int) -> None:
    """±0x15ae43fd is written with nine digits, so that it comes back by way of float64; so do its neighbours."""
    values = [sign * value for value in (7.03853069e-26, 7.0385313e-26, 7.0385301e-26)]
    session.create(params=values, dtype="float32")
    answer = session.params()
    assert b"7.03853069e-26" in answer.content
    assert bits(answer.json()["params"], "float32") == bits(values, "float32")
    assert "fd43ae15" in bits(values, "float32") or "fd43ae95" in bits(values, "float32")
    session.put_params(answer.json()["params"])
    assert session.params().json()["params"] == answer.json()["params"]


def test_text_becomes_float64_and_then_the_dtype(session: Handle) -> None:
    """Digits beyond float64 round to nearest; underflow to zero is accepted; an integer -0 is +0.0."""
    session.create(shape=[5])
    body = b'{"params": [0.1000000000000000055511151231257827, 1e-400, -1e-400, -0, 18446744073709551617]}'
    session.http.put(session.path + "/params", content=body, headers={"Content-Type": "application/json"})
    assert bits(session.params().json()["params"]) == bits([0.1, 0.0, -0.0, 0.0, 18446744073709551616.0])


@pytest.mark.parametrize("read", READS)
def test_nothing_is_sent_to_whoever_has_it(session: Handle, read: Any) -> None:
    """If-None-Match with the current tag is 304 without a body, also weak, in a list, or as *."""
    session.create(params=[1.0, 2.0])
    tag = session.tag()
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = read(session, {"If-None-Match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("read", READS)
def test_what_has_changed_is_sent(session: Handle, read: Any) -> None:
    """With another tag, be it of the same incarnation, the answer is whole."""
    session.create(params=[1.0, 2.0])
    old = session.tag()
    session.step([0.5, -0.5])
    answer = read(session, {"If-None-Match": old})
    assert answer.status_code == 200
    assert answer.json()["step"] == 1
    assert read(session, {"If-None-Match": '"nonsense"'}).status_code == 200


@pytest.mark.parametrize("read", READS)
def test_reading_changes_nothing(session: Handle, read: Any) -> None:
    """A read twice is the same answer."""
    session.create(params=[1.0, 2.0])
    assert read(session).content == read(session).content
    assert session.get().json()["step"] == 0


@pytest.mark.parametrize(
    ("params", "code", "pointer"),
    [
        ([1.0], "shape-mismatch", "/params"),
        ([[1.0, 2.0]], "shape-mismatch", "/params"),
        ({"w": [1.0, 2.0]}, "names-mismatch", "/params"),
    ],
)
def test_put_params_keeps_the_shape(session: Handle, params: Any, code: str, pointer: str) -> None:
    """Values of another shape or with names are refused, with the numbers."""
    session.create(params=[1.0, 2.0])
    before = session.state()
    refused = session.put_params(params)
    assert refused.status_code == 422
    assert (refused.json()["code"], refused.json()["errors"][0]["pointer"]) == (code, pointer)
    assert session.state().content == before.content
