"""Prints rows of `weir sql`: as a table for people, as CSV or JSON for programs.

In tables and CSV, control characters that attackers may have sent are escaped, in CSV formulas as well; JSON has every
value exactly.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from platform_assets.core.escape import for_csv, for_terminal
from platform_assets.outputs.sql import answered
from platform_assets.outputs.sql_tables import database_of, sql_columns, sql_tables, sql_type
from platform_assets.settings import Settings
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console, Group

TABLE_ROWS = 100
"""Rows in a table without --limit."""
CELL_CHARACTERS = 500

Row = Sequence[Any]


def show(
    console: Console, settings: Settings, query: str, format: str | None = None, limit: int | None = None
) -> list[str]:
    """Print the rows of a query; returns notes for the user, in sentences."""
    format = format or ("table" if console.is_terminal else "csv")
    limit = (TABLE_ROWS if format == "table" else 0) if limit is None else limit
    with answered(settings, query) as answer:
        limited = _LimitedRows(_rows(answer.rows), limit)
        try:
            _WRITERS[format](console, answer.rows.schema.names, limited)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has closed the pipe; the interpreter's final flush must not fail
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return []
    notes = [f"Shown: the first {counted(limited.rows, 'row')}; --limit 0 shows all."] if limited.is_cut else []
    if not limited.rows and answer.empty_tables:
        notes.append(
            f"Nothing is in {', '.join(answer.empty_tables)} yet; the pipelines (`weir run --help`) fill them."
        )
    return notes


class _LimitedRows:
    """Rows up to the limit (0: all), and whether there are more."""

    def __init__(self, rows: Iterator[Row], limit: int) -> None:
        self._source, self._limit = rows, limit
        self.rows, self.is_cut = 0, False

    def __iter__(self) -> Iterator[Row]:
        for row in itertools.islice(self._source, self._limit or None):
            self.rows += 1
            yield row
        self.is_cut = bool(self._limit) and next(self._source, None) is not None


def _rows(batches: pa.RecordBatchReader) -> Iterator[Row]:
    for batch in batches:
        columns = [[_plain(value) for value in column.to_pylist()] for column in batch.columns]
        yield from zip(*columns, strict=True)


def _plain(value: Any) -> Any:
    """A JSON value: times as ISO 8601 with Z, decimals as numbers, NaN and infinity as null."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() if value.tzinfo:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


# --- formats -------------------------------------------------------------------------------------------------


def _csv(_: Console, names: Sequence[str], rows: _LimitedRows) -> None:
    """RFC 4180 as `weir export` writes it: null is empty, and the empty string is quoted."""
    sys.stdout.write(",".join(map(_csv_field, names)) + "\n")
    sys.stdout.writelines(",".join(map(_csv_field, row)) + "\n" for row in rows)


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    text = for_csv(value) if isinstance(value, str) else _text(value)
    if text and not any(mark in text for mark in '",\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def _json(_: Console, names: Sequence[str], rows: _LimitedRows) -> None:
    """One array with one row a line."""
    encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    sys.stdout.write("[")
    for number, row in enumerate(rows):
        sys.stdout.write(("," if number else "") + "\n" + encode(dict(zip(names, row, strict=True))))
    sys.stdout.write("\n]\n")


def _table(console: Console, names: Sequence[str], rows: _LimitedRows) -> None:
    """A table if it fits the width, else one block a row."""
    from rich.table import Table
    from rich.text import Text

    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[index]) for row in cells)]) for index, name in enumerate(names)]
    if sum(widths) + 2 * len(names) > console.width and len(names) > 1:
        name_width = max(map(len, names))
        for row in cells:
            for name, cell in zip(names, row, strict=True):
                console.print(Text(f"{name:>{name_width}}  {cell}"))
            console.print()
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


_WRITERS: dict[str, Callable[[Any, Sequence[str], _LimitedRows], None]] = {"csv": _csv, "json": _json, "table": _table}


def _text(value: Any) -> str:
    if isinstance(value, bool | list | dict):
        return json.dumps(value)
    return str(value)


def _cell(value: Any) -> str:
    """For a terminal: escapes control and direction characters, and truncates."""
    text = "" if value is None else _text(value)
    shortened = text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"
    return for_terminal(shortened)


# --- the tables ----------------------------------------------------------------------------------------------


def listing(settings: Settings) -> Group:
    """Every table with its meaning and columns, for rich's Console."""
    from rich.console import Group
    from rich.text import Text

    lines = []
    for name, table in sql_tables().items():
        columns = (
            f"{column.name} {sql_type(column)}{' (personal data)' if column.personal else ''}"
            for column in sql_columns(table)
        )
        lines += [Text(f"{database_of(settings)}.{name}", style="bold"), Text(f"    {table.meaning}")]
        lines += [Text(f"    {', '.join(columns)}"), Text()]
    return Group(*lines, Text("What the columns mean: docs/tables.md. Queries to start with: docs/queries.md."))
