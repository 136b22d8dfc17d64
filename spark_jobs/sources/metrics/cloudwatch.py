"""CloudWatch: what the poller writes of GetMetricData, answers of the API itself, and metric streams as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spark_jobs.sources.metrics.column_names import ColumnMeaning, column_meanings
from spark_jobs.sources.metrics.mapping import (
    CLUSTER_DIMENSIONS,
    STATISTICS,
    Mapped,
    cluster_of,
    mapped,
    series_of,
    unnamed_cluster,
)
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
        namespace, name, cluster = query.get("namespace") or "", query.get("metric_name"), reader.cluster
        if name:
            mapping = mapped(reader.table, namespace, name)
        else:
            meaning = label_meaning(str(result["Label"]), reader.table)
            mapping, cluster = meaning.mapping, meaning.cluster_id or cluster
        if query.get("metric"):  # named by the query: an expression, or one's own choice
            factor = float(query.get("factor", mapping.factor))
            base = mapping if mapping.metric == query["metric"] else Mapped(query["metric"])
            mapping = replace(base, factor=factor)
        dimensions = query.get("dimensions") or {}
        statistic = query.get("statistic")
        if mapping.per_second and statistic != "Sum":
            mapping = replace(mapping, per_second=False)
        measure = Measure(
            query.get("cluster_id") or cluster_of(dimensions, CLUSTER_DIMENSIONS, cluster),
            series_of(dimensions, CLUSTER_DIMENSIONS),
            mapping.metric,
            statistic,
            query.get("unit"),
            query.get("period_seconds"),
            polled=polled,
        )
        for at, figure in zip(result["Timestamps"], result["Values"], strict=True):
            reader.add(at, figure, mapping, measure)


def get_metric_statistics(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """An answer of GetMetricStatistics, whose values come in any order."""
    meaning = label_meaning(str(record["Label"]), reader.table)
    mapping = meaning.mapping
    for point in sorted(record["Datapoints"], key=lambda point: epoch_micros(point["Timestamp"]) or 0):
        statistic = next((name for name in (mapping.statistic, *STATISTICS) if name in point), None)
        if statistic is None:
            reader.reject("no_values", "The period has none of the statistics that are read.", mapping.metric)
            continue
        measure = Measure(meaning.cluster_id or reader.cluster, "", mapping.metric, statistic, point.get("Unit"))
        reader.add(point["Timestamp"], point[statistic], mapping, measure)


def label_meaning(label: str, table: Mapping[str, Mapped]) -> ColumnMeaning:
    """What a label of CloudWatch's measures, which names no namespace."""
    return column_meanings([label], {}, table)[label]


def metric_stream(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """A metric and period of a metric stream."""
    mapping = mapped(reader.table, record["namespace"], record["metric_name"])
    dimensions = record.get("dimensions") or {}
    measure = Measure(
        cluster_of(
            dimensions, CLUSTER_DIMENSIONS, unnamed_cluster(record.get("account_id") or "", record["namespace"])
        ),
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
