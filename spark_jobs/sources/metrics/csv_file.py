"""CSV with a column per metric -> its columns, all texts: whatever stands between fields and before decimals, and with the
lines that CloudWatch's console and spreadsheets put before the header.
"""

from __future__ import annotations

import csv as rows_of_text
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
from pyarrow import csv

from spark_jobs.sources.metrics.content import FilesError
from spark_jobs.sources.metrics.file_columns import (
    KEPT_CHARACTERS,
    SPACED,
    TIME_COLUMN,
    TIME_NAMES,
    FileColumns,
    RejectedLine,
    column_name,
    encodable,
    with_time_column,
)
from spark_jobs.sources.metrics.nearest import nearest_form

DELIMITERS = (",", ";", "\t", "|")
LINES_LOOKED_AT = 50
"""Of the beginning, for the header; and lines with commas, for the sign before decimals."""
LABEL_NAMES = ("label", "full label")
"""First cells of the line with the names of the metrics, in files of CloudWatch's console."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*%?")
_WITH_COMMA = re.compile(r"[+-]?\d[\d.]*,[\d,.]*\s*%?")


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    titles: Sequence[str]
    """Of the columns, in order."""
    first_row: int
    """Lines before the first one of values."""


def csv_columns(text: str, name: str) -> FileColumns:
    """Columns of a CSV file with a header line; lines with too many or too few fields are rejected. FilesError."""
    lines = text.split("\n")
    layout = _layout(lines, name)
    names = [column_name(title) for title in layout.titles]
    rejected: list[RejectedLine] = []
    blank: set[int] = set()

    def skip(row: csv.InvalidRow) -> str:
        if row.text.strip():
            detail = f"The line has {row.actual_columns} fields, the header {row.expected_columns}."
            rejected.append(RejectedLine(row.number, "field_count", detail, row.text[:KEPT_CHARACTERS]))
        else:
            blank.add(row.number)
        return "skip"

    try:
        table = csv.read_csv(
            BytesIO(text.encode()),
            read_options=csv.ReadOptions(
                use_threads=False, column_names=names, skip_rows=layout.first_row, block_size=64 << 20
            ),
            parse_options=csv.ParseOptions(
                delimiter=layout.delimiter, invalid_row_handler=skip, ignore_empty_lines=False
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowException as error:
        raise FilesError(f"{name} is no CSV ({str(error).splitlines()[0][:200]}); correct it.", "bad_csv") from None
    missing = blank | {line.line_number for line in rejected}
    first = layout.first_row + 1
    numbers = [number for number in range(first, table.num_rows + len(missing) + first) if number not in missing]
    if "" in (line.strip() for line in lines[layout.first_row : -1]):
        has_text = [bool(lines[number - 1].strip()) for number in numbers]
        numbers = [number for number, keep in zip(numbers, has_text, strict=True) if keep]
        table = table.filter(pa.array(has_text))
    columns = with_time_column({column: table[column] for column in names})
    titles = dict(zip(names, (encodable(title).strip() for title in layout.titles), strict=True))
    decimal = _decimal_sign(lines[layout.first_row :], layout.delimiter)
    return FileColumns(name, columns, pa.array(numbers, pa.int64()), rejected, lines, decimal, titles)


def _layout(lines: Sequence[str], name: str) -> _Layout:
    """How the file is laid out, by its first lines. FilesError where none of them names a column of times."""
    separator = _SEPARATOR_LINE.fullmatch(lines[0].rstrip("\r"))
    delimiters = (separator[1],) if separator else DELIMITERS
    for delimiter in delimiters:
        if (layout := _console_layout(lines, delimiter)) is not None:
            return layout
    for number, line in enumerate(lines[:LINES_LOOKED_AT]):
        by_delimiter = {delimiter: fields_of(line, delimiter) for delimiter in delimiters}
        delimiter = max(delimiters, key=lambda delimiter: len(by_delimiter[delimiter]))
        titles = by_delimiter[delimiter]
        names = [column_name(title) for title in titles]
        if not set(TIME_NAMES) & set(names):
            continue
        if repeated := sorted({column for column in names if names.count(column) > 1}):
            raise FilesError(
                f"{name} has no header line with {TIME_COLUMN} and other distinct names: "
                f"{repeated[0] or 'a column without a name'} occurs twice; rename one.",
                "no_header",
            )
        return _Layout(delimiter, titles, number + 1)
    nearest = nearest_form(lines[:LINES_LOOKED_AT])
    raise FilesError(f"{name} has no header line with {TIME_COLUMN} and other distinct names; {nearest}.", "no_header")


def _console_layout(lines: Sequence[str], delimiter: str) -> _Layout | None:
    """The layout of a file of CloudWatch's console: a line of labels, others about them, then times and values."""
    rows = [fields_of(line, delimiter) for line in lines[:LINES_LOOKED_AT]]
    labels = next((row for row in rows if len(row) > 1 and column_name(row[0]) in LABEL_NAMES), None)
    if labels is None:
        return None
    first_row = next((number for number, row in enumerate(rows) if row and row[0].strip()[:4].isdigit()), None)
    titles = [TIME_COLUMN, *labels[1:]]
    if first_row is None or len({*map(column_name, titles)}) < len(titles):
        return None
    return _Layout(delimiter, titles, first_row)


def fields_of(line: str, delimiter: str) -> list[str]:
    """The fields of a line; [] where it is none."""
    try:
        return next(rows_of_text.reader([line.rstrip("\r")], delimiter=delimiter), [])
    except rows_of_text.Error:
        return []


def _decimal_sign(lines: Sequence[str], delimiter: str) -> str:
    """`,` where numbers are written with a decimal comma, else `.`."""
    sign, looked_at = ".", 0
    for line in lines:
        if "," not in line or (delimiter == "," and '"' not in line):
            continue
        looked_at += 1
        for field in fields_of(line, delimiter):
            text = SPACED.sub("", field.strip())
            if "," not in text or not _WITH_COMMA.fullmatch(text):
                continue
            if text.count(",") > 1 or text.rfind(".") > text.rfind(","):
                return "."
            if delimiter != "," or not _GROUPED.fullmatch(text):
                sign = ","
        if looked_at >= LINES_LOOKED_AT:
            break
    return sign
