"""A cell of the table of figures names its window, n and interval; F1 has the bounds of what it is made of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from platform_assets.domains.learning.model_figures import HEAD, cells, with_f1_bounds
from weir_learning.figures import classifier_figures

NAMES = {"precision": "p", "recall": "r", "F1": "f1"}


def test_f1_has_the_bounds_that_its_rows_give() -> None:
    truth, predicted = [True] * 50 + [False] * 50, [True] * 40 + [False] * 10 + [True] * 5 + [False] * 45
    _, precision, recall, f1 = classifier_figures(truth, predicted)
    figures = {"p": precision.value, "n_p": precision.n, "r": recall.value, "n_r": recall.n, "f1": f1.value}
    found = with_f1_bounds(figures, NAMES)
    assert (found["n_f1"], found["f1"]) == (f1.n, f1.value)
    assert (found["f1_low"], found["f1_high"]) == pytest.approx((f1.low, f1.high))
    assert with_f1_bounds({"f1": 0.5, "p": 0.5}, NAMES) == {"f1": 0.5, "p": 0.5}, "counts are not known"


def test_a_cell_names_its_window_count_and_interval() -> None:
    row = {"model": "m", "model_version": "3", "figure": "recall", "evidence": "verdicts", "value": 0.5, "n": 1_200}
    at = {"window_start": datetime(2026, 11, 20, tzinfo=UTC), "window_end": datetime(2026, 11, 21, tzinfo=UTC)}
    shown = cells({**row, **at, "low_95": 0.4, "high_95": 0.6})
    assert shown[3:] == ("0.4 to 0.6", "1,200", "verdicts", "2026-11-20 00:00 to 2026-11-21 00:00")
    assert len(shown) == len(HEAD)
    shown = cells({**row, "value": None, "low_95": None, "high_95": None, "window_start": None, "window_end": None})
    assert shown[2:4] == ("unknown", "not known") and shown[-1] == "held-out examples"
