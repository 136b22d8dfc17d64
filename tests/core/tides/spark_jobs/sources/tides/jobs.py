"""The job of the tides source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.incremental import ledger
from spark_jobs.sources.tides.parse import parse
from spark_jobs.sources.tides.tables import LEVELS, OBJECT_COUNTS, OBJECTS
from spark_jobs.storage.schema import arrow_schema

if TYPE_CHECKING:
    from spark_jobs.main import JobRun


def levels(run: JobRun) -> dict[str, Any]:
    """Tide files -> levels, object_counts."""
    rows: dict[Any, list[dict[str, Any]]] = {LEVELS: [], OBJECT_COUNTS: []}
    for item in ledger.objects_of(run.lake.read_arrow(OBJECTS), run.interval.hours):
        lines = Path(item.source_object).read_text(encoding="utf-8").splitlines()
        hour = {HOUR_COLUMN: item.event_hours[0]}
        for at, level in map(parse, lines):
            rows[LEVELS].append({"event_at": at, "level_meters": level, **hour})
        rows[OBJECT_COUNTS].append(
            {"source_object": item.source_object, "etag": item.etag, "line_count": len(lines), **hour}
        )
    for table, found in rows.items():
        data = pa.Table.from_pylist(found, schema=arrow_schema(table, with_hour=True))
        run.lake.overwrite_arrow(data, table, run.interval.hours)
    return {"rows": len(rows[LEVELS])}
