"""Challenger beside champion: intervals of the difference, by blocks, and what is proved."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from weir_learning.figures import F1, MAE, PRECISION
from weir_learning.paired import Difference, is_worse, not_worse, paired_difference, slice_differences


def two_models(seed: int, error: float, n: int = 2_000) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """A challenger that errs in `error` of the rows, a champion that errs in 10 %, and blocks of 50 rows."""
    random = np.random.default_rng(seed)
    truth = random.uniform(size=n) < 0.3
    predicted = [np.where(random.uniform(size=n) < share, ~truth, truth) for share in (error, 0.1)]
    frames = [pd.DataFrame({"truth": truth, "predicted": values}) for values in predicted]
    return frames[0], frames[1], np.arange(n) // 50


def difference(low: float, high: float, *, higher_is_better: bool = True) -> Difference:
    return Difference("f", 0.8, 0.8, (low + high) / 2, low, high, 0.5, 100, 10, higher_is_better)


def test_a_better_challenger_is_proved_better() -> None:
    found = paired_difference(*two_models(1, 0.05)[:2], F1, two_models(1, 0.05)[2])
    assert found.low > 0 and found.p_value < 0.01
    assert found.sentence.endswith("better.")


def test_equal_models_differ_seldom() -> None:
    p = [
        paired_difference(a, b, F1, blocks, resamples=500).p_value
        for a, b, blocks in (two_models(i, 0.1, 600) for i in range(150))
    ]
    assert stats.binomtest(int((np.array(p) <= 0.05).sum()), 150, 0.05).pvalue > 1e-3


def test_pairing_sees_what_two_intervals_do_not() -> None:
    """Errors that both make in hard blocks cancel."""
    random = np.random.default_rng(2)
    hard = np.repeat(random.exponential(size=30), 20)
    champion = pd.DataFrame({"truth": 0.0, "predicted": hard})
    challenger = champion.assign(predicted=hard - 0.05)
    found = paired_difference(challenger, champion, MAE, np.arange(600) // 20)
    assert (found.difference, found.high) == (pytest.approx(-0.05), pytest.approx(-0.05))
    assert found.sentence.endswith("better.")


def test_any_function_of_rows_is_a_figure() -> None:
    def f1(rows: pd.DataFrame) -> float:
        return float(f1_score(rows["truth"], rows["predicted"]))

    challenger, champion, blocks = two_models(3, 0.05, 600)
    slow = paired_difference(challenger, champion, f1, blocks, resamples=60)
    fast = paired_difference(challenger, champion, F1, blocks)
    assert slow.difference == pytest.approx(fast.difference)
    assert (slow.low, slow.high) == pytest.approx((fast.low, fast.high), abs=0.04)


def test_the_same_seed_gives_the_same_bounds() -> None:
    challenger, champion, blocks = two_models(4, 0.08)
    one, same, other = (paired_difference(challenger, champion, F1, blocks, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


def test_equal_predictions_are_not_different() -> None:
    challenger, _, blocks = two_models(5, 0.1)
    found = paired_difference(challenger, challenger, F1, blocks)
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert found.p_value == pytest.approx(1)


def test_few_blocks_prove_nothing() -> None:
    challenger, champion, _ = two_models(6, 0.01)
    found = paired_difference(challenger, champion, F1, np.arange(2_000) // 400)
    assert found.blocks == 5 and not found.is_judged
    assert not not_worse(found, 0.5) and not is_worse(found)
    assert "too few to tell" in found.sentence


def test_an_undefined_figure_proves_nothing() -> None:
    rows = pd.DataFrame({"truth": [True] * 100, "predicted": [False] * 100})
    assert not paired_difference(rows, rows, PRECISION, np.arange(100) // 5).is_judged


def test_no_rows_prove_nothing() -> None:
    rows = pd.DataFrame({"truth": [], "predicted": []})
    found = paired_difference(rows, rows, F1, [])
    assert found.n == 0 and not found.is_judged


def test_a_margin_is_held_in_its_direction() -> None:
    assert not_worse(difference(-0.01, 0.05), 0.02) and not not_worse(difference(-0.03, 0.05), 0.02)
    assert not_worse(difference(-0.05, 0.01, higher_is_better=False), 0.02)
    assert not not_worse(difference(-0.05, 0.03, higher_is_better=False), 0.02)
    assert is_worse(difference(-0.05, -0.01)) and not is_worse(difference(-0.05, -0.01), 0.02)
    assert is_worse(difference(0.01, 0.05, higher_is_better=False))


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        not_worse(difference(0, 1), -0.1)


def test_a_slice_that_got_worse_is_found() -> None:
    challenger, champion, blocks = two_models(7, 0.05)
    bad = np.arange(2_000) % 5 == 0
    flipped = challenger["predicted"].to_numpy().copy()
    flipped[bad] = np.random.default_rng(8).uniform(size=int(bad.sum())) < 0.3
    challenger = challenger.assign(predicted=flipped)
    found = slice_differences(challenger, champion, F1, blocks, {"bad": bad, "good": ~bad})
    assert [is_worse(found[name]) for name in ("bad", "good")] == [True, False]


def test_more_slices_make_wider_bounds() -> None:
    challenger, champion, blocks = two_models(9, 0.08)
    every = np.ones(2_000, bool)
    one = slice_differences(challenger, champion, F1, blocks, {"all": every})["all"]
    ten = slice_differences(challenger, champion, F1, blocks, {f"s{i}": every for i in range(10)})["s0"]
    assert ten.high - ten.low > 1.2 * (one.high - one.low)


def test_frames_about_other_rows_are_refused() -> None:
    challenger, champion, blocks = two_models(10, 0.1)
    with pytest.raises(ValueError, match="not about the same rows"):
        paired_difference(challenger, champion.assign(truth=~champion["truth"]), F1, blocks)
    with pytest.raises(ValueError, match="not the same rows"):
        paired_difference(challenger, champion[1:], F1, blocks)


def test_a_row_without_a_prediction_is_left_out_of_both() -> None:
    challenger, champion, blocks = two_models(11, 0.1)
    challenger = challenger.astype(object)
    challenger.loc[:9, "predicted"] = None
    found = paired_difference(challenger, champion, F1, blocks)
    assert found.n == 1_990 and not math.isnan(found.low)
