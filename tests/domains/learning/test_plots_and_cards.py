"""Plots and cards say what the rows say, and show names literally."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_assets.domains.learning import plots
from platform_assets.domains.learning.cards import HEADING, section_of
from weir_learning.bounded import BoundedMean
from weir_learning.figures import wilson
from weir_models.plots import png

START = datetime(2026, 11, 20, tzinfo=UTC)


def window(number: int) -> dict[str, Any]:
    start = START + timedelta(days=number)
    return {"window_start": start, "window_end": start + timedelta(days=1)}


def column(name: str, number: int, psi: float | None) -> dict[str, Any]:
    return {**window(number), "column_name": name, "psi": psi, "is_drifted": (psi or 0.0) >= 0.1}


def compared(number: int, values: list[float], share: float | None, verdict: str = "passed") -> dict[str, Any]:
    test = BoundedMean(0.1).updated(values)
    guard = {"value": test.mean, "at_most": 0.1, "n": test.n, "is_above": test.is_above}
    figures = {
        "flagged_more": guard,
        "slower": {"value": 1.2, "at_most": 3.0, "n": 9},
        "wrong_by_arm": {"difference": 0.2, "low": -0.1, "high": 0.5, "n": 40},
        "flagged_by_arm": {"difference": None, "low": -1.0, "high": 1.0, "n": 0},
    }
    return {
        **window(number), "challenger": "2", "champion": "1", "share": share, "figures": json.dumps(figures),
        "evidence": json.dumps({"flagged_more": test.state(), "other": {}}), "verdict": verdict, "sentence": "a | b",
        "evaluated_at": START + timedelta(days=number, hours=1),
    }  # fmt: skip


def test_drift_is_a_line_of_each_column_with_its_drifted_windows_marked() -> None:
    rows = [column(f"requests.c{c}", number, 0.05 * c) for number in (1, 0) for c in range(12)]
    axes = plots.drift([*rows, column("requests.$x$ _{", 0, 9.0), column("few", 0, None)], "m").axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[:2] == [r"requests.\$x\$ _{", "requests.c11"] and len(labels) == plots.MOST_COLUMNS
    (line,) = [line for line in axes.get_lines() if line.get_label() == "requests.c11"]
    assert list(line.get_ydata()) == pytest.approx([0.55, 0.55]) and line.get_xdata()[0] == START
    assert png(axes.figure), "no name is read as mathematics"
    assert plots.drift([column("few", 0, None)], "m") is None


def test_challenger_beside_champion_has_the_interval_of_each_window() -> None:
    rows = [compared(1, [1.0] * 8 + [0.0] * 2, 0.05, "breached"), compared(0, [0.0] * 10, None)]
    figure = plots.comparison(rows, "m")
    assert [axes.get_ylabel() for axes in figure.axes] == ["flagged_more", "wrong_by_arm"]
    bars = [container.lines[2][0].get_segments()[0][:, 1] for container in figure.axes[0].containers]
    assert bars[0] == pytest.approx(wilson(0, 10)) and bars[1] == pytest.approx(wilson(8, 10))
    assert [text.get_text() for text in figure.axes[0].texts] == ["10", "10"]
    assert figure.axes[1].containers[0].lines[2][0].get_segments()[0][:, 1] == pytest.approx((-0.1, 0.5))
    assert plots.comparison([], "m") is None


def test_a_release_shows_share_and_evidence_of_the_newest_challenger() -> None:
    older = {**compared(0, [1.0], 1.0), "challenger": "7", "evaluated_at": START}
    rows = [older, compared(1, [0.0] * 10, None), compared(2, [1.0] * 10, 0.25)]
    top, bottom = plots.release(rows, "m").axes
    assert list(top.get_lines()[0].get_ydata()) == [0.0, 0.25]
    evidence = [BoundedMean(0.1).updated(values).most_above for values in ([0.0] * 10, [1.0] * 10)]
    assert list(bottom.get_lines()[0].get_ydata()) == pytest.approx(evidence)
    assert plots.release([], "m") is None


def test_reliability_needs_verdicts_and_probabilities() -> None:
    assert plots.reliability([0.5] * 9, [True] * 9, "m") is None
    assert plots.reliability([5.0] * 20, [True] * 20, "m") is None
    assert plots.reliability([0.1] * 10 + [0.9] * 10, [False] * 10 + [True] * 10, "m") is not None


def test_a_card_has_verdict_window_and_figures_with_n_and_interval_and_no_markup_of_others() -> None:
    newest = {**window(1), "row_count": 1_200, "verdict": "retrain", "sentence": "[x](http://evil.example) <b>|"}
    older = {**window(0), "row_count": 7, "verdict": "none", "sentence": "old"}
    figure = {"model": "m", "model_version": "1", "figure": "recall", "evidence": "verdicts", "value": 0.5, "n": 24}
    text = section_of(
        [newest, older], [compared(0, [1.0], 0.05)], [{**figure, **window(1), "low_95": 0.4, "high_95": 0.6}]
    )
    assert text.startswith(HEADING) and "1,200 rows: retrain" in text and "old" not in text
    assert "](http" not in text and "<b>" not in text and "passed" in text
    row = text.splitlines()[-1].replace("\\", "")
    assert row == "| recall | 0.5 | 0.4 to 0.6 | 24 | verdicts | 2026-11-21 00:00 to 2026-11-22 00:00 |"
