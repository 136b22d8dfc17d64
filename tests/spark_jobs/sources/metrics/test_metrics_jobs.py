"""The jobs of the metrics source on the embedded engine: files become tables, in one run or hour by hour."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metrics_oracle import features_of

from spark_jobs.contract import Interval, Table
from spark_jobs.incremental import ledger
from spark_jobs.main import JobRun, run_job
from spark_jobs.sources.metrics import ledger as of_source
from spark_jobs.sources.metrics.checks import every_sample_is_accounted_for
from spark_jobs.sources.metrics.tables import (
    CLUSTER_5MIN,
    CLUSTER_FEATURES,
    OBJECT_COUNTS,
    OBJECTS,
    REJECTED_SAMPLES,
    SAMPLES,
)
from spark_jobs.storage.lake import Lake

pytestmark = pytest.mark.slow
START = datetime(2026, 11, 18, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOURS = 30


class Metrics:
    """A folder of metric files, its ledger and its lake."""

    def __init__(self, folder: Path, lake: Lake, spark: Any) -> None:
        self.raw, self.lake, self.spark = folder, lake, spark
        folder.mkdir()

    def deliver(self, name: str, lines: list[str]) -> None:
        (self.raw / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def update_ledger(self) -> None:
        listed = [
            {
                "source_object": str(path),
                "etag": hashlib.md5(path.read_bytes()).hexdigest(),
                "size_bytes": path.stat().st_size,
                "modified_at": NOW,
            }
            for path in sorted(self.raw.iterdir())
        ]
        known = ledger.with_listed(self.lake.read_arrow(OBJECTS), listed, NOW, of_source.name_hour)
        actual = of_source.observed_hours(lambda: self.spark, self.lake.storage, ledger.nameless(known), {}, 2)
        known = ledger.with_observed_hours(known, actual, NOW) or known
        self.lake.overwrite_arrow(known, OBJECTS)

    def run(self, job: str, interval: Interval, **parameters: Any) -> dict[str, Any]:
        return run_job("metrics", job, JobRun(self.spark, self.lake, interval, parameters, tasks=2))

    def rows(self, table: Table, *hours: str) -> list[dict[str, Any]]:
        actual = self.lake.read_arrow(table, hours or None)
        return actual.sort_by([(name, "ascending") for name in table.unique]).to_pylist()


@pytest.fixture
def metrics(sail: Any, lake: Lake, tmp_path: Path) -> Metrics:
    return Metrics(tmp_path / "raw", lake, sail)


def csv_lines(seed: int) -> list[str]:
    """Thirty hours of five minutes, some lines missing, some twice, one broken."""
    draw = np.random.default_rng(seed)
    lines = ["timestamp,cluster_id,cpu_utilization,memory_utilization,pod_count,node_count,spot_price"]
    for step in range(HOURS * 12):
        if draw.random() < 0.1 or 100 <= step < 130:
            continue
        at = START + timedelta(minutes=5 * step, seconds=int(draw.integers(0, 60)))
        lines.append(
            f"{at.isoformat()},c{seed},{draw.random() * 100:.3f},{draw.random() * 50:.2f},6,{step % 3},0.{step}"
        )
        if draw.random() < 0.1:
            lines.append(lines[-1].replace(",6,", ",7,"))
    return [*lines, "never,c,1,1,1,1,1"]


def counter_lines() -> list[str]:
    values = [[(START + timedelta(seconds=30 * n)).timestamp(), str(60 * n % 9000)] for n in range(600)]
    return [json.dumps({"metric": {"__name__": "http_requests_total", "cluster": "c1", "pod": "a"}, "values": values})]


def whole() -> Interval:
    return Interval(START, START + timedelta(hours=HOURS))


def test_single_hours_equal_hours_together(metrics: Metrics) -> None:
    metrics.deliver("a.csv", csv_lines(1))
    metrics.deliver("b.csv", csv_lines(2))
    metrics.deliver("c.jsonl", [*counter_lines(), "broken"])
    metrics.update_ledger()
    hours = whole().hours
    for job in ("samples", "cluster_5min", "cluster_features"):
        metrics.run(job, whole(), calendar={"time_zone": "Europe/Berlin"})
    passed, sentence, _ = every_sample_is_accounted_for(metrics.lake, hours)
    assert passed, sentence
    present = {row["source_object"]: row["present_count"] for row in metrics.rows(OBJECT_COUNTS)}
    assert sum(present.values()) == len(metrics.rows(SAMPLES)) + len(metrics.rows(REJECTED_SAMPLES))
    assert sorted(row["reason"] for row in metrics.rows(REJECTED_SAMPLES)) == ["bad_json", "bad_time", "bad_time"]

    before = {table.key: metrics.rows(table) for table in (SAMPLES, CLUSTER_5MIN, CLUSTER_FEATURES)}
    for hour in (hours[3], hours[9], hours[27]):
        for job in ("samples", "cluster_5min", "cluster_features"):
            metrics.run(job, Interval.of_hour(hour), calendar={"time_zone": "Europe/Berlin"})
    assert {table.key: metrics.rows(table) for table in (SAMPLES, CLUSTER_5MIN, CLUSTER_FEATURES)} == before

    steps = before[CLUSTER_5MIN.key]
    assert {row["cluster_id"] for row in steps} == {"c1", "c2"}
    assert any(row["is_gap"] for row in steps) and any(row["is_duplicate"] for row in steps)
    (reset, *_) = [row for row in steps if row["is_counter_reset"]]
    assert reset["cluster_id"] == "c1" and reset["request_rate"] == pytest.approx(2.0, rel=0.2)

    calendar = of_calendar()
    for row in before[CLUSTER_FEATURES.key][::41]:
        own = [item for item in steps if item["cluster_id"] == row["cluster_id"]]
        (current,) = [item for item in own if item["event_at"] == row["event_at"]]
        for name, value in features_of(current, own, calendar).items():
            assert row[name] == (pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value), name


def of_calendar() -> Any:
    from spark_jobs.sources.metrics.business_hours import calendar_of

    return calendar_of({"time_zone": "Europe/Berlin"})


def test_a_later_hour_changes_no_earlier_row(metrics: Metrics) -> None:
    lines = csv_lines(3)
    metrics.deliver("a.csv", lines)
    metrics.update_ledger()
    for job in ("samples", "cluster_5min", "cluster_features"):
        metrics.run(job, whole())
    cut = whole().hours[20]
    kept = {
        table.key: [r for r in metrics.rows(table) if r["event_hour"] < cut]
        for table in (CLUSTER_5MIN, CLUSTER_FEATURES)
    }
    changed = [
        line if line < f"{cut[:10]}T{cut[11:]}" or line.startswith("t") else line.replace(",6,", ",99,")
        for line in lines
    ]
    assert changed != lines
    metrics.deliver("a.csv", changed)
    metrics.update_ledger()
    for job in ("samples", "cluster_5min", "cluster_features"):
        metrics.run(job, whole())
    for table in (CLUSTER_5MIN, CLUSTER_FEATURES):
        assert [r for r in metrics.rows(table) if r["event_hour"] < cut] == kept[table.key]


def test_a_file_that_has_gone_keeps_its_samples(metrics: Metrics) -> None:
    metrics.deliver("a.csv", csv_lines(4))
    metrics.update_ledger()
    metrics.run("samples", whole())
    before = metrics.rows(SAMPLES)
    (metrics.raw / "a.csv").unlink()
    assert metrics.run("samples", whole())["objects_gone"] == [str(metrics.raw / "a.csv")]
    assert metrics.rows(SAMPLES) == before


def test_cluster_metrics_go_before_those_of_nodes(metrics: Metrics) -> None:
    at = int(START.timestamp())

    def event(kind: str, **values: Any) -> str:
        return json.dumps({"Type": kind, "ClusterName": "c", "Timestamp": at * 1000, **values})

    metrics.deliver(
        "perf.jsonl",
        [
            event("Node", NodeName="a", node_cpu_utilization=10, node_number_of_running_pods=3),
            event("Node", NodeName="b", node_cpu_utilization=30, node_number_of_running_pods=4),
            event("Cluster", cluster_node_count=2),
            json.dumps({"Type": "Node", "ClusterName": "d", "Timestamp": at * 1000, "node_cpu_utilization": 99}),
            json.dumps(
                {"Type": "Node", "ClusterName": "d", "NodeName": "x", "Timestamp": at * 1000, "node_cpu_utilization": 1}
            ),
        ],
    )
    metrics.update_ledger()
    for job in ("samples", "cluster_5min"):
        metrics.run(job, Interval.of_hour("2026-11-18-00"))
    actual = {row["cluster_id"]: row for row in metrics.rows(CLUSTER_5MIN)}
    assert (actual["c"]["cpu_utilization"], actual["c"]["pod_count"], actual["c"]["node_count"]) == (20.0, 7.0, 2.0)
    assert (actual["d"]["cpu_utilization"], actual["d"]["cpu_sample_count"]) == (99.0, 1)


def test_a_file_that_cannot_be_opened_is_rejected_alone(metrics: Metrics) -> None:
    metrics.deliver("a.csv", csv_lines(5))
    metrics.update_ledger()
    hour = whole().hours[0]
    loop, gone = str(metrics.raw / "loop.csv"), str(metrics.raw / "gone.csv")
    Path(loop).symlink_to(loop)
    unread = [{"source_object": path, "etag": "e", "size_bytes": 9, "modified_at": START} for path in (loop, gone)]
    metrics.lake.rewrite(OBJECTS, lambda rows: ledger.with_listed(rows, unread, NOW, lambda name: hour))
    figures = metrics.run("samples", whole())
    assert sorted(figures["unreadable_objects"]) == sorted([loop, gone])
    rejected = {row["source_object"]: row["reason"] for row in metrics.rows(REJECTED_SAMPLES) if not row["line_number"]}
    assert rejected == {loop: "unreadable_object", gone: "object_gone"}
    assert every_sample_is_accounted_for(metrics.lake, whole().hours)[0]
    retried = {row["source_object"] for row in metrics.rows(OBJECTS) if row["retry_at"] is not None}
    assert retried == {loop, gone}

    Path(loop).unlink()
    Path(loop).write_text(f"timestamp,cpu_utilization\n{START.isoformat()},7\n", encoding="utf-8")
    metrics.run("samples", whole())
    assert [row["value"] for row in metrics.rows(SAMPLES) if row["source_object"] == loop] == [7.0]
    assert [row["source_object"] for row in metrics.rows(OBJECTS) if row["retry_at"]] == [gone]
