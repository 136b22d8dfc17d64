"""Cluster features: batch, single row and plain Python agree, with gaps and irregular times."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_oracle import features_of

from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.sources.metrics.business_hours import Calendar, CalendarError, calendar_of
from spark_jobs.sources.metrics.cluster_features import cluster_features_rows, current_features
from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.features import FEATURES, INPUTS
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, CLUSTER_FEATURES
from spark_jobs.sources.metrics.times import micros
from spark_jobs.storage.schema import arrow_schema

FIRST = datetime(2026, 3, 27, tzinfo=UTC)
"""Two days before the clocks change in Berlin."""
BERLIN = Calendar("Europe/Berlin", holidays=frozenset({date(2026, 3, 30)}))
VALUES = st.one_of(st.none(), st.just(0.0), st.floats(0, 1e6, allow_subnormal=False), st.floats(40, 60))


def row(at: datetime, cluster: str = "a", **metrics: float | None) -> dict[str, Any]:
    flags = dict.fromkeys((c.name for c in CLUSTER_5MIN.columns if c.type == "boolean"), False)
    counts = {"sample_count": 1, "cpu_sample_count": 1}
    empty = dict.fromkeys(METRICS, None)
    return {
        "cluster_id": cluster,
        "event_at": at,
        **empty,
        **counts,
        **flags,
        "gap_metrics": [],
        "ingested_at": at,
        **metrics,
    }


def batch(rows: list[dict[str, Any]], hours: tuple[str, ...], calendar: Calendar) -> list[dict[str, Any]]:
    table = pa.Table.from_pylist(rows, schema=arrow_schema(CLUSTER_5MIN))
    return cluster_features_rows(table, hours, calendar).to_pylist()


def near(item: Any, other: Any) -> bool:
    if isinstance(item, float) and isinstance(other, float):
        return math.isclose(item, other, rel_tol=1e-9, abs_tol=1e-9 * max(1.0, abs(item)))
    return bool(item == other)


@st.composite
def histories(draw: Any) -> list[dict[str, Any]]:
    """Rows of two clusters over two days, at steps or at any second, with gaps of any length."""
    second = draw(st.sampled_from([1, 300]))
    rows = {}
    for cluster in ("a", "b"):
        places = draw(st.lists(st.integers(0, 2 * 86_400 // second - 1), max_size=25, unique=True))
        for place in places:
            at = FIRST + timedelta(seconds=place * second)
            metrics = {name: draw(VALUES) for name in INPUTS}
            rows[cluster, at] = row(at, cluster, **metrics)
    return list(rows.values())


@settings(deadline=None)
@given(histories(), st.sampled_from([Calendar(), BERLIN]))
def test_batch_single_row_and_plain_python_agree(rows: list[dict[str, Any]], calendar: Calendar) -> None:
    if not rows:
        return
    hours = Interval(FIRST, FIRST + timedelta(days=2)).hours
    produced = batch(rows, hours, calendar)
    assert len(produced) == len(rows)
    for actual in produced:
        own = [item for item in rows if item["cluster_id"] == actual["cluster_id"]]
        (current,) = [item for item in own if item["event_at"] == actual["event_at"]]
        alone = features_of(current, own, calendar)
        assert {name: actual[name] for name in alone} == current_features(current, own, calendar)
        scale = max((item["cpu_utilization"] or 0.0 for item in own), default=0.0)
        for name, value in alone.items():
            is_spread = "trend" in name or "volatility" in name
            close = (
                math.isclose(actual[name] or 0.0, value or 0.0, abs_tol=1e-9 * max(1.0, scale)) if is_spread else False
            )
            assert near(actual[name], value) or (close and (actual[name] is None) == (value is None)), name


@settings(deadline=None)
@given(histories())
def test_steps_outside_the_windows_change_nothing(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    middle = FIRST + timedelta(hours=30)
    hours = Interval(middle, middle + timedelta(hours=1)).hours
    low, high = middle - timedelta(hours=24), middle + timedelta(hours=1)
    whole = batch(rows, hours, BERLIN)
    enough = [item for item in rows if low <= item["event_at"] < high]
    assert batch(enough, hours, BERLIN) == whole if enough else not whole


def test_a_window_excludes_the_row_itself() -> None:
    steps = [row(FIRST + timedelta(minutes=5 * n), cpu_utilization=float(n)) for n in range(13)]
    actual = current_features(steps[12], steps)
    assert actual["cpu_step_count_1h"] == 12 and actual["cpu_avg_1h"] == 5.5 and actual["cpu_max_1h"] == 11
    assert actual["cpu_trend_1h"] == pytest.approx(12.0), "one point each five minutes is twelve an hour"
    assert actual["cpu_volatility_1h"] == pytest.approx(math.sqrt(13))
    assert current_features(steps[0], steps)["cpu_avg_1h"] is None


def test_windows_span_time_and_skip_gaps() -> None:
    steps = [row(FIRST, cpu_utilization=90.0), row(FIRST + timedelta(hours=5), cpu_utilization=10.0)]
    actual = current_features(row(FIRST + timedelta(hours=5, minutes=5)), steps)
    assert (actual["cpu_avg_1h"], actual["cpu_avg_6h"], actual["cpu_step_count_6h"]) == (10.0, 50.0, 2)


def test_an_undefined_ratio_is_null_and_flagged() -> None:
    actual = current_features(
        row(FIRST, cpu_utilization=50.0, memory_utilization=0.0, pod_count=6.0, node_count=3.0), []
    )
    assert actual["cpu_memory_ratio"] is None and actual["is_cpu_memory_ratio_undefined"]
    assert actual["pod_density"] == 2.0 and not actual["is_pod_density_undefined"]
    assert actual["request_per_pod"] is None and actual["is_request_per_pod_undefined"], "no request rate"
    assert actual["is_error_impact_undefined"]


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        (datetime(2026, 3, 27, 8, 0, tzinfo=UTC), 0.0),  # Friday, 9:00 in Berlin
        (datetime(2026, 3, 27, 7, 30, tzinfo=UTC), 0.5),
        (datetime(2026, 3, 27, 16, 0, tzinfo=UTC), 87.0),  # Friday 17:00 to Tuesday 9:00, an hour less, Monday is off
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 54.5),
    ],
)
def test_business_hours_follow_daylight_saving_time(at: datetime, hours: float) -> None:
    actual = current_features(row(at), [], BERLIN)
    assert actual["time_to_business_hours"] == hours and actual["is_business_hour"] == (hours == 0)


def test_hours_and_days_follow_the_time_zone() -> None:
    actual = current_features(row(datetime(2026, 3, 27, 23, 30, tzinfo=UTC)), [], BERLIN)
    assert (actual["hour_of_day"], actual["day_of_week"], actual["is_weekend"]) == (0, 5, True)
    assert current_features(row(FIRST), [], Calendar(business_days=()))["time_to_business_hours"] is None


def test_the_declaration_is_the_table() -> None:
    names = CLUSTER_FEATURES.column_names
    assert [item.name for item in FEATURES] == [name for name in names if name in {item.name for item in FEATURES}]
    assert set(INPUTS) <= set(CLUSTER_5MIN.column_names)
    assert set(current_features(row(FIRST), [])) == {item.name for item in FEATURES}
    assert not {item.name for item in FEATURES if not item.is_nullable and item.kind in ("mean", "ratio")}


def test_an_hour_is_made_with_its_name() -> None:
    actual = batch([row(FIRST, cpu_utilization=1.0)], ("2026-03-27-00",), Calendar())
    assert actual[0][HOUR_COLUMN] == "2026-03-27-00" and actual[0]["ingested_at"] == FIRST


def test_a_wrong_calendar_says_what_to_write() -> None:
    actual = calendar_of({"time_zone": "Asia/Tokyo", "business_days": "sun-tue,thu", "business_hours": "08:30-20:00"})
    assert (actual.business_days, actual.business_start_minute, actual.business_end_minute) == ((0, 1, 3, 6), 510, 1200)
    assert calendar_of({}) == Calendar() and calendar_of({"business_days": ""}).business_days == ()
    for wrong in (
        {"time_zone": "Moon"},
        {"business_days": "today"},
        {"business_hours": "9-5"},
        {"business_hours": "17:00-09:00"},
        {"holidays": "xmas"},
    ):
        with pytest.raises(CalendarError, match="write"):
            calendar_of(wrong)


def test_times_may_be_datetime_or_microseconds() -> None:
    assert micros(FIRST) == micros(FIRST.replace(tzinfo=None)) == int(FIRST.timestamp()) * 1_000_000
