"""The feature groups that hold the metrics of clusters."""

from __future__ import annotations

from datetime import timedelta

from platform_assets.feature_store.groups import FeatureGroup
from spark_jobs.contract import Column

INFRASTRUCTURE_METRICS = FeatureGroup(
    name="infrastructure_metrics",
    meaning="Load and size of clusters.",
    identifier=Column("cluster_id", "string", "the cluster", nullable=False),
    ttl=timedelta(hours=1),
    retention_days=400,
    partition="month",
    filled_from="features/metrics/cluster_features",
    features=(
        Column("cpu_utilization", "double", "used share of the CPU capacity, percent"),
        Column("memory_utilization", "double", "used share of the memory, percent"),
        Column("pod_count", "int64", "running pods"),
        Column("node_count", "int64", "nodes in service"),
        Column("request_rate", "double", "requests a second"),
        Column("error_rate", "double", "share of the requests that failed, 0..1"),
    ),
)
