"""The current row of each entity, for serving: SQLite in the home or DynamoDB, with one meaning.

Kept is the row with the greatest event_at, of these the greatest ingested_at, whatever the order in which writers come:
each write is conditional in the store itself. Reading checks the ttl, counted from event_at; that the store also drops
expired rows only saves room.
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
"""Requests to DynamoDB at once: it takes conditions in single writes only."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class OnlineStoreError(WeirError):
    """The online store cannot be used; one sentence that says why and what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Record:
    """One row as a store keeps it: times in microseconds since 1970, features as JSON."""

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
            **{name: features.get(name) for name in group.feature_names},  # null where it was declared later
        }

    def expires_at(self, group: FeatureGroup) -> int:
        return self.event_at + group.ttl // MICROSECOND

    def counts(self, group: FeatureGroup, at: datetime) -> bool:
        asked = (at - EPOCH) // MICROSECOND
        return max(self.event_at, self.ingested_at) <= asked < self.expires_at(group)


class OnlineStore(Protocol):
    """Where current rows are. Both methods raise OnlineStoreError where the store cannot be used."""

    def put(self, group: FeatureGroup, records: Sequence[Record]) -> int:
        """Keep those that are newer than what is there; returns how many were."""

    def record(self, group: FeatureGroup, entity: str) -> Record | None:
        """The newest row of an entity, expired or not."""


def online_store(settings: Settings) -> OnlineStore:
    """The store that WEIR_ONLINE_STORE names."""
    if settings.online_store.startswith(DYNAMODB):
        return DynamoStore(settings.online_store.removeprefix(DYNAMODB), settings.aws_region)
    return SqliteStore(settings.home / FILE_NAME)


def current(store: OnlineStore, group: FeatureGroup, entity: str, now: datetime) -> dict[str, Any] | None:
    """The row that counts now; the point-in-time join gives the same for every `now` from the last ingestion on."""
    found = store.record(group, entity)
    return found.row(group) if found is not None and found.counts(group, now) else None


def newest(group: FeatureGroup, rows: Sequence[Mapping[str, Any]]) -> list[Record]:
    """The one row of each entity that a store is to keep; none where it was expired when it came."""
    best: dict[str, Record] = {}
    for record in (Record.of(group, row) for row in rows):
        if record.expires_at(group) <= record.ingested_at:
            continue
        kept = best.get(record.entity)
        if kept is None or (kept.event_at, kept.ingested_at) < (record.event_at, record.ingested_at):
            best[record.entity] = record
    return list(best.values())


@dataclass(frozen=True)
class SqliteStore:
    """One file, made when it is written first."""

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
                [(group.name, one.entity, one.event_at, one.ingested_at, one.features) for one in records],
            )
            kept = database.total_changes - before
            # Nothing that is expired at its ingestion ever counts again, so what was expired by then can go.
            expired = max(one.ingested_at for one in records) - group.ttl // MICROSECOND
            database.execute(
                "DELETE FROM current_rows WHERE feature_group = ? AND event_at <= ?", (group.name, expired)
            )
            return kept

    def record(self, group: FeatureGroup, entity: str) -> Record | None:
        if not self.path.exists():
            return None
        with self._opened() as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'current_rows'").fetchone():
                return None  # somebody is about to write the first row
            query = "SELECT entity, event_at, ingested_at, features FROM current_rows WHERE feature_group = ? AND entity = ?"
            found = database.execute(query, (group.name, entity)).fetchone()
        return None if found is None else Record(*found)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection with one transaction, committed where the block ends well."""
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
    """One table with the text key `record` and, where people switched it on, ttl by the attribute `expires_at`."""

    table: str
    region: str

    def put(self, group: FeatureGroup, records: Sequence[Record]) -> int:
        if not records:
            return 0
        client = self._client

        def put_one(one: Record) -> bool:
            item = {
                "record": {"S": self._key(group, one.entity)},
                "event_at": {"N": str(one.event_at)},
                "ingested_at": {"N": str(one.ingested_at)},
                "expires_at": {"N": str(-(-one.expires_at(group) // 1_000_000))},  # DynamoDB's ttl is in whole seconds
                "features": {"S": one.features},
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
                return False  # somebody has written a newer one, or this very one
            return True

        try:
            with ThreadPoolExecutor(WRITERS) as pool:
                return sum(pool.map(put_one, records))
        except AWS_ERRORS as error:
            raise self._error(error, "dynamodb:PutItem") from None

    def record(self, group: FeatureGroup, entity: str) -> Record | None:
        key = {"record": {"S": self._key(group, entity)}}
        try:
            found = self._client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        except AWS_ERRORS as error:
            raise self._error(error, "dynamodb:GetItem") from None
        if found is None:
            return None
        return Record(entity, int(found["event_at"]["N"]), int(found["ingested_at"]["N"]), found["features"]["S"])

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
