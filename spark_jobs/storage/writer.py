"""Arrow data -> Parquet files in a table's folder, one per hour or month. In tasks and in the driver; nothing is committed here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Table

if TYPE_CHECKING:
    import pyarrow as pa

    from spark_jobs.storage.lake import Lake

ROW_GROUP_ROWS = 131_072
MANIFEST_SCHEMA = "manifest string"
"""Of the rows in which tasks report the files that they wrote, as JSON."""


@dataclass(frozen=True)
class WrittenFile:
    """A data file that a task wrote and that nothing reads before it is committed."""

    table: str
    hours: list[str]
    """The hours of its rows; empty where the table is not hourly."""
    path: str
    size_bytes: int
    rows: int
    stats: dict[str, Any]
    written_at: int | None = None
    """When its rows were written first, in milliseconds since 1970; None: now."""

    def to_json(self) -> str:
        """The file as a row of a manifest."""
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str) -> WrittenFile:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


class TableWriter:
    """Writes Arrow data of one table into one Parquet file per hour or month; `close` returns the files."""

    MAX_OPEN = 48
    """Files that are open at once; the oldest is closed for one more."""

    def __init__(self, lake: Lake, table: Table) -> None:
        self.lake, self.table = lake, table
        self.columns = [*table.column_names, *([HOUR_COLUMN] if table.is_by_month else [])]
        self.filesystem, self.base = lake.storage.filesystem(lake.path(table))
        self.open_files: dict[str | None, _OpenFile] = {}
        self.written: list[WrittenFile] = []

    def write(self, data: pa.Table, hour: str | None) -> None:
        """Rows of one hour (None for a table that is not hourly); columns as in the contract, in any order."""
        if not data.num_rows:
            return
        if self.table.is_by_month:
            import pyarrow as pa

            names = pa.repeat(hour, data.num_rows)
            data = data.select(self.table.column_names).append_column(HOUR_COLUMN, names)
        self._write(data, None if hour is None else self.table.partition_of(hour), [] if hour is None else [hour])

    def write_by_hour(self, data: pa.Table) -> None:
        """Rows of several hours, split by their column `event_hour`."""
        if not self.table.hourly:
            self.write(data, None)
            return
        for partition, hours, rows in _by_partition(data, self.table):
            self._write(rows, partition, hours)

    def write_closed(self, data: pa.Table) -> None:
        """Rows of several hours, as `write_by_hour`; each hour's file is closed before the next one is opened."""
        for partition, hours, rows in _by_partition(data, self.table):
            self._write(rows, partition, hours)
            if self.table.is_by_hour:
                self.close_all()  # otherwise the rows of all hours would stay in memory

    def _write(self, data: pa.Table, partition: str | None, hours: list[str]) -> None:
        target = self.open_files.get(partition)
        if target is None:
            if len(self.open_files) >= self.MAX_OPEN:
                self._close(next(iter(self.open_files)))
            target = self.open_files[partition] = _OpenFile(self, partition if self.table.is_by_hour else None)
        target.write(data.select(self.columns), hours)

    def close_all(self) -> None:
        """Close the open files; later rows of their hours go into new ones."""
        for partition in list(self.open_files):
            self._close(partition)

    def close(self) -> list[WrittenFile]:
        """Close the open files; returns all files written."""
        self.close_all()
        return self.written

    def _close(self, partition: str | None) -> None:
        self.written.append(self.open_files.pop(partition).close())


def _by_partition(data: pa.Table, table: Table) -> Iterator[tuple[str, list[str], pa.Table]]:
    """Hour or month, its hours, and its rows in the order of hours; within an hour the order stays."""
    import numpy as np
    import pyarrow as pa

    if not data.num_rows:
        return
    encoded = data[HOUR_COLUMN].combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    places = np.argsort(np.argsort(np.array(names)))[encoded.indices.to_numpy()]
    if (np.diff(places) < 0).any():
        data = data.take(pa.array(np.argsort(places, kind="stable")))
    hours = sorted(names)
    ends = np.cumsum(np.bincount(places, minlength=len(hours))).tolist()
    first = start = 0
    for index, hour in enumerate(hours):
        if index + 1 == len(hours) or table.partition_of(hours[index + 1]) != table.partition_of(hour):
            yield table.partition_of(hour), hours[first : index + 1], data.slice(start, ends[index] - start)
            first, start = index + 1, ends[index]


class _OpenFile:
    """One Parquet file being written; buffers rows into row groups."""

    def __init__(self, writer: TableWriter, hour: str | None) -> None:
        self.writer = writer
        folder = f"{HOUR_COLUMN}={hour}/" if hour is not None else ""
        self.name = f"{folder}{uuid.uuid4().hex}.parquet"
        self.rows = self.buffered = 0
        self.hours: set[str] = set()
        self.buffer: list[pa.Table] = []
        self.parquet: Any = None
        self.sink: Any = None
        self.bounds: dict[str, list[Any]] = {c.name: [] for c in writer.table.columns if c.type == "timestamp"}

    def write(self, data: pa.Table, hours: list[str]) -> None:
        self.buffer.append(data)
        self.hours.update(hours)
        self.buffered += data.num_rows
        self.rows += data.num_rows
        if self.buffered >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        # Parquet writes one dictionary a column and row group, and all texts plain once a second one comes.
        data = pa.concat_tables(self.buffer, promote_options="none").unify_dictionaries()
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
            bounded = [*self.bounds, *([HOUR_COLUMN] if self.writer.table.is_by_month else [])]
            self.parquet = pq.ParquetWriter(
                self.sink,
                data.schema,
                compression="zstd",
                use_dictionary=repeating or True,
                write_statistics=bounded,
                store_schema=False,
                write_page_checksum=True,
            )
        self.parquet.write_table(data, row_group_size=ROW_GROUP_ROWS if self.writer.table.is_by_month else None)

    def close(self) -> WrittenFile:
        if self.buffer:
            self._flush()
        self.parquet.close()
        size = self.sink.tell()
        self.sink.close()
        lows = {name: _stat(min(bounds)) for name, bounds in self.bounds.items() if bounds}
        highs = {name: _stat(max(bounds)) for name, bounds in self.bounds.items() if bounds}
        if self.writer.table.is_by_month:
            lows[HOUR_COLUMN], highs[HOUR_COLUMN] = min(self.hours), max(self.hours)
        stats = {"minValues": lows, "maxValues": highs}
        return WrittenFile(self.writer.table.key, sorted(self.hours), self.name, size, self.rows, stats)


def _stat(at: Any) -> str:
    return str(at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
