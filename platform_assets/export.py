"""`weir export`: a lake table as one file (.parquet, .csv, .jsonl), streamed, and whole or not there at all.

Also writes docs/tables.md, the public interface of what comes out. Columns and their order are the contract's; what
they mean is declared there, nothing is computed here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.actions.instants import as_utc, instant
from platform_assets.resources.engine import lake_of
from platform_assets.settings import Settings
from platform_assets.tables import tables_of_users
from spark_jobs.contract import HOUR_COLUMN, Table, parse_hour
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.lake import Lake, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

TIME_COLUMNS = ("acted_at", "event_at", "hour_at", "decided_at", "planned_at", "first_seen_at", "made_at")
"""The first of them that a table has is what --start and --end mean."""
SORTED_BYTES = 256 << 20
"""Rows of an hour that are sorted in memory; a larger hour is written as it is stored."""
BATCH_ROWS = 32_768
ROW_GROUP_ROWS = 131_072

Write = Callable[["pa.RecordBatch"], None]


class ExportError(WeirError):
    """The export is not possible; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class ExportReport:
    """What was written where; `note` says why there are no rows, where there are none."""

    rows: int
    path: Path
    note: str = ""


def exportable() -> dict[str, Table]:
    """Every table that a user may export, by key."""
    return tables_of_users()


def short_names() -> dict[str, str]:
    """Full key -> the last part, or the whole key where several tables end alike."""
    known = exportable()
    counts = Counter(table.name for table in known.values())
    return {key: table.name if counts[table.name] == 1 else key for key, table in known.items()}


def find_table(name: str) -> Table:
    """The table of a full key, or of its last part where only one ends with it."""
    known = exportable()
    found = [known[name]] if name in known else [table for table in known.values() if table.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ExportError(f"Several tables are called {name}; name one of {', '.join(t.key for t in found)}.")
    raise ExportError(f"There is no table {name!r}; choose one of {', '.join(short_names().values())}.")


def time_column(table: Table) -> str | None:
    """The column that `start` and `end` are about: of several the first, else the hour; None where there is neither."""
    of_rows = next((name for name in TIME_COLUMNS if name in table.column_names), None)
    return of_rows or (HOUR_COLUMN if table.hourly else None)


def export_table(
    settings: Settings, table: str, file: Path, start: datetime | None = None, end: datetime | None = None
) -> ExportReport:
    """Write the rows with `start <= time < end` (all without) to `file`; an existing file is replaced in one step."""
    source, file = find_table(table), Path(file)
    opened = _FORMATS.get(file.suffix.lower())
    if opened is None:
        raise ExportError(f"The file {file} has none of the endings {', '.join(_FORMATS)}; name it with one of them.")
    span = _Span.of(source, start, end)
    if not settings.lake and not settings.home.is_dir():
        raise ExportError(f"There is no home {settings.home}; run `weir run edge --input …` first or correct --home.")
    if not file.parent.is_dir():
        raise ExportError(f"The folder {file.parent} does not exist; create it or choose another.")
    lake, partial, rows = lake_of(settings), file.with_name(f"{file.name}.tmp"), 0
    schema = arrow_schema(source, with_hour=span.column == HOUR_COLUMN)
    try:
        with opened(partial, schema) as write:
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
    """The half-open time asked for, on the table's time column."""

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
        """Whether rows of the hour may be within; decided_at is the end of its hour, all others are before it."""
        at = parse_hour(hour)
        latest = at if self.column == HOUR_COLUMN else at + timedelta(hours=1)
        return (self.start is None or latest >= self.start) and (self.end is None or at < self.end)

    def filter(self) -> Any:
        """The same for rows, as a pyarrow expression; None where whole hours say it all."""
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
    """The rows hour by hour, in each by the table's unique key; of one version of the table, in bounded memory."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    from deltalake.exceptions import DeltaError

    try:
        dataset = lake.dataset(table)
        by_hour: dict[str, list[Any]] = {}
        for fragment in dataset.get_fragments():
            hour = ds.get_partition_keys(fragment.partition_expression).get(HOUR_COLUMN, "")
            by_hour.setdefault(hour, []).append(fragment)
        for hour in sorted(hour for hour in by_hour if not hour or span.has_hour(hour)):
            part = dataset
            if hour:
                part = ds.FileSystemDataset(by_hour[hour], dataset.schema, dataset.format, dataset.filesystem)
            batches = part.to_batches(
                columns=schema.names,
                filter=span.filter(),
                batch_size=BATCH_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
            )
            yield from _sorted(batches, schema, table.unique)
    except (OSError, DeltaError, pa.ArrowException) as error:
        said = str(error).strip().split("\n")[0]
        raise ExportError(
            f"The table {table.key} cannot be read from {lake.root} ({said}); check WEIR_LAKE and try again."
        ) from None


def _sorted(batches: Iterable[pa.RecordBatch], schema: pa.Schema, keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The batches' rows by the keys; as they come once they are too many to hold."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if not keys or size > SORTED_BYTES:
            yield from held
            held = []
    if held:
        order = [(key, "ascending") for key in keys]
        yield from pa.Table.from_batches(held, schema).sort_by(order).to_batches(max_chunksize=BATCH_ROWS)


def _why_empty(lake: Lake, table: Table, span: _Span) -> str:
    if lake.delta(table) is None:
        return f"{table.key} is not written yet, so the file has its columns and no rows; `weir run edge` fills it."
    when = " in the time asked for" if span.start or span.end else ""
    return f"{table.key} has no rows{when}, so the file has its columns and no rows."


# --- formats -------------------------------------------------------------------------------------------------


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    held: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(batch: pa.RecordBatch) -> None:
            held.append(batch)
            if sum(one.num_rows for one in held) >= ROW_GROUP_ROWS:
                flush()

        def flush() -> None:
            writer.write_table(pa.Table.from_batches(held, schema))
            held.clear()

        yield write
        if held:
            flush()


@contextmanager
def _csv(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.csv

    texts = [field if _is_plain(field.type) else pa.field(field.name, pa.string()) for field in schema]
    with path.open("wb") as sink, pa.csv.CSVWriter(sink, pa.schema(texts)) as writer:

        def write(batch: pa.RecordBatch) -> None:
            columns = [_lists_as_json(_portable(column)) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=pa.schema(texts)))

        yield write


@contextmanager
def _jsonl(path: Path, schema: pa.Schema) -> Iterator[Write]:
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    with path.open("w", encoding="utf-8", newline="\n") as sink:

        def write(batch: pa.RecordBatch) -> None:
            columns = [_portable(column).to_pylist() for column in batch.columns]
            sink.writelines(
                f"{encode(dict(zip(schema.names, row, strict=True)))}\n" for row in zip(*columns, strict=True)
            )

        yield write


_FORMATS: dict[str, Callable[[Path, Any], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _jsonl,
}


def _is_plain(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return not (pa.types.is_timestamp(kind) or pa.types.is_list(kind))


def _portable(column: pa.Array) -> pa.Array:
    """Times as ISO 8601 text with Z; numbers that are none (NaN, infinite) as null; all else as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    if not pa.types.is_timestamp(column.type):
        return column
    # Without zone, so that strftime needs no time zone database; the lake's times are UTC.
    local = column.cast(pa.int64()).cast(pa.timestamp("us"))
    seconds = pc.floor_temporal(local, unit="second")
    whole = pc.strftime(seconds.cast(pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%SZ")
    return pc.if_else(pc.equal(local, seconds), whole, pc.strftime(local, format="%Y-%m-%dT%H:%M:%SZ"))


def _lists_as_json(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if not pa.types.is_list(column.type):
        return column
    texts = [None if one is None else json.dumps(one, ensure_ascii=False) for one in column.to_pylist()]
    return pa.array(texts, pa.string())


# --- docs/tables.md ------------------------------------------------------------------------------------------

_INTRODUCTION = """\
# Tables: what `weir export` writes

Written by `platform_assets.export.tables_markdown` from the tables' declarations; a test compares. The columns are a public interface:
they keep their name, type and meaning, and new ones are added at the end.

```
weir export TABLE FILE [--home DIR] [--start T --end T]
```

The same tables in SQL, called `weir.` and the key with `_` for `/`: [queries.md](queries.md).

TABLE is one of the names below, short (`request_scores`) or in full (`predictions/request_scores`). FILE ends in `.parquet`, `.csv` or
`.jsonl`. `--start` and `--end` take the rows with start <= time < end, by the table's time column. Rows come hour by hour, and within
an hour by the unique key (an hour beyond 256 MB in memory: as it is stored). A table without rows gives a file with its columns
(`.jsonl`: an empty file). FILE is replaced only once it is whole.

| type | .parquet | .csv | .jsonl |
| --- | --- | --- | --- |
| string | string | text, quoted by RFC 4180; the empty text is `""`, null is nothing | string or null |
| int32, int64, double | the same | number; null and NaN are nothing | number; NaN is null |
| boolean | boolean | `true`, `false` | true, false |
| timestamp | timestamp in UTC, microseconds | `2026-11-20T14:00:00Z`, with a fraction where there is one | the same, as string |
| list&lt;string&gt; | list of strings | JSON | array |
"""


def tables_markdown() -> str:
    """The text of docs/tables.md."""
    return _INTRODUCTION + "".join(_section(table, short_names()[key]) for key, table in exportable().items())


def _section(table: Table, name: str) -> str:
    facts = [f"One row: {table.grain}."]
    if table.unique:
        facts.append(f"Unique: {', '.join(f'`{name}`' for name in table.unique)}.")
    time = time_column(table)
    facts.append(f"Time: `{time}`." if time else "It has no time column.")
    lines = [f"\n## {name}\n", f"`{table.key}`: {table.meaning} {' '.join(facts)}\n"]
    lines += ["| column | type | can be null | meaning |", "| --- | --- | --- | --- |"]
    for column in table.columns:
        kind, meaning = column.type.replace("<", "&lt;").replace(">", "&gt;"), column.meaning.replace("|", "&#124;")
        lines.append(f"| `{column.name}` | {kind} | {'yes' if column.nullable else 'no'} | {meaning} |")
    if time == HOUR_COLUMN:
        lines.append(f"| `{HOUR_COLUMN}` | string | no | hour of the events, as 2026-11-20-14, UTC |")
    return "\n".join(lines) + "\n"
