"""What is wrong with a table's folder: a log that cannot be read or has lost its end, data files that are gone or damaged.

What Delta's log says of the files is compared (they are there, with their size). Their content is read in a local lake
alone, for S3 checks its own: the first and last bytes, as a power failure may leave a file of zeros, or, where asked for,
all of it, which takes about as long as reading the lake does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.storage.delta_log import ActiveFile, Snapshot
from spark_jobs.storage.heads import lost_commits

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
    """Data files that are gone, have another size than the log says, or cannot be read."""
    lost_commits: int = 0
    """Newest commits that are gone from the log."""

    def holds(self, hour: str) -> bool:
        """Whether rows of the hour may be lost."""
        spans = ((file.first_hour, file.last_hour) for file in self.files)
        return bool(self.unreadable or self.lost_commits) or any(
            first <= hour <= last for first, last in spans if first is not None and last is not None
        )

    @property
    def rows(self) -> int | None:
        """Rows of the damaged files; None where the log does not say."""
        counts = [file.num_records for file in self.files]
        return None if None in counts else sum(counts)


def damage_of(lake: Lake, table: Table, thorough: bool = False) -> Damage | None:
    """None where the table is whole or does not exist. `thorough`: the content of its files is read."""
    from pyarrow.fs import FileSelector, FileType

    filesystem, base = lake.storage.filesystem(lake.path(table))
    try:
        delta = lake.delta(table)
        if delta is None:
            left = filesystem.get_file_info(FileSelector(base, recursive=True, allow_not_found=True))
            has_data = any(info.path.endswith(".parquet") for info in left)
            is_lost = has_data or lost_commits(lake.path(table), -1) > 0
            return Damage(table, "its log is gone") if is_lost else None
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
        or (is_local and thorough and not _is_readable(filesystem, info.path, file.num_records))
    )
    lost = lost_commits(lake.path(table), delta.version())
    return Damage(table, files=damaged, lost_commits=lost) if damaged or lost else None


def _is_parquet(filesystem: FileSystem, path: str) -> bool:
    """Whether the file begins and ends as Parquet files do."""
    with filesystem.open_input_file(path) as file:
        ends = {file.read_at(len(PARQUET), 0), file.read_at(len(PARQUET), max(file.size() - len(PARQUET), 0))}
    return ends == {PARQUET}


def _is_readable(filesystem: FileSystem, path: str, rows: int | None) -> bool:
    """Whether every page can be read, agrees with its checksum (where the writer made one), and all rows are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with filesystem.open_input_file(path) as source:
            file = pq.ParquetFile(source, page_checksum_verification=True)
            found = sum(batch.num_rows for batch in file.iter_batches())
    except (OSError, pa.ArrowException):
        return False
    return rows is None or rows == found
