"""`weir sql`: one SELECT on DuckDB over the newest versions of the lake's tables, in a folder or on S3.

pyarrow reads the files, so DuckDB needs no extension and no access to files or network; only the columns and hours of
the query are read. sql_text.py prints the rows.
"""

from __future__ import annotations

import difflib
import json
import re
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platform_assets.clients.engine import lake_of
from platform_assets.outputs.sql_tables import database_of, sql_tables
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH_ROWS = 8_192
MAX_SUGGESTIONS = 3
MAX_CAUSE_LENGTH = 200
NAMES_TABLES_ITSELF = re.compile(r"\bquery(_table)?\s*\(", re.IGNORECASE)
"""DuckDB functions that read a table by a computed name."""


class SqlError(WeirError):
    """The query cannot be answered; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class Answer:
    """The rows of a query, streamed, and the names of its empty tables."""

    rows: pa.RecordBatchReader
    empty_tables: tuple[str, ...]


@contextmanager
def answered(settings: Settings, query: str) -> Iterator[Answer]:
    """The answer to a query, readable within the block; SqlError also if reading fails within it."""
    import duckdb
    from deltalake.exceptions import DeltaError

    if not settings.lake and not settings.home.is_dir():
        raise SqlError(
            f"There is no home {settings.home}; run `weir demo` or a pipeline (`weir run --help`) first, or correct --home."
        )
    lake, database = lake_of(settings), database_of(settings)
    with tempfile.TemporaryDirectory(prefix="weir-sql-") as spill, duckdb.connect(config=_config(spill)) as connection:
        try:
            statement = _only_statement(connection, query)
            empty = _register(connection, lake, database, query)
            _lock(connection)
            yield Answer(_bound(connection, statement).to_arrow_reader(BATCH_ROWS), empty)
        except BrokenPipeError:
            raise
        except duckdb.Error as error:
            raise SqlError(_sentence(error, query, database, lake)) from None
        except (OSError, DeltaError) as error:
            raise SqlError(_unreadable(lake, error)) from None


def _config(spill: str) -> dict[str, Any]:
    return {
        "temp_directory": spill,  # for rows that do not fit into memory
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "errors_as_json": True,
        "integer_division": True,  # as in Athena and Trino
    }


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Prevent access to anything but the registered tables, and any configuration."""
    for setting in (
        "TimeZone = 'UTC'",
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _only_statement(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    import duckdb

    statements = connection.extract_statements(query)
    if not statements:
        raise SqlError(
            'There is no query; write one such as "select * from … limit 10", or name none to see the tables.'
        )
    if len(statements) > 1:
        raise SqlError(f"The query holds {len(statements)} statements; send them one by one.")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise SqlError(
            f"The lake is only read: {statements[0].type.name} is refused; use SELECT, WITH, DESCRIBE or SHOW."
        )
    return statements[0]


def _bound(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> Any:
    """The statement as a lazy relation."""
    import duckdb

    try:
        return connection.sql(statement)
    except duckdb.Error:
        connection.execute(statement)  # fails for the same reason, with the position in the text
        raise


def _register(connection: duckdb.DuckDBPyConnection, lake: Lake, database: str, query: str) -> tuple[str, ...]:
    """Register all tables as views; those that the query does not name without rows, since opening a table costs requests.

    Returns the names of empty tables in the query.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    connection.execute(f'CREATE SCHEMA "{database}"')
    connection.execute(f"SET search_path = '{database}'")
    lowercase, empty = query.lower(), []
    reads_all = NAMES_TABLES_ITSELF.search(query) is not None
    for name, table in sql_tables().items():
        data: Any = pa.Table.from_batches([], arrow_schema(table, with_hour=True))
        if reads_all or name in lowercase:
            data = lake.dataset(table)
            if not isinstance(data, ds.FileSystemDataset):
                empty.append(name)
        connection.from_arrow(data).create_view(name)
    return tuple(empty)


def _unreadable(lake: Lake, error: Exception) -> str:
    without_colors = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    reason = textwrap.shorten(without_colors, MAX_CAUSE_LENGTH, placeholder=" …").removesuffix(".")
    return f"The lake at {lake.root} cannot be read ({reason}); check WEIR_LAKE and try again."


# --- DuckDB's errors as one sentence -------------------------------------------------------------------------


def _sentence(error: duckdb.Error, query: str, database: str, lake: Lake) -> str:
    details = _details(error)
    message = str(details["exception_message"]).strip()
    first_line, position = message.split("\n")[0].removesuffix(".").removesuffix("!"), _position(details, query)
    if unknown := re.match(r'Table with name "?([^" ]+)"? does not exist', message):
        return _unknown_table(unknown[1], database, position)
    match details.get("error_subtype"):
        case "COLUMN_NOT_FOUND":
            candidates = re.findall(r'"([^"]+)"', message.partition("Candidate bindings:")[2])
            advice = _nearest(candidates) or "DESCRIBE shows what a table has"
            return f"There is no column {details['name']} in what the query reads{position}; {advice}."
        case "SYNTAX_ERROR":
            return f"The query is no SQL that DuckDB reads: {first_line}{position}; correct it there."
    if details.get("exception_type") == "Permission":
        return f"A query reads the tables of the lake and nothing else{position}; `weir sql` lists them."
    if "Arrow" in message or "arrow" in message:
        return _unreadable(lake, Exception(first_line))
    return f"The query failed: {first_line}{position}; correct it."


def _details(error: duckdb.Error) -> dict[str, Any]:
    text = str(error)
    try:
        details = json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text.partition(": ")[2] or text}
    return details if "exception_message" in details else {"exception_message": text}


def _position(details: dict[str, Any], query: str) -> str:
    """Line and column, from 1, of the position in DuckDB's error; empty if it has none."""
    if "position" not in details:
        return ""
    preceding = query.encode()[: int(details["position"])].decode(errors="ignore")
    return f" (line {preceding.count(chr(10)) + 1}, column {len(preceding) - preceding.rfind(chr(10))})"


def _unknown_table(name: str, database: str, position: str) -> str:
    names = list(sql_tables())
    last_part = name.lower().rpartition(".")[2]
    similar = [other for other in names if f"_{other}".endswith(f"_{last_part}")]
    similar = similar or difflib.get_close_matches(last_part, names, MAX_SUGGESTIONS)
    advice = _nearest([f"{database}.{other}" for other in similar]) or "`weir sql` lists those that there are"
    return f"There is no table {name}{position}; {advice}."


def _nearest(names: list[str]) -> str:
    """The clause that names the nearest names; empty if there are none."""
    if len(names) < 2:
        return f"the nearest is {names[0]}" if names else ""
    return f"the nearest are {', '.join(names[:-1])} or {names[-1]}"
