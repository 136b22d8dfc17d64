"""A cell of the table of figures names its window, n and interval; accuracy and F1 have the bounds of what they are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning.feedback import AUDIT, Verdict
from platform_assets.domains.learning.model_figures import HEAD, _by_verdicts, cells, derived
from platform_assets.settings import Settings
from weir_learning.figures import Measured, classifier_figures

TRUTH, PREDICTED = [True] * 50 + [False] * 50, [True] * 40 + [False] * 10 + [True] * 5 + [False] * 45


def test_accuracy_and_f1_have_the_bounds_that_their_rows_give() -> None:
    accuracy, precision, recall, f1 = classifier_figures(TRUTH, PREDICTED)
    false = Measured("false positive rate", 0.1, 0.04, 0.21, 50)
    found = derived({one.name: one for one in (precision, recall, false)})
    for one, name in ((accuracy, "accuracy"), (f1, "F1")):
        assert (found[name].value, found[name].low, found[name].high) == pytest.approx((one.value, one.low, one.high))
        assert found[name].n == one.n
    assert not derived({"recall": recall}), "of what is not known nothing is derived"
    assert not derived({"recall": recall, "precision": replace(precision, n=0)})


def test_a_cell_names_its_window_count_and_interval() -> None:
    row = {"model": "m", "model_version": "3", "figure": "recall", "evidence": "verdicts", "value": 0.5, "n": 1_200}
    at = {"window_start": datetime(2026, 11, 20, tzinfo=UTC), "window_end": datetime(2026, 11, 21, tzinfo=UTC)}
    shown = cells({**row, **at, "low_95": 0.4, "high_95": 0.6})
    assert shown[3:] == ("0.4 to 0.6", "1,200", "verdicts", "2026-11-20 00:00 to 2026-11-21 00:00")
    assert len(shown) == len(HEAD)
    shown = cells({**row, "value": None, "low_95": None, "high_95": None, "window_start": None, "window_end": None})
    assert shown[2:4] == ("unknown", "not known") and shown[-1] == "held-out examples"


def test_verdicts_are_figures_of_the_version_that_was_judged(home: Settings) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    rows = [
        Verdict.make(
            at, "a", "attack", f"request {number}", "why", model="request_attack", event_at=at, entity="e",
            score=0.9, is_flagged=True, model_version=version, example="",
        )
        for number, version in enumerate(["1", "1", "2"])
    ]  # fmt: skip
    lake = lake_of(home)
    AUDIT.append(lake, rows[:2])
    later = {row["figure"]: row for row in _by_verdicts(lake, "request_attack", "2", at)}
    assert (later["precision"]["model_version"], later["precision"]["n"]) == ("1", 2), "2 was not judged yet"
    AUDIT.append(lake, rows[2:])
    now = {row["figure"]: row for row in _by_verdicts(lake, "request_attack", "2", at)}
    assert (now["precision"]["model_version"], now["precision"]["n"]) == ("2", 1)
