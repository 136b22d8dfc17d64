"""Retention drops what was written long ago, table by table,."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from platform_assets.clients.engine import lake_of
from platform_assets.clients.metric_publishers import MetricPoint, publish
from platform_assets.clients.notifier import Alert, notify
from platform_assets.core.tables import all_tables
from platform_assets.maintenance.retention import RECORDS, RECORDS_DAYS, carry_out, retention_days
from platform_assets.settings import load_settings
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, REJECTED_LINES
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

HOUR = "2019-03-01-05"


def write(lake: Lake, key: str) -> None:
    table = all_tables()[key]
    values = {"string": "x", "int64": 1, "int32": 1, "double": 0.5, "boolean": True, "list<string>": ["x"]}
    row = {c.name: values.get(c.type, datetime(2019, 3, 1, 5, tzinfo=UTC)) for c in table.columns} | {HOUR_COLUMN: HOUR}
    lake.overwrite_arrow(pa.Table.from_pylist([row], schema=arrow_schema(table, with_hour=True)), table, [HOUR])


def test_old_events_stay_until_they_were_written_long_enough_ago(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, retention_days={REJECTED_LINES.key: 7})
    lake = lake_of(settings)
    for table in (REJECTED_LINES, OBJECT_COUNTS):
        write(lake, table.key)
    now = datetime.now(UTC)
    carry_out(settings, now + timedelta(days=6))
    assert lake.hours(REJECTED_LINES) == [HOUR]
    done = carry_out(settings, now + timedelta(days=8))
    assert done[f"hours of {REJECTED_LINES.key}"] == 1
    assert lake.hours(REJECTED_LINES) == []
    assert lake.hours(OBJECT_COUNTS) == [HOUR]


def test_what_is_personal_is_never_kept_for_good(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    for table in all_tables().values():
        if table.hourly and any(column.personal for column in table.columns):
            assert retention_days(settings, table) is not None, table.key


def test_alerts_and_metrics_go_after_their_days_and_not_before(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, retention_days={"alerts.jsonl": 7})
    now = datetime.now(UTC)
    notify(settings, Alert("late", "info", "One hour is late.", now))
    publish(settings, [MetricPoint("RequestsParsed", 1.0, datetime(2014, 5, 23, tzinfo=UTC))] * 2)
    assert not any("lines" in name for name in carry_out(settings, now + timedelta(days=6)))
    assert carry_out(settings, now + timedelta(days=8))["lines of alerts.jsonl"] == 1
    assert carry_out(settings, now + timedelta(days=91))["lines of metrics.jsonl"] == 2
    assert [(tmp_path / name).read_text() for name in ("alerts.jsonl", "metrics.jsonl")] == ["", ""]


def test_an_alert_stays_recognized_while_a_line_about_it_is_young(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, alerts_webhook_url="http://127.0.0.1:9/")
    now = datetime.now(UTC)
    old, young = (Alert("drift", "info", "Something.", now, key=key) for key in ("old", "young"))
    written = [(95, old.as_record()), (94, {"delivery_of": "old", "delivered": ["webhook"]})]
    written += [(93, young.as_record()), (60, {"delivery_of": "young", "delivered": ["webhook"]})]
    lines = [{**line, "written_at": (now - timedelta(days=days)).isoformat()} for days, line in written]
    (tmp_path / "alerts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert carry_out(settings, now)["lines of alerts.jsonl"] == 2
    assert notify(settings, young).already == ("file", "webhook")
    assert "old" not in (tmp_path / "alerts.jsonl").read_text()


def test_the_privacy_document_says_how_long_the_files_of_the_home_are_kept() -> None:
    document = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
    for name in RECORDS:
        (row,) = [line for line in document.splitlines() if line.startswith(f"| `<home>/{name}`")]
        assert f"| {RECORDS_DAYS} days after" in row
