"""How far each stream is, and which hours it writes: until it has left an hour, batch does not make it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from platform_assets.core.times import instant
from spark_jobs.contract import Column, Table
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from spark_jobs.storage.lake import Lake

ALIVE = timedelta(minutes=10)
"""A stream that has said nothing for so long is taken for dead: batch makes its hours."""
STREAM_PROGRESS = Table(
    key="housekeeping/stream_progress",
    meaning="How far each stream is, and what it has done since it was started.",
    grain="one source that a stream brings",
    hourly=False,
    retention_days=None,
    columns=(
        Column("source", "string", "the source", nullable=False),
        Column("stream", "string", "name of the data stream", nullable=False),
        Column("recorded_at", "timestamp", "when this was so (wall clock)", nullable=False),
        Column("started_at", "timestamp", "when the process was started", nullable=False),
        Column("start_count", "int64", "how often a process was started on this lake", nullable=False),
        Column(
            "open_from", "string", "the first hour that the stream writes; batch makes those before", nullable=False
        ),
        Column("is_running", "boolean", "false: it was stopped, and batch makes all hours", nullable=False),
        Column("object_number", "int64", "the newest landed object whose rows are in the tables", nullable=False),
        Column("record_count", "int64", "records read since the start", nullable=False),
        Column("rejected_count", "int64", "lines rejected since the start", nullable=False),
        Column("late_count", "int64", "events of hours that were closed, since the start", nullable=False),
        Column("throttled_count", "int64", "reads that Kinesis throttled since the start", nullable=False),
        Column("records_per_second", "double", "over the last minute"),
        Column("behind_seconds", "double", "how far the shard that is furthest behind is, as Kinesis says"),
        Column("newest_event_at", "timestamp", "the newest event that is in the tables"),
        Column(
            "age_seconds", "double", "from the newest event of a batch to its rows in the tables, in the last batch"
        ),
        Column("shards_behind", "string", "milliseconds behind by shard, as JSON", nullable=False),
        Column("model_version", "string", "the version that scores; null where nothing is scored"),
    ),
)


def progress(lake: Lake) -> dict[str, dict[str, Any]]:
    """Source -> the newest row of its stream."""
    return {row["source"]: row for row in lake.read_arrow(STREAM_PROGRESS).to_pylist()}


def is_alive(row: Mapping[str, Any], now: datetime | None = None) -> bool:
    """Whether the process of a row of progress runs, and has said so within the last minutes."""
    return bool(row["is_running"]) and row["recorded_at"] >= (now or datetime.now(UTC)) - ALIVE


def open_from(lake: Lake, source: str, now: datetime | None = None) -> str | None:
    """The first hour that a running stream writes; None where none runs."""
    row = progress(lake).get(source)
    return str(row["open_from"]) if row is not None and is_alive(row, now) else None


def record_progress(lake: Lake, row: dict[str, Any]) -> None:
    """Put a source's row in place of its last one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from spark_jobs.storage.schema import arrow_rows

    def changed(rows: pa.Table) -> pa.Table:
        own = arrow_rows(STREAM_PROGRESS, [row])
        others = rows.filter(pc.not_equal(rows["source"], row["source"])).select(own.column_names)
        return pa.concat_tables([others.cast(own.schema), own])

    if lake.delta(STREAM_PROGRESS) is None:
        lake.append_rows(STREAM_PROGRESS, [row])
    else:
        lake.rewrite(STREAM_PROGRESS, changed)


def progress_sentence(row: Mapping[str, Any]) -> str:
    """One line about the stream of a source."""
    state = "running" if is_alive(row) else "silent" if row["is_running"] else "stopped"
    age = "" if row["age_seconds"] is None else f", {row['age_seconds']:.1f} s from an event to its rows"
    behind = json.loads(row["shards_behind"])
    shards = ", ".join(f"{name} {milliseconds / 1000:.1f} s" for name, milliseconds in sorted(behind.items()))
    return (
        f"{row['source']} from {row['stream']}: {state} at {instant(row['recorded_at'])}, "
        f"{counted(row['record_count'], 'record')} since {instant(row['started_at'])} ({row['records_per_second'] or 0:.0f} a second)"
        f"{age}; {counted(row['rejected_count'], 'line')} rejected, {counted(row['late_count'], 'event')} late, "
        f"{counted(row['throttled_count'], 'throttled read')}; started {counted(row['start_count'], 'time')}; "
        f"behind: {shards or 'no shard read yet'}; writes hours from {row['open_from']} on"
    )
