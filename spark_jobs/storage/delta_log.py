"""The newest version of a Delta table and its files: the log is read on from where this thread has read it last.

Opening a table reads its whole log, and listing its files makes a row of each: with thousands of hours that costs more
than one more hour's work. What is kept is used again only while the log still holds the very commit that it ended with.
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

MOST_KEPT = 64
"""Tables that a thread keeps open."""
_kept = threading.local()


class ActiveFile(NamedTuple):
    """A data file of one version, as the log has it; time in milliseconds, no hour where the table is not hourly."""

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
        """Those of the hours, all without."""
        wanted = self.by_hour if hours is None else dict.fromkeys(hours)
        return [file for hour in wanted for file in self.by_hour.get(hour, ())]


@dataclass
class Opened:
    """A table as this thread has it open. Whoever commits on it moves it on."""

    delta: DeltaTable
    snapshot: Snapshot
    mark: tuple[int, int] | None


def opened(uri: str, storage: Storage) -> Opened | None:
    """The table at its newest version, None where there is none."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    tables: dict[str, Opened] = _kept.__dict__.setdefault("tables", {})
    found = tables.pop(uri, None)
    if found is not None and found.mark is not None and _mark(uri, storage, found.snapshot.version) == found.mark:
        try:
            found.delta.update_incremental()
        except DeltaError:  # the log was shortened meanwhile
            found = None
    else:
        found = None
    if found is None:
        options = storage.delta_options()
        if not DeltaTable.is_deltatable(uri, storage_options=options):
            return None
        delta = DeltaTable(uri, storage_options=options)
        found = Opened(delta, Snapshot.of(delta), _mark(uri, storage, delta.version()))
    elif found.delta.version() != found.snapshot.version:
        version = found.delta.version()
        found = Opened(found.delta, Snapshot.of(found.delta), _mark(uri, storage, version))
    tables[uri] = found  # the latest used comes last
    while len(tables) > MOST_KEPT:
        tables.pop(next(iter(tables)))
    return found


def _mark(uri: str, storage: Storage, version: int) -> tuple[int, int] | None:
    """What tells a commit of the log from one of the same number in a log that began anew; None where it is gone."""
    from pyarrow.fs import FileType

    filesystem, path = storage.filesystem(f"{uri}/_delta_log/{version:020}.json")
    info = filesystem.get_file_info(path)
    return (info.mtime_ns, info.size) if info.type == FileType.File else None
