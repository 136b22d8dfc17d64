"""Retention drops what was written long ago, table by table, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from platform_assets.resources.engine import lake_of
from platform_assets.retention import all_tables, carry_out, retention_days
from platform_assets.settings import load_settings
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.lake import Lake, arrow_schema
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, REJECTED_LINES

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
