"""Figures become known late: each window has rows when they change, and each outcome is tested once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning import feedback, performance
from platform_assets.domains.learning.feedback import Verdict
from platform_assets.domains.learning.performance import (
    ESTIMATED,
    JUDGED,
    MEASURED,
    measure,
    newest,
    proved_worse,
    rows_of_figure,
)
from platform_assets.domains.learning.tables import learners, performance_table
from platform_assets.domains.learning.windows import Window
from platform_assets.domains.scaling.tables import SCALING_FORECASTS
from platform_assets.settings import Settings, load_settings
from platform_assets.training.sets import training_sets
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront.tables import REQUEST_SCORES
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN
from weir_learning.degradation import LOSSES

START = datetime(2026, 11, 20, tzinfo=UTC)
FORECASTS = "predictive_scaling"
STEP = timedelta(minutes=5)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path)


def loads(days: range, error: float) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Forecasts and steps of two clusters, hour by hour; a forecast is off by so much, persistence by about 4."""
    random = np.random.default_rng(days.start)
    for hour in range(24 * days.start, 24 * days.stop):
        at = START + timedelta(hours=hour)
        steps, forecasts = [], []
        for cluster in ("api", "web"):
            for number in range(12):
                step, load = at + number * STEP, 40 + 4 * float(random.normal())
                own = {"cluster_id": cluster, "model_name": FORECASTS, "model_version": "1", "forecast_at": step}
                steps.append(
                    {
                        "cluster_id": cluster,
                        "event_at": step,
                        "cpu_utilization": load,
                        "node_count": 4,
                        "sample_count": 5,
                    }
                    | {HOUR_COLUMN: format_hour(at)}
                )
                predicted = 2 * (load + error * float(random.normal()))
                forecasts.append(
                    own
                    | {"made_at": step - 6 * STEP, "target_at": step, "predicted_cpu_utilization": predicted}
                    | {"lower_90": predicted - 4, "upper_90": predicted + 4, "current_cpu_utilization": 80.0}
                    | {"confidence": 0.9, "node_count": 2, "action": "maintain", "target_nodes": 2}
                    | {"urgency": "none", "reasoning": "as before"}
                )
        yield forecasts, steps


def deliver(settings: Settings, days: range, error: float) -> None:
    parts = list(loads(days, error))
    lake_of(settings).append_rows(SCALING_FORECASTS, (row for forecasts, _ in parts for row in forecasts))
    lake_of(settings).append_rows(CLUSTER_5MIN, (row for _, steps in parts for row in steps))


def test_forecasts_are_measured_by_what_came(settings: Settings) -> None:
    lake = lake_of(settings)
    deliver(settings, range(2), 1.0)
    rows = {(row["figure"], row["window_start"]): row for row in measure(settings, lake, FORECASTS, [])}
    assert rows.keys() == {
        (figure, START + timedelta(days=day)) for figure in learners()[FORECASTS].realised for day in (0, 1)
    }
    relative, covered = (rows[figure, START] for figure in ("mae_relative_to_persistence", "coverage"))
    assert relative["value"] == pytest.approx(0.25, abs=0.05), "on the nodes that there were when it was forecast"
    assert relative["low_95"] < relative["value"] < relative["high_95"] and relative["n"] == 2 * 24 * 12
    assert covered["value"] == pytest.approx(0.95, abs=0.03) and covered["evidence"] == MEASURED
    assert measure(settings, lake, FORECASTS, []) == [], "nothing new, no row"
    assert proved_worse(lake, FORECASTS, "1") == []


def test_forecasts_that_get_worse_are_proved_so(settings: Settings) -> None:
    lake = lake_of(settings)
    deliver(settings, range(3), 1.0)
    measure(settings, lake, FORECASTS, [])
    deliver(settings, range(3, 4), 9.0)
    measure(settings, lake, FORECASTS, [])
    worse = proved_worse(lake, FORECASTS, "1")
    assert [sentence.split(":")[0] for sentence in worse] == ["coverage", "mae_relative_to_persistence"]
    assert all("proved to be worse" in sentence for sentence in worse)
    assert proved_worse(lake, FORECASTS, "2") == [], "another version begins anew"
    assert {row["window_start"] for row in newest(lake, FORECASTS, "1")} == {START + timedelta(days=3)}


def give(settings: Settings, subject: str, verdict: str, is_flagged: bool, acted_at: datetime, day: int = 0) -> None:
    at = START + timedelta(days=day, hours=3)
    row = Verdict.make(
        acted_at, "a", verdict, subject, "seen", model="request_attack", event_at=at, entity=f"net {subject}",
        is_flagged=is_flagged, model_version="3",
    )  # fmt: skip
    feedback.AUDIT.append(lake_of(settings), [row])


def test_verdicts_are_figures_of_the_window_that_they_are_about(settings: Settings) -> None:
    lake, now = lake_of(settings), START + timedelta(days=5)
    for number in range(4):
        give(settings, f"r{number}", "attack" if number else "benign", True, now, day=number % 2)
    rows = {(row["figure"], row["window_start"].day): row for row in measure(settings, lake, "request_attack", [])}
    assert [(rows["precision", day]["value"], rows["precision", day]["n"]) for day in (20, 21)] == [(0.5, 2), (1.0, 2)]
    assert {row["evidence"] for row in rows.values()} == {JUDGED}
    give(settings, "r0", "attack", True, now + timedelta(hours=1))
    changed = measure(settings, lake, "request_attack", [])
    assert {(row["figure"], row["window_start"].day, row["value"]) for row in changed} >= {("precision", 20, 1.0)}
    assert {row["window_start"].day for row in changed} == {20}
    test = next(row for row in changed if row["figure"] == "precision")
    assert "4 of 50 outcomes" in test["sentence"], "a correction is no further outcome"


def test_each_outcome_is_tested_once_whatever_its_window() -> None:
    days = [Window(START + timedelta(days=day), START + timedelta(days=day + 1)) for day in range(3)]

    def outcomes(*known: tuple[int, int]) -> pd.DataFrame:
        rows = [
            {
                "window": days[day],
                "unit": f"{day} {hour}",
                "known_at": pd.Timestamp(START + timedelta(days=9, hours=hour)),
            }
            for day, hour in known
        ]
        return pd.DataFrame(rows).assign(truth=True, predicted=[hour % 2 == 0 for _, hour in known])

    first = list(rows_of_figure("recall", "3", JUDGED, outcomes((1, 5), (0, 2)), [], 3))
    assert [row["window_start"] for row in first] == [days[0].start, days[1].start]
    assert all("2 of 50" in row["sentence"] for row in first)
    late = outcomes((1, 5), (0, 2), (0, 7), (2, 6))
    second = list(rows_of_figure("recall", "3", JUDGED, late, first, 3))
    assert [row["window_start"] for row in second] == [days[0].start, days[2].start]
    assert all("4 of 50" in row["sentence"] for row in second)
    assert list(rows_of_figure("recall", "3", JUDGED, late, [*first, *second], 3)) == []


def test_estimates_are_marked_and_have_bounds(settings: Settings) -> None:
    lake, hour = lake_of(settings), format_hour(START)
    random = np.random.default_rng(1)
    scores = random.beta(0.2, 2, 400)
    values = [
        dict.fromkeys(REQUEST_SCORES.column_names)
        | {"attack_probability": float(score), "is_attack": bool(score > 0.5), HOUR_COLUMN: hour}
        for score in scores
    ]
    lake.append_rows(REQUEST_SCORES, values)
    window = {"model_version": "3", "window_start": START, "window_end": START + timedelta(days=1)}
    rows = measure(settings, lake, "request_attack", [window])
    assert {row["figure"] for row in rows} == {"precision", "recall"}
    assert all(row["evidence"] == ESTIMATED and row["low_95"] < row["value"] < row["high_95"] for row in rows)
    stored = lake.read_arrow(performance_table("request_attack")).to_pylist()
    assert {row["is_worse"] for row in stored} == {None} and {row["n"] for row in stored} == {400}


def test_every_declared_figure_can_be_measured() -> None:
    for name, learning in learners().items():
        assert learning.realised and set(learning.realised) <= LOSSES.keys(), name
        assert training_sets()[name].outcomes or training_sets()[name].verdicts, name
    assert performance.UNIT == "2h"
