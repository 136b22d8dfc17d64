"""Table and hours of a lake -> rows: as a Spark DataFrame, as Arrow in the driver, or file by file in a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Interval, Table
from spark_jobs.storage.delta_log import ActiveFile, Opened, Snapshot, opened
from spark_jobs.storage.objects import Storage
from spark_jobs.storage.schema import arrow_schema, spark_ddl

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


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
        return [] if snapshot is None else sorted(hour for hour in snapshot.by_hour if hour is not None)

    def row_counts(self, table: Table, hours: Sequence[str] | None = None) -> dict[str, int]:
        """Rows per hour as the log records them (key '' for a table that is not hourly)."""
        counts: dict[str, int] = {}
        for file in self._files(table, hours):
            counts[file.hour or ""] = counts.get(file.hour or "", 0) + file.num_records
        return counts

    def read(self, spark: SparkSession, table: Table, interval: Interval | None = None) -> DataFrame:
        """Rows of the interval as a DataFrame without the partition column; empty where there are none."""
        files = self._files(table, interval.hours if interval else None)
        if not files:
            return spark.createDataFrame([], spark_ddl(table))
        return self.read_files(spark, table, [file.path for file in files], spark_ddl(table))

    def read_files(self, spark: SparkSession, table: Table, paths: Sequence[str], ddl: str) -> DataFrame:
        """Data files of the table, committed or not, as a DataFrame of the columns in `ddl`."""
        if self.root.startswith("s3://"):
            self.storage.tell_engine()
        return spark.read.schema(ddl).parquet(*(f"{self.path(table)}/{path}" for path in paths))

    def files_by_hour(self, table: Table, hours: Sequence[str]) -> dict[str, list[ActiveFile]]:
        """Hour -> its data files in order of their paths, for tasks that read them; hours without files are left out."""
        by_hour: dict[str, list[ActiveFile]] = {}
        for file in sorted(self._files(table, hours), key=lambda file: file.path):
            by_hour.setdefault(str(file.hour), []).append(file)
        return by_hour

    def read_batches(
        self, table: Table, paths: Iterable[str], columns: Sequence[str], dictionaries: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """In a task: rows of data files, one row group at a time; text columns of `dictionaries` dictionary-encoded."""
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

        With `as_of`, the rows at that time: OSError where `vacuum` has deleted files that only that version needs.
        """
        return self.dataset(table, hours, as_of).to_table(columns=list(columns) if columns else None, filter=filter)

    def dataset(self, table: Table, hours: Sequence[str] | None = None, as_of: datetime | None = None) -> Any:
        """A pyarrow dataset over the files of the hours (of all hours where None)."""
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
            [f"{base}/{file.path}" for file in files],
            schema=schema,
            format=ds.ParquetFileFormat(),
            filesystem=filesystem,
            partitions=[(ds.field(HOUR_COLUMN) == file.hour) if table.hourly else ds.scalar(True) for file in files],
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
