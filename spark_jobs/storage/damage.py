"""What is wrong with a table's folder: a log that cannot be read, data files that are gone or cut off.

Only what Delta's log says of the files is compared (they are there, with their size); their content is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.storage.delta_log import ActiveFile, Snapshot

if TYPE_CHECKING:
    from spark_jobs.contract import Table
    from spark_jobs.storage.lake import Lake


@dataclass(frozen=True)
class Damage:
    """Of one table."""

    table: Table
    unreadable: str = ""
    """Why the log cannot be read; empty where it can."""
    files: tuple[ActiveFile, ...] = ()
    """Data files that are gone or have another size than the log says."""

    def holds(self, hour: str) -> bool:
        """Whether rows of the hour may be lost."""
        spans = ((file.first_hour, file.last_hour) for file in self.files)
        return bool(self.unreadable) or any(
            first <= hour <= last for first, last in spans if first is not None and last is not None
        )

    @property
    def rows(self) -> int:
        """Rows of the damaged files."""
        return sum(file.num_records for file in self.files)


def damage_of(lake: Lake, table: Table) -> Damage | None:
    """None where the table is whole or does not exist."""
    from pyarrow.fs import FileSelector, FileType

    filesystem, base = lake.storage.filesystem(lake.path(table))
    try:
        delta = lake.delta(table)
        if delta is None:
            left = filesystem.get_file_info(FileSelector(base, recursive=True, allow_not_found=True))
            has_data = any(info.path.endswith(".parquet") for info in left)
            return Damage(table, "its log is gone") if has_data else None
        files = Snapshot.of(delta).files()
    except Exception as error:  # whatever the library says of a log that it cannot read
        return Damage(table, f"its log cannot be read: {str(error).splitlines()[0][:200]}")
    infos = filesystem.get_file_info([f"{base}/{file.path}" for file in files])
    damaged = (
        file
        for file, info in zip(files, infos, strict=True)
        if info.type != FileType.File or info.size != file.size_bytes
    )
    return Damage(table, files=found) if (found := tuple(damaged)) else None
