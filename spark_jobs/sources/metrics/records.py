"""JSON of monitoring systems -> samples, record by record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spark_jobs.sources.metrics.cloudwatch import get_metric_data, get_metric_statistics, metric_stream
from spark_jobs.sources.metrics.emf import log_events, performance_event
from spark_jobs.sources.metrics.file_columns import KEPT_CHARACTERS, TIME_NAMES
from spark_jobs.sources.metrics.mapping import Mapped, converted
from spark_jobs.sources.metrics.nearest import nearest_record
from spark_jobs.sources.metrics.prometheus import api_answer, series_samples
from spark_jobs.sources.metrics.sample_columns import Measure, SampleColumns
from spark_jobs.sources.metrics.times import LARGEST, LATEST_US, epoch_micros, time_problem
from spark_jobs.storage.json_records import JsonRecord


def kind_of(record: Mapping[str, Any]) -> str:
    """The form of a record: one of READERS, `wide` (a key per metric) or `unknown`."""
    if "MetricDataResults" in record or "MetricDataResult" in record:
        return "get_metric_data"
    if isinstance(record.get("Datapoints"), list):
        return "get_metric_statistics"
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
    return "wide" if {*TIME_NAMES} & {key.strip().lower() for key in record} else "unknown"


class RecordReader:
    """Reads records of a file into `samples`; `cluster` is that of records that name none, `table` the mapping.

    Times from `latest` on (µs since 1970) are out of range.
    """

    def __init__(
        self, samples: SampleColumns, cluster: str, table: Mapping[str, Mapped], latest: int = LATEST_US
    ) -> None:
        self.samples, self.cluster, self.table, self.latest = samples, cluster, table, latest
        self.account = ""
        """That of the envelope which is being read."""
        self.line, self.position, self.raw = 0, 0, ""

    def read(self, batches: Iterable[Iterable[JsonRecord]]) -> None:
        """All records of the file."""
        for batch in batches:
            for record in batch:
                if record.line != self.line:
                    self.line, self.position = record.line, 0
                self.raw = record.text
                if isinstance(record.fields, dict):
                    self.read_record(record.fields)
                else:
                    self.reject("bad_json", "The line is no JSON object, or breaks off.")

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
                self.reject("unknown_record", f"The object is no form of metric samples; {self._nearest(record)}.")
            else:
                reader(self, record)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            self.reject("bad_record", f"The object is no whole {kind} record ({type(error).__name__}: {error}).")

    def reject(self, reason: str, detail: str, metric: str | None = None) -> None:
        """Reject the next sample of the line, or the line."""
        self.position += 1
        raw = self.raw[: 4 * KEPT_CHARACTERS].strip().encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        self.samples.reject(self.line, self.position, reason, detail, raw, metric)

    @staticmethod
    def _nearest(record: Any) -> str:
        return nearest_record(record) if isinstance(record, dict) else "it is no JSON object"

    def add(self, at: object, figure: object, mapping: Mapped, measure: Measure) -> None:
        """One sample, or the reason why it is none."""
        micros = epoch_micros(at)
        if micros is None:
            self.reject("bad_time", f"{at!r} is no time.", measure.metric)
            return
        if problem := time_problem(micros, self.latest):
            self.reject("time_out_of_range", problem, measure.metric)
            return
        try:
            value = converted(mapping, float(figure), measure.unit or "", measure.period_seconds)  # type: ignore[arg-type]
        except (OverflowError, TypeError, ValueError):
            value = math.nan
        if isinstance(figure, bool) or not abs(value) <= LARGEST:
            self.reject("bad_number", f"{figure!r} is no finite number up to 1e18.", measure.metric)
            return
        self.position += 1
        self.samples.add(self.line, self.position, micros, value, measure)


READERS: dict[str, Callable[[RecordReader, Mapping[str, Any]], None]] = {
    "get_metric_data": get_metric_data,
    "get_metric_statistics": get_metric_statistics,
    "metric_stream": metric_stream,
    "log_events": log_events,
    "emf": performance_event,
    "prometheus": series_samples,
    "prometheus_answer": api_answer,
}
