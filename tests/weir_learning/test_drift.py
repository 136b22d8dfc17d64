"""Columns judged together: how often a window without change alarms, what shift is found, and what follows from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.learning.windows import shifted_column, unchanged
from weir_learning.drift import (
    Column,
    Comparison,
    Evidence,
    Kind,
    Verdict,
    compare,
    compare_strata,
    evidence_of,
    rank_p_value,
)


def found(name: str, psi: float, p_value: float, importance: float = 1.0, n: int = 1_000) -> Evidence:
    return Evidence(name, Kind.NUMERIC, psi, p_value, n, 1_000, importance)


def test_windows_without_change_hardly_ever_alarm() -> None:
    random = np.random.default_rng(11)
    alarms = [compare(unchanged(random, 100, 100)).verdict is not Verdict.NONE for _ in range(30)]
    alarms += [compare(unchanged(random, 1_000, 5_000)).verdict is not Verdict.NONE for _ in range(30)]
    assert sum(alarms) <= 2  # at .5 % of windows more come up once in 300 times


def test_a_thousandfold_sample_needs_an_effect_to_alarm() -> None:
    random = np.random.default_rng(12)
    columns = [shifted_column(random, f"c{i}", 100_000, 100_000, shift=0.05) for i in range(3)]
    result = compare(columns)
    assert max(column.q_value for column in result.columns) < 1e-6
    assert result.verdict is Verdict.NONE


def test_half_a_deviation_is_found_at_300_rows() -> None:
    random, hits = np.random.default_rng(13), 0
    for _ in range(100):
        columns: list[Column | Evidence] = [shifted_column(random, "shifted", 300, 300, shift=0.5)]
        # the others' p is what matters to the adjustment, not how it came about
        columns += [found(f"c{i}", 0.01, p) for i, p in enumerate(random.uniform(0.02, 1, 49))]
        hits += "shifted" in compare(columns).drifted
    assert hits >= 90


def test_a_change_of_nulls_is_drift() -> None:
    column = Column("a", Kind.NUMERIC, [100] * 10 + [0], [80] * 10 + [200])
    assert compare([column]).drifted == {"a"}


def test_the_rank_test_reads_no_nulls() -> None:
    """As the highest of all values, more nulls would hide that the others are lower."""
    lower = [40, 38, 35, 33, 30, 28, 25, 24, 22, 25]
    column = Column("a", Kind.NUMERIC, [30] * 11, [*lower, 60])
    assert rank_p_value([30] * 11, [*lower, 60]) > 0.5
    assert evidence_of(column).p_value == 2 * rank_p_value([30] * 10, lower) < 0.05


def test_drift_in_one_window_is_watched() -> None:
    result = compare([found("a", 0.3, 1e-6), found("b", 0.0, 0.5)])
    assert result.verdict is Verdict.WATCH
    assert result.share == 0.5
    assert "not in the window before" in result.sentence


def test_drift_in_two_windows_is_retrained() -> None:
    columns = [found("a", 0.3, 1e-6), *(found(f"b{i}", 0.0, 0.5) for i in range(4))]
    first = compare(columns)
    second = compare(columns, previous=first)
    assert second.verdict is Verdict.RETRAIN
    assert second == compare(columns, previous={"a"})
    assert "two windows in a row" in second.sentence


def test_drift_of_other_columns_is_not_lasting() -> None:
    columns = [found("a", 0.3, 1e-6), found("b", 0.0, 0.5)]
    assert compare(columns, previous={"b"}).verdict is Verdict.WATCH


def test_unimportant_columns_cause_no_retraining() -> None:
    columns = [found("a", 0.3, 1e-6, importance=0.01), found("b", 0.0, 0.5, importance=0.99)]
    result = compare(columns, previous={"a"})
    assert result.verdict is Verdict.WATCH
    assert "too little to retrain" in result.sentence


def test_drift_of_most_importance_blocks() -> None:
    columns = [found("a", 0.3, 1e-6, importance=0.6), found("b", 0.0, 0.5, importance=0.4)]
    assert compare(columns, previous={"a"}).verdict is Verdict.BLOCK


def test_an_effect_below_the_floor_is_none() -> None:
    assert compare([found("a", 0.09, 1e-9)]).verdict is Verdict.NONE
    assert compare([found("a", 0.09, 1e-9)], floor=0.05).verdict is Verdict.WATCH


def test_a_p_counts_by_the_number_of_columns() -> None:
    one = found("a", 0.3, 0.004)
    assert compare([one]).drifted == {"a"}
    assert not compare([one, *(found(f"b{i}", 0.0, 0.5) for i in range(9))]).drifted


def test_too_few_rows_are_not_judged() -> None:
    result = compare([found("a", 0.9, 1e-9, n=29), found("b", 0.0, 0.5)])
    assert result.verdict is Verdict.NONE
    assert result.unjudged == ("a",)
    assert "1 could not be judged" in result.sentence


def test_nothing_judged_is_not_called_none() -> None:
    for columns in ([], [found("a", 0.0, 0.5, n=3)], [Column("a", "numeric", [0, 0, 0], [50, 50, 0])]):
        result = compare(columns)
        assert result.verdict is Verdict.UNKNOWN
        assert math.isnan(result.share)


def test_columns_without_any_importance_count_alike() -> None:
    result = compare([found("a", 0.3, 1e-6, importance=0), found("b", 0.0, 0.5, importance=0)])
    assert result.share == 0.5


def test_the_same_counts_give_the_same_comparison() -> None:
    columns = unchanged(np.random.default_rng(14), 100, 100, columns=6)
    assert compare(columns, seed=3) == compare(columns, seed=3)


@pytest.mark.parametrize(
    ("column", "match"),
    [
        (("a", "numeric", [1, 2], [1, 2, 3]), "column a"),
        (("a", "unheard", [1, 2], [1, 2]), "unheard"),
        (("a", "numeric", [1, 2], [1, 2], -1.0), "importance"),
    ],
)
def test_a_column_that_makes_no_sense_is_refused(column: tuple, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Column(*column)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        compare([found("a", 0.1, 0.5), found("a", 0.1, 0.5)])


def test_hours_are_compared_within_themselves() -> None:
    """The window holds the night alone, the reference day and night: whole counts differ, hours do not."""
    day, night = np.array([400, 50, 50, 0]), np.array([50, 50, 400, 0])
    strata = compare_strata([day, night], [day * 0, night // 2])
    assert (strata.psi, strata.n, strata.m) == (pytest.approx(0, abs=0.001), 250, 500)
    assert strata.p_value > 0.9
    whole = Column("a", Kind.CATEGORICAL, day + night, night // 2)
    assert compare([whole]).drifted == {"a"}


def test_an_hour_that_drifts_is_found() -> None:
    hours = np.tile([100, 100, 100, 0], (24, 1))
    moved = hours // 4
    moved[:] = [40, 25, 10, 0]
    assert compare_strata(hours, moved, is_ordered=True).p_value < 1e-6


def test_rows_of_unknown_hours_are_counted() -> None:
    strata = compare_strata([[50, 50], [0, 0]], [[25, 25], [3, 4]])
    assert (strata.unjudged_rows, strata.n) == (7, 50)


def test_a_comparison_names_at_most_three_columns() -> None:
    result: Comparison = compare([found(f"c{i}", 0.3, 1e-9) for i in range(5)])
    assert result.sentence.startswith("5 of 5 columns drifted, 100% of the importance")
    assert "and 2 more" in result.sentence
