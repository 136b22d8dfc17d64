"""CSV with a column per metric -> its columns, all texts."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
from pyarrow import csv

from spark_jobs.sources.metrics.content import FilesError
from spark_jobs.sources.metrics.file_columns import (
    KEPT_CHARACTERS,
    TIME_COLUMN,
    FileColumns,
    RejectedLine,
    column_name,
)


def csv_columns(text: str, name: str) -> FileColumns:
    """Columns of a CSV file with a header line; lines with too many or too few fields are rejected. FilesError."""
    lines = text.split("\n")
    rejected: list[RejectedLine] = []
    blank: set[int] = set()

    def skip(row: csv.InvalidRow) -> str:
        if row.text.strip():
            detail = f"The line has {row.actual_columns} fields, the header {row.expected_columns}."
            rejected.append(RejectedLine(row.number, "field_count", detail, row.text[:KEPT_CHARACTERS]))
        else:
            blank.add(row.number)
        return "skip"

    names = [column_name(field) for field in lines[0].rstrip("\r").split(",")]
    if len(set(names)) < len(names) or TIME_COLUMN not in names:
        raise FilesError(
            f"{name} has no header line with {TIME_COLUMN} and other distinct names; add one.", "no_header"
        )
    try:
        table = csv.read_csv(
            BytesIO(text.encode()),
            read_options=csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1, block_size=64 << 20),
            parse_options=csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowException as error:
        raise FilesError(f"{name} is no CSV ({str(error).splitlines()[0][:200]}); correct it.", "bad_csv") from None
    missing = blank | {line.line_number for line in rejected}
    numbers = [number for number in range(2, table.num_rows + len(missing) + 2) if number not in missing]
    if "" in (line.strip() for line in lines[:-1]):
        has_text = [bool(lines[number - 1].strip()) for number in numbers]
        numbers = [number for number, keep in zip(numbers, has_text, strict=True) if keep]
        table = table.filter(pa.array(has_text))
    columns = {column: table[column] for column in names}
    return FileColumns(name, columns, pa.array(numbers, pa.int64()), rejected, lines)
