"""Compaction: fewer files and the same rows, hours that may still change left alone, nothing lost to writers beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from platform_assets.clients.engine import lake_of
from platform_assets.maintenance.compaction import SETTLED_HOURS, carry_out
from platform_assets.settings import load_settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, OBJECTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
OLD = format_hour(NOW - timedelta(hours=SETTLED_HOURS + 1))
YOUNG = format_hour(NOW - timedelta(hours=SETTLED_HOURS))


def counts(hour: str, number: int) -> pa.Table:
    row = {c.name: number if c.type == "int64" else f"{c.name} {number}" for c in OBJECT_COUNTS.columns}
    return pa.Table.from_pylist([row | {HOUR_COLUMN: hour}], schema=arrow_schema(OBJECT_COUNTS, with_hour=True))


def with_small_files(lake: Lake) -> None:
    for number in range(3):
        for hour in (OLD, YOUNG):
            lake.append_arrow(counts(hour, number), OBJECT_COUNTS)


def rows(lake: Lake) -> list[dict[str, Any]]:
    return sorted(lake.read_arrow(OBJECT_COUNTS).to_pylist(), key=lambda row: (row[HOUR_COLUMN], row["parsed_count"]))


def files(lake: Lake) -> dict[str, int]:
    return {hour: len(found) for hour, found in lake.files_by_hour(OBJECT_COUNTS, [OLD, YOUNG]).items()}


def test_settled_hours_end_in_one_file_with_the_same_rows(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    lake = lake_of(settings)
    with_small_files(lake)
    before = rows(lake)
    assert carry_out(settings, NOW) == {f"files of {OBJECT_COUNTS.key}": 2}
    assert files(lake) == {OLD: 1, YOUNG: 3}
    assert rows(lake) == before
    assert lake.row_counts(OBJECT_COUNTS) == {OLD: 3, YOUNG: 3}
    assert carry_out(settings, NOW) == {}


def test_a_table_without_hours_is_compacted_whole(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    lake = lake_of(settings)
    for number in range(3):
        row = {"source_object": f"o{number}", "etag": "e", "size_bytes": 1, "modified_at": NOW, "first_seen_at": NOW}
        lake.append_arrow(pa.Table.from_pylist([row], schema=arrow_schema(OBJECTS)), OBJECTS)
    assert carry_out(settings, NOW) == {f"files of {OBJECTS.key}": 2}
    assert sorted(lake.read_arrow(OBJECTS)["source_object"].to_pylist()) == ["o0", "o1", "o2"]


def test_an_hour_that_is_made_anew_meanwhile_is_the_new_one(tmp_path: Path) -> None:
    lake = lake_of(load_settings(tmp_path))
    with_small_files(lake)
    opened = lake.delta(OBJECT_COUNTS)

    class Behind(Lake):
        """Compacts what it saw before the other writer came."""

        def delta(self, table: Any, as_of: Any = None) -> Any:
            return opened

    lake.overwrite_arrow(counts(OLD, 7), OBJECT_COUNTS, [OLD])
    assert Behind(lake.root).compact(OBJECT_COUNTS, YOUNG) == 0
    assert [row["parsed_count"] for row in rows(lake) if row[HOUR_COLUMN] == OLD] == [7]
