"""Table + interval -> Delta table. The only package that knows the layout of the lake.

Every table is a Delta table at `<root>/<key>`. Hourly ones are partitioned by `event_hour`, or, where they declare
`partition="month"`, have `event_hour` as a column of data files that hold up to a month; of those, replacing some hours
writes the other hours of their files again. Tasks write Parquet files
into the table's folder and report what they wrote; the driver commits those files in one transaction of the Delta
log. So a killed run leaves nothing that is ever read, the bulk of the data never crosses from the engine to Python and
back, and any engine that reads Parquet can read the files of an interval, with or without Delta's own jars.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.delta_log import ActiveFile, Opened, Snapshot
from spark_jobs.storage.heads import note_head
from spark_jobs.storage.reading import LakeReader
from spark_jobs.storage.schema import arrow_rows, arrow_schema
from spark_jobs.storage.transactions import create, properties, retried, transact
from spark_jobs.storage.writer import TableWriter, WrittenFile

if TYPE_CHECKING:
    import pyarrow as pa

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

    def discard(self, table: Table, files: Sequence[WrittenFile]) -> None:
        """Delete files that were written and not committed; those of a run that was killed are left to `vacuum`."""
        filesystem, base = self.storage.filesystem(self.path(table))
        for file in files:
            filesystem.delete_file(f"{base}/{file.path}")

    def overwrite_arrow(self, data: pa.Table, table: Table, hours: Sequence[str] | None = None) -> int:
        """Make the rows of `hours` (of the whole table where None) exactly `data`; returns the rows written.

        `data` has the table's columns, and `event_hour` where the table is hourly. ValueError where it has rows of other hours.
        """
        writer = self.writer(table)
        writer.write_by_hour(data)
        return self.commit(table, writer.close(), hours)

    def append_arrow(self, data: pa.Table, table: Table) -> int:
        """Add rows and replace none; concurrent writers lose no rows. Returns the rows added."""
        writer = self.writer(table)
        writer.write_by_hour(data)
        return self.commit(table, writer.close(), replaces=False)

    def append_rows(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
        """`append_arrow` of rows as mappings; of an hourly table they name their `event_hour`. No rows, no transaction."""
        data = arrow_rows(table, rows)
        return self.append_arrow(data, table) if data.num_rows else 0

    def append_once(self, data: pa.Table, table: Table, writer: str, number: int) -> int:
        """`append_arrow`, unless this writer has appended rows under this number or a later one; returns the rows added.

        A writer that was killed repeats its last number, so that rows are there exactly once.
        """
        files: list[WrittenFile] = []

        def attempt() -> int:
            target = self._writable(table)
            done = target.delta.transaction_version(writer)
            if done is not None and done >= number:
                self.discard(table, files)
                return 0
            if not files:
                own = self.writer(table)
                own.write_by_hour(data)
                files.extend(own.close())
            transact(target, table, files, [], numbered=(writer, number))
            return data.num_rows

        return retried(attempt) if data.num_rows else 0

    def overwrite_rows(
        self, table: Table, rows: Iterable[Mapping[str, Any]], hours: Sequence[str] | None = None
    ) -> int:
        """`overwrite_arrow` of rows as mappings."""
        return self.overwrite_arrow(arrow_rows(table, rows), table, hours)

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
        if (
            table.hourly
            and hours is not None
            and (stray := {hour for file in files for hour in file.hours} - set(hours))
        ):
            raise ValueError(f"{table.key}: files of {sorted(stray)} do not belong to the hours written.")
        replaced = None if hours is None else set(hours)
        others: dict[str, list[WrittenFile]] = {}

        def attempt() -> int:
            target, removed, kept = self._writable(table), [], []
            for file in target.snapshot.files(hours if replaces else []):
                own_hours = self.hour_counts(table, file).keys()
                if replaced is not None and own_hours.isdisjoint(replaced):
                    continue
                removed.append(file)
                if replaced is not None and not own_hours <= replaced:
                    if file.path not in others:
                        others[file.path] = self._without(table, file, replaced)
                    kept += others[file.path]
            transact(target, table, [*files, *kept], removed)
            return sum(file.rows for file in files)

        return retried(attempt)

    def _without(self, table: Table, file: ActiveFile, hours: Set[str]) -> list[WrittenFile]:
        """New files with the rows of a data file that are of none of the hours."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = self._dataset(table, [file]).to_table()
        is_kept = pc.invert(pc.is_in(rows[HOUR_COLUMN], pa.array(sorted(hours), pa.string())))
        writer = self.writer(table)
        writer.write_by_hour(rows.filter(is_kept))
        return [replace(written, written_at=file.modification_time) for written in writer.close()]

    def _writable(self, table: Table) -> Opened:
        """The table at its newest version, in the layout that is declared."""
        target = self._opened(table) or self._created(table)
        if not table.hourly or target.snapshot.is_by_hour == table.is_by_hour:
            return target
        self._lay_out(target, table)
        laid_out = self._opened(table)
        assert laid_out is not None
        return laid_out

    def lay_out(self, table: Table) -> bool:
        """Bring a table that an earlier version wrote into the layout that is declared; returns whether it had another.

        Readers see the same rows before and after; time travel goes back behind it.
        """
        target = self._opened(table)
        if target is None or not table.hourly or target.snapshot.is_by_hour == table.is_by_hour:
            return False
        retried(lambda: self._writable(table))
        return True

    def _lay_out(self, target: Opened, table: Table) -> None:
        import pyarrow as pa
        from deltalake import CommitProperties, write_deltalake

        files = target.snapshot.files()
        by_partition: dict[str, list[ActiveFile]] = {}
        for file in files:
            by_partition.setdefault(table.partition_of(file.first_hour or ""), []).append(file)
        schema = arrow_schema(table, with_hour=True)

        def rows() -> Iterator[pa.RecordBatch]:
            for _, of_partition in sorted(by_partition.items()):
                data = self._dataset(table, of_partition).to_table()
                yield from data.sort_by(HOUR_COLUMN).select(schema.names).to_batches()

        write_deltalake(
            target.delta,
            pa.RecordBatchReader.from_batches(schema, rows()),
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=[HOUR_COLUMN] if table.is_by_hour else [],
            commit_properties=CommitProperties(max_commit_retries=0),
        )
        if bounds := properties(table):
            target.delta.alter.set_table_properties(bounds)
        note_head(self.path(table), target.delta.version())

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

    def drop_files(self, table: Table, files: Sequence[ActiveFile]) -> None:
        """Take data files out of the table, in one transaction."""

        def attempt() -> None:
            if target := self._opened(table):
                transact(target, table, [], files)

        retried(attempt)

    def forget_written_before(self, table: Table, at: datetime) -> int:
        """Drop hours last written before `at`; returns how many were dropped. `vacuum` frees the space."""
        latest_by_hour: dict[str, int] = {}
        for file in self._files(table, None):
            for hour in self.hour_counts(table, file):
                latest_by_hour[hour] = max(latest_by_hour.get(hour, 0), file.modification_time)
        old_hours = sorted(hour for hour, latest in latest_by_hour.items() if latest < at.timestamp() * 1000)
        if old_hours:
            self.commit(table, [], old_hours)
        return len(old_hours)

    def compact(self, table: Table, before: str) -> int:
        """Merge the files of each hour or month earlier than `before` into one (all files where the table is not hourly).

        Returns by how many the files became fewer. A transaction of Delta's own: where another writer commits the same
        hours at the same time nothing is compacted, and an hour is whole in any case. It counts as a writing of the hour;
        that of a month does not.
        """
        from deltalake.exceptions import CommitFailedError

        if table.is_by_month:
            return self._compact_months(table, before)
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
        note_head(self.path(table), delta.version())
        return int(metrics["numFilesRemoved"] - metrics["numFilesAdded"])

    def _compact_months(self, table: Table, before: str) -> int:
        from deltalake.exceptions import CommitFailedError, DeltaError

        if self._opened(table) is None:
            return 0
        target = self._writable(table)
        by_month: dict[str, list[ActiveFile]] = {}
        for file in target.snapshot.files():
            if file.size_bytes < COMPACTED_BYTES and max(self.hour_counts(table, file)) < before:
                by_month.setdefault(table.partition_of(min(self.hour_counts(table, file))), []).append(file)
        small = [files for files in by_month.values() if len(files) > 1]
        merged: list[WrittenFile] = []
        for files in small:
            writer = self.writer(table)
            writer.write_by_hour(self._dataset(table, files).to_table())
            written_at = max(file.modification_time for file in files)
            merged += [replace(written, written_at=written_at) for written in writer.close()]
        if not merged:
            return 0
        removed = [file for files in small for file in files]
        try:
            transact(target, table, merged, removed, changes_rows=False)
        except (CommitFailedError, DeltaError):
            self.discard(table, merged)
            return 0
        return len(removed) - len(merged)

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
