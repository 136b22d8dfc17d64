"""Files of cluster metrics or of any metric series, in folders of a person's own -> one Arrow table.

CSV, Parquet and JSON lines, plain or gzip, recognized by content. Pure pyarrow and standard library: no engine, no lake,
no AWS. What the metrics of a monitoring system are called is `mapping.py`'s, how samples become a grid `grid.py`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.content import SUFFIXES, FilesError, as_utf8, blocks_of, stem
from spark_jobs.sources.metrics.csv_file import csv_columns
from spark_jobs.sources.metrics.file_columns import TIME_COLUMN, FileColumns, RejectedLine
from spark_jobs.sources.metrics.json_lines import json_columns
from spark_jobs.sources.metrics.parquet_file import parquet_columns
from spark_jobs.sources.metrics.times import LATEST_US
from spark_jobs.sources.metrics.typed import (
    CLUSTER_COLUMNS,
    KEY_COLUMNS,
    LABEL_COLUMNS,
    FileContent,
    Key,
    by_metric,
    metric_columns,
    require,
    typed,
)


def input_files(location: str | Path) -> list[Path]:
    """The file, or the files in the folder and its subfolders whose names end as those of metric files do, by name."""
    path = Path(location).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FilesError(f"{path} is neither a file nor a folder; correct the path.")
    paths = sorted(file for file in path.rglob("*") if file.is_file() and _is_read(file))
    if not paths:
        raise FilesError(f"{path} holds no file that ends in {', '.join(SUFFIXES)} (or one of these and .gz); add one.")
    return paths


def read_clusters(location: str | Path) -> FileContent:
    """All cluster files of a location as one table; a metric that a file lacks is null. FilesError.

    A file has timestamp, cluster_id (else it is its name), cpu_utilization and any of the other METRICS.
    """
    return _joined([_read(path, name, _cluster_content) for path, name in _with_names(location)], "cluster_id")


def read_series(location: str | Path) -> FileContent:
    """All files of a location as one table of any metric series. FilesError.

    A file has timestamp, series_id or cluster_id (else it is its name) and any columns of numbers.
    """
    return _joined([_read(path, name, _series_content) for path, name in _with_names(location)], "series_id")


def read_metrics(data: bytes, name: str, latest: int = LATEST_US) -> FileContent:
    """The content of the file called `name`, whose series are clusters: any columns of numbers are their metrics.

    FilesError. A column that is left out, other than a truth that the file carries, is rejected by its name.
    """
    raw = by_metric(_columns(data, name))
    require(raw, TIME_COLUMN)
    content = typed(raw, Key("cluster_id", CLUSTER_COLUMNS, stem(name)), metric_columns(raw), latest)
    left_out = [_left_out(raw, column) for column in content.ignored_columns if column not in LABEL_COLUMNS]
    return replace(content, rejected=(*filter(None, left_out), *content.rejected))


def _left_out(raw: FileColumns, column: str) -> RejectedLine | None:
    """The rejection of a column that holds anything and is no metric."""
    values = [value for value in pa.compute.unique(raw.columns[column]).to_pylist() if str(value or "").strip()]
    if not values:
        return None
    what = f"The column {raw.titles.get(column, column)!r}" if column else "A column without a name"
    advice = f"it has values such as {str(values[0])[:40]!r}; write finite numbers, or leave the column out"
    detail = f"{what} holds no numbers: {advice}." if column else f"{what} is no metric; name it."
    return RejectedLine(0, "not_a_metric", detail, metric=column or None)


def by_key(content: FileContent) -> dict[str, pa.Table]:
    """Cluster or series -> its samples in order of time; equal times in file order."""
    samples = content.samples
    order = pc.sort_indices(
        samples, sort_keys=[(content.key, "ascending"), ("event_at", "ascending"), ("line_number", "ascending")]
    )
    samples = samples.take(order)
    counts = pc.value_counts(samples[content.key].combine_chunks()).to_pylist()
    tables, at = {}, 0
    for count in sorted(counts, key=lambda count: str(count["values"]).encode()):
        tables[count["values"]] = samples.slice(at, count["counts"])
        at += count["counts"]
    return tables


def _cluster_content(raw: FileColumns, default: str) -> FileContent:
    require(raw, TIME_COLUMN, "cpu_utilization")
    metrics = [metric for metric in METRICS if metric in raw.columns]
    return typed(raw, Key("cluster_id", ("cluster_id",), default), metrics)


def _series_content(raw: FileColumns, default: str) -> FileContent:
    require(raw, TIME_COLUMN)
    return typed(raw, Key("series_id", KEY_COLUMNS, default), metric_columns(raw))


def _with_names(location: str | Path) -> list[tuple[Path, str]]:
    """(file, default name of its series): its stem, with folders where two files have the same."""
    paths = input_files(location)
    counts = Counter(stem(path.name) for path in paths)
    root = Path(location).expanduser()
    return [
        (path, stem(path.name) if counts[stem(path.name)] == 1 else _with_folders(path.relative_to(root)))
        for path in paths
    ]


def _with_folders(path: Path) -> str:
    return path.with_name(stem(path.name)).as_posix()


def _read(path: Path, name: str, content: Callable[[FileColumns, str], FileContent]) -> FileContent:
    with _opened(path) as stream:
        data = b"".join(as_utf8(blocks_of(stream, str(path))))
        return content(by_metric(_columns(data, str(path))), name)


def _is_read(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(SUFFIXES) and not path.name.startswith(".")


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise FilesError(
            f"{path} cannot be read ({error.strerror}); correct the path or let this user read it."
        ) from None


def _columns(data: bytes, name: str) -> FileColumns:
    if data.startswith(b"PAR1"):
        return parquet_columns(data, name)
    text = data.decode("utf-8-sig", "replace")
    if not text.strip():
        raise FilesError(f"{name} is empty; remove it or deliver it again.", "empty_object")
    return json_columns(text, name) if text.lstrip().startswith(("{", "[")) else csv_columns(text, name)


def _joined(contents: Sequence[FileContent], key: str) -> FileContent:
    names = dict.fromkeys(metric for content in contents for metric in content.metrics)
    metrics = [metric for metric in METRICS if metric in names] + [name for name in names if name not in METRICS]
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
        tuple(dict.fromkeys(column for content in contents for column in content.ignored_columns)),
    )
