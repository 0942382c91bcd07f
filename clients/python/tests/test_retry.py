"""When and after how long requests are repeated, without a network and without waiting."""

import pytest

from stepd_client import ConnectionFailed, RequestTimedOut, RetryPolicy
from stepd_client.retry import Sendings
from stepd_client.wire import Answer, Request

POLICY = RetryPolicy(attempts=4, base_s=0.5, cap_s=1.5, patience_s=30.0, random=lambda: 1.0)


def lost(maybe_applied=True):
    failure = ConnectionFailed("lost")
    failure.maybe_applied = maybe_applied
    return failure


def page(status, **headers):
    """An answer of some proxy."""
    return Answer(status, headers, b"")


def refusal(status, code, **headers):
    """An answer of the service."""
    body = f'{{"code":"{code}"}}'.encode()
    return Answer(status, {"content-type": "application/problem+json", **headers}, body)


def sendings(policy=POLICY, *, repeatable=True):
    return Sendings(Request("POST", "/", repeatable), policy)


def test_the_bound_doubles_up_to_the_cap():
    """With the jitter at its most the pauses are base, twice base, and then the cap."""
    tries = sendings()
    assert [tries.pause_after(lost()) for _ in range(4)] == [0.5, 1.0, 1.5, None]
    assert tries.count == 4


def test_jitter_is_full():
    """A pause is anything from none to the bound, as the random number says."""
    for chance in (0.0, 0.25, 1.0):
        policy = RetryPolicy(base_s=2.0, random=lambda chance=chance: chance)
        assert policy.pause_before(1, None) == 2.0 * chance


def test_a_thousandth_repetition_does_not_overflow():
    """The bound stays the cap, however often a request is repeated."""
    assert POLICY.pause_before(5000, None) == 1.5


def test_retry_after_comes_before_the_jitter():
    """What the service asks for is waited, and the jitter on top, so that not all come back at once."""
    assert sendings().pause_after(page(503, **{"retry-after": "7"})) == 7.5
    assert sendings().pause_after(page(503, **{"retry-after": "Fri, 01 Jan 2027 00:00:00 GMT"})) == 0.5


def test_a_longer_retry_after_than_the_patience_is_not_waited_for():
    """The caller hears at once where the service asks for more than the policy has patience for."""
    assert sendings().pause_after(page(503, **{"retry-after": "31"})) is None
    assert sendings().pause_after(page(503, **{"retry-after": "30"})) == 30.5


def test_only_these_statuses_are_repeated():
    """408, 429, 502, 503 and 504 are repeated; 409, 412 and 500 never."""
    repeated = {status for status in range(200, 600) if sendings().pause_after(page(status)) is not None}
    assert repeated == {408, 429, 502, 503, 504}


def test_timeouts_are_repeated_like_lost_connections():
    """A timeout is a connection failure."""
    assert sendings().pause_after(RequestTimedOut("late")) == 0.5


def test_what_must_not_be_repeated_is_not():
    """A request that may be sent once is sent once, whatever comes of it."""
    for outcome in (lost(), lost(maybe_applied=False), page(503), refusal(503, "not-ready")):
        assert sendings(repeatable=False).pause_after(outcome) is None


def test_only_earlier_outcomes_make_an_answer_uncertain():
    """`maybe_applied` is about the sendings before the last."""
    tries = sendings()
    tries.pause_after(refusal(503, "not-ready"))
    assert not tries.maybe_applied
    tries.pause_after(lost())
    assert tries.maybe_applied
    tries.pause_after(refusal(503, "not-ready"))
    assert tries.maybe_applied
    alone = sendings(RetryPolicy(attempts=1))
    assert alone.pause_after(lost()) is None
    assert not alone.maybe_applied


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"base_s": -1.0}, {"cap_s": float("nan")}, {"patience_s": -0.5}], ids=str
)
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    """A policy names the field that is out of its range."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetryPolicy(**wrong)
