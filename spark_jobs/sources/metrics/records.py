"""JSON of monitoring systems -> samples, line by line; a line may hold several objects one after the other."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from spark_jobs.sources.metrics.cloudwatch import get_metric_data, metric_stream
from spark_jobs.sources.metrics.emf import log_events, performance_event
from spark_jobs.sources.metrics.file_columns import TIME_COLUMN
from spark_jobs.sources.metrics.mapping import Mapped, converted
from spark_jobs.sources.metrics.prometheus import api_answer, series_samples
from spark_jobs.sources.metrics.sample_columns import Measure, SampleColumns
from spark_jobs.sources.metrics.times import EARLIEST_US, LATEST_US, epoch_micros

MANY_JSON_OBJECTS = 100_000
"""In one line; more are rejected with it."""


def kind_of(record: Mapping[str, Any]) -> str:
    """The form of a record: one of READERS, `wide` (a key per metric) or `unknown`."""
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
    return "wide" if TIME_COLUMN in {key.strip().lower() for key in record} else "unknown"


class RecordReader:
    """Reads records of a file into `samples`; `cluster` is that of records that name none, `table` the mapping."""

    def __init__(self, samples: SampleColumns, cluster: str, table: Mapping[str, Mapped]) -> None:
        self.samples, self.cluster, self.table = samples, cluster, table
        self.line, self.position, self.raw = 0, 0, ""

    def read(self, lines: Iterable[str]) -> None:
        """All lines of the file."""
        for number, line in enumerate(lines, 1):
            self.line, self.position, self.raw = number, 0, line.strip()
            if not self.raw:
                continue
            try:
                for record in _objects(self.raw):
                    self.read_record(record)
            except (ValueError, RecursionError):
                self.reject("bad_json", "The line is no JSON, or breaks off.")

    def read_record(self, record: Any) -> None:
        """The samples of one JSON value, in whichever form; a list holds several."""
        if isinstance(record, list):
            for item in record:
                self.read_record(item)
            return
        kind = kind_of(record) if isinstance(record, dict) else "unknown"
        reader = READERS.get(kind)
        try:
            if reader is None:
                self.reject("unknown_record", "The object is no form of metric samples that is known.")
            else:
                reader(self, record)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            self.reject("bad_record", f"The object is no whole {kind} record ({type(error).__name__}: {error}).")

    def reject(self, reason: str, detail: str, metric: str | None = None) -> None:
        """Reject the next sample of the line, or the line."""
        self.position += 1
        self.samples.reject(self.line, self.position, reason, detail, self.raw, metric)

    def add(self, at: object, figure: object, mapping: Mapped, measure: Measure) -> None:
        """One sample, or the reason why it is none."""
        micros = epoch_micros(at)
        if micros is None:
            self.reject("bad_time", f"{at!r} is no time.", measure.metric)
            return
        if not EARLIEST_US <= micros < LATEST_US:
            self.reject("time_out_of_range", f"{at!r} is not between 1970 and 2200.", measure.metric)
            return
        try:
            value = converted(mapping, float(figure), measure.unit or "", measure.period_seconds)  # type: ignore[arg-type]
        except (OverflowError, TypeError, ValueError):
            value = math.nan
        if isinstance(figure, bool) or not math.isfinite(value):
            self.reject("bad_number", f"{figure!r} is no finite number.", measure.metric)
            return
        self.position += 1
        self.samples.add(self.line, self.position, micros, value, measure)


READERS: dict[str, Callable[[RecordReader, Mapping[str, Any]], None]] = {
    "get_metric_data": get_metric_data,
    "metric_stream": metric_stream,
    "log_events": log_events,
    "emf": performance_event,
    "prometheus": series_samples,
    "prometheus_answer": api_answer,
}


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
