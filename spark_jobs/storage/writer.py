"""Arrow data -> Parquet files in a table's folder, one per hour. In tasks and in the driver; nothing is committed here."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.storage.schema import arrow_schema

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
    hour: str | None
    path: str
    size_bytes: int
    rows: int
    stats: dict[str, Any]

    def to_json(self) -> str:
        """The file as a row of a manifest."""
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str) -> WrittenFile:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


class TableWriter:
    """Writes Arrow data of one table into one Parquet file per hour; `close` returns the files."""

    MAX_OPEN = 48
    """Files that are open at once; the oldest is closed for one more."""

    def __init__(self, lake: Lake, table: Table) -> None:
        self.lake, self.table = lake, table
        self.schema = arrow_schema(table)
        self.filesystem, self.base = lake.storage.filesystem(lake.path(table))
        self.open_files: dict[str | None, _OpenFile] = {}
        self.written: list[WrittenFile] = []

    def write(self, data: pa.Table, hour: str | None) -> None:
        """Rows of one hour (None for a table that is not hourly); columns as in the contract, in any order."""
        if not data.num_rows:
            return
        target = self.open_files.get(hour)
        if target is None:
            if len(self.open_files) >= self.MAX_OPEN:
                self._close(next(iter(self.open_files)))
            target = self.open_files[hour] = _OpenFile(self, hour)
        target.write(data.select(self.table.column_names))

    def write_by_hour(self, data: pa.Table) -> None:
        """Rows of several hours, split by their column `event_hour`."""
        if not self.table.hourly:
            self.write(data, None)
            return
        import pyarrow.compute as pc

        for hour in pc.unique(data[HOUR_COLUMN]).to_pylist():
            self.write(data.filter(pc.equal(data[HOUR_COLUMN], hour)), hour)

    def close_all(self) -> None:
        """Close the open files; later rows of their hours go into new ones."""
        for hour in list(self.open_files):
            self._close(hour)

    def close(self) -> list[WrittenFile]:
        """Close the open files; returns all files written."""
        self.close_all()
        return self.written

    def _close(self, hour: str | None) -> None:
        self.written.append(self.open_files.pop(hour).close())


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
