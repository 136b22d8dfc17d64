"""Table + interval -> Delta table. The only package that knows the layout of the lake.

Every table is a Delta table at `<root>/<key>`; hourly ones are partitioned by `event_hour`. Tasks write Parquet files
into the table's folder and report what they wrote; the driver commits those files in one transaction of the Delta
log. So a killed run leaves nothing that is ever read, the bulk of the data never crosses from the engine to Python and
back, and any engine that reads Parquet can read the files of an interval, with or without Delta's own jars.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.contract import HOUR_COLUMN, Interval, Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.delta_log import Opened, Snapshot
from spark_jobs.storage.reading import LakeReader
from spark_jobs.storage.transactions import create, retried, transact
from spark_jobs.storage.writer import MANIFEST_SCHEMA, TableWriter, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

COMPACTED_BYTES = 256 << 20
UNUSABLE_IN_PATHS = frozenset("[]{}*?^%\\")
USABLE_ON_S3 = frozenset(f"{string.ascii_letters}{string.digits}/._-!$()';:@&=,+")
"""The Delta library requests `_last_checkpoint` under a doubly encoded name where there is any other character, and cuts
the path at a `#`, so that all tables would share one log."""


class LakeError(WeirError):
    """The lake cannot be read or written; the message says what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Lake(LakeReader):
    """The lake at `root` (folder or s3:// URI). Small and picklable: tasks get it whole."""

    def __post_init__(self) -> None:
        if unusable := sorted(set(self.root) & UNUSABLE_IN_PATHS):
            raise LakeError(
                f"The lake cannot lie in {self.root}: engines read {' '.join(unusable)} in a path as a pattern and would "
                "find other files or none; choose another folder."
            )
        if self.root.startswith("s3://") and (unusable_on_s3 := sorted(set(self.root) - USABLE_ON_S3)):
            raise LakeError(
                f"The lake cannot lie in {self.root}: the Delta library looks for files under another name where a prefix "
                f"on S3 holds {' '.join(map(repr, unusable_on_s3))}; choose one of letters a to z, digits and any of /._-."
            )

    # --- writing, in tasks -----------------------------------------------------------------------------------

    def writer(self, table: Table) -> TableWriter:
        """Writes data files of the table that nothing reads before `commit`."""
        return TableWriter(self, table)

    # --- writing, in the driver ------------------------------------------------------------------------------

    def overwrite(self, frame: DataFrame, table: Table, interval: Interval | None = None) -> int:
        """Make the rows of `interval` (of the whole table without one) exactly `frame`; returns the rows written.

        `frame` has the table's columns, and `event_hour` where the table is hourly. ValueError where it has rows outside
        of the interval.
        """
        return self.commit(table, self.write(frame, table), interval.hours if interval else None)

    def write(self, frame: DataFrame, table: Table) -> list[WrittenFile]:
        """Evaluate `frame` once and write its rows into files that nothing reads before `commit`."""
        lake = self

        def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            import pyarrow as pa

            writer = lake.writer(table)
            for batch in batches:
                writer.write_by_hour(pa.Table.from_batches([batch]))
            yield pa.RecordBatch.from_pydict({"manifest": [file.to_json() for file in writer.close()]})

        columns = [*table.column_names, *([HOUR_COLUMN] if table.hourly else [])]
        written = frame.select(*columns).mapInArrow(write, MANIFEST_SCHEMA).collect()
        return [WrittenFile.from_json(row.manifest) for row in written]

    def discard(self, table: Table, files: Sequence[WrittenFile]) -> None:
        """Delete files that were written and not committed; those of a run that was killed are left to `vacuum`."""
        filesystem, base = self.storage.filesystem(self.path(table))
        for file in files:
            filesystem.delete_file(f"{base}/{file.path}")

    def overwrite_arrow(self, data: pa.Table, table: Table, hours: Sequence[str] | None = None) -> int:
        """`overwrite` for rows that are in the driver already."""
        writer = self.writer(table)
        writer.write_by_hour(data)
        return self.commit(table, writer.close(), hours)

    def append_arrow(self, data: pa.Table, table: Table) -> int:
        """Add rows and replace none; concurrent writers lose no rows. Returns the rows added."""
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
        """Replace the data of `hours` (of the whole table where None) by `files` in one transaction; returns the rows added.

        Where not `replaces`, only add the files. ValueError where a file is of another hour.
        """
        if table.hourly and hours is not None and (stray := {file.hour for file in files} - set(hours)):
            raise ValueError(f"{table.key}: files of {sorted(map(str, stray))} do not belong to the hours written.")

        def attempt() -> int:
            target = self._opened(table) or self._created(table)
            transact(target, table, files, target.snapshot.files(hours if replaces else []))
            return sum(file.rows for file in files)

        return retried(attempt)

    def rewrite(self, table: Table, change: Callable[[pa.Table], pa.Table | None]) -> None:
        """Replace the rows of a table that is not hourly by `change` of them (None: leave them).

        Rows that other writers add meanwhile are kept.
        """

        def attempt() -> None:
            target = self._opened(table)
            if target is None:
                return
            files = target.snapshot.files()
            data = change(self._dataset(table, files).to_table())
            if data is not None:
                writer = self.writer(table)
                writer.write(data, None)
                transact(target, table, writer.close(), files)

        retried(attempt)

    def _created(self, table: Table) -> Opened:
        from deltalake.exceptions import CommitFailedError, DeltaError

        if not self.root.startswith("s3://"):
            Path(self.path(table)).mkdir(parents=True, exist_ok=True)
        try:
            create(self.path(table), table, self.storage)
        except (CommitFailedError, DeltaError):
            if self._opened(table) is None:
                raise  # else another writer has created the table first
        target = self._opened(table)
        assert target is not None
        return target

    # --- maintenance -----------------------------------------------------------------------------------------

    def forget_written_before(self, table: Table, at: datetime) -> int:
        """Drop hours last written before `at`; returns how many were dropped. `vacuum` frees the space."""
        latest_by_hour: dict[str, int] = {}
        for file in self._files(table, None):
            latest_by_hour[str(file.hour)] = max(latest_by_hour.get(str(file.hour), 0), file.modification_time)
        old_hours = sorted(hour for hour, latest in latest_by_hour.items() if latest < at.timestamp() * 1000)
        if old_hours:
            self.commit(table, [], old_hours)
        return len(old_hours)

    def compact(self, table: Table, before: str) -> int:
        """Merge the files of each hour earlier than `before` into one (all files where the table is not hourly).

        Returns by how many the files became fewer. A transaction of Delta's own: where another writer commits the same
        hours at the same time nothing is compacted, and an hour is whole in any case. It counts as a writing of the hour.
        """
        from deltalake.exceptions import CommitFailedError

        delta = self.delta(table)
        if delta is None:
            return 0
        by_hour = Snapshot.of(delta).by_hour
        small = sorted(hour or "" for hour, files in by_hour.items() if len(files) > 1 and (hour or "") < before)
        if not small:
            return 0
        filters = [(HOUR_COLUMN, "in", small)] if table.hourly else None
        try:
            metrics = delta.optimize.compact(partition_filters=filters, target_size=COMPACTED_BYTES)
        except CommitFailedError:
            return 0
        return int(metrics["numFilesRemoved"] - metrics["numFilesAdded"])

    def vacuum(self, table: Table, older_than_hours: int) -> int:
        """Delete files that no version younger than this needs (failed runs leave some); returns their number."""
        delta = self.delta(table)
        if delta is None:
            return 0
        return len(
            delta.vacuum(retention_hours=older_than_hours, dry_run=False, enforce_retention_duration=False, full=True)
        )

    def pinned(self) -> Lake:
        """This lake for reading, each table at the version at which it is read first: its log is opened once."""
        return _PinnedLake(self.root, self.storage)


@dataclass(frozen=True)
class _PinnedLake(Lake):
    snapshots: dict[str, Snapshot | None] = field(default_factory=dict, compare=False)

    def _snapshot(self, table: Table) -> Snapshot | None:
        if table.key not in self.snapshots:
            self.snapshots[table.key] = super()._snapshot(table)
        return self.snapshots[table.key]
