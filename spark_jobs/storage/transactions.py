"""One transaction of a Delta log: files added and files removed, on the version that is open."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.storage.heads import note_head
from spark_jobs.storage.schema import arrow_schema

if TYPE_CHECKING:
    from spark_jobs.storage.delta_log import ActiveFile, Opened
    from spark_jobs.storage.objects import Storage
    from spark_jobs.storage.writer import WrittenFile

COMMIT_ATTEMPTS = 8
_Result = TypeVar("_Result")


def transact(
    target: Opened,
    table: Table,
    added: Sequence[WrittenFile],
    removed: Sequence[ActiveFile],
    changes_rows: bool = True,
    numbered: tuple[str, int] | None = None,
) -> None:
    """Commit; raises CommitFailedError or DeltaError where another writer has committed the same meanwhile.

    `numbered`: the writer and its number that the table keeps with the rows (Delta's application transaction).
    """
    from deltalake import CommitProperties, Schema, Transaction
    from deltalake.transaction import AddAction, RemoveAction

    def partition(hour: str | None) -> dict[str, str | None]:
        return {HOUR_COLUMN: hour} if table.is_by_hour else {}

    now = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [
        RemoveAction(
            path=file.path,
            deletion_timestamp=now,
            data_change=changes_rows,
            size=file.size_bytes,
            partition_values=partition(file.hour),
        )
        for file in removed
    ]
    actions += [
        AddAction(
            path=file.path,
            size=file.size_bytes,
            partition_values=partition(file.hours[0] if file.hours else None),
            modification_time=file.written_at or now,
            data_change=changes_rows,
            stats=json.dumps({"numRecords": file.rows, **file.stats}),
        )
        for file in added
    ]
    if actions:
        version = target.delta.version() + 1
        target.delta.create_write_transaction(
            actions,
            mode="append",
            schema=Schema.from_arrow(arrow_schema(table, with_hour=True)),
            partition_by=[HOUR_COLUMN] if table.is_by_hour else [],
            commit_properties=CommitProperties(
                max_commit_retries=0, app_transactions=[Transaction(*numbered)] if numbered else None
            ),
        )
        note_head(target.uri, version)


def properties(table: Table) -> dict[str, str] | None:
    """Delta's table properties: the hours of files are in their statistics, wherever the column stands."""
    if not table.is_by_month:
        return None
    bounded = [column.name for column in table.columns if column.type == "timestamp"]
    return {"delta.dataSkippingStatsColumns": ",".join([*bounded, HOUR_COLUMN])}


def create(uri: str, table: Table, storage: Storage) -> None:
    """Make the empty Delta table; nothing where it exists."""
    from deltalake import DeltaTable, Schema

    DeltaTable.create(
        uri,
        schema=Schema.from_arrow(arrow_schema(table, with_hour=True)),
        mode="ignore",
        partition_by=[HOUR_COLUMN] if table.is_by_hour else None,
        description=table.meaning,
        configuration=properties(table),
        storage_options=storage.delta_options(),
    )


def retried(transaction: Callable[[], _Result]) -> _Result:
    """Run a transaction that reads the newest version each time, until no other writer comes first."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    for attempt in range(COMMIT_ATTEMPTS - 1):
        try:
            return transaction()
        except (CommitFailedError, DeltaError):
            time.sleep(0.05 * 2**attempt)
    return transaction()
