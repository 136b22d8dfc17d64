"""Transactions in a database (SQLite or PostgreSQL), and one sentence for each of their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.pool import NullPool

from spark_jobs.errors import ExitCode, WeirError

WRITER_LOCK = 0x77656972  # "weir": PostgreSQL's advisory lock that our writers take


class DatabaseError(WeirError):
    """The database cannot be used; the message is one sentence without password or rows."""

    exit_code = ExitCode.SERVICE


@contextmanager
def transaction(url: SecretStr, *, seconds: int = 30, writes: bool = True) -> Iterator[Connection]:
    parsed = parsed_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    try:
        if is_sqlite and writes:
            Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        arguments = {"timeout": seconds} if is_sqlite else {"connect_timeout": min(seconds, 10)}
        engine = sa.create_engine(parsed, poolclass=NullPool, connect_args=arguments)
        if is_sqlite:
            _begin_explicitly(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
        with engine.begin() as connection:
            if writes and not is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{seconds}s'")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITER_LOCK)))
            yield connection
    except (sa.exc.SQLAlchemyError, OSError, OverflowError) as error:
        raise DatabaseError(_sentence(error, parsed)) from None  # the cause holds the URL, the statement and its rows


def _begin_explicitly(engine: sa.Engine, statement: str) -> None:
    """pysqlite begins a transaction only at the first write; reads before it would be outside."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(statement))


def parsed_url(url: SecretStr) -> URL:
    advice = "write sqlite:///path/to/file.db or postgresql://user:password@host:5432/database in WEIR_DATABASE_URL"
    try:
        parsed = make_url(url.get_secret_value())
    except (sa.exc.ArgumentError, ValueError):
        raise DatabaseError(f"The database URL cannot be read; {advice}.") from None
    backend = parsed.drivername.partition("+")[0]
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DatabaseError(f"The database kind {backend} is not supported; {advice}.")
    if parsed.database in {None, "", ":memory:"}:
        raise DatabaseError(f"The database URL names no file, so nothing would be kept; {advice}.")
    return parsed.set(drivername="sqlite")


def masked(url: URL) -> str:
    host = url.host or url.query.get("host") or None
    plain = url.set(drivername=url.get_backend_name(), host=str(host) if host else None, query={})
    return plain.render_as_string(hide_password=True)


def _sentence(error: Exception, url: URL) -> str:
    address = masked(url)
    cause = getattr(error, "orig", None) or error
    message = (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
    for secret in (url.password, url.query.get("password")):
        message = message.replace(str(secret), "***") if secret else message
    state = getattr(cause, "sqlstate", None) or ""
    lowercase = message.lower()
    if state in {"28P01", "28000"} or "authentication failed" in lowercase or "no password supplied" in lowercase:
        return f"The database {address} refused the user or the password; correct WEIR_DATABASE_URL."
    if state == "3D000" or ("database" in lowercase and "does not exist" in lowercase):
        return f"The database {address} does not exist; create it or correct WEIR_DATABASE_URL."
    if (
        state == "42501"
        or "readonly" in lowercase
        or "unable to open" in lowercase
        or isinstance(cause, PermissionError)
    ):
        return f"The database {address} does not let this user do that ({message}); grant it the rights or correct WEIR_DATABASE_URL."
    if state == "55P03" or "is locked" in lowercase:
        return f"The database {address} is locked by another program; wait for it or close it, and run again."
    if "not a database" in lowercase:
        return f"The file of {address} is not an SQLite database; name another one in WEIR_DATABASE_URL."
    if isinstance(error, sa.exc.OperationalError | OSError):
        return f"The database {address} cannot be used ({message}); start or repair it, or correct WEIR_DATABASE_URL."
    # A driver's message about wrong data contains the data: only the kind of error is named.
    kind = f"{type(cause).__name__} {state}".strip()
    return f"The database {address} refused the rows ({kind}); compare its table with the contract, or rename it so that a new one is made."
