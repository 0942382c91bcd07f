"""Two services on one store: only one can change a session from where it is; the other learns it and judges anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import require
from tests.postgresql import Postgres, lacking_server
from tests.server import Running, running, until


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    require(lacking_server())
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    """Two services that both keep their sessions in one store."""
    if request.param == "sqlite":
        store = {"data": tmp_path}
    else:
        store = {"store": request.getfixturevalue("postgres").database()}
    with running(durability="journal", **store) as one, running(durability="journal", **store) as other:
        yield one, other


def test_steps_of_two_services_make_one_run(pair: tuple[Running, Running]) -> None:
    """Stepped in turns through both, a session takes every step once, in order."""
    one, other = (server.session("run") for server in pair)
    one.create(params=[1.0, 2.0])
    for number in range(1, 9):
        session = one if number % 3 else other
        assert session.step([0.5, -0.5], key=f"step-{number}").json()["step"] == number
    reference = pair[0].session("reference")
    reference.create(params=[1.0, 2.0])
    for _ in range(8):
        reference.step([0.5, -0.5])
    expected = reference.state().json()
    assert {**one.state().json(), "digest": ""} == {**expected, "digest": ""}


def test_a_step_from_a_state_that_has_passed_is_refused(pair: tuple[Running, Running]) -> None:
    """Both believe that they own the session: of two steps from one state one is taken, the other is 412."""
    one, other = (server.session("run") for server in pair)
    one.create(params=[1.0])
    tag = other.tag()
    assert one.tag() == tag
    assert one.step([0.5], if_match=tag).status_code == 200
    refused = other.step([0.25], if_match=tag)
    assert (refused.status_code, refused.json()["step"]) == (412, 1)
    assert other.tag() == one.tag()


def test_a_key_is_known_to_both(pair: tuple[Running, Running]) -> None:
    """A step that one service took is a replay at the other, which did not know of it."""
    one, other = (server.session("run") for server in pair)
    one.create(params=[1.0])
    other.get()
    assert one.step([0.5], key="k").status_code == 200
    repeated = other.step([0.5], key="k")
    assert (repeated.headers["idempotent-replayed"], repeated.json()["step"]) == ("true", 1)


def test_other_changes_are_fenced_as_well(pair: tuple[Running, Running]) -> None:
    """Reset, PUT params, PUT state and DELETE from a state that has passed are refused; without If-Match they hold."""
    one, other = (server.session("run") for server in pair)
    one.create(params=[1.0])
    tag = other.tag()
    checkpoint = one.state().json()
    one.step([0.5])
    headers = {"If-Match": tag}
    assert other.reset(headers).status_code == 412
    one.step([0.5])
    assert other.put_params([2.0], {"If-Match": tag}).status_code == 412
    one.step([0.5])
    assert other.put_state(checkpoint, {"If-Match": tag}).status_code == 412
    one.step([0.5])
    assert other.delete({"If-Match": tag}).status_code == 412
    assert other.reset().json()["step"] == 0
    assert one.step([0.5]).json()["step"] == 1
    assert other.delete().status_code == 204
    assert one.step([0.5]).status_code == 404


def test_a_session_created_by_one_is_there_for_the_other(pair: tuple[Running, Running]) -> None:
    """The id is taken in both; the same spec attaches, another is 409."""
    one, other = (server.session("run") for server in pair)
    assert one.create(params=[1.0]).status_code == 201
    assert other.create(params=[1.0]).status_code == 200
    assert other.create(params=[2.0]).status_code == 409
    assert other.delete().status_code == 204
    assert one.create(params=[2.0]).status_code == 201


def test_an_id_that_expired_in_one_may_live_in_the_other(pair: tuple[Running, Running]) -> None:
    """Where the other service makes a session under it, the first one finds that, and does not say that it expired."""
    one, other = (server.session("run") for server in pair)
    one.create(params=[1.0], ttl_s=0.3)
    journal = pair[0].engine.journal
    assert journal is not None
    until(lambda: not list(journal.store.sessions()), "the session expires")
    assert other.create(params=[2.0]).status_code == 201
    assert one.create(params=[2.0]).status_code == 200
    assert one.step([0.5]).json()["step"] == 1


def test_a_refusal_is_not_judged_by_a_copy_that_has_passed(pair: tuple[Running, Running]) -> None:
    """If-Match with the tag that the other service gave holds, though this one has an older copy."""
    one, other = (server.session("run") for server in pair)
    one.create(params=[1.0])
    other.get()
    tag = one.step([0.5]).headers["etag"]
    assert other.step([0.5], if_match=tag).json()["step"] == 2
    tag = other.reset().headers["etag"]
    assert one.put_params([3.0], {"If-Match": tag}).status_code == 200
