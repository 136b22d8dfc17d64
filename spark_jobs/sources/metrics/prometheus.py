"""Prometheus: samples as exporters and adapters write them, and answers of its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spark_jobs.sources.metrics.mapping import (
    CLUSTER_LABELS,
    COUNTER_SUFFIXES,
    PROMETHEUS,
    cluster_of,
    mapped,
    series_of,
    without_replicas,
)
from spark_jobs.sources.metrics.sample_columns import Measure

if TYPE_CHECKING:
    from spark_jobs.sources.metrics.records import RecordReader


def api_answer(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """An answer of the query API."""
    result = record["data"]["result"]
    if record["data"].get("resultType") in ("scalar", "string"):
        reader.reject("no_metric", "The answer is a single value without a metric; query a series.")
        return
    for series in result:
        reader.read_record(series)


def series_samples(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """Samples of one series: {metric, values}, {metric, value}, {metric, values, timestamps} as VictoriaMetrics exports, or
    {labels, name, timestamp, value}. Replicas of one Prometheus are one series."""
    labels = without_replicas(record["metric"] if isinstance(record.get("metric"), dict) else record["labels"])
    name = record.get("name") or labels.pop("__name__", None)
    labels.pop("__name__", None)
    if not name:
        reader.reject("no_metric", "The samples have no __name__.")
        return
    mapping = mapped(reader.table, PROMETHEUS, name)
    is_counter = name.endswith(COUNTER_SUFFIXES) if mapping.is_counter is None else mapping.is_counter
    measure = Measure(
        cluster_of(labels, CLUSTER_LABELS, reader.cluster),
        series_of(labels, CLUSTER_LABELS),
        mapping.metric,
        is_counter=is_counter,
    )
    if isinstance(record.get("timestamps"), list):
        points: Any = zip(record["timestamps"], record["values"], strict=True)
    elif "values" in record:
        points = record["values"]
    else:
        points = [record["value"] if isinstance(record["value"], list) else (record["timestamp"], record["value"])]
    for at, figure in points:
        reader.add(at, figure, mapping, measure)
