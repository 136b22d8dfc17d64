"""Standard log v2 as JSON lines or Parquet: each record as a tab-separated line, so that it goes through the same checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import IO, Any

from spark_jobs.sources.cloudfront.layouts import (
    FIELD_COLUMNS,
    OPTIONAL_FIELDS,
    TIME_FIELDS,
    missing_fields,
    record_names,
)

RECORD_FIELDS = (*TIME_FIELDS, *(name for name in FIELD_COLUMNS if name != "cs_uri"))
"""Fields of the tab-separated lines that records become."""
PARQUET_ROWS = 20_000
WHOLE = 1e19
"""Below it a number without a fraction is written as a whole one; no field of a log holds one beyond."""
_EPOCHS = {"timestamp": 1, "timestamp_ms": 1000}
"""Ticks a second."""
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]")


def record_fields(names: Iterable[str]) -> tuple[str, ...]:
    """`RECORD_FIELDS` of records with these (normalized) names: what is optional and not among them is no field."""
    held = set(names)
    return tuple(f"no_{name}" if name in OPTIONAL_FIELDS and name not in held else name for name in RECORD_FIELDS)


class UnusableSchemaError(Exception):
    """The columns of a Parquet file lack a time or the client's address; the message says which."""


def json_line(record: Mapping[str, Any]) -> bytes:
    """A JSON object as a tab-separated line of `RECORD_FIELDS`."""
    return _tab_separated(normalized_names(record))


def normalized_names(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record under the names of `RECORD_FIELDS`."""
    return _with_query_apart(dict(zip(record_names(map(str, record)), record.values(), strict=True)))


def _with_query_apart(record: dict[str, Any]) -> dict[str, Any]:
    """A record of a real-time log with path and query as a standard log has them."""
    if "cs_uri" not in record:
        return record
    uri = record["cs_uri"]
    path, _, query = uri.partition("?") if isinstance(uri, str) else (uri, "", "")
    logged = record.get("cs_uri_query")
    return {**record, "cs_uri_stem": path, "cs_uri_query": query if logged in (None, "", "-") else logged}


def message_line(message: str, fields: tuple[str, ...]) -> bytes | None:
    """The message of a log event that is a tab-separated line of `fields`, as one of `RECORD_FIELDS`."""
    values = message.rstrip("\r\n").split("\t")
    if not fields or len(values) != len(fields):
        return None
    return _tab_separated(_with_query_apart(dict(zip(fields, values, strict=True))))


def parquet_lines(stream: IO[bytes]) -> Iterator[tuple[tuple[str, ...], list[tuple[int, bytes]]]]:
    """The fields, and rows, numbered from 1 as lines are, as tab-separated lines of them, some thousands at a time.

    UnusableSchemaError, ArrowException or OSError where the file cannot be read.
    """
    import pyarrow.parquet as pq

    number = 1
    for batch in pq.ParquetFile(stream).iter_batches(batch_size=PARQUET_ROWS):
        names = record_names(batch.schema.names)
        if number == 1 and (problem := missing_fields(names)):
            raise UnusableSchemaError(f"The Parquet schema cannot be used: {problem}.")
        columns = [column.to_pylist() for column in reversed(batch.columns)]
        rows = [
            _with_query_apart(dict(zip(reversed(names), values, strict=True))) for values in zip(*columns, strict=True)
        ]
        yield record_fields(names), [(number + offset, _tab_separated(row)) for offset, row in enumerate(rows)]
        number += len(rows)


def _tab_separated(record: Mapping[str, Any]) -> bytes:
    texts = [_text(name, record.get(name)) for name in RECORD_FIELDS]
    line = "\t".join(text.replace("\t", "%09").replace("\n", "%0A").replace("\r", "%0D") or "-" for text in texts)
    return line.encode("utf-8", "surrogatepass")


def _text(name: str, value: Any) -> str:
    """A value as CloudFront's text form has it, whatever type another tool gave it."""
    if value is None:
        return "-"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _epoch(name, _moment(value)) if name in _EPOCHS and _ISO_TIME.match(value) else value
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        if name in _EPOCHS:
            return _epoch(name, moment)
        moment = moment.astimezone(UTC)
        return f"{moment:%H:%M:%S}" if name == "time" else f"{moment:%Y-%m-%d}" if name == "date" else str(value)
    if isinstance(value, time):
        return f"{value:%H:%M:%S}"
    if isinstance(value, float | Decimal):
        if value != value:
            return "-"
        return str(int(value)) if abs(float(value)) < WHOLE and value == value // 1 else str(value)
    return str(value)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _epoch(name: str, moment: datetime | None) -> str:
    """The moment as the log's epoch time, in the unit of the field; `-` where it is none."""
    return "-" if moment is None else str(int(moment.timestamp() * _EPOCHS[name]))
