"""A lake whose newest hours of some tables are made again elsewhere: what would be in them, without touching what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import Table
from spark_jobs.storage.delta_log import ActiveFile
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.writer import ROW_GROUP_ROWS, TableWriter

if TYPE_CHECKING:
    import pyarrow as pa

BELOW = "below:"
"""Before the path of a data file of the lake below."""


@dataclass(frozen=True)
class OverlayLake(Lake):
    """Tables of the lake at `below`; of those in `own`, hours from `since` on are read and written at `root` alone."""

    below: str = ""
    own: frozenset[str] = frozenset()
    """Keys of hourly tables."""
    since: str = ""

    def path(self, table: Table) -> str:
        """Folder or URI that holds what is written here, or all of a table that is not written here."""
        return f"{self.root if table.key in self.own else self.below}/{table.key}"

    def pinned(self) -> Lake:
        """This lake: nobody else writes at `root`."""
        return self

    def hours(self, table: Table) -> list[str]:
        """Hours that hold rows, in order."""
        if table.key not in self.own:
            return super().hours(table)
        return sorted({*self._earlier(self._below.hours(table)), *super().hours(table)})

    def files_by_hour(self, table: Table, hours: Sequence[str]) -> dict[str, list[ActiveFile]]:
        """Hour -> its data files, for `read_batches`."""
        if table.key not in self.own:
            return super().files_by_hour(table, hours)
        earlier = self._below.files_by_hour(table, self._earlier(hours))
        marked = {
            hour: [file._replace(path=f"{BELOW}{file.path}") for file in files] for hour, files in earlier.items()
        }
        return marked | super().files_by_hour(table, self._later(hours))

    def read_batches(
        self,
        table: Table,
        paths: Iterable[str],
        columns: Sequence[str],
        dictionaries: Sequence[str] = (),
        hours: Sequence[str] | None = None,
        rows: int = ROW_GROUP_ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """In a task: rows of data files of `files_by_hour`, in their order."""
        for is_below, of_one in groupby(paths, lambda path: path.startswith(BELOW)):
            names = [path.removeprefix(BELOW) for path in of_one]
            read = self._below.read_batches if is_below else super().read_batches
            yield from read(table, names, columns, dictionaries, hours, rows)

    def read_arrow(
        self,
        table: Table,
        hours: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        filter: Any = None,
        as_of: datetime | None = None,
    ) -> pa.Table:
        """Rows in the driver, those from below first."""
        import pyarrow as pa

        if table.key not in self.own:
            return super().read_arrow(table, hours, columns, filter, as_of)
        wanted = self.hours(table) if hours is None else hours
        earlier = self._below.read_arrow(table, self._earlier(wanted), columns, filter, as_of)
        return pa.concat_tables([earlier, super().read_arrow(table, self._later(wanted), columns, filter)])

    def writer(self, table: Table) -> TableWriter:
        """As that of any lake; ValueError for a table that is read from below alone."""
        if table.key not in self.own:
            raise ValueError(f"{table.key} is not written in this lake.")
        return super().writer(table)

    @property
    def _below(self) -> Lake:
        return Lake(self.below, self.storage)

    def _earlier(self, hours: Iterable[str]) -> list[str]:
        return [hour for hour in hours if hour < self.since]

    def _later(self, hours: Iterable[str]) -> list[str]:
        return [hour for hour in hours if hour >= self.since]
