"""One file of cluster metrics or of any metric series -> an Arrow table and the lines that are not in it, with reasons.

CSV, Parquet and JSON lines, plain or gzip, recognised by content. Pure pyarrow and standard library: no engine, no lake,
no AWS. What the metrics of a monitoring system are called is `mapping.py`'s, how samples become a grid `grid.py`'s.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.cluster_metrics import METRICS

TIME_COLUMN = "timestamp"
KEY_COLUMNS = ("series_id", "cluster_id")
LABEL_COLUMNS = frozenset({"label", "is_anomaly", "anomaly"})
"""Truth that a file may carry; never read as a metric."""
SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")
TIMESTAMP = pa.timestamp("us", tz="UTC")
EARLIEST_US, LATEST_US = 0, 7_258_118_400_000_000  # 1970 to 2200
MAX_FILE_BYTES = 8 << 30
KEPT_CHARACTERS = 8192
EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none"})
EPOCH_UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (float("inf"), 1e-3))
"""Epoch times below the first figure are multiplied by the second to be microseconds: s, ms, µs, ns."""


class FilesError(WeirError):
    """A file cannot be read at all; the message is one sentence that says why and what to do. `reason` is a stable word."""

    exit_code = ExitCode.INPUT

    def __init__(self, message: str, reason: str = "unreadable") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class RejectedLine:
    """A line, or with `metric` one value of it, that is not in the table. Lines count from 1; of Parquet, rows."""

    line_number: int
    reason: str
    """bad_time, time_out_of_range, bad_number, bad_json, field_count."""
    detail: str
    raw_line: str = ""
    metric: str | None = None


@dataclass(frozen=True)
class FileContent:
    """What a file holds. `samples`: `<key>` (string), event_at (UTC), one double a metric, line_number; in file order."""

    samples: pa.Table
    key: str
    metrics: tuple[str, ...]
    rejected: tuple[RejectedLine, ...] = ()
    ignored_columns: tuple[str, ...] = ()


@dataclass
class _Raw:
    """Columns as the file has them, of the same length, and the line of each row."""

    columns: dict[str, pa.Array | pa.ChunkedArray]
    lines: pa.Array
    rejected: list[RejectedLine] = field(default_factory=list)
    raw_lines: Mapping[int, str] | Sequence[str] = ()


def input_files(location: str | Path) -> list[Path]:
    """The file, or the files of the folder and its subfolders that a name says we read, in the order of their names."""
    path = Path(location).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FilesError(f"{path} is neither a file nor a folder; correct the path.")
    found = sorted(one for one in path.rglob("*") if one.is_file() and _is_read(one))
    if not found:
        raise FilesError(f"{path} holds no file that ends in {', '.join(SUFFIXES)} (or one of these and .gz); add one.")
    return found


def read_clusters(location: str | Path) -> FileContent:
    """All cluster files of a location as one table; a metric that a file lacks is null. FilesError."""
    return _joined([_read(path, name, read_cluster_stream) for path, name in _with_names(location)], "cluster_id")


def read_series(location: str | Path) -> FileContent:
    """All files of a location as one table of any metric series. FilesError."""
    return _joined([_read(path, name, read_series_stream) for path, name in _with_names(location)], "series_id")


def read_cluster_file(path: str | Path) -> FileContent:
    """A file with timestamp, cluster_id (else its name), cpu_utilization and any of the other METRICS. FilesError."""
    return _read(path, stem(str(path)), read_cluster_stream)


def read_series_file(path: str | Path) -> FileContent:
    """A file with timestamp, series_id or cluster_id (else its name) and any columns of numbers. FilesError."""
    return _read(path, stem(str(path)), read_series_stream)


def read_cluster_stream(stream: IO[bytes], name: str, cluster_id: str | None = None) -> FileContent:
    """As `read_cluster_file`, of an open file called `name`; `cluster_id` is that of lines that name none."""
    raw = _raw(stream, name)
    _require(raw, name, TIME_COLUMN, "cpu_utilization")
    metrics = [metric for metric in METRICS if metric in raw.columns]
    return _content(raw, name, cluster_id or stem(name), "cluster_id", ("cluster_id",), metrics)


def read_series_stream(stream: IO[bytes], name: str, series_id: str | None = None) -> FileContent:
    """As `read_series_file`, of an open file called `name`; `series_id` is that of lines that name none."""
    raw = _raw(stream, name)
    _require(raw, name, TIME_COLUMN)
    return _content(raw, name, series_id or stem(name), "series_id", KEY_COLUMNS, _metric_columns(raw, name))


def read_metrics_stream(stream: IO[bytes], name: str) -> FileContent:
    """As `read_series_stream`, the series being clusters: any columns of numbers are their metrics."""
    raw = _raw(stream, name)
    _require(raw, name, TIME_COLUMN)
    return _content(raw, name, stem(name), "cluster_id", ("cluster_id", "series_id"), _metric_columns(raw, name))


def by_key(content: FileContent) -> dict[str, pa.Table]:
    """The samples of each cluster or series, in order of time; equal times in file order."""
    samples = content.samples
    order = pc.sort_indices(
        samples, sort_keys=[(content.key, "ascending"), ("event_at", "ascending"), ("line_number", "ascending")]
    )
    samples = samples.take(order)
    counts = pc.value_counts(samples[content.key].combine_chunks()).to_pylist()
    found, at = {}, 0
    for one in sorted(counts, key=lambda one: str(one["values"]).encode()):
        found[one["values"]] = samples.slice(at, one["counts"])
        at += one["counts"]
    return found


def stem(name: str) -> str:
    """`a/web-1.csv.gz` -> `web-1`, the cluster of a file that names none."""
    last = PurePosixPath(name.replace("\\", "/")).name
    last = last.removesuffix(".gz")
    return next((last[: -len(one)] for one in (*SUFFIXES, ".json") if last.lower().endswith(one)), last) or "unnamed"


def epoch_micros(value: object) -> int | None:
    """Microseconds since 1970 of ISO 8601 text (no zone: UTC), or of epoch seconds, ms, µs or ns; None for neither."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        delta = at - datetime(1970, 1, 1, tzinfo=UTC)
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if number != number or abs(number) > 1e19:
        return None
    factor = next(factor for below, factor in EPOCH_UNITS if abs(number) < below)
    if factor >= 1 and text.lstrip("-").isdigit():
        return int(text) * int(factor)
    return round(number * factor)


# Formats


def _with_names(location: str | Path) -> list[tuple[Path, str]]:
    """Files and what the series of each is called where it does not say: its stem, with folders where two have the same."""
    paths = input_files(location)
    counts = Counter(stem(path.name) for path in paths)
    root = Path(location).expanduser()
    return [
        (path, stem(path.name) if counts[stem(path.name)] == 1 else _with_folders(path.relative_to(root)))
        for path in paths
    ]


def _with_folders(path: Path) -> str:
    return path.with_name(stem(path.name)).as_posix()


def _read(path: str | Path, name: str, read: Callable[[IO[bytes], str, str], FileContent]) -> FileContent:
    with _opened(path) as stream:
        return read(stream, str(path), name)


def _is_read(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES) and not path.name.startswith(".")


def _opened(path: str | Path) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise FilesError(
            f"{path} cannot be read ({error.strerror}); correct the path or let this user read it."
        ) from None


def _raw(stream: IO[bytes], name: str) -> _Raw:
    data = content_of(stream, name)
    if data.startswith(b"PAR1"):
        return _parquet(data, name)
    text = data.decode("utf-8-sig", "replace")
    if not text.strip():
        raise FilesError(f"{name} is empty; remove it or deliver it again.", "empty_object")
    return _json_lines(text, name) if text.lstrip().startswith("{") else _csv(text, name)


def content_of(stream: IO[bytes], name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """All bytes, decompressed where they are gzip. FilesError where they are damaged or too many."""
    head = stream.read(2)
    source: IO[bytes] = stream
    if head == b"\x1f\x8b":
        rest = BytesIO(head + stream.read())
        source, head = gzip.GzipFile(fileobj=rest), b""  # type: ignore[assignment]
    try:
        data = head + source.read(max_bytes + 1 - len(head))
    except (OSError, EOFError, zlib.error):
        raise FilesError(f"{name} is damaged gzip; deliver it again.", "corrupt_gzip") from None
    if len(data) > max_bytes:
        raise FilesError(f"{name} holds more than {max_bytes} bytes; split it.", "object_too_large")
    return data


def _parquet(data: bytes, name: str) -> _Raw:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(BytesIO(data))
    except (pa.ArrowException, OSError):
        raise FilesError(f"{name} is damaged Parquet; write it again.", "corrupt_parquet") from None
    columns = {_named(one): table[one] for one in table.column_names}
    return _Raw(columns, pa.array(range(1, table.num_rows + 1), pa.int64()))


def _csv(text: str, name: str) -> _Raw:
    from pyarrow import csv

    lines = text.split("\n")
    rejected: list[RejectedLine] = []

    def odd(row: csv.InvalidRow) -> str:
        if row.text.strip():
            detail = f"The line has {row.actual_columns} fields, the header {row.expected_columns}."
            rejected.append(RejectedLine(row.number, "field_count", detail, row.text[:KEPT_CHARACTERS]))
        else:
            blank.add(row.number)
        return "skip"

    blank: set[int] = set()
    names = [_named(one) for one in lines[0].rstrip("\r").split(",")]
    if len(set(names)) < len(names) or TIME_COLUMN not in names:
        raise FilesError(
            f"{name} has no header line with {TIME_COLUMN} and other distinct names; add one.", "no_header"
        )
    try:
        table = csv.read_csv(
            BytesIO(text.encode()),
            read_options=csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1, block_size=64 << 20),
            parse_options=csv.ParseOptions(invalid_row_handler=odd, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowException as error:
        raise FilesError(f"{name} is no CSV ({str(error).splitlines()[0][:200]}); correct it.", "bad_csv") from None
    missing = blank | {one.line_number for one in rejected}
    numbers = [number for number in range(2, table.num_rows + len(missing) + 2) if number not in missing]
    if "" in (line.strip() for line in lines[:-1]):
        there = [bool(lines[number - 1].strip()) for number in numbers]
        numbers = [number for number, is_there in zip(numbers, there, strict=True) if is_there]
        table = table.filter(pa.array(there))
    return _Raw({one: table[one] for one in names}, pa.array(numbers, pa.int64()), rejected, lines)


def _json_lines(text: str, name: str) -> _Raw:
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
            rows.append({_named(key): value for key, value in row.items()})
            numbers.append(number)
        else:
            rejected.append(
                RejectedLine(number, "bad_json", "The line is no JSON object.", line.strip()[:KEPT_CHARACTERS])
            )
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {one: pa.array([_text(row.get(one)) for row in rows], pa.string()) for one in names}
    return _Raw(columns, pa.array(numbers, pa.int64()), rejected, lines)


def _text(value: object) -> str | None:
    """A JSON value as a CSV cell would have it; doubles come back to the bit."""
    if value is None:
        return None
    if isinstance(value, str):
        return _encodable(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _named(name: str) -> str:
    return _encodable(name).strip().strip('"').lower()


def _encodable(text: str) -> str:
    """JSON may escape halves of characters, which no UTF-8 has."""
    return text.encode("utf-8", "backslashreplace").decode()


# Typing


def _metric_columns(raw: _Raw, name: str) -> list[str]:
    others = [one for one in raw.columns if one not in (TIME_COLUMN, *KEY_COLUMNS, *LABEL_COLUMNS)]
    metrics = [one for one in others if _holds_numbers(raw.columns[one])]
    if not metrics:
        raise FilesError(f"{name} has no column of numbers beside {TIME_COLUMN}; add one.", "no_metric")
    return metrics


def _require(raw: _Raw, name: str, *needed: str) -> None:
    lacking = [one for one in needed if one not in raw.columns]
    if lacking:
        raise FilesError(
            f"{name} has no column {' and '.join(lacking)}; it has {', '.join(raw.columns) or 'none'}.", "no_column"
        )


def _content(
    raw: _Raw, name: str, default: str, key: str, key_columns: Iterable[str], metrics: Sequence[str]
) -> FileContent:
    try:
        return _typed(raw, default, key, key_columns, metrics)
    except pa.ArrowException:
        raise FilesError(
            f"{name} has columns that are neither texts, numbers nor times; write them as such.", "unusable_column"
        ) from None


def _typed(raw: _Raw, default: str, key: str, key_columns: Iterable[str], metrics: Sequence[str]) -> FileContent:
    times = _times(raw.columns[TIME_COLUMN])
    rejected = list(raw.rejected)
    is_time = pc.and_(times.is_valid(), _in_range(times))
    sound = pc.fill_null(is_time, False)
    for index in _where(pc.invert(sound)):
        was_read = times[index].is_valid
        said = raw.columns[TIME_COLUMN][index].as_py()
        reason = "time_out_of_range" if was_read else "bad_time"
        detail = f"{said!r} is {'not between 1970 and 2200' if was_read else 'no time'}."
        rejected.append(_rejected(raw, index, reason, detail))
    columns: dict[str, Any] = {}
    named = next((raw.columns[one] for one in key_columns if one in raw.columns), None)
    columns[key] = _keys(named, len(times), default)
    columns["event_at"] = times.cast(TIMESTAMP)
    for metric in metrics:
        numbers, wrong = _numbers(raw.columns[metric])
        columns[metric] = numbers
        for index in wrong:
            if sound[index].as_py():
                said = raw.columns[metric][index].as_py()
                rejected.append(_rejected(raw, index, "bad_number", f"{said!r} is no finite number.", metric))
    columns["line_number"] = raw.lines
    ignored = [one for one in raw.columns if one not in (TIME_COLUMN, *KEY_COLUMNS, *metrics)]
    rejected.sort(key=lambda one: (one.line_number, one.metric or ""))
    return FileContent(pa.table(columns).filter(sound), key, tuple(metrics), tuple(rejected), tuple(ignored))


def _rejected(raw: _Raw, index: int, reason: str, detail: str, metric: str | None = None) -> RejectedLine:
    line = raw.lines[index].as_py()
    if raw.raw_lines:
        text = raw.raw_lines[line - 1].rstrip("\r")
    else:
        text = json.dumps({one: column[index].as_py() for one, column in raw.columns.items()}, default=str)
    return RejectedLine(line, reason, detail, text[:KEPT_CHARACTERS], metric)


def _joined(contents: Sequence[FileContent], key: str) -> FileContent:
    names = dict.fromkeys(metric for content in contents for metric in content.metrics)
    metrics = [metric for metric in METRICS if metric in names] + [one for one in names if one not in METRICS]
    tables = []
    for content in contents:
        table = content.samples
        for metric in metrics:
            if metric not in content.metrics:
                table = table.append_column(metric, pa.nulls(table.num_rows, pa.float64()))
        tables.append(table.select([key, "event_at", *metrics, "line_number"]))
    return FileContent(
        pa.concat_tables(tables),
        key,
        tuple(metrics),
        tuple(line for content in contents for line in content.rejected),
        tuple(dict.fromkeys(one for content in contents for one in content.ignored_columns)),
    )


def _keys(named: Any, count: int, default: str) -> pa.Array:
    if named is None:
        return pa.repeat(default, count)
    texts = pc.utf8_trim_whitespace(_combined(named).cast(pa.string()))
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
    micros = pa.array([_bounded(epoch_micros(one)) for one in encoded.dictionary.to_pylist()], pa.int64())
    return micros.take(encoded.indices)


def _bounded(micros: int | None) -> int | None:
    return None if micros is None else max(-(1 << 62), min(micros, 1 << 62))


def _in_range(micros: pa.Array) -> pa.Array:
    return pc.and_(pc.greater_equal(micros, EARLIEST_US), pc.less(micros, LATEST_US))


def _numbers(column: Any) -> tuple[pa.Array, list[int]]:
    """Finite doubles with nulls, and where something stands that is neither a number nor nothing."""
    column = _combined(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        is_empty = pc.fill_null(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(EMPTY))), True)
        texts = pc.if_else(is_empty, pa.scalar(None, trimmed.type), trimmed)
        try:
            numbers = texts.cast(pa.float64())
        except pa.ArrowInvalid:
            numbers = pa.array([_number(one) for one in texts.to_pylist()], pa.float64())
        there = texts.is_valid()
    else:
        numbers = column.cast(pa.float64(), safe=False)
        there = pc.fill_null(pc.invert(pc.is_nan(numbers)), False)
    is_finite = pc.fill_null(pc.is_finite(numbers), False)
    return pc.if_else(is_finite, numbers, None), _where(pc.and_(there, pc.invert(is_finite)))


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _holds_numbers(column: Any) -> bool:
    """Whether a column is one of numbers: typed as such, or texts of which most that are there are numbers."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return True
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return False
    numbers, wrong = _numbers(column)
    return len(numbers) - numbers.null_count > len(wrong)


def _combined(column: Any) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _where(mask: Any) -> list[int]:
    found: list[int] = pc.indices_nonzero(mask).to_pylist()
    return found


def rows_of(content: FileContent) -> Iterator[dict[str, Any]]:
    """Samples one by one, as plain values."""
    for batch in content.samples.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()
