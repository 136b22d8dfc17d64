"""Dagster's event log in SQLite with its connections kept open. Named in dagster.yaml; everything else is Dagster's own.

Dagster opens a database, and sets up all of SQLAlchemy, three times an event, and each close makes SQLite fold its
write-ahead log. A run over a thousand hours has ten thousand events.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as db
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

MOST_OPEN = 4
"""Databases: the index of all runs, and those of the latest runs."""


class OpenEventLog(SqliteEventLogStorage):
    """One connection a database, as long as the process lives; Dagster's lock keeps threads apart."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._open: dict[str, Engine] = {}
        self.seconds_in_steps = 0.0
        """Spent on events of steps: it is in their duration, and no work of theirs."""
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> OpenEventLog:
        """In the folder in which Dagster keeps its own."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def store_event(self, event: Any) -> None:
        began = time.perf_counter()
        super().store_event(event)
        if event.step_key:
            self.seconds_in_steps += time.perf_counter() - began

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._open.pop(shard, None)
        if engine is None:
            waiting = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = db.create_engine(self.conn_string_for_shard(shard), poolclass=StaticPool, connect_args=waiting)
            # With a write-ahead log only a power cut can lose an event then, and none can damage the database.
            db.event.listen(engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=NORMAL"))
        self._open[shard] = engine  # the latest used comes last
        while len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open))).dispose()
        return engine

    def dispose(self) -> None:
        for engine in self._open.values():
            engine.dispose()
        self._open.clear()
        super().dispose()
