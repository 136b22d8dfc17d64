"""The columns of a file -> typed samples, a column per metric, and the lines and values that are rejected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.metrics.content import FilesError
from spark_jobs.sources.metrics.file_columns import KEPT_CHARACTERS, TIME_COLUMN, FileColumns, RejectedLine
from spark_jobs.sources.metrics.times import EARLIEST_US, LATEST_US, epoch_micros

KEY_COLUMNS = ("series_id", "cluster_id")
LABEL_COLUMNS = frozenset({"label", "is_anomaly", "anomaly"})
"""Truth that a file may carry; never read as a metric."""
TIMESTAMP = pa.timestamp("us", tz="UTC")
EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True)
class Key:
    """What the key of the samples is called, the columns that it is read from, first one first, and its default."""

    name: str
    columns: Sequence[str]
    default: str


@dataclass(frozen=True)
class FileContent:
    """What a file holds. `samples`: `<key>` (string), event_at (UTC), one double a metric, line_number; in file order."""

    samples: pa.Table
    key: str
    metrics: tuple[str, ...]
    rejected: tuple[RejectedLine, ...] = ()
    ignored_columns: tuple[str, ...] = ()


def metric_columns(raw: FileColumns) -> list[str]:
    """Columns of numbers that are neither the time, a key nor a label. FilesError where there is none."""
    candidates = [column for column in raw.columns if column not in (TIME_COLUMN, *KEY_COLUMNS, *LABEL_COLUMNS)]
    metrics = [column for column in candidates if _holds_numbers(raw.columns[column])]
    if not metrics:
        raise FilesError(f"{raw.name} has no column of numbers beside {TIME_COLUMN}; add one.", "no_metric")
    return metrics


def require(raw: FileColumns, *needed: str) -> None:
    """FilesError where the file lacks one of the columns."""
    missing = [column for column in needed if column not in raw.columns]
    if missing:
        raise FilesError(
            f"{raw.name} has no column {' and '.join(missing)}; it has {', '.join(raw.columns) or 'none'}.", "no_column"
        )


def typed(raw: FileColumns, key: Key, metrics: Sequence[str]) -> FileContent:
    """Times, keys and numbers of the columns; rows without a time and values that are no number are rejected. FilesError."""
    try:
        return _typed(raw, key, metrics)
    except pa.ArrowException:
        raise FilesError(
            f"{raw.name} has columns that are neither texts, numbers nor times; write them as such.", "unusable_column"
        ) from None


def _typed(raw: FileColumns, key: Key, metrics: Sequence[str]) -> FileContent:
    times = _times(raw.columns[TIME_COLUMN])
    rejected = list(raw.rejected)
    is_time = pc.and_(times.is_valid(), _in_range(times))
    is_sound = pc.fill_null(is_time, False)
    for index in _true_indices(pc.invert(is_sound)):
        was_read = times[index].is_valid
        value = raw.columns[TIME_COLUMN][index].as_py()
        reason = "time_out_of_range" if was_read else "bad_time"
        detail = f"{value!r} is {'not between 1970 and 2200' if was_read else 'no time'}."
        rejected.append(_rejected(raw, index, reason, detail))
    columns: dict[str, Any] = {}
    key_column = next((raw.columns[column] for column in key.columns if column in raw.columns), None)
    columns[key.name] = _keys(key_column, len(times), key.default)
    columns["event_at"] = times.cast(TIMESTAMP)
    for metric in metrics:
        numbers, invalid_rows = _numbers(raw.columns[metric])
        columns[metric] = numbers
        for index in invalid_rows:
            if is_sound[index].as_py():
                value = raw.columns[metric][index].as_py()
                rejected.append(_rejected(raw, index, "bad_number", f"{value!r} is no finite number.", metric))
    columns["line_number"] = raw.lines
    ignored = [column for column in raw.columns if column not in (TIME_COLUMN, *KEY_COLUMNS, *metrics)]
    rejected.sort(key=lambda line: (line.line_number, line.metric or ""))
    return FileContent(pa.table(columns).filter(is_sound), key.name, tuple(metrics), tuple(rejected), tuple(ignored))


def _rejected(raw: FileColumns, index: int, reason: str, detail: str, metric: str | None = None) -> RejectedLine:
    line = raw.lines[index].as_py()
    if raw.raw_lines:
        text = raw.raw_lines[line - 1].rstrip("\r")
    else:
        text = json.dumps({name: column[index].as_py() for name, column in raw.columns.items()}, default=str)
    return RejectedLine(line, reason, detail, text[:KEPT_CHARACTERS], metric)


def _keys(column: Any, count: int, default: str) -> pa.Array:
    if column is None:
        return pa.repeat(default, count)
    texts = pc.utf8_trim_whitespace(_combined(column).cast(pa.string()))
    return pc.if_else(pc.fill_null(pc.not_equal(texts, ""), False), texts, default)


def _times(column: Any) -> pa.Array:
    """Microseconds since 1970, null where there is no time."""
    column = _combined(column)
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    if pa.types.is_date(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        for kind in (pa.timestamp("us"), TIMESTAMP):
            try:
                return column.cast(kind).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
    encoded = column.dictionary_encode()
    micros = pa.array([_bounded(epoch_micros(value)) for value in encoded.dictionary.to_pylist()], pa.int64())
    return micros.take(encoded.indices)


def _bounded(micros: int | None) -> int | None:
    return None if micros is None else max(-(1 << 62), min(micros, 1 << 62))


def _in_range(micros: pa.Array) -> pa.Array:
    return pc.and_(pc.greater_equal(micros, EARLIEST_US), pc.less(micros, LATEST_US))


def _numbers(column: Any) -> tuple[pa.Array, list[int]]:
    """Finite doubles with nulls, and the indices of values that are neither a number nor empty."""
    column = _combined(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        is_empty = pc.fill_null(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(EMPTY))), True)
        texts = pc.if_else(is_empty, pa.scalar(None, trimmed.type), trimmed)
        try:
            numbers = texts.cast(pa.float64())
        except pa.ArrowInvalid:
            numbers = pa.array([_number(text) for text in texts.to_pylist()], pa.float64())
        has_text = texts.is_valid()
    else:
        numbers = column.cast(pa.float64(), safe=False)
        has_text = pc.fill_null(pc.invert(pc.is_nan(numbers)), False)
    is_finite = pc.fill_null(pc.is_finite(numbers), False)
    return pc.if_else(is_finite, numbers, None), _true_indices(pc.and_(has_text, pc.invert(is_finite)))


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _holds_numbers(column: Any) -> bool:
    """Whether a column is one of numbers: typed as such, or texts of which most that are not empty are numbers."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return True
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return False
    numbers, invalid_rows = _numbers(column)
    return len(numbers) - numbers.null_count > len(invalid_rows)


def _combined(column: Any) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _true_indices(mask: Any) -> list[int]:
    indices: list[int] = pc.indices_nonzero(mask).to_pylist()
    return indices
