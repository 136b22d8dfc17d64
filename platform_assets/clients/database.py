"""Rows of a contract table in a database (SQLite or PostgreSQL): upsert, replace, forget, probe.

Every function is one transaction; concurrent writers take turns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from platform_assets.clients.database_connection import DatabaseError, masked, parsed_url, transaction
from spark_jobs.contract import HOUR_COLUMN, Column, Table

CHUNK_ROWS = 500
"""Rows a statement, far below SQLite's limit of 32,766 variables even with a composite key."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class UpsertReport:
    """How many rows were inserted, updated, unchanged and removed."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0


def upsert(url: SecretStr, table: Table, rows: Sequence[Row], key: tuple[str, ...] = ("decision_id",)) -> UpsertReport:
    """Insert rows, or update those whose key exists; idempotent. Creates the table."""
    with transaction(url) as connection:
        stored = _ensured_table(connection, table, key)
        return _write(connection, stored, _normalized(table, rows, key), key)


def replace(
    url: SecretStr,
    table: Table,
    rows: Sequence[Row],
    key: tuple[str, ...],
    scope_column: str,
    scope_values: Sequence[Any],
) -> UpsertReport:
    """Replace the rows whose `scope_column` is among `scope_values` by `rows`."""
    new_rows = _normalized(table, rows, key)
    scope_type = next(column for column in _columns(table) if column.name == scope_column)
    scope = [_stored_value(scope_type, value) for value in scope_values]
    for row in new_rows.values():
        if row[scope_column] not in scope:
            raise ValueError(f"A row has {scope_column} {row[scope_column]!r}, which is not among those replaced.")
    with transaction(url) as connection:
        stored = _ensured_table(connection, table, key)
        removed = 0
        for chunk in _chunks(scope):
            in_scope = stored.c[scope_column].in_(chunk)
            keys = [tuple(row) for row in connection.execute(sa.select(*_key_columns(stored, key)).where(in_scope))]
            for stale_keys in _chunks([stored_key for stored_key in keys if stored_key not in new_rows]):
                removed += connection.execute(sa.delete(stored).where(_has_key(stored, key, stale_keys))).rowcount
        report = _write(connection, stored, new_rows, key)
    return UpsertReport(report.inserted, report.updated, report.unchanged, removed)


def forget(url: SecretStr, table: Table, column: str, before: datetime) -> int:
    """Delete rows whose timestamp `column` is before `before`; returns how many."""
    with transaction(url) as connection:
        if not sa.inspect(connection).has_table(table.name):
            return 0
        stored = _declared(table, ())
        return connection.execute(sa.delete(stored).where(stored.c[column] < before)).rowcount


def probe(url: SecretStr, seconds: int = 5) -> tuple[bool, str]:
    """Whether the database exists yet, and a sentence about it; changes nothing."""
    parsed = parsed_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return False, f"The SQLite file {parsed.database} is made by the first export."
    with transaction(url, seconds=seconds, writes=False) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(sa.text("SELECT count(*) FROM sqlite_master" if is_sqlite else "SELECT 1"))
        version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
        return True, f"{'SQLite' if is_sqlite else 'PostgreSQL'} {version} answers at {masked(parsed)}."


# Tables


class UtcTimestamp(sa.types.TypeDecorator[datetime]):
    """Aware UTC in Python; with time zone in PostgreSQL, UTC text in SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=None) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


SQL_TYPES: dict[str, Callable[[], sa.types.TypeEngine[Any]]] = {
    "string": sa.Text,
    "int32": sa.Integer,
    "int64": sa.BigInteger,
    "double": sa.Double,
    "boolean": sa.Boolean,
    "timestamp": UtcTimestamp,
    "list<string>": sa.Text,  # as JSON
}


def _columns(table: Table) -> tuple[Column, ...]:
    hour = Column(HOUR_COLUMN, "string", "hour that the row belongs to")
    return (*table.columns, hour) if table.hourly and HOUR_COLUMN not in table.column_names else table.columns


def _declared(table: Table, key: tuple[str, ...]) -> sa.Table:
    return sa.Table(
        table.name,
        sa.MetaData(),
        *(
            sa.Column(
                column.name,
                SQL_TYPES[column.type](),
                primary_key=column.name in key,
                nullable=column.nullable and column.name not in key,
                index=column.name == HOUR_COLUMN,
                autoincrement=False,
                comment=column.meaning,
            )
            for column in _columns(table)
        ),
    )


def _ensured_table(connection: Connection, table: Table, key: tuple[str, ...]) -> sa.Table:
    """The table as declared: created if it is missing, with new columns added."""
    stored = _declared(table, key)
    stored.create(connection, checkfirst=True)
    present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    quote = connection.dialect.identifier_preparer.quote
    for column in stored.columns:
        if column.name not in present:
            type_name = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {type_name}")
    return stored


# Rows


def _normalized(table: Table, rows: Sequence[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by key, with values as the database returns them, so that rows can be compared; of equal keys the last."""
    columns = _columns(table)
    by_key = {}
    for row in rows:
        values = {column.name: _stored_value(column, row.get(column.name)) for column in columns}
        empty = [c.name for c in columns if values[c.name] is None and (not c.nullable or c.name in key)]
        if empty:
            raise DatabaseError(
                f"A row for {table.name} has no {empty[0]}; build the table again, its rows break the contract."
            )
        by_key[tuple(values[name] for name in key)] = values
    return by_key


def _stored_value(column: Column, value: Any) -> Any:
    if column.type == "list<string>":
        return None if value is None else json.dumps([str(item) for item in value])
    if value is None or value != value:  # NaN and NaT are how pandas writes null
        return None
    match column.type:
        case "int32" | "int64":
            return int(value)
        case "double":
            return float(value) if math.isfinite(value) else None
        case "boolean":
            return bool(value)
        case "timestamp":
            at = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    # NUL and lone surrogates, which PostgreSQL's text cannot hold, are escaped in both databases.
    return str(value).replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def _write(
    connection: Connection, stored: sa.Table, new_rows: dict[tuple[Any, ...], dict[str, Any]], key: tuple[str, ...]
) -> UpsertReport:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(stored)
    other_columns = {
        column.name: statement.excluded[column.name] for column in stored.columns if column.name not in key
    }
    statement = (
        statement.on_conflict_do_update(index_elements=list(key), set_=other_columns)
        if other_columns
        else statement.on_conflict_do_nothing()
    )
    inserted = updated = 0
    for chunk in _chunks(list(new_rows)):
        stored_rows = connection.execute(sa.select(stored).where(_has_key(stored, key, chunk))).mappings()
        stored_by_key = {tuple(row[name] for name in key): dict(row) for row in stored_rows}
        changed = [new_rows[row_key] for row_key in chunk if stored_by_key.get(row_key) != new_rows[row_key]]
        if changed:
            connection.execute(statement, changed)
        added = sum(row_key not in stored_by_key for row_key in chunk)
        inserted += added
        updated += len(changed) - added
    return UpsertReport(inserted, updated, len(new_rows) - inserted - updated)


def _key_columns(stored: sa.Table, key: tuple[str, ...]) -> list[sa.Column[Any]]:
    return [stored.c[name] for name in key]


def _has_key(stored: sa.Table, key: tuple[str, ...], keys: Sequence[tuple[Any, ...]]) -> sa.ColumnElement[bool]:
    if len(key) == 1:
        return stored.c[key[0]].in_([only for (only,) in keys])
    return sa.tuple_(*_key_columns(stored, key)).in_(keys)


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), CHUNK_ROWS):
        yield values[start : start + CHUNK_ROWS]
