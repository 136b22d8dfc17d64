"""JSON with a key per metric, in any layout -> columns, all texts."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from spark_jobs.sources.metrics.file_columns import (
    KEPT_CHARACTERS,
    FileColumns,
    RejectedLine,
    column_name,
    encodable,
    with_time_column,
)
from spark_jobs.storage.json_records import JsonReader


def json_columns(text: str, name: str) -> FileColumns:
    """Columns of a file of JSON objects, a line each or otherwise; what is none is rejected."""
    rejected: list[RejectedLine] = []
    rows: list[dict[str, Any]] = []
    titles: dict[str, str] = {}
    texts: dict[int, str] = {}
    for batch in JsonReader([text.encode()]):
        for record in batch:
            record_text = encodable(record.text.strip())[:KEPT_CHARACTERS]
            if isinstance(record.fields, dict):
                titles |= {column_name(key): encodable(key).strip() for key in record.fields}
                rows.append({column_name(key): value for key, value in record.fields.items()})
                texts[record.number] = record_text
            else:
                rejected.append(RejectedLine(record.number, "bad_json", "The line is no JSON object.", record_text))
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {column: pa.array([_text(row.get(column)) for row in rows], pa.string()) for column in names}
    numbers = pa.array(list(texts), pa.int64())
    return FileColumns(name, with_time_column(columns), numbers, rejected, texts, titles=titles)


def _text(value: object) -> str | None:
    """A JSON value as a CSV field would have it; doubles round-trip."""
    if value is None:
        return None
    if isinstance(value, str):
        return encodable(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)
