"""A mean beside a bound: seldom wrong however often one looks, soon right where it is far off."""

from __future__ import annotations

import json

import numpy as np
import pytest

from weir_learning.bounded import BoundedMean, values_needed


@pytest.mark.parametrize("bound", [0.002, 0.02, 0.3])
@pytest.mark.parametrize("is_share", [False, True])
def test_a_mean_at_its_bound_is_seldom_said_to_be_beyond_it(bound: float, is_share: bool) -> None:
    """Looked at after each of 1,000 values, 200 times."""
    random = np.random.default_rng(1)
    wrong = [0, 0]
    for _ in range(200):
        values = (random.random(1_000) < bound).astype(float)
        if is_share:  # most entities nothing, some a part
            values = np.where(random.random(1_000) < 2 * bound, random.random(1_000), 0.0)
        test = BoundedMean(bound).updated(values)
        wrong[0] += test.p_above <= 0.05
        wrong[1] += test.p_below <= 0.05
    assert max(wrong) <= 0.05 * 200


def test_a_mean_far_above_is_found_within_few_values() -> None:
    assert BoundedMean(0.002).updated([1.0, 1.0]).is_above
    assert BoundedMean(0.05).updated([1.0] * 3).is_above
    assert not BoundedMean(0.05).updated([0.0] * 20 + [1.0]).is_above


def test_zeros_prove_a_mean_below_after_the_number_that_is_told() -> None:
    for bound in (0.002, 0.02, 0.3):
        needed = values_needed(bound)
        assert BoundedMean(bound).updated(np.zeros(needed)).is_below
        assert not BoundedMean(bound).updated(np.zeros(needed - 1)).is_below
    assert values_needed(0.002) < 3_500


def test_parts_and_states_give_the_same_as_all_at_once() -> None:
    values = np.random.default_rng(2).random(50)
    whole, parts = BoundedMean(0.4).updated(values), BoundedMean(0.4)
    for part in np.split(values, 5):
        parts = BoundedMean.from_state(json.loads(json.dumps(parts.updated(part).state())))
    assert (parts.n, parts.total) == (whole.n, pytest.approx(whole.total))
    assert parts.p_above == pytest.approx(whole.p_above) and parts.p_below == pytest.approx(whole.p_below)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        BoundedMean(0.1).updated([value])


def test_a_bound_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a bound lies between 0 and 1"):
        BoundedMean(0.0)
