"""Table + interval -> Delta table. The only place that knows the layout of the lake.

Every table is a Delta table at `<root>/<key>`; hourly ones are partitioned by `event_hour`. Tasks write Parquet files
into the table's folder and hand back what they wrote; the driver commits those files in one transaction of the Delta
log. So a killed run leaves nothing that is ever read, the bulk of the data never crosses from the engine to Python and
back, and any engine that reads Parquet can read the files of an interval, with or without Delta's own jars.
"""

from __future__ import annotations

import json
import string
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spark_jobs.contract import HOUR_COLUMN, HOUR_FORMAT, Column, Interval, Table
from spark_jobs.delta_log import ActiveFile, Opened, Snapshot, opened
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.objects import Storage

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

SPARK_TYPES = {"int32": "int", "int64": "bigint", "list<string>": "array<string>"}
ROW_GROUP_ROWS = 131_072
COMMIT_ATTEMPTS = 8
_Result = TypeVar("_Result")
COMPACTED_BYTES = 256 << 20
MANIFEST_SCHEMA = "manifest string"
UNUSABLE_IN_PATHS = frozenset("[]{}*?^%\\")
USABLE_ON_S3 = frozenset(f"{string.ascii_letters}{string.digits}/._-!$()';:@&=,+")
"""The Delta library asks for `_last_checkpoint` under a doubly encoded name where there is any other character, and cuts
the path at a `#`, so that all tables would share one log."""


class LakeError(WeirError):
    """The lake cannot be read or written; the message says what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class WrittenFile:
    """A data file that a task wrote and nobody reads before it is committed."""

    table: str
    hour: str | None
    path: str
    size_bytes: int
    rows: int
    stats: dict[str, Any]

    def to_json(self) -> str:
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str) -> WrittenFile:
        return cls(**json.loads(text))


def hour_names(at: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The hour of each time, as the partitions have it. Each distinct hour is written once: writing is what takes time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hours = pc.floor_temporal(at, unit="hour")
    encoded = (hours.combine_chunks() if isinstance(hours, pa.ChunkedArray) else hours).dictionary_encode()
    return pc.strftime(encoded.dictionary, format=HOUR_FORMAT).take(encoded.indices)


def arrow_type(column: Column) -> pa.DataType:
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "list<string>": pa.list_(pa.string()),
    }
    return types[column.type]


def arrow_schema(table: Table, with_hour: bool = False) -> pa.Schema:
    """The table's Arrow schema; the partition column last where it is asked for."""
    import pyarrow as pa

    fields = [pa.field(column.name, arrow_type(column)) for column in table.columns]
    if with_hour and table.hourly:
        fields.append(pa.field(HOUR_COLUMN, pa.string()))
    return pa.schema(fields)


def spark_ddl(table: Table, with_hour: bool = False) -> str:
    """The table's schema as Spark DDL."""
    columns = [f"`{c.name}` {SPARK_TYPES.get(c.type, c.type)}" for c in table.columns]
    if with_hour and table.hourly:
        columns.append(f"`{HOUR_COLUMN}` string")
    return ", ".join(columns)


@dataclass(frozen=True)
class Lake:
    """The lake at `root` (folder or s3:// URI). Small and picklable: tasks get it whole."""

    root: str
    storage: Storage = field(default_factory=Storage)

    def __post_init__(self) -> None:
        if found := sorted(set(self.root) & UNUSABLE_IN_PATHS):
            raise LakeError(
                f"The lake cannot lie in {self.root}: engines read {' '.join(found)} in a path as a pattern and would "
                "find other files or none; choose another folder."
            )
        if self.root.startswith("s3://") and (odd := sorted(set(self.root) - USABLE_ON_S3)):
            raise LakeError(
                f"The lake cannot lie in {self.root}: the Delta library looks for files under another name where a prefix "
                f"on S3 holds {' '.join(map(repr, odd))}; choose one of letters a to z, digits and any of /._-."
            )

    # --- where -----------------------------------------------------------------------------------------------

    def path(self, table: Table) -> str:
        return f"{self.root}/{table.key}"

    # --- writing, in tasks -----------------------------------------------------------------------------------

    def writer(self, table: Table) -> TableWriter:
        return TableWriter(self, table)

    # --- writing, in the driver ------------------------------------------------------------------------------

    def overwrite(self, frame: DataFrame, table: Table, interval: Interval | None = None) -> int:
        """Make the rows of `interval` (of the whole table without one) exactly `frame`; returns the rows written.

        `frame` has the table's columns, and `event_hour` where the table is hourly. Rows outside of the interval are
        an error of the caller and refused.
        """
        return self.commit(table, self.write(frame, table), interval.hours if interval else None)

    def write(self, frame: DataFrame, table: Table) -> list[WrittenFile]:
        """The rows of `frame`, evaluated once, in files of the table's folder that nobody reads before a commit."""
        lake = self

        def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            import pyarrow as pa

            writer = lake.writer(table)
            for batch in batches:
                writer.write_by_hour(pa.Table.from_batches([batch]))
            yield pa.RecordBatch.from_pydict({"manifest": [f.to_json() for f in writer.close()]})

        columns = [*table.column_names, *([HOUR_COLUMN] if table.hourly else [])]
        written = frame.select(*columns).mapInArrow(write, MANIFEST_SCHEMA).collect()
        return [WrittenFile.from_json(row.manifest) for row in written]

    def discard(self, table: Table, files: Sequence[WrittenFile]) -> None:
        """Delete files that were written and not committed; those of a run that was killed are left to `vacuum`."""
        filesystem, base = self.storage.filesystem(self.path(table))
        for file in files:
            filesystem.delete_file(f"{base}/{file.path}")

    def overwrite_arrow(self, data: pa.Table, table: Table, hours: Sequence[str] | None = None) -> int:
        """The same for rows that are in the driver already."""
        writer = self.writer(table)
        writer.write_by_hour(data)
        return self.commit(table, writer.close(), hours)

    def append_arrow(self, data: pa.Table, table: Table) -> int:
        """Add rows and replace none; of several writers at once nobody's rows are lost."""
        writer = self.writer(table)
        writer.write_by_hour(data)
        return self.commit(table, writer.close(), replaces=False)

    def commit(
        self,
        table: Table,
        files: Sequence[WrittenFile],
        hours: Sequence[str] | None = None,
        *,
        replaces: bool = True,
    ) -> int:
        """Replace the data of `hours` (all of it without; nothing where it only adds) by `files` in one transaction.

        Returns the rows added.
        """
        if table.hourly and hours is not None and (stray := {f.hour for f in files} - set(hours)):
            raise ValueError(f"{table.key}: files of {sorted(map(str, stray))} do not belong to the hours written.")

        def once() -> int:
            target = self._opened(table) or self._created(table)
            self._transact(target, table, files, target.snapshot.files(hours if replaces else []))
            return sum(f.rows for f in files)

        return _tried_again(once)

    def rewrite(self, table: Table, change: Callable[[pa.Table], pa.Table | None]) -> None:
        """Write a table that is not hourly anew from its own rows (None leaves it); rows that others add meanwhile stay."""

        def once() -> None:
            target = self._opened(table)
            if target is None:
                return
            read = target.snapshot.files()
            data = change(self._dataset(table, read).to_table())
            if data is not None:
                writer = self.writer(table)
                writer.write(data, None)
                self._transact(target, table, writer.close(), read)

        _tried_again(once)

    def _transact(self, target: Opened, table: Table, files: Sequence[WrittenFile], gone: Sequence[ActiveFile]) -> None:
        """One transaction on the version that is open: it fails where somebody else has written the same meanwhile."""
        from deltalake import CommitProperties, Schema
        from deltalake.transaction import AddAction, RemoveAction

        def partition(hour: str | None) -> dict[str, str | None]:
            return {HOUR_COLUMN: hour} if table.hourly else {}

        now = int(time.time() * 1000)
        remove = [
            RemoveAction(
                path=file.path,
                deletion_timestamp=now,
                data_change=True,
                size=file.size_bytes,
                partition_values=partition(file.hour),
            )
            for file in gone
        ]
        add = [
            AddAction(
                path=file.path,
                size=file.size_bytes,
                partition_values=partition(file.hour),
                modification_time=now,
                data_change=True,
                stats=json.dumps({"numRecords": file.rows, **file.stats}),
            )
            for file in files
        ]
        if add or remove:
            target.delta.create_write_transaction(
                [*remove, *add],
                mode="append",
                schema=Schema.from_arrow(arrow_schema(table, with_hour=True)),
                partition_by=[HOUR_COLUMN] if table.hourly else [],
                commit_properties=CommitProperties(max_commit_retries=0),
            )

    def _created(self, table: Table) -> Opened:
        from deltalake import DeltaTable, Schema
        from deltalake.exceptions import CommitFailedError, DeltaError

        if not self.root.startswith("s3://"):
            Path(self.path(table)).mkdir(parents=True, exist_ok=True)
        try:
            DeltaTable.create(
                self.path(table),
                schema=Schema.from_arrow(arrow_schema(table, with_hour=True)),
                mode="ignore",
                partition_by=[HOUR_COLUMN] if table.hourly else None,
                description=table.meaning,
                storage_options=self.storage.delta_options(),
            )
        except (CommitFailedError, DeltaError):
            if self._opened(table) is None:
                raise  # else somebody else was faster to make the same table
        made = self._opened(table)
        assert made is not None
        return made

    def _opened(self, table: Table) -> Opened | None:
        return opened(self.path(table), self.storage)

    def _snapshot(self, table: Table) -> Snapshot | None:
        """The newest version's files, None where nothing has been written yet."""
        found = self._opened(table)
        return None if found is None else found.snapshot

    def _files(self, table: Table, hours: Sequence[str] | None) -> list[ActiveFile]:
        snapshot = self._snapshot(table)
        return [] if snapshot is None else snapshot.files(hours)

    # --- reading ---------------------------------------------------------------------------------------------

    def delta(self, table: Table, as_of: datetime | None = None) -> DeltaTable | None:
        """The Delta table, or None where nothing has been written yet; with `as_of`, as it was then."""
        from deltalake import DeltaTable

        options = self.storage.delta_options()
        if not DeltaTable.is_deltatable(self.path(table), storage_options=options):
            return None
        delta = DeltaTable(self.path(table), storage_options=options)
        if as_of is not None:
            at = as_of.timestamp() * 1000
            versions = [one["version"] for one in delta.history() if one["timestamp"] <= at]
            if not versions:
                return None
            delta.load_as_version(max(versions))
        return delta

    def version(self, table: Table) -> int | None:
        """The version of the table's log, None where nothing has been written yet."""
        snapshot = self._snapshot(table)
        return None if snapshot is None else snapshot.version

    def hours(self, table: Table) -> list[str]:
        """Hours that hold rows, in order."""
        snapshot = self._snapshot(table)
        return [] if snapshot is None else sorted(hour for hour in snapshot.by_hour if hour is not None)

    def row_counts(self, table: Table, hours: Sequence[str] | None = None) -> dict[str, int]:
        """Rows per hour as the log records them (key '' for a table that is not hourly)."""
        counts: dict[str, int] = {}
        for file in self._files(table, hours):
            counts[file.hour or ""] = counts.get(file.hour or "", 0) + file.num_records
        return counts

    def read(self, spark: SparkSession, table: Table, interval: Interval | None = None) -> DataFrame:
        """The rows of the interval as a DataFrame, without the partition column; empty where there are none."""
        files = self._files(table, interval.hours if interval else None)
        if not files:
            return spark.createDataFrame([], spark_ddl(table))
        return self.read_files(spark, table, [row.path for row in files], spark_ddl(table))

    def read_files(self, spark: SparkSession, table: Table, paths: Sequence[str], ddl: str) -> DataFrame:
        """Data files of the table, committed or not, as a DataFrame of the columns in `ddl`."""
        if self.root.startswith("s3://"):
            self.storage.tell_engine()
        return spark.read.schema(ddl).parquet(*(f"{self.path(table)}/{path}" for path in paths))

    def files_by_hour(self, table: Table, hours: Sequence[str]) -> dict[str, list[ActiveFile]]:
        """The data files of each of the hours that has any, in order; for tasks that read them themselves."""
        found: dict[str, list[ActiveFile]] = {}
        for file in sorted(self._files(table, hours), key=lambda file: file.path):
            found.setdefault(str(file.hour), []).append(file)
        return found

    def read_batches(
        self, table: Table, paths: Iterable[str], columns: Sequence[str], dictionaries: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """In a task: rows of data files, a row group at a time, texts of `dictionaries` as dictionaries."""
        import pyarrow.parquet as pq

        filesystem, base = self.storage.filesystem(self.path(table))
        for path in paths:
            with filesystem.open_input_file(f"{base}/{path}") as file:
                parquet = pq.ParquetFile(file, read_dictionary=list(dictionaries), pre_buffer=True)
                for number in range(parquet.num_row_groups):
                    yield from parquet.read_row_group(number, list(columns), use_threads=False).to_batches()

    def read_arrow(
        self,
        table: Table,
        hours: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        filter: Any = None,
        as_of: datetime | None = None,
    ) -> pa.Table:
        """Rows in the driver, with `event_hour` last where the table is hourly; `filter` is a pyarrow expression.

        With `as_of` the rows of that time: an OSError where `vacuum` has freed what only that version needs.
        """
        return self.dataset(table, hours, as_of).to_table(columns=list(columns) if columns else None, filter=filter)

    def dataset(self, table: Table, hours: Sequence[str] | None = None, as_of: datetime | None = None) -> Any:
        """A pyarrow dataset over the files of the hours (all without)."""
        if as_of is None:
            return self._dataset(table, self._files(table, hours))
        delta = self.delta(table, as_of)
        return self._dataset(table, [] if delta is None else Snapshot.of(delta).files(hours))

    def _dataset(self, table: Table, files: Sequence[ActiveFile]) -> Any:
        import pyarrow as pa
        import pyarrow.dataset as ds

        schema = arrow_schema(table, with_hour=True)
        if not files:
            return ds.dataset(pa.Table.from_batches([], schema=schema))
        filesystem, base = self.storage.filesystem(self.path(table))
        return ds.FileSystemDataset.from_paths(
            [f"{base}/{row.path}" for row in files],
            schema=schema,
            format=ds.ParquetFileFormat(),
            filesystem=filesystem,
            partitions=[(ds.field(HOUR_COLUMN) == row.hour) if table.hourly else ds.scalar(True) for row in files],
        )

    def pinned(self) -> Lake:
        """The lake for reading, each table as it is when it is read first: a long log is opened once, not for every hour."""
        return _PinnedLake(self.root, self.storage)

    # --- housekeeping ----------------------------------------------------------------------------------------

    def forget_written_before(self, table: Table, at: datetime) -> int:
        """Drop hours last written before `at`; returns how many were dropped. `vacuum` frees the space."""
        written: dict[str, int] = {}
        for row in self._files(table, None):
            written[str(row.hour)] = max(written.get(str(row.hour), 0), row.modification_time)
        old = sorted(hour for hour, latest in written.items() if latest < at.timestamp() * 1000)
        if old:
            self.commit(table, [], old)
        return len(old)

    def compact(self, table: Table, before: str) -> int:
        """Put the files of each hour earlier than `before` into one, of a table that is not hourly all; returns how many went.

        A transaction of Delta's own: where somebody writes the same hours at the same time, nothing is compacted and an
        hour is whole in any case. An hour counts as written anew by it.
        """
        from deltalake.exceptions import CommitFailedError

        delta = self.delta(table)
        if delta is None:
            return 0
        held = Snapshot.of(delta).by_hour
        small = sorted(hour or "" for hour, files in held.items() if len(files) > 1 and (hour or "") < before)
        if not small:
            return 0
        filters = [(HOUR_COLUMN, "in", small)] if table.hourly else None
        try:
            done = delta.optimize.compact(partition_filters=filters, target_size=COMPACTED_BYTES)
        except CommitFailedError:
            return 0
        return int(done["numFilesRemoved"] - done["numFilesAdded"])

    def vacuum(self, table: Table, older_than_hours: int) -> int:
        """Delete files that no version younger than this needs (failed runs leave some); returns their number."""
        delta = self.delta(table)
        if delta is None:
            return 0
        return len(
            delta.vacuum(retention_hours=older_than_hours, dry_run=False, enforce_retention_duration=False, full=True)
        )


@dataclass(frozen=True)
class _PinnedLake(Lake):
    kept: dict[str, Snapshot | None] = field(default_factory=dict, compare=False)

    def _snapshot(self, table: Table) -> Snapshot | None:
        if table.key not in self.kept:
            self.kept[table.key] = super()._snapshot(table)
        return self.kept[table.key]


def _tried_again(transaction: Callable[[], _Result]) -> _Result:
    """A transaction that reads the newest version each time, until nobody else was faster."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    for attempt in range(COMMIT_ATTEMPTS - 1):
        try:
            return transaction()
        except (CommitFailedError, DeltaError):
            time.sleep(0.05 * 2**attempt)
    return transaction()


class TableWriter:
    """Writes Arrow data of one table into Parquet files by hour; `close` says what was written."""

    MAX_OPEN = 48

    def __init__(self, lake: Lake, table: Table) -> None:
        self.lake, self.table = lake, table
        self.schema = arrow_schema(table)
        self.filesystem, self.base = lake.storage.filesystem(lake.path(table))
        self.open: dict[str | None, _OpenFile] = {}
        self.written: list[WrittenFile] = []

    def write(self, data: pa.Table, hour: str | None) -> None:
        """Rows of one hour (None for a table that is not hourly); columns as in the contract, in any order."""
        if not data.num_rows:
            return
        target = self.open.get(hour)
        if target is None:
            if len(self.open) >= self.MAX_OPEN:
                self._close(next(iter(self.open)))
            target = self.open[hour] = _OpenFile(self, hour)
        target.write(data.select(self.table.column_names))

    def write_by_hour(self, data: pa.Table) -> None:
        """Rows of several hours, told apart by their column `event_hour`."""
        if not self.table.hourly:
            self.write(data, None)
            return
        import pyarrow.compute as pc

        for hour in pc.unique(data[HOUR_COLUMN]).to_pylist():
            self.write(data.filter(pc.equal(data[HOUR_COLUMN], hour)), hour)

    def close_all(self) -> None:
        for hour in list(self.open):
            self._close(hour)

    def close(self) -> list[WrittenFile]:
        self.close_all()
        return self.written

    def _close(self, hour: str | None) -> None:
        self.written.append(self.open.pop(hour).close())


class _OpenFile:
    """One Parquet file being written; buffers rows into row groups."""

    def __init__(self, writer: TableWriter, hour: str | None) -> None:
        self.writer, self.hour = writer, hour
        folder = f"{HOUR_COLUMN}={hour}/" if hour is not None else ""
        self.name = f"{folder}{uuid.uuid4().hex}.parquet"
        self.rows = self.buffered = 0
        self.buffer: list[pa.Table] = []
        self.parquet: Any = None
        self.sink: Any = None
        self.bounds: dict[str, list[Any]] = {c.name: [] for c in writer.table.columns if c.type == "timestamp"}

    def write(self, data: pa.Table) -> None:
        self.buffer.append(data)
        self.buffered += data.num_rows
        self.rows += data.num_rows
        if self.buffered >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        data = pa.concat_tables(self.buffer, promote_options="none")
        self.buffer, self.buffered = [], 0
        for name, bounds in self.bounds.items():
            extremes = pc.min_max(data[name])
            bounds += [at.as_py() for at in extremes.values() if at.is_valid]
        if self.parquet is None:
            path = f"{self.writer.base}/{self.name}"
            if not self.writer.lake.root.startswith("s3://"):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self.sink = self.writer.filesystem.open_output_stream(path)
            repeating = [f.name for f in data.schema if pa.types.is_dictionary(f.type)]
            self.parquet = pq.ParquetWriter(
                self.sink,
                data.schema,
                compression="zstd",
                use_dictionary=repeating or True,
                write_statistics=list(self.bounds),
                store_schema=False,
            )
        self.parquet.write_table(data)

    def close(self) -> WrittenFile:
        if self.buffer:
            self._flush()
        self.parquet.close()
        size = self.sink.tell()
        self.sink.close()
        lows = {name: _stat(min(bounds)) for name, bounds in self.bounds.items() if bounds}
        highs = {name: _stat(max(bounds)) for name, bounds in self.bounds.items() if bounds}
        stats = {"minValues": lows, "maxValues": highs}
        return WrittenFile(self.writer.table.key, self.hour, self.name, size, self.rows, stats)


def _stat(at: Any) -> str:
    return str(at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def to_rows(data: pa.Table) -> Iterable[dict[str, Any]]:
    """Rows as dicts, batch by batch, so that a large table never stands in memory twice."""
    for batch in data.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()
