"""A long past of metrics: few files, and the same rows whether it comes at once or week by week; late files make their hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.core.staleness import stale_by_asset, stale_parsed_hours
from platform_assets.ingest.raw import update_ledger
from platform_assets.ingest.sensors import hour_ranges
from platform_assets.ingest.source_assets import record, run_job
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import Interval, Table
from spark_jobs.sources.metrics.tables import (
    CLUSTER_5MIN,
    CLUSTER_FEATURES,
    OBJECT_COUNTS,
    REJECTED_SAMPLES,
    SAMPLES,
    SOURCE,
)
from spark_jobs.storage.heads import HEAD
from spark_jobs.storage.lake import Lake

pytestmark = pytest.mark.slow
DAYS, CLUSTERS = 60, 3
START = datetime(2026, 9, 20, tzinfo=UTC)
MADE_OF_FEATURES = 28 * 24


def deliver(raw: Path, first_day: int, days: int) -> None:
    """A file a cluster with a row every five minutes; some are missing."""
    raw.mkdir(parents=True, exist_ok=True)
    for cluster in range(CLUSTERS):
        lines = ["timestamp,cpu_utilization,node_count"]
        for step in range(first_day * 288, (first_day + days) * 288):
            value = 40 + 20 * np.sin(step / 288 * 2 * np.pi) + (step * (cluster + 3)) % 7
            if step % 97:
                lines.append(f"{START + timedelta(minutes=5 * step):%Y-%m-%dT%H:%M:%SZ},{value:.2f},{cluster + 2}")
        folder = raw / f"day-{first_day:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"c{cluster}.csv").write_text("\n".join([*lines, "broken,1,1"]) + "\n")


def make(settings: Settings) -> dict[str, list[str]]:
    """Make what is stale as the assets do; job -> its hours."""
    update_ledger(settings, "metrics")
    lake, made = lake_of(settings), {}
    for job in SOURCE.jobs:
        key = job.tables[0].key
        hours = stale_parsed_hours(lake, "metrics") if job.name == "samples" else stale_by_asset(lake, [key])[key]
        for first, last in hour_ranges(hours):
            interval = Interval.spanning(first, last)
            run_job(settings, SOURCE, job, lake, interval)
            record(lake, SOURCE, job, interval)
        made[job.name] = hours
    return made


def content(lake: Lake, table: Table, hours: Any = None) -> list[dict[str, Any]]:
    """Rows without what tells the deliveries apart: files, lines, and when they came."""
    apart = {
        "source_object",
        "etag",
        "line_number",
        "ingested_at",
        "present_count",
        "other_hours_count",
        "is_clock_skewed",
    }
    names = [name for name in table.column_names if name not in apart]
    rows = lake.read_arrow(table, hours, [*names, "event_hour"])
    keys = [name for name in ("cluster_id", "metric", "event_at") if name in rows.column_names]
    listed: list[dict[str, Any]] = rows.sort_by([(name, "ascending") for name in keys]).to_pylist()
    return listed


def files(lake: Lake) -> int:
    """Files of the lake but for the one of each table that holds the number of its newest version."""
    return sum(path.is_file() and path.name != HEAD for path in Path(lake.root).rglob("*"))


def test_a_past_at_once_equals_weekly_pieces(tmp_path: Path) -> None:
    whole = load_settings(tmp_path / "whole", metrics_raw=str(tmp_path / "raw-whole"))
    weekly = load_settings(tmp_path / "weekly", metrics_raw=str(tmp_path / "raw-weekly"))
    for settings in (whole, weekly):
        settings.home.mkdir()
    deliver(tmp_path / "raw-whole", 0, DAYS)
    made = make(whole)
    lake = lake_of(whole)
    assert len(made["cluster_5min"]) == DAYS * 24 and len(made["cluster_features"]) == MADE_OF_FEATURES
    assert files(lake) <= 60, "one a month and table, twice for tables that tasks share, and the logs"
    assert make(whole) == {"samples": [], "cluster_5min": [], "cluster_features": []}

    for first in range(0, DAYS, 7):
        deliver(tmp_path / "raw-weekly", first, min(7, DAYS - first))
        made = make(weekly)
        assert len(made["samples"]) <= 7 * 24, "hours of other weeks stay as they are"
    pieces = lake_of(weekly)
    assert files(pieces) <= 250
    for table in (SAMPLES, CLUSTER_5MIN):
        assert content(lake, table) == content(pieces, table), table.key
    newest = lake.hours(CLUSTER_FEATURES)
    assert content(lake, CLUSTER_FEATURES, newest) == content(pieces, CLUSTER_FEATURES, newest)
    assert lake.row_counts(SAMPLES) == pieces.row_counts(SAMPLES)
    assert sum(lake.row_counts(REJECTED_SAMPLES).values()) == CLUSTERS
    assert lake.hours(OBJECT_COUNTS) == pieces.hours(OBJECT_COUNTS)

    late = tmp_path / "raw-whole" / "late.csv"
    at = START + timedelta(days=20, hours=5, minutes=10)
    late.write_text(f"timestamp,cluster_id,cpu_utilization\n{at:%Y-%m-%dT%H:%M:%SZ},late,50\n")
    hour, after = (f"{START + timedelta(days=20, hours=hours):%Y-%m-%d-%H}" for hours in (5, 6))
    assert make(whole) == {"samples": [hour], "cluster_5min": [hour, after], "cluster_features": []}
    assert "late" in lake.read_arrow(CLUSTER_5MIN, [hour])["cluster_id"].to_pylist()
    assert lake.hours(CLUSTER_5MIN) == pieces.hours(CLUSTER_5MIN)
