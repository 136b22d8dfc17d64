"""Performance log events of Container Insights (embedded metric format), plain or as subscriptions deliver them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spark_jobs.sources.metrics.mapping import (
    CLUSTER_DIMENSIONS,
    CONTAINER_INSIGHTS,
    cluster_of,
    mapped,
    series_of,
    unnamed_cluster,
)
from spark_jobs.sources.metrics.sample_columns import Measure, is_number

if TYPE_CHECKING:
    from spark_jobs.sources.metrics.records import RecordReader

EVENT_PERIOD_SECONDS = 60.0
EMF_DIMENSIONS = ("NodeName", "InstanceId", "Namespace", "Service", "PodName", "ContainerName", "TaskId")
EMF_PREFIXES = ("cluster_", "node_", "pod_", "container_", "namespace_", "service_", "task_", "instance_")


def log_events(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """Events as a CloudWatch Logs subscription delivers them."""
    reader.account = str(record.get("owner") or "")
    for event in record["logEvents"]:
        reader.read_record(json.loads(event["message"]))
    reader.account = ""


def performance_event(reader: RecordReader, record: Mapping[str, Any]) -> None:
    """One event with any number of metrics."""
    about = record.get("_aws") or {}
    directives = about.get("CloudWatchMetrics") or record.get("CloudWatchMetrics") or []
    units = {metric["Name"]: metric.get("Unit") for directive in directives for metric in directive.get("Metrics", ())}
    namespace = next((directive["Namespace"] for directive in directives), CONTAINER_INSIGHTS)
    names = [name for name in units if name in record]
    if not names:
        names = [name for name, value in record.items() if name.startswith(EMF_PREFIXES) and is_number(value)]
    dimensions = {name: str(record[name]) for name in (*CLUSTER_DIMENSIONS, *EMF_DIMENSIONS) if name in record}
    cluster = cluster_of(dimensions, CLUSTER_DIMENSIONS, unnamed_cluster(reader.account, namespace))
    series = series_of(dimensions, CLUSTER_DIMENSIONS)
    at = about.get("Timestamp") or record.get("Timestamp")
    if not names:
        reader.reject("no_metric", "The event holds no metric.")
    for name in names:
        mapping = mapped(reader.table, namespace, name)
        measure = Measure(cluster, series, mapping.metric, "Average", units.get(name), EVENT_PERIOD_SECONDS)
        figures = record[name] if isinstance(record[name], list) else [record[name]]
        for figure in figures:
            reader.add(at, figure, mapping, measure)
