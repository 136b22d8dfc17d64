"""The current row of each entity, for serving: SQLite in the home, or DynamoDB.

The store keeps the row with the greatest (event_at, ingested_at), in whatever order rows are written: each write is
conditional. Reading checks the ttl, counted from event_at; that the store drops expired rows only saves space.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence
from platform_assets.feature_store.groups import EVENT_AT, INGESTED_AT, FeatureGroup
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

FILE_NAME = "features.db"
DYNAMODB = "dynamodb:"
WRITERS = 8
"""Concurrent requests to DynamoDB, which supports conditions only on single writes."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class OnlineStoreError(WeirError):
    """The online store cannot be used; one sentence that says why and what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Record:
    """One row as stored: times in microseconds since 1970, features as JSON."""

    entity: str
    event_at: int
    ingested_at: int
    features: str

    @classmethod
    def of(cls, group: FeatureGroup, row: Mapping[str, Any]) -> Record:
        features = {name: row[name] for name in group.feature_names}
        return cls(
            row[group.identifier.name],
            (row[EVENT_AT.name] - EPOCH) // MICROSECOND,
            (row[INGESTED_AT.name] - EPOCH) // MICROSECOND,
            json.dumps(features, ensure_ascii=False, allow_nan=False),
        )

    def row(self, group: FeatureGroup) -> dict[str, Any]:
        features = json.loads(self.features)
        return {
            group.identifier.name: self.entity,
            EVENT_AT.name: EPOCH + self.event_at * MICROSECOND,
            INGESTED_AT.name: EPOCH + self.ingested_at * MICROSECOND,
            **{name: features.get(name) for name in group.feature_names},  # null if it was declared later
        }

    def expires_at(self, group: FeatureGroup) -> int:
        return self.event_at + group.ttl // MICROSECOND

    def counts(self, group: FeatureGroup, at: datetime) -> bool:
        time = (at - EPOCH) // MICROSECOND
        return max(self.event_at, self.ingested_at) <= time < self.expires_at(group)


class OnlineStore(Protocol):
    """A store of current rows. Both methods raise OnlineStoreError if it cannot be used."""

    def put(self, group: FeatureGroup, records: Sequence[Record]) -> int:
        """Store the records that are newer than the stored ones; returns their count."""

    def record(self, group: FeatureGroup, entity: str) -> Record | None:
        """The newest record of an entity, expired or not."""


def online_store(settings: Settings) -> OnlineStore:
    """The store that WEIR_ONLINE_STORE names."""
    if settings.online_store.startswith(DYNAMODB):
        return DynamoStore(settings.online_store.removeprefix(DYNAMODB), settings.aws_region)
    return SqliteStore(settings.home / FILE_NAME)


def current(store: OnlineStore, group: FeatureGroup, entity: str, now: datetime) -> dict[str, Any] | None:
    """The valid row; equal to the point-in-time join for every `now` since the last ingestion."""
    record = store.record(group, entity)
    return record.row(group) if record is not None and record.counts(group, now) else None


def newest(group: FeatureGroup, rows: Sequence[Mapping[str, Any]]) -> list[Record]:
    """The newest record of each entity, without those that had expired when they were ingested."""
    by_entity: dict[str, Record] = {}
    for record in (Record.of(group, row) for row in rows):
        if record.expires_at(group) <= record.ingested_at:
            continue
        best_so_far = by_entity.get(record.entity)
        if best_so_far is None or (best_so_far.event_at, best_so_far.ingested_at) < (
            record.event_at,
            record.ingested_at,
        ):
            by_entity[record.entity] = record
    return list(by_entity.values())


@dataclass(frozen=True)
class SqliteStore:
    """One file, created at the first write."""

    path: Path
    wait_seconds: float = 30

    def put(self, group: FeatureGroup, records: Sequence[Record]) -> int:
        if not records:
            return 0
        with self._opened() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "CREATE TABLE IF NOT EXISTS current_rows (feature_group TEXT, entity TEXT, event_at INTEGER NOT NULL, "
                "ingested_at INTEGER NOT NULL, features TEXT NOT NULL, PRIMARY KEY (feature_group, entity)) WITHOUT ROWID"
            )
            before = database.total_changes
            database.executemany(
                "INSERT INTO current_rows VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET event_at = excluded.event_at, "
                "ingested_at = excluded.ingested_at, features = excluded.features "
                "WHERE (excluded.event_at, excluded.ingested_at) > (event_at, ingested_at)",
                [
                    (group.name, record.entity, record.event_at, record.ingested_at, record.features)
                    for record in records
                ],
            )
            changed = database.total_changes - before
            # Rows that had expired by then will never be valid again.
            expired = max(record.ingested_at for record in records) - group.ttl // MICROSECOND
            database.execute(
                "DELETE FROM current_rows WHERE feature_group = ? AND event_at <= ?", (group.name, expired)
            )
            return changed

    def record(self, group: FeatureGroup, entity: str) -> Record | None:
        if not self.path.exists():
            return None
        with self._opened() as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'current_rows'").fetchone():
                return None  # another process is about to write the first row
            query = "SELECT entity, event_at, ingested_at, features FROM current_rows WHERE feature_group = ? AND entity = ?"
            row = database.execute(query, (group.name, entity)).fetchone()
        return None if row is None else Record(*row)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection with one transaction, committed unless the block raises."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=self.wait_seconds, isolation_level=None)
            try:
                yield database
                if database.in_transaction:
                    database.execute("COMMIT")
            finally:
                database.close()  # rolls back what is open
        except (sqlite3.Error, OSError) as error:
            raise OnlineStoreError(
                f"The online features in {self.path} cannot be used ({error}); check the disk and the file's rights, or "
                "remove it and ingest again."
            ) from None


@dataclass(frozen=True)
class DynamoStore:
    """One table with the string key `record`; the attribute `expires_at` is for DynamoDB's ttl."""

    table: str
    region: str

    def put(self, group: FeatureGroup, records: Sequence[Record]) -> int:
        if not records:
            return 0
        client = self._client

        def put_one(record: Record) -> bool:
            item = {
                "record": {"S": self._key(group, record.entity)},
                "event_at": {"N": str(record.event_at)},
                "ingested_at": {"N": str(record.ingested_at)},
                "expires_at": {
                    "N": str(-(-record.expires_at(group) // 1_000_000))
                },  # DynamoDB's ttl is in whole seconds
                "features": {"S": record.features},
            }
            try:
                client.put_item(
                    TableName=self.table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#r) OR #e < :e OR (#e = :e AND #i < :i)",
                    ExpressionAttributeNames={"#r": "record", "#e": "event_at", "#i": "ingested_at"},
                    ExpressionAttributeValues={":e": item["event_at"], ":i": item["ingested_at"]},
                )
            except client.exceptions.ConditionalCheckFailedException:
                return False  # a newer record, or this one, is stored
            return True

        try:
            with ThreadPoolExecutor(WRITERS) as pool:
                return sum(pool.map(put_one, records))
        except AWS_ERRORS as error:
            raise self._error(error, "dynamodb:PutItem") from None

    def record(self, group: FeatureGroup, entity: str) -> Record | None:
        key = {"record": {"S": self._key(group, entity)}}
        try:
            item = self._client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        except AWS_ERRORS as error:
            raise self._error(error, "dynamodb:GetItem") from None
        if item is None:
            return None
        return Record(entity, int(item["event_at"]["N"]), int(item["ingested_at"]["N"]), item["features"]["S"])

    @cached_property
    def _client(self) -> Any:
        try:
            return aws_client("dynamodb", self.region)
        except AWS_ERRORS as error:
            raise self._error(error, "dynamodb:GetItem") from None

    @staticmethod
    def _key(group: FeatureGroup, entity: str) -> str:
        return f"{group.name}/{entity}"

    def _error(self, error: Exception, permission: str) -> OnlineStoreError:
        return OnlineStoreError(aws_sentence(error, f"the DynamoDB table {self.table}", permission=permission))
