"""Standard log v2 as JSON lines or Parquet: each record as a tab-separated line, so that it goes through the same checks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from spark_jobs.sources.cloudfront.layouts import FIELD_COLUMNS, TIME_FIELDS, missing_fields, normalized

RECORD_FIELDS = (*TIME_FIELDS, *FIELD_COLUMNS)
"""Fields of the tab-separated lines that records become."""
PARQUET_ROWS = 20_000


class UnusableSchemaError(Exception):
    """The columns of a Parquet file lack a time or the client's address; the message says which."""


def json_line(line: bytes) -> bytes | None:
    """A JSON object as a tab-separated line of `RECORD_FIELDS`, None where the line is no JSON object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    return _tab_separated({normalized(str(name)): value for name, value in record.items()})


def parquet_lines(stream: IO[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    """Rows, numbered from 1 as lines are, as tab-separated lines of `RECORD_FIELDS`, some thousands at a time.

    UnusableSchemaError, ArrowException or OSError where the file cannot be read.
    """
    import pyarrow.parquet as pq

    number = 1
    for batch in pq.ParquetFile(stream).iter_batches(batch_size=PARQUET_ROWS):
        names = [normalized(name) for name in batch.schema.names]
        if number == 1 and (problem := missing_fields(tuple(names))):
            raise UnusableSchemaError(f"The Parquet schema cannot be used: {problem}.")
        columns = [column.to_pylist() for column in reversed(batch.columns)]
        rows = [dict(zip(reversed(names), values, strict=True)) for values in zip(*columns, strict=True)]
        yield [(number + offset, _tab_separated(row)) for offset, row in enumerate(rows)]
        number += len(rows)


def _tab_separated(record: Mapping[str, Any]) -> bytes:
    values = []
    for name in RECORD_FIELDS:
        value = record.get(name)
        text = "-" if value is None else value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        values.append(text.replace("\t", "%09").replace("\n", "%0A").replace("\r", "%0D") or "-")
    return "\t".join(values).encode("utf-8", "surrogatepass")
