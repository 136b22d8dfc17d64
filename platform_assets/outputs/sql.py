"""`weir sql`: one reading statement on DuckDB over the newest versions of the lake's tables, in a folder or on S3.

Files are read by pyarrow, so DuckDB needs no extension and gets no access to files or network at all; what a query asks
for of columns and hours is all that is read. What the rows are written as is in sql_text.py.
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
NEAREST = 3
LONGEST_CAUSE = 200
NAMES_TABLES_ITSELF = re.compile(r"\bquery(_table)?\s*\(", re.IGNORECASE)
"""Functions of DuckDB that read a table whose name is the result of an expression."""


class SqlError(WeirError):
    """The query cannot be answered; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class Answer:
    """The rows of a query as they come, and the tables that it names and nothing is in."""

    rows: pa.RecordBatchReader
    empty_tables: tuple[str, ...]


@contextmanager
def answered(settings: Settings, query: str) -> Iterator[Answer]:
    """The answer to a query, as long as the block lasts; SqlError also where reading fails within it."""
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
        "temp_directory": spill,  # of rows that do not fit into memory; gone with the query
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "errors_as_json": True,
        "integer_division": True,  # as in Athena and Trino
    }


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    """From here on nothing outside of the registered tables can be read, written or configured."""
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
    """The statement as a relation, which nothing has been read for yet."""
    import duckdb

    try:
        return connection.sql(statement)
    except duckdb.Error:
        connection.execute(statement)  # fails for the same reason, and says where in the text
        raise


def _register(connection: duckdb.DuckDBPyConnection, lake: Lake, database: str, query: str) -> tuple[str, ...]:
    """All tables as views; of those that the text does not name only the columns, since opening each costs requests.

    Returns the names of the named ones that hold nothing.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    connection.execute(f'CREATE SCHEMA "{database}"')
    connection.execute(f"SET search_path = '{database}'")
    text, empty = query.lower(), []
    every = NAMES_TABLES_ITSELF.search(query) is not None
    for name, table in sql_tables().items():
        data: Any = pa.Table.from_batches([], arrow_schema(table, with_hour=True))
        if every or name in text:
            data = lake.dataset(table)
            if not isinstance(data, ds.FileSystemDataset):
                empty.append(name)
        connection.from_arrow(data).create_view(name)
    return tuple(empty)


def _unreadable(lake: Lake, error: Exception) -> str:
    without_colors = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    said = textwrap.shorten(without_colors, LONGEST_CAUSE, placeholder=" …").removesuffix(".")
    return f"The lake at {lake.root} cannot be read ({said}); check WEIR_LAKE and try again."


# --- what DuckDB says, as one sentence -----------------------------------------------------------------------


def _sentence(error: duckdb.Error, query: str, database: str, lake: Lake) -> str:
    said = _details(error)
    message = str(said["exception_message"]).strip()
    first, where = message.split("\n")[0].removesuffix(".").removesuffix("!"), _place(said, query)
    if unknown := re.match(r'Table with name "?([^" ]+)"? does not exist', message):
        return _unknown_table(unknown[1], database, where)
    match said.get("error_subtype"):
        case "COLUMN_NOT_FOUND":
            near = re.findall(r'"([^"]+)"', message.partition("Candidate bindings:")[2])
            advice = _nearest(near) or "DESCRIBE shows what a table has"
            return f"There is no column {said['name']} in what the query reads{where}; {advice}."
        case "SYNTAX_ERROR":
            return f"The query is no SQL that DuckDB reads: {first}{where}; correct it there."
    if said.get("exception_type") == "Permission":
        return f"A query reads the tables of the lake and nothing else{where}; `weir sql` lists them."
    if "Arrow" in message or "arrow" in message:
        return _unreadable(lake, Exception(first))
    return f"The query failed: {first}{where}; correct it."


def _details(error: duckdb.Error) -> dict[str, Any]:
    text = str(error)
    try:
        found = json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text.partition(": ")[2] or text}
    return found if "exception_message" in found else {"exception_message": text}


def _place(said: dict[str, Any], query: str) -> str:
    """Line and column, from 1, of the byte that DuckDB names; empty where it names none."""
    if "position" not in said:
        return ""
    before = query.encode()[: int(said["position"])].decode(errors="ignore")
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"


def _unknown_table(asked: str, database: str, where: str) -> str:
    names = list(sql_tables())
    last = asked.lower().rpartition(".")[2]
    near = [name for name in names if f"_{name}".endswith(f"_{last}")]
    near = near or difflib.get_close_matches(last, names, NEAREST)
    advice = _nearest([f"{database}.{name}" for name in near]) or "`weir sql` lists those that there are"
    return f"There is no table {asked}{where}; {advice}."


def _nearest(names: list[str]) -> str:
    """Empty where there are none."""
    if len(names) < 2:
        return f"the nearest is {names[0]}" if names else ""
    return f"the nearest are {', '.join(names[:-1])} or {names[-1]}"
