"""What reports say of clusters: which were judged, which were not, and what was left out of the input."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from platform_assets.cli.outcome import Outcome
from platform_assets.clients.engine import lake_of
from platform_assets.domains.anomaly import alerting, scoring
from platform_assets.domains.anomaly.cli import show_alerts
from platform_assets.domains.anomaly.coverage import coverage
from platform_assets.domains.anomaly.tables import ANOMALY_SCORES
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table, format_hour
from spark_jobs.sources.metrics.left_out import left_out
from spark_jobs.sources.metrics.tables import REJECTED_SAMPLES, SAMPLES
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)


def put(lake: Lake, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    schema = arrow_schema(table, with_hour=True)
    empty: dict[str, Any] = {field.name: [] if pa.types.is_list(field.type) else None for field in schema}
    empty |= {field.name: False for field in schema if pa.types.is_boolean(field.type)}
    rows = [{**empty, **row, HOUR_COLUMN: row.get(HOUR_COLUMN) or format_hour(row["event_at"])} for row in rows]
    lake.overwrite_arrow(pa.Table.from_pylist(rows, schema=schema), table)


def score(cluster: str, at: datetime, is_anomaly: bool = False) -> dict[str, Any]:
    texts = {"severity": "info", "metric": "cpu_utilization", "reason": "departs"} if is_anomaly else {}
    return {"cluster_id": cluster, "event_at": at, "score": 0.5, "is_anomaly": is_anomaly, **texts}


def scored(lake: Lake, *rows: dict[str, Any]) -> None:
    put(lake, ANOMALY_SCORES, rows)
    steps = [{"cluster_id": row["cluster_id"], "event_at": row["event_at"], "cpu_utilization": 1.0} for row in rows]
    put(lake, scoring.STEPS, steps)


def shown(settings: Settings) -> str:
    console = Console(width=500)
    with console.capture() as capture:
        show_alerts(console, settings, Outcome())
    return capture.get()


def test_a_wrong_clock_hides_no_alarm(home: Settings) -> None:
    lake, ahead = lake_of(home), datetime(2031, 1, 1, tzinfo=UTC)
    scored(lake, score("shop", NOON - 6 * STEP, is_anomaly=True), score("shop", NOON - STEP), score("lab", ahead, True))
    rows, now = alerting.make_alerts(lake)
    assert now == NOON and [row["clusters"] for row in rows] == [["shop"]] and rows[0]["state"] == "open"
    assert alerting.every_alarm_is_in_one_alert(lake)[0] is False, "not written yet"
    alerting.write_alerts(lake, rows)
    assert alerting.every_alarm_is_in_one_alert(lake)[0]


def test_a_step_ahead_never_moves_now(home: Settings) -> None:
    lake, present = lake_of(home), datetime.now(UTC)
    scored(lake, score("shop", present - timedelta(hours=3)), score("lab", present + timedelta(minutes=1)))
    assert alerting.clock_of(lake) == present - timedelta(hours=3) + STEP
    scored(lake, score("shop", present - timedelta(seconds=10)))
    now = alerting.clock_of(lake)
    assert now is not None and present <= now <= datetime.now(UTC), "the step has not ended"


def test_silent_and_young_clusters_are_named(home: Settings) -> None:
    lake = lake_of(home)
    of_shop = [score("shop", NOON - STEP - n * timedelta(hours=1)) for n in range(30)]
    scored(lake, *of_shop, score("lab", NOON - timedelta(hours=3)), score("lab", NOON - timedelta(hours=28)),
           score("new", NOON - STEP))  # fmt: skip
    judged = coverage(lake)
    assert (judged.until, judged.clusters, judged.metrics) == (NOON, ("lab", "new", "shop"), ("cpu_utilization",))
    assert judged.silent == {"lab": NOON - timedelta(hours=3) + STEP} and judged.young == ("new",)
    assert judged.scope == "3 clusters (lab, new, shop), cpu_utilization, until 2026-11-20 12:00 UTC"
    assert judged.sentences(NOON + timedelta(hours=5)) == [
        "nothing is known of the 5 hours since the newest step",
        "silent, though others report: lab since 2026-11-20 09:05",
        "too young to be judged but for sudden departures (less than a day): new",
    ]


def test_an_old_cluster_is_not_young(home: Settings) -> None:
    lake = lake_of(home)
    days_ago = [NOON - timedelta(days=days) for days in (9, 6.9, 6.5)]
    scored(lake, *(score("shop", at) for at in days_ago), score("new", NOON - STEP))
    assert coverage(lake).young == ("new",)


def test_the_report_says_what_was_looked_at(home: Settings) -> None:
    assert "nothing was judged" in shown(home)
    lake = lake_of(home)
    scored(lake, score("shop", NOON - STEP))
    assert "no alarm was raised in the last week of 1 cluster (shop), cpu_utilization, until 2026-11-20 12:00 UTC" in shown(home)  # fmt: skip
    scored(lake, score("shop", NOON - STEP, is_anomaly=True))
    rows, _ = alerting.make_alerts(lake)
    alerting.write_alerts(lake, rows)
    assert "1 alarm in 1 alert: " in shown(home) and "judged: 1 cluster (shop)" in shown(home)


def test_rejected_and_unknown_metrics_are_in_the_report(home: Settings) -> None:
    lake = lake_of(home)
    assert left_out(lake).sentences == []
    sample = {
        "cluster_id": "shop",
        "series": "",
        "value": 1.0,
        "ingested_at": NOON,
        "source_object": "a",
        "position": 1,
    }
    names = ["cpu_utilization", "disk_used", "disk_used"]
    put(lake, SAMPLES, [sample | {"event_at": NOON, "metric": name, "line_number": n} for n, name in enumerate(names)])
    rejected = {"source_object": "a", "position": 0, "raw_line": ""}
    hours = {"bad_time": format_hour(NOON), "too_old": format_hour(NOON - timedelta(days=8))}
    put(
        lake,
        REJECTED_SAMPLES,
        [rejected | {"line_number": 1, "reason": name, HOUR_COLUMN: hour} for name, hour in hours.items()],
    )
    assert (dict(left_out(lake).rejected), left_out(lake).other_metrics) == ({"bad_time": 1}, {"disk_used": 2})
    report = shown(home)
    assert "1 sample, column or file was rejected in 7 days (1 × bad_time)" in report
    assert "2 samples of 7 days are of metrics that are neither judged nor forecast (2 × disk_used)" in report


@pytest.mark.parametrize("hours_ahead", [0, 1, 24 * 365])
def test_hours_after_the_present_are_never_made(home: Settings, hours_ahead: int) -> None:
    from platform_assets.core.staleness import stale_parsed_hours
    from spark_jobs.sources.metrics.tables import OBJECTS

    lake, now = lake_of(home), datetime.now(UTC)
    row = {"source_object": "a", "etag": "e", "size_bytes": 1, "modified_at": now, "first_seen_at": now}
    row |= {"event_hours": [format_hour(now + timedelta(hours=hours_ahead))]}
    lake.overwrite_arrow(pa.Table.from_pylist([row], schema=arrow_schema(OBJECTS)), OBJECTS)
    assert stale_parsed_hours(lake, "metrics") == ([format_hour(now)] if not hours_ahead else [])
