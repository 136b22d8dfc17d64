"""Files of a person's own, or a folder of them, in any form that a run reads -> one Arrow table for a replay.

A file with a column per metric keeps its own times and columns. Any other form (JSON of monitoring systems, kubectl, columns
that only the mapping knows) is read as a run reads it, onto steps of five minutes. No engine, no lake, no AWS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import Interval
from spark_jobs.sources.metrics.cluster_5min import cluster_5min_rows
from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.content import SUFFIXES, FilesError, as_utf8, blocks_of, stem
from spark_jobs.sources.metrics.file_columns import TIME_COLUMN, FileColumns, RejectedLine
from spark_jobs.sources.metrics.files import file_columns
from spark_jobs.sources.metrics.mapping import MAPPING, Mapped
from spark_jobs.sources.metrics.parse import ParseOptions, form_of, parse
from spark_jobs.sources.metrics.tables import STEP_SECONDS
from spark_jobs.sources.metrics.times import SECOND
from spark_jobs.sources.metrics.typed import (
    KEY_COLUMNS,
    TIMESTAMP,
    VALUE_COLUMN,
    FileContent,
    Key,
    by_metric,
    metric_columns,
    require,
    typed,
)
from spark_jobs.storage.schema import hour_names

TEXT_SUFFIXES = (".txt", ".log")
"""Outputs of kubectl."""
MOST_NAMES = 5
STRETCH_HOURS = 24 * 31
"""Put onto the grid at once."""


def read_clusters(location: str | Path, mapping: Mapping[str, Mapped] = MAPPING) -> FileContent:
    """All cluster files of a location as one table; a metric that a file lacks is null. FilesError where none can be read.

    A file has timestamp, cluster_id (else it is its name), cpu_utilization and any of the other METRICS; or any other form
    that a run reads, whose metrics are named by `mapping`.
    """
    return _Reader("cluster_id", _cluster_content, mapping).read(location)


def read_series(location: str | Path, mapping: Mapping[str, Mapped] = MAPPING) -> FileContent:
    """All files of a location as one table of any metric series. FilesError where none can be read.

    A file has timestamp, series_id or cluster_id (else it is its name) and any columns of numbers; or any other form that a
    run reads, of which the METRICS of each cluster are a series together and each other metric is one by itself.
    """
    return _Reader("series_id", _series_content, mapping).read(location)


class _Reader:
    """Reads files into one table with the key column `key`; `content` types the columns of a file that has them."""

    def __init__(
        self, key: str, content: Callable[[FileColumns, str], FileContent | None], mapping: Mapping[str, Mapped]
    ) -> None:
        self.key, self.content = key, content
        self.options = ParseOptions(mapping)
        self.contents: list[FileContent] = []
        self.samples: list[pa.Table] = []
        self.unreadable: list[str] = []
        self.without_cpu: list[str] = []

    def read(self, location: str | Path) -> FileContent:
        """The content of all files that can be read; of each other, why not, in `unreadable`."""
        for path, name in _with_names(location):
            try:
                self._add(path, name)
            except FilesError as error:
                self.unreadable.append(str(error))
        if self.samples:
            samples = pa.concat_tables(self.samples)
            is_known = pc.is_in(samples["metric"], pa.array(METRICS))
            self.contents += self._on_grid(samples.filter(is_known))
            if self.key == "series_id":
                self.contents += self._others(samples.filter(pc.invert(is_known)))
        if self.without_cpu and not any("cpu_utilization" in content.metrics for content in self.contents):
            self.unreadable += self.without_cpu
        if self.unreadable and not any(content.samples.num_rows for content in self.contents):
            raise FilesError(self.unreadable[0])
        return replace(_joined(self.contents, self.key), unreadable=tuple(self.unreadable))

    def _add(self, path: Path, name: str) -> None:
        with _opened(path) as stream:
            data = b"".join(as_utf8(blocks_of(stream, str(path))))
        if form_of(data) == "columns":
            content = self.content(by_metric(file_columns(data, str(path))), name)
            if content is not None:
                self.contents.append(content)
                return
        parsed = parse(BytesIO(data), name, self.options)
        rows = parsed.samples
        if not rows.num_rows:
            why = next((line.detail for line in parsed.rejected), "it holds no sample; deliver it again.")
            raise FilesError(why if str(path) in why else f"{path} cannot be used: {why}")
        if self.key == "cluster_id" and not pc.any(pc.equal(rows["metric"], "cpu_utilization")).as_py():
            names = ", ".join(sorted({*pc.unique(rows["metric"]).to_pylist()})[:MOST_NAMES])
            self.without_cpu.append(
                f"{path} holds no cpu_utilization; it has {names} (WEIR_METRICS_MAPPING names others)."
            )
        self.samples.append(rows.append_column("source_object", pa.repeat(str(path), rows.num_rows)))
        lines = [
            RejectedLine(one.line_number, one.reason, one.detail, one.raw_line, one.metric) for one in parsed.rejected
        ]
        self.contents.append(replace(self._empty(), rejected=tuple(lines)))

    def _empty(self) -> FileContent:
        columns = {self.key: pa.array([], pa.string()), "event_at": pa.array([], TIMESTAMP)}
        return FileContent(pa.table({**columns, "line_number": pa.array([], pa.int64())}), self.key, ())

    def _others(self, samples: pa.Table) -> list[FileContent]:
        """Metrics of no cluster, each series by itself as it was sampled; counters rise and say nothing by themselves."""
        samples = samples.filter(pc.invert(samples["is_counter"]))
        if not samples.num_rows:
            return []
        names = pc.binary_join_element_wise(samples["cluster_id"], samples["metric"], samples["series"], "/")
        names = pc.utf8_rtrim(names, "/")
        columns = {self.key: names, "event_at": samples["event_at"], VALUE_COLUMN: samples["value"]}
        return [FileContent(pa.table({**columns, "line_number": samples["line_number"]}), self.key, (VALUE_COLUMN,))]

    def _on_grid(self, samples: pa.Table) -> list[FileContent]:
        """The samples of all files together on steps of five minutes, each dated by the end of its step."""
        if not samples.num_rows:
            return []
        samples = samples.append_column(
            "ingested_at", pa.repeat(pa.scalar(0, pa.int64()), len(samples)).cast(TIMESTAMP)
        )
        hours = sorted({*pc.unique(hour_names(samples["event_at"])).to_pylist()})
        tables = []
        for first, last in _stretches(hours):
            window = Interval.spanning(first, last).widened(hours_before=1).hours
            of_window = samples.filter(pc.is_in(hour_names(samples["event_at"]), pa.array(window)))
            rows = cluster_5min_rows(of_window, Interval.spanning(first, last).hours)
            tables += [] if rows is None else [rows]
        rows = pa.concat_tables(tables)
        metrics = [metric for metric in METRICS if rows[metric].null_count < rows.num_rows]
        ends = pc.add(rows["event_at"].cast(pa.int64()), STEP_SECONDS * SECOND).cast(TIMESTAMP)
        columns = {self.key: rows["cluster_id"], "event_at": ends, **{metric: rows[metric] for metric in metrics}}
        table = pa.table({**columns, "line_number": pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)})
        has_value = pc.greater(rows["sample_count"], 0)
        return [FileContent(table.filter(has_value), self.key, tuple(metrics))]


def _stretches(hours: Sequence[str]) -> Iterator[tuple[str, str]]:
    """First and last of hours, in stretches that are short and hold no gap of a stretch."""
    first = last = hours[0]
    for hour in hours[1:]:
        if len(Interval.spanning(first, hour).hours) > STRETCH_HOURS:
            yield first, last
            first = hour
        last = hour
    yield first, last


def _cluster_content(raw: FileColumns, default: str) -> FileContent | None:
    """None where the file does not call its CPU cpu_utilization."""
    require(raw, TIME_COLUMN)
    if "cpu_utilization" not in raw.columns:
        return None
    metrics = [metric for metric in METRICS if metric in raw.columns]
    return typed(raw, Key("cluster_id", ("cluster_id",), default), metrics)


def _series_content(raw: FileColumns, default: str) -> FileContent | None:
    require(raw, TIME_COLUMN)
    return typed(raw, Key("series_id", KEY_COLUMNS, default), metric_columns(raw))


def _joined(contents: Sequence[FileContent], key: str) -> FileContent:
    """All rows with all metrics, those of clusters first."""
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


def _is_read(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((*SUFFIXES, *TEXT_SUFFIXES)) and not path.name.startswith(".")


def input_files(location: str | Path) -> list[Path]:
    """The file, or the files in the folder and its subfolders whose names end as those of metric files do, by name."""
    path = Path(location).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FilesError(f"{path} is neither a file nor a folder; correct the path.")
    paths = sorted(file for file in path.rglob("*") if file.is_file() and _is_read(file))
    if not paths:
        raise FilesError(
            f"{path} holds no file that ends in {', '.join((*SUFFIXES, *TEXT_SUFFIXES))} (or one of these and .gz); add one."
        )
    return paths


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


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise FilesError(
            f"{path} cannot be read ({error.strerror}); correct the path or let this user read it."
        ) from None
