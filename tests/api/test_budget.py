"""The budget of bytes in flight: what does not fit waits or never will, and every byte comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd.api.budget import Budget, Reservation
from stepd.errors import OverBudget, RequestTooLarge


def reserved(budget: Budget, *parts: int) -> Reservation:
    made = Reservation(budget)
    for part in parts:
        made.grow(part)
    return made


def test_what_is_reserved_is_taken_until_it_is_released() -> None:
    """A reservation grows and shrinks, and gives all of itself back, once."""
    budget = Budget(100)
    one, other = reserved(budget, 30, 10), reserved(budget, 60)
    assert (one.nbytes, other.nbytes, budget.used_bytes) == (40, 60, 100)
    one.shrink(15)
    assert (one.nbytes, budget.used_bytes) == (25, 85)
    one.release()
    one.release()
    other.release()
    assert (one.nbytes, budget.used_bytes) == (0, 0)


def test_what_does_not_fit_now_may_fit_later() -> None:
    """Beside others it is refused with what is free; once they have gone it fits."""
    budget = Budget(100)
    other, late = reserved(budget, 60), reserved(budget, 20)
    with pytest.raises(OverBudget, match="needs 21 bytes and 20 of 100 are free"):
        late.grow(21)
    assert (late.nbytes, budget.used_bytes) == (20, 80)
    other.release()
    late.grow(21)
    assert late.nbytes == 41


def test_what_never_fits_is_too_large() -> None:
    """More than the whole budget, with what the request has already, is refused for good, whoever else waits."""
    budget = Budget(100)
    reserved(budget, 90)
    request = reserved(budget, 10)
    with pytest.raises(RequestTooLarge, match=r"needs 101 bytes in flight .* allows 100 for all requests"):
        request.grow(91)
    with pytest.raises(OverBudget):
        request.grow(90)
    assert (request.nbytes, budget.used_bytes) == (10, 100)


@pytest.mark.parametrize(("nbytes", "possible"), [(90, True), (91, False)])
def test_the_possible_is_told_without_reserving(nbytes: int, possible: bool) -> None:
    """Whether a request could ever pass is known before it is read."""
    budget = Budget(100)
    request = reserved(budget, 10)
    if possible:
        request.require_possible(nbytes)
    else:
        with pytest.raises(RequestTooLarge):
            request.require_possible(nbytes)
    assert (request.nbytes, budget.used_bytes) == (10, 10)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=30))
def test_the_sum_is_exact(moves: list[tuple[int, int]]) -> None:
    """Whatever four requests reserve, and are refused, the budget holds their sum and never more than it has."""
    budget = Budget(100)
    requests = [Reservation(budget) for _ in range(4)]
    for number, nbytes in moves:
        if nbytes == 0:
            requests[number].release()
            continue
        try:
            requests[number].grow(nbytes)
        except (OverBudget, RequestTooLarge):
            assert budget.used_bytes + nbytes > budget.total_bytes
        assert budget.used_bytes == sum(request.nbytes for request in requests) <= budget.total_bytes
    for request in requests:
        request.release()
    assert budget.used_bytes == 0
