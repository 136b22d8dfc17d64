"""CloudWatch: what the poller writes of GetMetricData, the API's own answer, and metric streams as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spark_jobs.sources.metrics.mapping import CLUSTER_DIMENSIONS, Mapped, cluster_of, mapped, series_of
from spark_jobs.sources.metrics.sample_columns import Measure
from spark_jobs.sources.metrics.times import epoch_micros

if TYPE_CHECKING:
    from spark_jobs.sources.metrics.records import RecordReader

STREAM_PERIOD_SECONDS = 60.0


def get_metric_data(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """Results of GetMetricData: a line per query of the poller, or an answer of the API."""
    query = record.get("Query") or {}
    polled = epoch_micros(record.get("polled_at"))
    for result in record.get("MetricDataResults") or [record["MetricDataResult"]]:
        namespace, name = query.get("namespace") or "", query.get("metric_name") or result["Label"]
        mapping = mapped(reader.table, namespace, name)
        if query.get("metric"):  # named by the query: an expression, or one's own choice
            factor = float(query.get("factor", mapping.factor))
            base = mapping if mapping.metric == query["metric"] else Mapped(query["metric"])
            mapping = replace(base, factor=factor)
        dimensions = query.get("dimensions") or {}
        statistic = query.get("statistic")
        if mapping.per_second and statistic != "Sum":
            mapping = replace(mapping, per_second=False)
        measure = Measure(
            query.get("cluster_id") or cluster_of(dimensions, CLUSTER_DIMENSIONS, reader.cluster),
            series_of(dimensions, CLUSTER_DIMENSIONS),
            mapping.metric,
            statistic,
            query.get("unit"),
            query.get("period_seconds"),
            polled=polled,
        )
        for at, figure in zip(result["Timestamps"], result["Values"], strict=True):
            reader.add(at, figure, mapping, measure)


def metric_stream(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """A metric and period of a metric stream."""
    mapping = mapped(reader.table, record["namespace"], record["metric_name"])
    dimensions = record.get("dimensions") or {}
    measure = Measure(
        cluster_of(dimensions, CLUSTER_DIMENSIONS, reader.cluster),
        series_of(dimensions, CLUSTER_DIMENSIONS),
        mapping.metric,
        mapping.statistic,
        record.get("unit"),
        STREAM_PERIOD_SECONDS,
    )
    value = record["value"]
    if not value["count"]:
        reader.reject("no_values", "The period has no values (count 0).", mapping.metric)
        return
    figures = {
        "Average": value["sum"] / value["count"],
        "Sum": value["sum"],
        "Minimum": value["min"],
        "Maximum": value["max"],
        "SampleCount": value["count"],
    }
    reader.add(record["timestamp"], figures[mapping.statistic], mapping, measure)
