"""The newest version of a Delta table and its files, read on from where this thread stopped reading the log.

Opening a table reads its whole log, and listing its files makes a row of each: with thousands of hours that costs more
than one more hour's work. A cached table is used only while the log still holds the very commit that it ended with.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.storage.heads import require_whole

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from spark_jobs.storage.objects import Storage

MAX_TABLES_OPEN = 64
"""Tables that a thread keeps open; the least recently used is closed for one more."""
FIRST, LAST = "", "~"
"""In place of the first and last hour of a file whose writer has noted none: before and after all others."""
_cache = threading.local()


class ActiveFile(NamedTuple):
    """A data file of one version, as in the log; time in milliseconds since 1970.

    Its first and last hour are equal where it holds one hour, and None where the table is not hourly.
    """

    path: str
    size_bytes: int
    num_records: int
    modification_time: int
    first_hour: str | None
    last_hour: str | None

    @property
    def hour(self) -> str | None:
        """Its only hour; None where it holds several, or the table is not hourly."""
        return self.first_hour if self.first_hour == self.last_hour else None


@dataclass(frozen=True)
class Snapshot:
    """The files of one version, by hour."""

    version: int
    is_by_hour: bool
    """Whether hours are partitions, and in no data file."""
    by_hour: Mapping[str | None, Sequence[ActiveFile]]
    """Files of one hour; None: of a table that is not hourly."""
    of_several: Sequence[ActiveFile]
    """Files that hold several hours."""

    @classmethod
    def of(cls, delta: DeltaTable) -> Snapshot:
        """The files of the version that `delta` has loaded."""
        import pyarrow as pa

        actions = pa.table(delta.get_add_actions(flatten=True))
        is_by_hour = HOUR_COLUMN in delta.metadata().partition_columns
        is_hourly = is_by_hour or HOUR_COLUMN in {field.name for field in delta.schema().fields}

        def hours(name: str, where_absent: str) -> list[str | None]:
            values = actions[name].to_pylist() if name in actions.column_names else [None] * len(actions)
            return [where_absent if value is None and is_hourly else value for value in values]

        columns = [actions[name].to_pylist() for name in ("path", "size_bytes", "num_records", "modification_time")]
        if is_by_hour:
            first = last = hours(f"partition.{HOUR_COLUMN}", "")
        else:
            first, last = hours(f"min.{HOUR_COLUMN}", FIRST), hours(f"max.{HOUR_COLUMN}", LAST)
        by_hour: dict[str | None, list[ActiveFile]] = {}
        of_several: list[ActiveFile] = []
        for values in zip(*columns, first, last, strict=True):
            file = ActiveFile(*values)
            (by_hour.setdefault(file.hour, []) if file.first_hour == file.last_hour else of_several).append(file)
        return cls(delta.version(), is_by_hour, by_hour, of_several)

    def files(self, hours: Sequence[str] | None = None) -> list[ActiveFile]:
        """Files of the hours (of all hours where None); of those that hold several, each that may hold one of the hours."""
        if hours is None:
            return [*(file for files in self.by_hour.values() for file in files), *self.of_several]
        of_one = [file for hour in dict.fromkeys(hours) for file in self.by_hour.get(hour, ())]
        return of_one + ([*self._overlapping(sorted(hours))] if self.of_several else [])

    def _overlapping(self, hours: Sequence[str]) -> Iterator[ActiveFile]:
        for file in self.of_several:
            place = bisect_left(hours, file.first_hour or FIRST)
            if place < len(hours) and hours[place] <= (file.last_hour or LAST):
                yield file


@dataclass
class Opened:
    """A table that this thread has open. A commit on it moves it to the next version."""

    uri: str
    delta: DeltaTable
    snapshot: Snapshot
    mark: tuple[int, int] | None


def opened(uri: str, storage: Storage) -> Opened | None:
    """The table at its newest version, None where it does not exist. LostCommitsError where its log was longer once."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    tables: dict[str, Opened] = _cache.__dict__.setdefault("tables", {})
    table = tables.pop(uri, None)
    if table is not None and table.mark is not None and _mark(uri, storage, table.snapshot.version) == table.mark:
        try:
            table.delta.update_incremental()
        except DeltaError:  # the log was truncated meanwhile
            table = None
    else:
        table = None
    if table is None:
        options = storage.delta_options()
        if not DeltaTable.is_deltatable(uri, storage_options=options):
            require_whole(uri, -1)
            return None
        delta = DeltaTable(uri, storage_options=options)
        table = Opened(uri, delta, Snapshot.of(delta), _mark(uri, storage, delta.version()))
    elif table.delta.version() != table.snapshot.version:
        version = table.delta.version()
        table = Opened(uri, table.delta, Snapshot.of(table.delta), _mark(uri, storage, version))
    require_whole(uri, table.snapshot.version)
    tables[uri] = table  # the most recently used comes last
    while len(tables) > MAX_TABLES_OPEN:
        tables.pop(next(iter(tables)))
    return table


def _mark(uri: str, storage: Storage, version: int) -> tuple[int, int] | None:
    """Tells a commit from one of the same number in a recreated log: its file's time and size; None where it is gone."""
    from pyarrow.fs import FileType

    filesystem, path = storage.filesystem(f"{uri}/_delta_log/{version:020}.json")
    info = filesystem.get_file_info(path)
    return (info.mtime_ns, info.size) if info.type == FileType.File else None
