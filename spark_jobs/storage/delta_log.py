"""The newest version of a Delta table and its files, read on from where this thread stopped reading the log.

Opening a table reads its whole log, and listing its files makes a row of each: with thousands of hours that costs more
than one more hour's work. A cached table is used only while the log still holds the very commit that it ended with.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from spark_jobs.contract import HOUR_COLUMN

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from spark_jobs.storage.objects import Storage

MAX_TABLES_OPEN = 64
"""Tables that a thread keeps open; the least recently used is closed for one more."""
_cache = threading.local()


class ActiveFile(NamedTuple):
    """A data file of one version, as in the log; time in milliseconds since 1970, no hour where the table is not hourly."""

    path: str
    size_bytes: int
    num_records: int
    modification_time: int
    hour: str | None


@dataclass(frozen=True)
class Snapshot:
    """The files of one version, by hour."""

    version: int
    by_hour: Mapping[str | None, Sequence[ActiveFile]]

    @classmethod
    def of(cls, delta: DeltaTable) -> Snapshot:
        """The files of the version that `delta` has loaded."""
        import pyarrow as pa

        actions = pa.table(delta.get_add_actions(flatten=True))
        columns = [actions[name].to_pylist() for name in ("path", "size_bytes", "num_records", "modification_time")]
        partition = f"partition.{HOUR_COLUMN}"
        hours = actions[partition].to_pylist() if partition in actions.column_names else [None] * len(actions)
        by_hour: dict[str | None, list[ActiveFile]] = {}
        for values in zip(*columns, hours, strict=True):
            by_hour.setdefault(values[-1], []).append(ActiveFile(*values))
        return cls(delta.version(), by_hour)

    def files(self, hours: Sequence[str] | None = None) -> list[ActiveFile]:
        """Files of the hours (of all hours where None)."""
        selected = self.by_hour if hours is None else dict.fromkeys(hours)
        return [file for hour in selected for file in self.by_hour.get(hour, ())]


@dataclass
class Opened:
    """A table that this thread has open. A commit on it moves it to the next version."""

    delta: DeltaTable
    snapshot: Snapshot
    mark: tuple[int, int] | None


def opened(uri: str, storage: Storage) -> Opened | None:
    """The table at its newest version, None where it does not exist."""
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
            return None
        delta = DeltaTable(uri, storage_options=options)
        table = Opened(delta, Snapshot.of(delta), _mark(uri, storage, delta.version()))
    elif table.delta.version() != table.snapshot.version:
        version = table.delta.version()
        table = Opened(table.delta, Snapshot.of(table.delta), _mark(uri, storage, version))
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
