"""The grid: nothing is filled in, odd samples are flagged, and later samples change no earlier step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.sources.metrics.grid import Grid, Samples, clock_skewed, to_grid
from spark_jobs.sources.metrics.times import SECOND

NOON = 1_795_435_200 * SECOND


def grid(*samples: tuple[float, float], **options: Any) -> Grid:
    """Samples as (seconds after noon, value)."""
    times = np.array([NOON + int(at * SECOND) for at, _ in samples], np.int64)
    arrays = {name: options.pop(name) for name in ("periods", "ingested", "delivered", "skewed") if name in options}
    return to_grid(Samples(times, np.array([value for _, value in samples], float), **arrays), **options)


def test_a_step_averages_samples_and_keeps_gaps() -> None:
    actual = grid((0, 1), (60, 3), (700, 5), (1500, 7))
    assert actual.at.tolist() == [NOON + step * 300 * SECOND for step in range(6)]
    np.testing.assert_array_equal(actual.values, [2, np.nan, 5, np.nan, np.nan, 7])
    assert actual.is_gap.tolist() == [False, True, False, True, True, False]
    assert actual.counts.tolist() == [2, 0, 1, 0, 0, 1]


def test_samples_are_weighted_by_their_periods() -> None:
    actual = grid((0, 10), (0, 20), (300, 1), (600, 2), periods=np.array([300.0, 60.0, 60.0, 60.0]))
    assert actual.values[0] == (300 * 10 + 60 * 20) / 360
    assert actual.is_mixed_period[0] and not actual.is_mixed_period[2]
    assert not actual.is_duplicate.any(), "periods of different length at one time are two samples"


def test_a_change_of_spacing_is_a_mixed_period() -> None:
    actual = grid(*((60 * n, 1) for n in range(11)), (900, 1), (1200, 1), (1500, 1))
    assert actual.is_mixed_period.tolist() == [False, False, False, True, False, False]
    assert not grid((0, 1), (299, 1), (601, 1), (899, 1)).is_mixed_period.any(), "times jitter"


def test_of_equal_times_the_last_ingested_counts() -> None:
    actual = grid((0, 1), (0, 2), (300, 3), (300, 3), ingested=np.array([9, 5, 1, 2]))
    assert actual.values.tolist() == [1, 3]
    assert actual.is_duplicate.tolist() == [True, False]
    assert actual.counts.tolist() == [1, 1]
    assert grid((0, 1), (0, 2)).values.tolist() == [2], "without ingestion times the last to arrive"


def test_a_counter_becomes_a_rate() -> None:
    actual = grid((0, 100), (300, 400), (600, 30), (900, 330), (2100, 600), is_counter=True)
    np.testing.assert_array_equal(actual.values, [np.nan, 1, 0.1, 1, np.nan, np.nan, np.nan, np.nan])
    assert actual.is_counter_reset.tolist() == [False, False, True, False, False, False, False, False]


def test_samples_ahead_of_delivery_are_flagged() -> None:
    actual = grid((0, 1), (300, 2), (600, 3), delivered=np.full(3, NOON + 500 * SECOND))
    assert actual.is_clock_skewed.tolist() == [False, False, True]
    assert actual.values.tolist() == [1, 2, 3]


def test_a_stretch_out_of_order_is_flagged() -> None:
    times = np.array([0, 60, 120, -3540, -3480, -3420, 300, 360], np.int64) * SECOND
    assert clock_skewed(times).tolist() == [False, False, False, True, True, True, False, False]
    assert not clock_skewed(times[::-1] * 0 + np.arange(8)[::-1] * 60 * SECOND * 2).any(), "newest first is an order"
    again = np.array([0, 60, 120, 0, 60, 120], np.int64) * SECOND
    assert not clock_skewed(again, np.array([1, 1, 1, 2, 2, 2]) * 10**15).any(), "delivered again is no skew"


def test_samples_before_the_grid_only_give_rates() -> None:
    actual = grid((-300, 0), (0, 300), is_counter=True, start=NOON, end=NOON + 900 * SECOND)
    np.testing.assert_array_equal(actual.values, [1, np.nan, np.nan])
    assert len(grid(start=NOON, end=NOON)) == 0


def test_wrong_use_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 times and 1 periods"):
        grid((0, 1), (1, 1), periods=np.array([60.0]))
    with pytest.raises(ValueError, match="must be positive"):
        grid((0, 1), step_seconds=0)
    with pytest.raises(ValueError, match="correct the times"):
        grid((0, 1), (10**11, 1))


SAMPLES = st.lists(
    st.tuples(st.integers(0, 4000), st.floats(-1e6, 1e6), st.sampled_from([60.0, 300.0, np.nan]), st.integers(0, 5)),
    max_size=40,
)


@given(SAMPLES, SAMPLES, st.booleans(), st.booleans())
def test_nothing_that_comes_later_changes_an_earlier_step(
    past: list[Any], future: list[Any], is_counter: bool, has_periods: bool
) -> None:
    def produced(rows: list[Any]) -> Grid:
        samples = Samples(
            np.array([NOON + at * SECOND for at, *_ in rows], np.int64),
            np.array([value for _, value, *_ in rows], float),
            periods=np.array([period for *_, period, _ in rows], float) if has_periods else None,
            ingested=np.array([at for *_, at in rows], np.int64),
        )
        return to_grid(samples, is_counter=is_counter, start=NOON, end=NOON + 4200 * SECOND)

    later = [(4200 + at, *rest) for at, *rest in future]
    before, after = produced(past), produced([*past, *later])
    for name in (
        "values",
        "counts",
        "is_gap",
        "is_duplicate",
        "is_mixed_period",
        "is_counter_reset",
        "is_clock_skewed",
    ):
        assert getattr(before, name).tobytes() == getattr(after, name).tobytes(), name


@given(SAMPLES)
def test_a_value_is_never_made_up(rows: list[Any]) -> None:
    times = np.array([NOON + at * SECOND for at, *_ in rows], np.int64)
    samples = Samples(times, np.array([value for _, value, *_ in rows], float))
    actual = to_grid(samples, start=NOON, end=NOON + 4200 * SECOND)
    present = np.zeros(len(actual), bool)
    present[np.unique((times - NOON) // (300 * SECOND))] = True
    assert (~np.isnan(actual.values) == present).all() and (actual.is_gap == ~present).all()
