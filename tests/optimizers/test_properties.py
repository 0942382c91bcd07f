"""What holds of every rule in the catalogue, with every driver and in both dtypes: a new rule is judged unasked."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepd.optimizers.blocked import BLOCK_BYTES
from stepd.optimizers.contract import Driver, FloatArray
from tests.optimizers.steps import SEARCH, VARIANTS, Step, Variant, random_state, states, take_step, zeros_for

each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)


def join(first: Step, second: Step) -> tuple[bytes, ...]:
    return tuple(a + b for a, b in zip(first.bits, second.bits, strict=True))


@SEARCH
@given(data=st.data())
@each_variant
def test_splitting_a_vector_changes_no_bit(variant: Variant, driver: Driver, data: st.DataObject) -> None:
    """Two halves of a vector stepped apart and joined are the whole vector stepped at once, across blocks too."""
    block = BLOCK_BYTES // variant.dtype.itemsize
    size = data.draw(st.sampled_from([1, 2, 63, 64, 65, block - 1, block, block + 1, 2 * block + 7]))
    cut = data.draw(st.one_of(st.integers(0, size), st.sampled_from([size // 2, min(block, size), size - 1])))
    grads, params, slots = random_state(variant, size, seed=data.draw(st.integers(0, 9)))
    whole = take_step(driver, variant.optimizer, grads, params, slots)
    parts = [
        take_step(driver, variant.optimizer, grads[part], params[part], [slot[part] for slot in slots])
        for part in (slice(0, cut), slice(cut, size))
    ]
    assert whole.finite
    assert whole.bits == join(*parts)


@SEARCH
@given(data=st.data())
@each_variant
def test_the_drivers_agree(variant: Variant, blocked: Driver, other: Driver, data: st.DataObject) -> None:
    """From any finite values the drivers give the same bits, or all find the result not finite."""
    start = data.draw(states(variant))
    one, two = (take_step(driver, variant.optimizer, *start) for driver in (blocked, other))
    assert one.finite == two.finite
    if one.finite:
        assert one.bits == two.bits


@each_variant
def test_the_drivers_agree_on_long_vectors(variant: Variant, blocked: Driver, driver: Driver) -> None:
    """Over a long vector, where they run vectorized, all give the same bits step after step."""
    grads, params, slots = random_state(variant, 30_011, seed=1)
    for seed in range(3):
        one, other = (take_step(each, variant.optimizer, grads, params, slots) for each in (blocked, driver))
        assert one.bits == other.bits
        grads, params, slots = random_state(variant, 30_011, seed)[0], one.params, one.slots


@SEARCH
@given(seed=st.integers(0, 1000), pause=st.integers(0, 8))
@each_variant
def test_a_replay_gives_the_same_bits(variant: Variant, blocked: Driver, seed: int, pause: int) -> None:
    """The same gradients from the same start, or from the state after any step, lead to the same bits."""
    params = random_state(variant, 5, seed)[1]
    gradients = [random_state(variant, 5, seed + step)[0] for step in range(8)]

    def run(step: Step, left: list[FloatArray]) -> Step:
        for grads in left:
            step = take_step(blocked, variant.optimizer, grads, step.params, step.slots)
        return step

    start = Step(finite=True, params=params, slots=zeros_for(variant.optimizer, params))
    first = run(start, gradients)
    assert run(start, gradients).bits == first.bits
    halfway = run(start, gradients[:pause])
    restored = Step(True, halfway.params.copy(), tuple(slot.copy() for slot in halfway.slots))
    assert run(restored, gradients[pause:]).bits == first.bits


@SEARCH
@given(data=st.data())
@each_variant
def test_it_is_known_whether_all_is_finite(variant: Variant, blocked: Driver, data: st.DataObject) -> None:
    """From any finite values, huge ones too, all is said to be finite exactly where it is; the drivers agree on it."""
    step = take_step(blocked, variant.optimizer, *data.draw(states(variant)))
    assert step.finite == all(np.isfinite(vector).all() for vector in (step.params, *step.slots))


@pytest.mark.parametrize("place", [0, 1, 20_000, 29_999])
@each_variant
def test_one_infinity_among_many_is_seen(variant: Variant, driver: Driver, place: int) -> None:
    """A single value that overflows is found wherever it stands in a long vector."""
    grads, params, slots = (np.ones(30_000, variant.dtype) for _ in range(3))
    largest = np.finfo(variant.dtype).max
    grads[place], params[place] = largest, -largest
    if variant.hyper.get("maximize"):
        grads[place] = -largest
    step = take_step(driver, variant.optimizer, grads, params, [slots] * len(variant.optimizer.rule.slots))
    assert not step.finite
    assert sum((~np.isfinite(vector)).sum() for vector in (step.params, *step.slots)) >= 1
    assert np.isfinite(np.delete(step.params, place)).all()


@each_variant
def test_a_step_beside_may_write_to_where_it_reads(variant: Variant, driver: Driver) -> None:
    """Writing the results over params and slots gives the bits that separate vectors give."""
    grads, params, slots = random_state(variant, 20_011, seed=2)
    apart = take_step(driver, variant.optimizer, grads, params, slots)
    optimizer = variant.optimizer
    driver.step(optimizer.rule, optimizer.constants(variant.dtype), grads, params, slots, params, slots)
    assert Step(True, params, slots).bits == apart.bits


@each_variant
def test_a_step_in_place_writes_to_no_gradient(variant: Variant, driver: Driver) -> None:
    """Gradients hold the same bytes after a step in place, though they may be written to."""
    grads, params, slots = random_state(variant, 20_011, seed=4)
    before, optimizer = grads.tobytes(), variant.optimizer
    driver.advance(optimizer.rule, optimizer.constants(variant.dtype), grads, params, slots)
    assert grads.tobytes() == before


@each_variant
def test_inputs_are_never_written_to(variant: Variant, driver: Driver) -> None:
    """Gradients, params and slots hold the same bytes after a step, writeable though they are."""
    grads, params, slots = random_state(variant, 1001, seed=3)
    before = [vector.tobytes() for vector in (grads, params, *slots)]
    optimizer = variant.optimizer
    results: list[Any] = [np.empty_like(vector) for vector in (params, *slots)]
    rule, constants = optimizer.rule, optimizer.constants(variant.dtype)
    driver.step(rule, constants, grads, params, slots, results[0], tuple(results[1:]))
    assert [vector.tobytes() for vector in (grads, params, *slots)] == before


@each_variant
def test_an_empty_vector_is_no_error(variant: Variant, any_driver: Driver) -> None:
    """A step over no values is finite and does nothing."""
    nothing = np.empty(0, variant.dtype)
    step = take_step(any_driver, variant.optimizer, nothing, nothing, zeros_for(variant.optimizer, nothing))
    assert step.finite
    assert set(step.bits) == {b""}
