"""Dagster's SQLite event log with connections kept open; configured in dagster.yaml.

Dagster opens a database three times an event, each time with a new SQLAlchemy engine, and each close makes SQLite
checkpoint its write-ahead log. A run over a thousand hours has ten thousand events, two an hour and asset, which are written
in batches as Dagster's storages on servers do it. Each run has a database of its own: a copy of an empty one, since making
one loads all of Alembic's revisions twice.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster
import sqlalchemy as db
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool, StaticPool

MAX_OPEN = 4
"""Databases: the index of all runs, and those of the latest runs."""


class OpenEventLog(SqliteEventLogStorage):
    """One connection a database for the life of the process; Dagster's lock serializes threads."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._open: dict[str, Engine] = {}
        self.seconds_in_steps = 0.0
        """Time spent on storing events of steps, which their duration includes."""
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> OpenEventLog:
        """In Dagster's default folder."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def store_event(self, event: Any) -> None:
        start = time.perf_counter()
        super().store_event(event)
        if event.step_key:
            self.seconds_in_steps += time.perf_counter() - start

    def store_event_batch(self, events: Sequence[Any]) -> None:
        """Events of one run: those of assets in one transaction a database, of which the last one updates its asset."""
        start = time.perf_counter()
        of_assets = [event for event in events if event.dagster_event_type in ASSET_EVENTS]
        for event in events:
            if event.dagster_event_type not in ASSET_EVENTS:
                super().store_event(event)
        if of_assets:
            rows = [self._event_to_row(event) for event in of_assets]
            insert = SqlEventLogStorageTable.insert()
            with self.run_connection(of_assets[0].run_id) as connection:
                connection.execute(insert, rows)
            with self.index_transaction() as connection:
                returning = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
                ids = list(connection.execute(returning, rows).scalars())
                self._store_asset_event_tags(connection, of_assets, ids)
                pairs = zip(of_assets, ids, strict=True)
                last = {event.dagster_event.asset_key: (event, event_id) for event, event_id in pairs}
                for event, event_id in last.values():
                    self._store_asset_event(connection, event, event_id)
        if any(event.step_key for event in events):
            self.seconds_in_steps += time.perf_counter() - start

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._initialized_dbs:
                if not self._copy_empty(Path(self.path_for_shard(shard))):
                    self._initdb(self._engine(shard))
                self._initialized_dbs.add(shard)
            engine = self._engine(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _copy_empty(self, path: Path) -> bool:
        """Make the database of a run that has none yet; False where it has one."""
        if path.exists():
            return False
        empty = path.with_name(f".empty-{dagster.__version__}")
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-", ignore_cleanup_errors=True) as scratch:
            made = Path(scratch) / "run"
            if not empty.exists():
                engine = db.create_engine(f"sqlite:///{made}", poolclass=NullPool)
                self._initdb(engine)
                made.replace(empty)
            shutil.copyfile(empty, made)
            with suppress(FileExistsError):  # another process was faster
                os.link(made, path)
        return True

    def _engine(self, shard: str) -> Engine:
        engine = self._open.pop(shard, None)
        if engine is None:
            arguments = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = db.create_engine(self.conn_string_for_shard(shard), poolclass=StaticPool, connect_args=arguments)
            # With a write-ahead log, a power cut may lose the last events but cannot corrupt the database.
            db.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
        self._open[shard] = engine  # the latest used comes last
        while len(self._open) > MAX_OPEN:
            self._open.pop(next(iter(self._open))).dispose()
        return engine

    def dispose(self) -> None:
        for engine in self._open.values():
            engine.dispose()
        self._open.clear()
        super().dispose()
