"""`weir export`: a lake table as one file (.parquet, .csv, .jsonl), streamed and written atomically."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import command_that_fills, tables
from platform_assets.core.times import as_utc, instant
from platform_assets.outputs.file_formats import FORMATS
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table, parse_hour
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

TIME_COLUMNS = ("acted_at", "event_at", "hour_at", "decided_at", "planned_at", "first_seen_at", "made_at")
"""--start and --end are about the first of them that a table has."""
SORTED_BYTES = 256 << 20
"""Hours, or months of tables with files of months, up to this size are sorted in memory; a larger one is written in stored order."""
BATCH_ROWS = 32_768


class ExportError(WeirError):
    """The export is not possible; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class ExportReport:
    """Rows written, and where; `note` says why there are none."""

    rows: int
    path: Path
    note: str = ""


def short_names() -> dict[str, str]:
    """Full key -> its last part, or the full key if several tables have the same last part."""
    tables_by_key = tables()
    counts = Counter(table.name for table in tables_by_key.values())
    return {key: table.name if counts[table.name] == 1 else key for key, table in tables_by_key.items()}


def find_table(name: str) -> Table:
    """The table of a full key, or of its last part if that is unique."""
    tables_by_key = tables()
    matches = (
        [tables_by_key[name]]
        if name in tables_by_key
        else [table for table in tables_by_key.values() if table.name == name]
    )
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ExportError(f"Several tables are called {name}; name one of {', '.join(t.key for t in matches)}.")
    raise ExportError(f"There is no table {name!r}; choose one of {', '.join(short_names().values())}.")


def time_column(table: Table) -> str | None:
    """The column that `start` and `end` are about: the first time column, else the hour; None if there is neither."""
    of_rows = next((name for name in TIME_COLUMNS if name in table.column_names), None)
    return of_rows or (HOUR_COLUMN if table.hourly else None)


def export_table(
    settings: Settings, table: str, file: Path, start: datetime | None = None, end: datetime | None = None
) -> ExportReport:
    """Write the rows with `start <= time < end` (default: all) to `file`, atomically."""
    source, file = find_table(table), Path(file)
    open_writer = FORMATS.get(file.suffix.lower())
    if open_writer is None:
        raise ExportError(f"The file {file} has none of the endings {', '.join(FORMATS)}; name it with one of them.")
    span = _Span.of(source, start, end)
    if not settings.lake and not settings.home.is_dir():
        raise ExportError(
            f"There is no home {settings.home}; run `weir demo` or `{command_that_fills(source)}` first, or correct --home."
        )
    if not file.parent.is_dir():
        raise ExportError(f"The folder {file.parent} does not exist; create it or choose another.")
    lake, partial, rows = lake_of(settings), file.with_name(f"{file.name}.tmp"), 0
    schema = arrow_schema(source, with_hour=span.column == HOUR_COLUMN)
    try:
        with open_writer(partial, schema) as write:
            for batch in _read(lake, source, schema, span):
                write(batch)
                rows += batch.num_rows
        partial.replace(file)
    except OSError as error:
        raise ExportError(f"{file} cannot be written ({error.strerror or error}); choose another place.") from None
    finally:
        partial.unlink(missing_ok=True)
    return ExportReport(rows, file, "" if rows else _why_empty(lake, source, span))


@dataclass(frozen=True)
class _Span:
    """The requested half-open time range, on the table's time column."""

    column: str | None
    start: datetime | None
    end: datetime | None

    @classmethod
    def of(cls, table: Table, start: datetime | None, end: datetime | None) -> _Span:
        span = cls(time_column(table), start and as_utc(start), end and as_utc(end))
        if span.column is None and (start or end):
            raise ExportError(f"The table {table.name} has no time column; leave out --start and --end.")
        if span.start and span.end and span.start >= span.end:
            raise ExportError(
                f"The start {instant(span.start)} is not before the end {instant(span.end)}; correct --start or --end."
            )
        return span

    def has_hour(self, hour: str) -> bool:
        """Whether the hour may have rows within; decided_at is the end of its hour, other times are before it."""
        at = parse_hour(hour)
        latest = at if self.column == HOUR_COLUMN else at + timedelta(hours=1)
        return (self.start is None or latest >= self.start) and (self.end is None or at < self.end)

    def filter(self) -> Any:
        """The range as a pyarrow expression on rows; None if the hours suffice."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.column in (None, HOUR_COLUMN):
            return None
        bounds = []
        column, kind = pc.field(self.column), pa.timestamp("us", tz="UTC")
        if self.start:
            bounds.append(column >= pa.scalar(self.start, kind))
        if self.end:
            bounds.append(column < pa.scalar(self.end, kind))
        return bounds[0] & bounds[-1] if bounds else None


def _read(lake: Lake, table: Table, schema: pa.Schema, span: _Span) -> Iterator[pa.RecordBatch]:
    """The rows by hour and unique key, of one version of the table, in bounded memory."""
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    with_hour, keys = schema, table.unique
    if table.is_by_month:
        with_hour, keys = arrow_schema(table, with_hour=True), (HOUR_COLUMN, *table.unique)
    try:
        pinned = lake.pinned()
        hours = [hour for hour in pinned.hours(table) if span.has_hour(hour)] if table.hourly else [""]
        for _, together in groupby(hours, table.partition_of):
            batches = pinned.dataset(table, list(together) if table.hourly else None).to_batches(
                columns=with_hour.names,
                filter=span.filter(),
                batch_size=BATCH_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
            )
            for batch in _sorted(batches, with_hour, keys):
                yield batch.select(schema.names)
    except (OSError, DeltaError, pa.ArrowException) as error:
        reason = str(error).strip().split("\n")[0]
        raise ExportError(
            f"The table {table.key} cannot be read from {lake.root} ({reason}); check WEIR_LAKE and try again."
        ) from None


def _sorted(batches: Iterable[pa.RecordBatch], schema: pa.Schema, keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows sorted by the keys, or unsorted beyond SORTED_BYTES."""
    import pyarrow as pa

    buffer: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        buffer.append(batch)
        size += batch.nbytes
        if not keys or size > SORTED_BYTES:
            yield from buffer
            buffer = []
    if buffer:
        order = [(key, "ascending") for key in keys]
        yield from pa.Table.from_batches(buffer, schema).sort_by(order).to_batches(max_chunksize=BATCH_ROWS)


def _why_empty(lake: Lake, table: Table, span: _Span) -> str:
    if lake.delta(table) is None:
        return f"{table.key} is not written yet, so the file has its columns and no rows; `{command_that_fills(table)}` fills it."
    condition = " in the time asked for" if span.start or span.end else ""
    return f"{table.key} has no rows{condition}, so the file has its columns and no rows."
