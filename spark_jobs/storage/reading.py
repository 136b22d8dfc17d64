"""Table and hours of a lake -> rows: as Arrow in the driver, or file by file in a task."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Table, parse_hour
from spark_jobs.storage.delta_log import ActiveFile, Opened, Snapshot, opened
from spark_jobs.storage.objects import Storage
from spark_jobs.storage.schema import arrow_schema
from spark_jobs.storage.writer import ROW_GROUP_ROWS

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable


@dataclass(frozen=True)
class LakeReader:
    """What can be read of the lake at `root` (folder or s3:// URI)."""

    root: str
    storage: Storage = field(default_factory=Storage)

    def path(self, table: Table) -> str:
        """Folder or URI of the table."""
        return f"{self.root}/{table.key}"

    def delta(self, table: Table, as_of: datetime | None = None) -> DeltaTable | None:
        """The Delta table, or None where nothing has been written yet; with `as_of`, its version at that time."""
        from deltalake import DeltaTable

        options = self.storage.delta_options()
        if not DeltaTable.is_deltatable(self.path(table), storage_options=options):
            return None
        delta = DeltaTable(self.path(table), storage_options=options)
        if as_of is not None:
            at = as_of.timestamp() * 1000
            versions = [commit["version"] for commit in delta.history() if commit["timestamp"] <= at]
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
        if snapshot is None:
            return []
        of_several = (hour for file in snapshot.of_several for hour in self.hour_counts(table, file))
        return sorted({hour for hour in snapshot.by_hour if hour is not None}.union(of_several))

    def row_counts(self, table: Table, hours: Sequence[str] | None = None) -> dict[str, int]:
        """Rows per hour (key '' for a table that is not hourly)."""
        counts: dict[str, int] = {}
        requested = None if hours is None else set(hours)
        for file in self._files(table, hours):
            for hour, count in self.hour_counts(table, file).items():
                if requested is None or hour in requested:
                    counts[hour] = counts.get(hour, 0) + count
        return counts

    def hour_counts(self, table: Table, file: ActiveFile) -> Mapping[str, int]:
        """Rows per hour of one data file: by the log where it holds one hour, else by its column `event_hour`."""
        if file.first_hour == file.last_hour:
            return {file.hour or "": file.num_records}
        return _hour_counts(self.storage, f"{self.path(table)}/{file.path}")

    def files_by_hour(self, table: Table, hours: Sequence[str]) -> dict[str, list[ActiveFile]]:
        """Hour -> its data files in order of their paths, for tasks that read them; hours without files are left out."""
        by_hour: dict[str, list[ActiveFile]] = {}
        requested = set(hours)
        for file in sorted(self._files(table, hours), key=lambda file: file.path):
            for hour in self.hour_counts(table, file).keys() & requested:
                by_hour.setdefault(hour, []).append(file)
        return by_hour

    def read_batches(
        self,
        table: Table,
        paths: Iterable[str],
        columns: Sequence[str],
        dictionaries: Sequence[str] = (),
        hours: Sequence[str] | None = None,
        rows: int = ROW_GROUP_ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """In a task: rows of data files, up to `rows` of one row group at a time; texts of `dictionaries` dictionary-encoded.

        With `hours`, of files that hold several only the rows of these.
        """
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        filesystem, base = self.storage.filesystem(self.path(table))
        requested = None if hours is None else pa.array(sorted(hours), pa.string())
        for path in paths:
            with filesystem.open_input_file(f"{base}/{path}") as file:
                metadata = pq.read_metadata(file)
                parquet = pq.ParquetFile(
                    file,
                    metadata=metadata,
                    read_dictionary=[name for name in dictionaries if name in metadata.schema.names],
                    pre_buffer=True,
                    page_checksum_verification=True,
                )
                holds_hours = HOUR_COLUMN in parquet.schema_arrow.names
                for number in range(parquet.num_row_groups):
                    if requested is None or not holds_hours:
                        for batch in parquet.iter_batches(rows, [number], list(columns), use_threads=False):
                            yield _padded(batch, table, columns, dictionaries)
                    elif _may_hold(parquet.metadata.row_group(number), requested):
                        of_group = parquet.read_row_group(number, [*columns, HOUR_COLUMN], use_threads=False)
                        of_hours = of_group.filter(pc.is_in(of_group[HOUR_COLUMN], requested))
                        yield from (_padded(batch, table, columns, dictionaries) for batch in of_hours.to_batches(rows))

    def read_arrow(
        self,
        table: Table,
        hours: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        filter: Any = None,
        as_of: datetime | None = None,
    ) -> pa.Table:
        """Rows in the driver, with `event_hour` last where the table is hourly; `filter` is a pyarrow expression.

        With `as_of`, the rows at that time: OSError where `vacuum` has deleted files that only that version needs.
        """
        return self.dataset(table, hours, as_of).to_table(columns=list(columns) if columns else None, filter=filter)

    def dataset(self, table: Table, hours: Sequence[str] | None = None, as_of: datetime | None = None) -> Any:
        """A pyarrow dataset over the files of the hours (of all hours where None)."""
        if as_of is None:
            snapshot = self._snapshot(table)
        else:
            delta = self.delta(table, as_of)
            snapshot = None if delta is None else Snapshot.of(delta)
        dataset = self._dataset(table, [] if snapshot is None else snapshot.files(hours))
        if hours is None or snapshot is None or not snapshot.of_several:
            return dataset
        return dataset.filter(_within(hours))

    def _dataset(self, table: Table, files: Sequence[ActiveFile]) -> Any:
        """A pyarrow dataset over whole files."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        schema = arrow_schema(table, with_hour=True)
        if not files:
            return ds.dataset(pa.Table.from_batches([], schema=schema))
        filesystem, base = self.storage.filesystem(self.path(table))

        def guarantee(file: ActiveFile) -> Any:
            if file.first_hour is None or file.last_hour is None:
                return ds.scalar(True)
            hour = ds.field(HOUR_COLUMN)
            if file.hour is not None:
                return hour == file.hour
            return (hour >= file.first_hour) & (hour <= file.last_hour)

        return ds.FileSystemDataset.from_paths(
            [f"{base}/{file.path}" for file in files],
            schema=schema,
            format=ds.ParquetFileFormat(
                default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
            ),
            filesystem=filesystem,
            partitions=[guarantee(file) for file in files],
        )

    def _opened(self, table: Table) -> Opened | None:
        return opened(self.path(table), self.storage)

    def _snapshot(self, table: Table) -> Snapshot | None:
        """Files of the newest version, None where nothing has been written yet."""
        table_at_head = self._opened(table)
        return None if table_at_head is None else table_at_head.snapshot

    def _files(self, table: Table, hours: Sequence[str] | None) -> list[ActiveFile]:
        snapshot = self._snapshot(table)
        return [] if snapshot is None else snapshot.files(hours)


def _padded(batch: pa.RecordBatch, table: Table, columns: Sequence[str], dictionaries: Sequence[str]) -> pa.RecordBatch:
    """The columns of the batch, each once; null, of the type that newer files give, where a file is older than the column."""
    import pyarrow as pa

    names = list(dict.fromkeys(columns))
    if all(name in batch.schema.names for name in names):
        return batch.select(names)
    schema = arrow_schema(table, with_hour=True)

    def missing(name: str) -> pa.Array:
        kind = schema.field(name).type
        return pa.nulls(batch.num_rows, pa.dictionary(pa.int32(), kind) if name in dictionaries else kind)

    arrays = [batch.column(name) if name in batch.schema.names else missing(name) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=names)


@lru_cache(maxsize=4096)
def _hour_counts(storage: Storage, uri: str) -> Mapping[str, int]:
    """Rows per hour of a data file; such files never change."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    filesystem, path = storage.filesystem(uri)
    with filesystem.open_input_file(path) as file:
        hours = pq.read_table(file, columns=[HOUR_COLUMN], read_dictionary=[HOUR_COLUMN])[HOUR_COLUMN]
    counts = pc.value_counts(hours.combine_chunks()).flatten()
    return dict(zip(counts[0].cast("string").to_pylist(), counts[1].to_pylist(), strict=True))


def _may_hold(row_group: Any, hours: pa.Array) -> bool:
    """Whether a row group may hold one of the hours (in order), by its statistics."""
    index = next(n for n in range(row_group.num_columns) if row_group.column(n).path_in_schema == HOUR_COLUMN)
    statistics = row_group.column(index).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    place = bisect_left(hours.to_pylist(), statistics.min)
    return place < len(hours) and bool(hours[place].as_py() <= statistics.max)


def _within(hours: Sequence[str]) -> Any:
    """Rows of the hours, as a pyarrow expression."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    if not hours:
        return ds.scalar(False)
    column, first, last = ds.field(HOUR_COLUMN), min(hours), max(hours)
    within = (column >= first) & (column <= last)
    has_all = (parse_hour(last) - parse_hour(first)) // timedelta(hours=1) + 1 == len(set(hours))
    return within if has_all else within & column.isin(pa.array(sorted(set(hours)), pa.string()))
