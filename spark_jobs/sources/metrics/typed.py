"""The columns of a file -> typed samples, a column per metric, and the lines and values that are rejected."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.metrics.content import FilesError
from spark_jobs.sources.metrics.file_columns import (
    KEPT_CHARACTERS,
    SPACED,
    TIME_COLUMN,
    FileColumns,
    RejectedLine,
    column_name,
)
from spark_jobs.sources.metrics.times import EARLIEST_US, LARGEST, LATEST_US, epoch_micros, time_problem
from spark_jobs.wording import counted

CLUSTER_COLUMNS = ("cluster_id", "cluster", "cluster_name", "series_id")
KEY_COLUMNS = ("series_id", "cluster_id", "cluster", "cluster_name")
LABEL_COLUMNS = frozenset({"label", "is_anomaly", "anomaly"})
"""Truth that a file may carry; never read as a metric."""
TIMESTAMP = pa.timestamp("us", tz="UTC")
_ENDS_IN_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)\s*$")
FIRST_TEXTS = 100
"""Times of a file that are looked at for a zone."""
EMPTY = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "undefined", "-"})
_GROUPED = {sign: re.compile(rf"[+-]?\d{{1,3}}(?:\{sign}\d{{3}})+(?:[^\d\{sign}]\d*)?") for sign in ",."}
"""Sign between thousands -> numbers written with it."""
NAME_COLUMNS = ("metric", "metric_name", "series")
VALUE_COLUMN = "value"
MANY_NAMES = 1000


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
    titles: Mapping[str, str] = field(default_factory=dict)
    """Name of a column -> how the file writes it."""
    unreadable: tuple[str, ...] = ()
    """A sentence for each file of a folder that could not be read at all."""


def metric_columns(raw: FileColumns) -> list[str]:
    """Columns of numbers that are neither the time, a key nor a label. FilesError where there is none."""
    candidates = [column for column in raw.columns if column not in (TIME_COLUMN, *KEY_COLUMNS, *LABEL_COLUMNS, "")]
    metrics = [column for column in candidates if _holds_numbers(raw.columns[column], raw.decimal)]
    if not metrics:
        others = ", ".join(raw.titles.get(column, column) for column in candidates)
        advice = f"write finite numbers in {others}" if others else "add one"
        raise FilesError(f"{raw.name} has no column of numbers beside {TIME_COLUMN}; {advice}.", "no_metric")
    return metrics


def by_metric(raw: FileColumns) -> FileColumns:
    """A file of one value a line, with a column that names its metric, as one with a column per metric. FilesError."""
    name_column = next((name for name in NAME_COLUMNS if name in raw.columns), None)
    if name_column is None or VALUE_COLUMN not in raw.columns or _holds_numbers(raw.columns[name_column], raw.decimal):
        return raw
    names = _combined(raw.columns[name_column].cast(pa.string()))
    values = _combined(raw.columns[VALUE_COLUMN])
    columns = {column: array for column, array in raw.columns.items() if column not in (name_column, VALUE_COLUMN)}
    titles = dict(raw.titles)
    distinct = [name for name in pc.unique(names).to_pylist() if name and name.strip()]
    if len(distinct) > MANY_NAMES:
        raise FilesError(
            f"{raw.name} names {counted(len(distinct), 'metric')} in the column {name_column}; split it.", "bad_csv"
        )
    for name in distinct:
        column = column_name(name)
        titles[column] = name.strip()
        columns[column] = pc.if_else(pc.fill_null(pc.equal(names, name), False), values, pa.scalar(None, values.type))
    return replace(raw, columns=columns, titles=titles)


def require(raw: FileColumns, *needed: str) -> None:
    """FilesError where the file lacks one of the columns."""
    missing = [column for column in needed if column not in raw.columns]
    if missing:
        raise FilesError(
            f"{raw.name} has no column {' and '.join(missing)}; it has {', '.join(raw.columns) or 'none'}.", "no_column"
        )


def typed(raw: FileColumns, key: Key, metrics: Sequence[str], latest: int = LATEST_US) -> FileContent:
    """Times, keys and numbers of the columns; rows without a time and values that are no number are rejected. FilesError.

    Times from `latest` on (µs since 1970) are out of range.
    """
    try:
        return _typed(raw, key, metrics, latest)
    except pa.ArrowException:
        raise FilesError(
            f"{raw.name} has columns that are neither texts, numbers nor times; write them as such.", "unusable_column"
        ) from None


def _typed(raw: FileColumns, key: Key, metrics: Sequence[str], latest: int) -> FileContent:
    times = _times(raw.columns[TIME_COLUMN])
    rejected = list(raw.rejected)
    is_time = pc.and_(times.is_valid(), _in_range(times, latest))
    is_sound = pc.fill_null(is_time, False)
    for index in _true_indices(pc.invert(is_sound)):
        was_read = times[index].is_valid
        value = raw.columns[TIME_COLUMN][index].as_py()
        reason = "time_out_of_range" if was_read else "bad_time"
        detail = time_problem(times[index].as_py(), latest) if was_read else f"{value!r} is no time."
        rejected.append(_rejected(raw, index, reason, detail))
    columns: dict[str, Any] = {}
    key_name = next((column for column in key.columns if column in raw.columns), None)
    columns[key.name] = _keys(raw.columns[key_name] if key_name else None, len(times), key.default)
    columns["event_at"] = times.cast(TIMESTAMP)
    for metric in metrics:
        numbers, invalid_rows = _numbers(raw.columns[metric], raw.decimal)
        columns[metric] = numbers
        for index in invalid_rows:
            if is_sound[index].as_py():
                value = raw.columns[metric][index].as_py()
                rejected.append(
                    _rejected(raw, index, "bad_number", f"{value!r} is no finite number up to 1e18.", metric)
                )
    columns["line_number"] = raw.lines
    ignored = [column for column in raw.columns if column not in (TIME_COLUMN, key_name, *metrics)]
    rejected.sort(key=lambda line: (line.line_number, line.metric or ""))
    return FileContent(
        pa.table(columns).filter(is_sound), key.name, tuple(metrics), tuple(rejected), tuple(ignored), raw.titles
    )


def _rejected(raw: FileColumns, index: int, reason: str, detail: str, metric: str | None = None) -> RejectedLine:
    line = raw.lines[index].as_py()
    text = raw.line_text(line)
    if not raw.raw_lines:
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
        first = next((text for text in column[:FIRST_TEXTS].to_pylist() if text), "")
        kinds = (TIMESTAMP, pa.timestamp("us")) if _ENDS_IN_ZONE.search(first) else (pa.timestamp("us"), TIMESTAMP)
        for kind in kinds:  # the likelier first, since a cast that fails takes as long as one that does not
            try:
                return column.cast(kind).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
    encoded = column.dictionary_encode()
    micros = pa.array([_bounded(epoch_micros(value)) for value in encoded.dictionary.to_pylist()], pa.int64())
    return micros.take(encoded.indices)


def _bounded(micros: int | None) -> int | None:
    return None if micros is None else max(-(1 << 62), min(micros, 1 << 62))


def _in_range(micros: pa.Array, latest: int) -> pa.Array:
    return pc.and_(pc.greater_equal(micros, EARLIEST_US), pc.less(micros, latest))


def _numbers(column: Any, decimal: str = ".") -> tuple[pa.Array, list[int]]:
    """Finite doubles with nulls, and the indices of values that are neither a number nor empty."""
    column = _combined(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        is_empty = pc.fill_null(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(EMPTY))), True)
        texts = pc.if_else(is_empty, pa.scalar(None, trimmed.type), trimmed)
        try:
            numbers = texts.cast(pa.float64()) if decimal == "." else None
        except pa.ArrowInvalid:
            numbers = None
        if numbers is None:
            encoded = texts.dictionary_encode()
            distinct = [_number(text, decimal) for text in encoded.dictionary.to_pylist()]
            numbers = pa.array(distinct, pa.float64()).take(encoded.indices)
        has_text = texts.is_valid()
    else:
        numbers = column.cast(pa.float64(), safe=False)
        has_text = pc.fill_null(pc.invert(pc.is_nan(numbers)), False)
    is_usable = pc.fill_null(pc.less_equal(pc.abs(numbers), LARGEST), False)
    return pc.if_else(is_usable, numbers, None), _true_indices(pc.and_(has_text, pc.invert(is_usable)))


def _number(text: str, decimal: str) -> float | None:
    """The number that a text tells, with thousands apart, a percent sign, or a decimal comma where `decimal` is one."""
    plain = SPACED.sub("", text.removesuffix("%").strip())
    group = "." if decimal == "," else ","
    if _GROUPED[group].fullmatch(plain):
        plain = plain.replace(group, "")
    try:
        return float(plain.replace(decimal, "."))
    except ValueError:
        return None


def _holds_numbers(column: Any, decimal: str) -> bool:
    """Whether a column is one of numbers: typed as such, or texts of which most that are not empty are numbers."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return True
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return False
    numbers, invalid_rows = _numbers(column, decimal)
    return len(numbers) - numbers.null_count > len(invalid_rows)


def _combined(column: Any) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _true_indices(mask: Any) -> list[int]:
    indices: list[int] = pc.indices_nonzero(mask).to_pylist()
    return indices
