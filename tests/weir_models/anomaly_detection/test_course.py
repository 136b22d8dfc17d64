"""The course of a departure: what it becomes, when it ends, and that small shares of errors are no emergency."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.weir_models.anomaly_detection.labeled_series import DAY_ROWS, daily, series, times
from weir_models.anomaly_detection.course import CRITICAL_LEVEL, INFO_LEVEL, WARNING_LEVEL, course
from weir_models.anomaly_detection.detector import detected
from weir_models.anomaly_detection.model import AnomalyDetection, highest_level
from weir_models.anomaly_detection.series import MetricSeries

BEGIN, END = 600, 640


def departing(rarity_at: dict[int, float], flagged: tuple[int, ...], end: int = END) -> tuple[np.ndarray, ...]:
    """A departure from BEGIN to `end`: times, values, flags, rarities and leading metrics."""
    values = daily(800, seed=3)
    values[BEGIN:end] += 60.0
    rarity, flags = np.full(800, -1.0), np.zeros(800, dtype=bool)
    for row, value in rarity_at.items():
        rarity[row] = value
    flags[list(flagged)] = True
    return times(800), values, flags, rarity, np.zeros(800, dtype=np.int64)


def test_a_return_is_a_recovery_and_no_alarm() -> None:
    found = course(*departing({BEGIN: 0.0, END: 2.0}, (BEGIN, END)))
    assert np.flatnonzero(found.is_anomaly).tolist() == [BEGIN]
    assert found.recoveries == {END + 2: BEGIN}


def test_an_alarm_long_after_the_return_is_an_alarm() -> None:
    found = course(*departing({BEGIN: 0.0, 700: 2.0}, (BEGIN, 700)))
    assert np.flatnonzero(found.is_anomaly).tolist() == [BEGIN, 700]


def test_severity_rises_while_a_departure_lasts() -> None:
    found = course(*departing({BEGIN: 0.0, BEGIN + 30: 3.5}, (BEGIN,)))
    assert found.levels == {BEGIN: INFO_LEVEL, BEGIN + 12: WARNING_LEVEL, BEGIN + 30: CRITICAL_LEVEL}
    assert found.lasting == {BEGIN + 12: BEGIN}
    brief = course(*departing({BEGIN: 0.0}, (BEGIN,), end=BEGIN + 6))
    assert brief.levels == {BEGIN: INFO_LEVEL} and not brief.lasting


def test_a_departure_that_is_critical_at_once_lasts_too() -> None:
    found = course(*departing({BEGIN: 9.0}, (BEGIN,)))
    assert found.levels == {BEGIN: CRITICAL_LEVEL}
    assert found.lasting == {BEGIN + 12: BEGIN} and found.recoveries


def test_later_rows_change_no_part_of_the_course() -> None:
    values = daily(12 * DAY_ROWS, seed=6)
    values[3000:3060] += 30.0
    whole = detected(series(values)).course
    for cut in (3001, 3030, 3061, 3064):
        part = detected(series(values[:cut])).course
        assert part.levels == {row: level for row, level in whole.levels.items() if row < cut}
        assert part.recoveries == {row: alarm for row, alarm in whole.recoveries.items() if row < cut}
    assert whole.recoveries


def test_a_small_share_of_errors_is_no_emergency() -> None:
    def level(shares: list[float]) -> int:
        values = np.array(shares)[:, None]
        return highest_level(MetricSeries("one", times(len(values)), values, ("error_rate",)), 0, len(values) - 1)

    assert [level([0.0, share]) for share in (0.002, 0.02, 0.2)] == [INFO_LEVEL, WARNING_LEVEL, CRITICAL_LEVEL]
    assert [level([8.0, percent]) for percent in (0.2, 2.0, 20.0)] == [INFO_LEVEL, WARNING_LEVEL, CRITICAL_LEVEL]


def test_predictions_name_alarms_and_recoveries() -> None:
    values = daily(10 * DAY_ROWS, seed=6)[:, 0]
    values[2500:2560] += 90.0
    errors = np.zeros(len(values))
    errors[2700:2712] = 0.002
    frame = pd.DataFrame({"cluster_id": "one", "event_at": times(len(values)), "cpu_utilization": values})
    found = AnomalyDetection().fit(pd.DataFrame()).predict(frame.assign(error_rate=errors))
    recoveries = found[found["reason"].fillna("").str.startswith("recovery: cpu_utilization is back at")]
    assert recoveries.index.tolist() == [2562] and recoveries["severity"].isna().all()
    assert not recoveries["is_anomaly"].any()
    small = found[found["metric"] == "error_rate"].dropna(subset="severity")
    assert len(small) and set(small["severity"]) == {"info"}
