"""What is wrong with a table's folder: a log that cannot be read, data files that are gone or cut off.

What Delta's log says of the files is compared (they are there, with their size). Of their content, only the first and
last bytes are read, and only in a local lake: a power failure may leave a file of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.storage.delta_log import ActiveFile, Snapshot

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

    from spark_jobs.contract import Table
    from spark_jobs.storage.lake import Lake

PARQUET = b"PAR1"
"""The first and last bytes of a Parquet file."""


@dataclass(frozen=True)
class Damage:
    """Of one table."""

    table: Table
    unreadable: str = ""
    """Why the log cannot be read; empty where it can."""
    files: tuple[ActiveFile, ...] = ()
    """Data files that are gone, have another size than the log says, or are no Parquet files."""

    def holds(self, hour: str) -> bool:
        """Whether rows of the hour may be lost."""
        spans = ((file.first_hour, file.last_hour) for file in self.files)
        return bool(self.unreadable) or any(
            first <= hour <= last for first, last in spans if first is not None and last is not None
        )

    @property
    def rows(self) -> int | None:
        """Rows of the damaged files; None where the log does not say."""
        counts = [file.num_records for file in self.files]
        return None if None in counts else sum(counts)


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
    commits = [f"{base}/_delta_log/{version:020}.json" for version in (delta.version(), delta.version() + 1)]
    if any(info.type == FileType.File and info.size == 0 for info in filesystem.get_file_info(commits)):
        return Damage(table, "the newest file of its log is empty")
    infos = filesystem.get_file_info([f"{base}/{file.path}" for file in files])
    is_local = not lake.root.startswith("s3://")
    damaged = tuple(
        file
        for file, info in zip(files, infos, strict=True)
        if info.type != FileType.File
        or info.size != file.size_bytes
        or (is_local and not _is_parquet(filesystem, info.path))
    )
    return Damage(table, files=damaged) if damaged else None


def _is_parquet(filesystem: FileSystem, path: str) -> bool:
    """Whether the file begins and ends as Parquet files do."""
    with filesystem.open_input_file(path) as file:
        ends = {file.read_at(len(PARQUET), 0), file.read_at(len(PARQUET), max(file.size() - len(PARQUET), 0))}
    return ends == {PARQUET}
