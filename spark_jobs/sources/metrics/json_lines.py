"""JSON lines with a key per metric -> columns, all texts."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from spark_jobs.sources.metrics.file_columns import KEPT_CHARACTERS, FileColumns, RejectedLine, column_name, encodable


def json_columns(text: str, name: str) -> FileColumns:
    """Columns of a file of one JSON object a line; lines that are none are rejected, blank ones left out."""
    lines = text.split("\n")
    rejected: list[RejectedLine] = []
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append({column_name(key): value for key, value in row.items()})
            numbers.append(number)
        else:
            raw_line = line.strip()[:KEPT_CHARACTERS]
            rejected.append(RejectedLine(number, "bad_json", "The line is no JSON object.", raw_line))
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {column: pa.array([_text(row.get(column)) for row in rows], pa.string()) for column in names}
    return FileColumns(name, columns, pa.array(numbers, pa.int64()), rejected, lines)


def _text(value: object) -> str | None:
    """A JSON value as a CSV field would have it; doubles round-trip."""
    if value is None:
        return None
    if isinstance(value, str):
        return encodable(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)
