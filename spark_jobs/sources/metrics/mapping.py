"""The names of metrics in monitoring systems -> our names, and the conversion of their figures. One table.

A metric that is not in it keeps its own name and its own unit: anomaly detection takes any series. Settings override
or extend the table (WEIR_METRICS_MAPPING).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.cluster_metrics import METRICS

PROMETHEUS = "Prometheus"
CONTAINER_INSIGHTS = "ContainerInsights"
COLUMNS = "CSV"
"""The namespace of columns of files in the settings' mapping."""
STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
SECONDS_IN = {"Seconds": 1.0, "Milliseconds": 1e-3, "Microseconds": 1e-6}
CLUSTER_DIMENSIONS = ("ClusterName", "AutoScalingGroupName", "LoadBalancer", "QueueName", "DBClusterIdentifier")
"""Dimensions that name the cluster, first one first."""
CLUSTER_LABELS = ("cluster", "cluster_id", "cluster_name", "eks_cluster")
"""Prometheus labels that name the cluster, first one first."""
REPLICA_LABELS = frozenset({"prometheus_replica", "__replica__", "replica"})
"""Labels of replicas of one Prometheus: of the Prometheus Operator, of Mimir, of Thanos."""
COUNTER_SUFFIXES = ("_total", "_count", "_sum", "_bucket")
"""Suffixes of Prometheus counters by convention."""


class MappingError(WeirError, ValueError):
    """The mapping of the settings is wrong; the message says what of it and how to write it."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Mapped:
    """A metric as it is kept: `value = figure x factor`, divided by the period where it is `per_second`."""

    metric: str
    factor: float = 1.0
    statistic: str = "Average"
    """Of the figures that CloudWatch gives for a period, the one that counts."""
    per_second: bool = False
    is_counter: bool | None = None
    """A counter that only rises; None: by the name, and for Prometheus alone."""
    is_time: bool = False
    """Seconds, whatever the unit that the figure comes in."""


MAPPING: dict[str, Mapped] = {
    # namespace and metric, as CloudWatch has them
    "ContainerInsights node_cpu_utilization": Mapped("cpu_utilization"),
    "ContainerInsights node_memory_utilization": Mapped("memory_utilization"),
    "ContainerInsights cluster_node_count": Mapped("node_count"),
    "ContainerInsights node_number_of_running_pods": Mapped("pod_count"),
    "ContainerInsights cluster_number_of_running_pods": Mapped("pod_count"),
    "AWS/EC2 CPUUtilization": Mapped("cpu_utilization"),
    "AWS/ECS CPUUtilization": Mapped("cpu_utilization"),
    "AWS/ECS MemoryUtilization": Mapped("memory_utilization"),
    "CWAgent mem_used_percent": Mapped("memory_utilization"),
    "AWS/AutoScaling GroupInServiceInstances": Mapped("node_count"),
    "AWS/ApplicationELB RequestCount": Mapped("request_rate", statistic="Sum", per_second=True),
    "AWS/ApplicationELB TargetResponseTime": Mapped("response_time", is_time=True),
    "AWS/SQS ApproximateNumberOfMessagesVisible": Mapped("queue_depth"),
    # Prometheus and its usual recording rules
    "Prometheus cluster:node_cpu:ratio_rate5m": Mapped("cpu_utilization", 100.0),
    "Prometheus instance:node_cpu_utilization:rate5m": Mapped("cpu_utilization", 100.0),
    "Prometheus instance:node_memory_utilization:ratio": Mapped("memory_utilization", 100.0),
    "Prometheus kubelet_running_pods": Mapped("pod_count"),
    "Prometheus http_requests_total": Mapped("request_rate", is_counter=True),
    "Prometheus nginx_ingress_controller_requests": Mapped("request_rate", is_counter=True),
    "Prometheus istio_requests_total": Mapped("request_rate", is_counter=True),
}
"""`<namespace> <metric>` -> our metric."""

SUMMED = frozenset({"pod_count", "node_count", "request_rate", "queue_depth"})
"""Metrics of which a cluster has the sum over its nodes or pods; of all others their mean."""


def overridden(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapped]:
    """The table with a setting's entries in it; MappingError."""
    names = {field.name for field in fields(Mapped)}
    table = dict(MAPPING)
    for name, entry in values.items():
        if " " not in name or not entry.get("metric") or set(entry) - names:
            raise MappingError(
                f'The mapping of {name!r} is wrong; write {{"<namespace> <metric>": {{"metric": "cpu_utilization"}}}} '
                f"with any of {', '.join(sorted(names))}"
            )
        mapped = Mapped(**entry)
        if mapped.statistic not in STATISTICS:
            raise MappingError(f"The statistic of {name!r} is none of {', '.join(STATISTICS)}")
        table[name] = mapped
    return table


def mapped(table: Mapping[str, Mapped], namespace: str, metric: str) -> Mapped:
    """Our metric for one of a monitoring system; one that is not in the table keeps its name, and our own are no counters."""
    return table.get(f"{namespace} {metric}") or Mapped(metric, is_counter=False if metric in METRICS else None)


def mapped_name(table: Mapping[str, Mapped], name: str) -> Mapped | None:
    """Our metric for a name that comes without its namespace, in any case of letters; None where that is unknown.

    Entries of the namespace CSV go first. Names that several namespaces convert in different ways are unknown, and so are
    those that are divided by a period, which such a name does not have.
    """
    folded = name.casefold()
    entries = {key.casefold(): entry for key, entry in table.items()}
    if (own := entries.get(f"{COLUMNS} {folded}".casefold()) or entries.get(folded)) is not None:
        return own
    candidates = {entry for key, entry in entries.items() if key.partition(" ")[2] == folded}
    (candidate,) = candidates if len(candidates) == 1 else (None,)
    return None if candidate is None or candidate.per_second else candidate


def without_replicas(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels without those that tell apart replicas of one Prometheus, which see the same series."""
    return {name: value for name, value in labels.items() if name not in REPLICA_LABELS}


def converted(mapping: Mapped, figure: float, unit: str, period_seconds: float | None) -> float:
    """The figure in our unit."""
    value = figure * mapping.factor
    if mapping.is_time:
        value *= SECONDS_IN.get(unit, 1.0)
    if mapping.per_second and period_seconds:
        value /= period_seconds
    return value


def cluster_of(names: Mapping[str, str], keys: Sequence[str], default: str) -> str:
    """The cluster that dimensions or labels name, by the first of `keys` that they have."""
    return next((str(names[key]) for key in keys if names.get(key)), default)


def unnamed_cluster(account: str, namespace: str) -> str:
    """The cluster of metrics that are delivered for all of an account and whose dimensions name none."""
    return f"{account}:{namespace}" if account else namespace


def series_of(names: Mapping[str, str], keys: Sequence[str]) -> str:
    """The dimensions or labels besides the cluster's, `NodeName=a,Pod=b`; empty where there are none."""
    cluster = next((key for key in keys if names.get(key)), None)
    return ",".join(f"{key}={value}" for key, value in sorted(names.items()) if key != cluster)
