"""Dagster's SQLite event log with connections kept open; configured in dagster.yaml.

Dagster opens a database three times an event, each time with a new SQLAlchemy engine, and each close makes SQLite
checkpoint its write-ahead log. A run over a thousand hours has ten thousand events.
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
