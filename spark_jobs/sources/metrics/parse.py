"""One file of metric samples, in whatever form it was delivered -> typed samples and rejected ones, none lost.

Forms, told apart by content: CSV, Parquet and JSON lines with a column a metric (files.py); results of GetMetricData;
metric streams as Firehose delivers them; performance log events of Container Insights (EMF); Prometheus samples. What a
metric is called and converted to is `mapping.py`'s. No engine and no lake here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any

import numpy as np
import pyarrow as pa

from spark_jobs.sources.metrics import files
from spark_jobs.sources.metrics.files import KEPT_CHARACTERS, FilesError, epoch_micros, stem
from spark_jobs.sources.metrics.grid import clock_skewed
from spark_jobs.sources.metrics.mapping import (
    CLUSTER_DIMENSIONS,
    CLUSTER_LABELS,
    CONTAINER_INSIGHTS,
    COUNTER_SUFFIXES,
    MAPPING,
    PROMETHEUS,
    Mapped,
    converted,
    mapped,
)

STREAM_PERIOD_SECONDS = 60.0
"""Of metric streams and performance log events."""
EMF_DIMENSIONS = ("NodeName", "InstanceId", "Namespace", "Service", "PodName", "ContainerName", "TaskId")
EMF_PREFIXES = ("cluster_", "node_", "pod_", "container_", "namespace_", "service_", "task_", "instance_")
MANY_JSON_OBJECTS = 100_000
"""In one line; more are rejected with it."""
TEXTS = ("cluster_id", "series", "metric", "statistic", "unit")


@dataclass(frozen=True)
class ParseOptions:
    """What decides about a file besides its content."""

    mapping: Mapping[str, Mapped] = field(default_factory=lambda: MAPPING)
    max_object_bytes: int = 8 << 30


@dataclass(frozen=True)
class RejectedSample:
    """What is not among the samples, and why."""

    line_number: int
    position: int
    reason: str
    detail: str
    raw_line: str = ""
    metric: str | None = None


@dataclass(frozen=True)
class Parsed:
    """`samples` has the columns of the table but for source_object and ingested_at; `present` is samples and rejected."""

    samples: pa.Table
    rejected: tuple[RejectedSample, ...]
    present: int


def parse(stream: IO[bytes], name: str, options: ParseOptions, delivered: int | None = None) -> Parsed:
    """All of one file; `delivered` (µs since 1970) tells which samples are ahead of their delivery. Raises nothing."""
    try:
        data = files.content_of(stream, name, options.max_object_bytes)
        samples = _Samples()
        if _is_records(data):
            text = data.decode("utf-8-sig", "replace")
            _Records(samples, stem(name), options.mapping).read(text)
        else:
            _wide(samples, files.read_metrics_stream(BytesIO(data), name))
    except FilesError as error:
        rejected = RejectedSample(0, 0, error.reason, str(error))
        return Parsed(_Samples().table(delivered), (rejected,), 0)
    return Parsed(samples.table(delivered), tuple(samples.rejected), samples.present)


def _is_records(data: bytes) -> bool:
    """Whether the lines are JSON of a monitoring system, not of one column a metric."""
    if data.startswith(b"PAR1"):
        return False
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[")):
        return False
    for line in start[: 1 << 20].splitlines()[:100]:
        try:
            first, _ = json.JSONDecoder().raw_decode(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        return not (isinstance(first, dict) and _kind(first) == "wide")
    return True


def _kind(record: Mapping[str, Any]) -> str:
    if "MetricDataResults" in record or "MetricDataResult" in record:
        return "get_metric_data"
    if "metric_stream_name" in record or {"namespace", "metric_name", "value"} <= record.keys():
        return "metric_stream"
    if "logEvents" in record:
        return "log_events"
    if "_aws" in record or "CloudWatchMetrics" in record or ("Type" in record and "ClusterName" in record):
        return "emf"
    if isinstance(record.get("metric"), dict) and ("values" in record or "value" in record):
        return "prometheus"
    if isinstance(record.get("labels"), dict) and "timestamp" in record:
        return "prometheus"
    if isinstance(record.get("data"), dict) and "result" in record["data"]:
        return "prometheus_answer"
    return "wide" if files.TIME_COLUMN in {key.strip().lower() for key in record} else "unknown"


class _Samples:
    """Samples as columns, and what was rejected."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in TEXTS}
        self.columns |= {name: [] for name in ("at", "value", "period", "is_counter", "line", "position", "polled")}
        self.tables: list[pa.Table] = []
        self.rejected: list[RejectedSample] = []
        self.present = 0

    def add(self, line: int, position: int, at: int, value: float, what: _What) -> None:
        columns = self.columns
        for name in TEXTS:
            columns[name].append(getattr(what, name))
        columns["at"].append(at)
        columns["value"].append(value)
        columns["period"].append(what.period_seconds)
        columns["is_counter"].append(what.is_counter)
        columns["line"].append(line)
        columns["position"].append(position)
        columns["polled"].append(what.polled)
        self.present += 1

    def reject(self, line: int, position: int, reason: str, detail: str, raw: str, metric: str | None = None) -> None:
        said = detail.encode("utf-8", "backslashreplace").decode()
        self.rejected.append(RejectedSample(line, position, reason, said, raw[:KEPT_CHARACTERS], metric))
        self.present += 1

    def table(self, delivered: int | None) -> pa.Table:
        made = pa.table(
            {
                **{name: pa.array(self.columns[name], pa.string()) for name in TEXTS},
                "event_at": pa.array(self.columns["at"], pa.int64()),
                "value": pa.array(self.columns["value"], pa.float64()),
                "period_seconds": pa.array(self.columns["period"], pa.float64()),
                "is_counter": pa.array(self.columns["is_counter"], pa.bool_()),
                "line_number": pa.array(self.columns["line"], pa.int64()),
                "position": pa.array(self.columns["position"], pa.int64()),
                "polled": pa.array(self.columns["polled"], pa.int64()),
            }
        )
        if self.tables:
            made = pa.concat_tables([*self.tables, made])
        skewed = pa.array(_skewed(made, delivered))
        index = made.schema.get_field_index("event_at")
        made = made.set_column(index, "event_at", made["event_at"].cast(files.TIMESTAMP))
        return made.drop_columns(["polled"]).append_column("is_clock_skewed", skewed)


@dataclass(frozen=True)
class _What:
    """What a figure is of: the texts and marks of a sample."""

    cluster_id: str
    series: str
    metric: str
    statistic: str | None = None
    unit: str | None = None
    period_seconds: float | None = None
    is_counter: bool = False
    polled: int | None = None

    def __post_init__(self) -> None:
        for name in TEXTS:
            text = getattr(self, name)
            if text is not None:
                if not isinstance(text, str):
                    raise TypeError(f"{name} is no text")
                text.encode()
        if self.period_seconds is not None and not _is_number(self.period_seconds):
            raise TypeError("the period is no number")
        float(self.period_seconds or 0.0)


def _skewed(samples: pa.Table, delivered: int | None) -> np.ndarray:
    """Series by series, in the order of the file."""
    if not samples.num_rows:
        return np.zeros(0, bool)
    codes = np.zeros(samples.num_rows, np.int64)
    for name in ("cluster_id", "series", "metric"):
        encoded = samples[name].combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy(zero_copy_only=False)
    times = samples["event_at"].to_numpy()
    polled = samples["polled"].fill_null(-1).to_numpy()
    whole = np.where(polled >= 0, polled, np.iinfo(np.int64).max if delivered is None else delivered)
    flagged = np.zeros(len(times), bool)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for rows in np.split(order, bounds):
        flagged[rows] = clock_skewed(times[rows], whole[rows])
    return flagged


def _wide(samples: _Samples, content: files.FileContent) -> None:
    """One column a metric -> one row a sample."""
    wide = content.samples
    for position, metric in enumerate(content.metrics, 1):
        there = wide.filter(wide[metric].is_valid())
        rows = there.num_rows
        samples.present += rows
        samples.tables.append(
            pa.table(
                {
                    "cluster_id": there[content.key],
                    "series": pa.repeat("", rows),
                    "metric": pa.repeat(metric, rows),
                    "statistic": pa.nulls(rows, pa.string()),
                    "unit": pa.nulls(rows, pa.string()),
                    "event_at": there["event_at"].cast(pa.int64()),
                    "value": there[metric],
                    "period_seconds": pa.nulls(rows, pa.float64()),
                    "is_counter": pa.repeat(pa.scalar(False), rows),
                    "line_number": there["line_number"],
                    "position": pa.repeat(pa.scalar(position, pa.int64()), rows),
                    "polled": pa.nulls(rows, pa.int64()),
                }
            )
        )
    places = {metric: position for position, metric in enumerate(content.metrics, 1)}
    for line in content.rejected:
        position = places[line.metric] if line.metric else 0
        samples.reject(line.line_number, position, line.reason, line.detail, line.raw_line, line.metric)


class _Records:
    """JSON of monitoring systems, line by line; a line may hold several objects one after the other."""

    def __init__(self, samples: _Samples, cluster: str, table: Mapping[str, Mapped]) -> None:
        self.samples, self.cluster, self.table = samples, cluster, table
        self.line, self.position, self.raw = 0, 0, ""

    def read(self, text: str) -> None:
        for number, line in enumerate(text.split("\n"), 1):
            self.line, self.position, self.raw = number, 0, line.strip()
            if not self.raw:
                continue
            try:
                for record in _objects(self.raw):
                    self._record(record)
            except (ValueError, RecursionError):
                self._reject("bad_json", "The line is no JSON, or breaks off.")

    def _record(self, record: Any) -> None:
        if isinstance(record, list):
            for one in record:
                self._record(one)
            return
        kind = _kind(record) if isinstance(record, dict) else "unknown"
        read = getattr(self, f"_{kind}", None)
        try:
            if read is None:
                self._reject("unknown_record", "The object is no form of metric samples that is known.")
            else:
                read(record)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            self._reject("bad_record", f"The object is no whole {kind} record ({type(error).__name__}: {error}).")

    def _reject(self, reason: str, detail: str, metric: str | None = None) -> None:
        self.position += 1
        self.samples.reject(self.line, self.position, reason, detail, self.raw, metric)

    def _sample(self, at: object, figure: object, one: Mapped, what: _What) -> None:
        """One sample, or the reason why it is none."""
        micros = epoch_micros(at)
        if micros is None:
            self._reject("bad_time", f"{at!r} is no time.", what.metric)
            return
        if not files.EARLIEST_US <= micros < files.LATEST_US:
            self._reject("time_out_of_range", f"{at!r} is not between 1970 and 2200.", what.metric)
            return
        try:
            value = converted(one, float(figure), what.unit or "", what.period_seconds)  # type: ignore[arg-type]
        except (OverflowError, TypeError, ValueError):
            value = math.nan
        if isinstance(figure, bool) or not math.isfinite(value):
            self._reject("bad_number", f"{figure!r} is no finite number.", what.metric)
            return
        self.position += 1
        self.samples.add(self.line, self.position, micros, value, what)

    # What the poller writes, a line a query; and the API's own answer

    def _get_metric_data(self, record: Mapping[str, Any]) -> None:
        query = record.get("Query") or {}
        polled = epoch_micros(record.get("polled_at"))
        for result in record.get("MetricDataResults") or [record["MetricDataResult"]]:
            namespace, name = query.get("namespace") or "", query.get("metric_name") or result["Label"]
            one = mapped(self.table, namespace, name)
            if query.get("metric"):  # named by the query: an expression, or one's own choice
                known = {**vars(one)} if one.metric == query["metric"] else {}
                one = Mapped(**{**known, "metric": query["metric"], "factor": float(query.get("factor", one.factor))})
            dimensions = query.get("dimensions") or {}
            statistic = query.get("statistic")
            if one.per_second and statistic != "Sum":
                one = Mapped(**{**vars(one), "per_second": False})
            what = _What(
                query.get("cluster_id") or _cluster(dimensions, CLUSTER_DIMENSIONS, self.cluster),
                _series(dimensions, CLUSTER_DIMENSIONS),
                one.metric,
                statistic,
                query.get("unit"),
                query.get("period_seconds"),
                polled=polled,
            )
            for at, figure in zip(result["Timestamps"], result["Values"], strict=True):
                self._sample(at, figure, one, what)

    # Metric streams

    def _metric_stream(self, record: Mapping[str, Any]) -> None:
        one = mapped(self.table, record["namespace"], record["metric_name"])
        dimensions = record.get("dimensions") or {}
        what = _What(
            _cluster(dimensions, CLUSTER_DIMENSIONS, self.cluster),
            _series(dimensions, CLUSTER_DIMENSIONS),
            one.metric,
            one.statistic,
            record.get("unit"),
            STREAM_PERIOD_SECONDS,
        )
        value = record["value"]
        if not value["count"]:
            self._reject("no_values", "The period has no values (count 0).", one.metric)
            return
        figures = {
            "Average": value["sum"] / value["count"],
            "Sum": value["sum"],
            "Minimum": value["min"],
            "Maximum": value["max"],
            "SampleCount": value["count"],
        }
        self._sample(record["timestamp"], figures[one.statistic], one, what)

    # Performance log events

    def _log_events(self, record: Mapping[str, Any]) -> None:
        for event in record["logEvents"]:
            self._record(json.loads(event["message"]))

    def _emf(self, record: Mapping[str, Any]) -> None:
        about = record.get("_aws") or {}
        directives = about.get("CloudWatchMetrics") or record.get("CloudWatchMetrics") or []
        units = {one["Name"]: one.get("Unit") for each in directives for one in each.get("Metrics", ())}
        namespace = next((one["Namespace"] for one in directives), CONTAINER_INSIGHTS)
        names = [name for name in units if name in record]
        if not names:
            names = [name for name, value in record.items() if name.startswith(EMF_PREFIXES) and _is_number(value)]
        dimensions = {name: str(record[name]) for name in (*CLUSTER_DIMENSIONS, *EMF_DIMENSIONS) if name in record}
        cluster, series = (
            _cluster(dimensions, CLUSTER_DIMENSIONS, self.cluster),
            _series(dimensions, CLUSTER_DIMENSIONS),
        )
        at = about.get("Timestamp") or record.get("Timestamp")
        if not names:
            self._reject("no_metric", "The event holds no metric.")
        for name in names:
            one = mapped(self.table, namespace, name)
            what = _What(cluster, series, one.metric, "Average", units.get(name), STREAM_PERIOD_SECONDS)
            figures = record[name] if isinstance(record[name], list) else [record[name]]
            for figure in figures:
                self._sample(at, figure, one, what)

    # Prometheus

    def _prometheus_answer(self, record: Mapping[str, Any]) -> None:
        for one in record["data"]["result"]:
            self._record(one)

    def _prometheus(self, record: Mapping[str, Any]) -> None:
        labels = dict(record["metric"] if isinstance(record.get("metric"), dict) else record["labels"])
        name = record.get("name") or labels.pop("__name__", None)
        labels.pop("__name__", None)
        if not name:
            self._reject("no_metric", "The samples have no __name__.")
            return
        one = mapped(self.table, PROMETHEUS, name)
        is_counter = name.endswith(COUNTER_SUFFIXES) if one.is_counter is None else one.is_counter
        what = _What(
            _cluster(labels, CLUSTER_LABELS, self.cluster),
            _series(labels, CLUSTER_LABELS),
            one.metric,
            is_counter=is_counter,
        )
        if "values" in record:
            points = record["values"]
        else:
            points = [record["value"] if isinstance(record["value"], list) else (record["timestamp"], record["value"])]
        for at, figure in points:
            self._sample(at, figure, one, what)


def _objects(line: str) -> Iterator[Any]:
    """The JSON values of a line, one after the other. ValueError where one is broken; those before it were yielded."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(MANY_JSON_OBJECTS):
        value, end = decoder.raw_decode(line, at)
        yield value
        at = end
        while at < len(line) and line[at] in " \t\r,":
            at += 1
        if at >= len(line):
            return
    raise ValueError("too many objects")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cluster(names: Mapping[str, str], keys: Sequence[str], default: str) -> str:
    return next((str(names[key]) for key in keys if names.get(key)), default)


def _series(names: Mapping[str, str], keys: Sequence[str]) -> str:
    """What is left of dimensions or labels once the cluster is named."""
    cluster = next((key for key in keys if names.get(key)), None)
    return ",".join(f"{key}={value}" for key, value in sorted(names.items()) if key != cluster)
