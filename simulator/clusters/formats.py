"""The lines of four formats: CSV, CloudWatch metric streams as Firehose delivers them, performance log events of Container
Insights (EMF) beside an application's own, and Prometheus samples as the Kafka adapter writes them.
"""

from __future__ import annotations

import json

import numpy as np

from simulator.clusters.cluster import METRICS, UNITS
from simulator.clusters.files import DECIMALS, Format, Samples

NAMESPACE = "Shop"
"""Of the metrics that no AWS service publishes."""
CONTAINER_INSIGHTS = {
    "cpu_utilization": "node_cpu_utilization",
    "memory_utilization": "node_memory_utilization",
    "pod_count": "cluster_number_of_running_pods",
    "node_count": "cluster_node_count",
}
PROMETHEUS = {
    "cpu_utilization": ("instance:node_cpu_utilisation:rate5m", 0.01),
    "memory_utilization": ("instance:node_memory_utilisation:ratio", 0.01),
    "pod_count": ("kubelet_running_pods", 1.0),
}
"""Metric -> its name there, and factor; the request rate is the counter REQUESTS_TOTAL, the others keep their names."""
REQUESTS_TOTAL = "http_requests_total"


def _csv(samples: Samples, rows: np.ndarray) -> list[str]:
    name = samples.series.cluster.name
    columns = [_texts(samples, metric, rows) for metric in METRICS]
    header = ",".join(("timestamp", "cluster_id", *METRICS))
    return [header, *(",".join((at, name, *row)) for at, *row in zip(_iso(samples, rows), *columns, strict=True))]


def _stream(samples: Samples, rows: np.ndarray) -> list[str]:
    """One line a metric and period: its sum and sample count, as CloudWatch keeps them."""
    times, counts = _milliseconds(samples, rows), samples.period[rows]
    columns = []
    for metric in METRICS:
        head = json.dumps(
            {
                "metric_stream_name": "clusters",
                "account_id": "123456789012",
                "region": "eu-central-1",
                "namespace": "ContainerInsights" if metric in CONTAINER_INSIGHTS else NAMESPACE,
                "metric_name": CONTAINER_INSIGHTS.get(metric, metric),
                "dimensions": {"ClusterName": samples.series.cluster.name},
            }
        )[:-1]
        sums = np.round(samples.values[metric][rows] * counts, 6).tolist()
        figures = zip(times, _texts(samples, metric, rows), sums, counts.tolist(), strict=True)
        columns.append(
            [
                f'{head}, "timestamp": {at}, "value": {{"max": {value}, "min": {value}, "sum": {total!r}, "count": {count}.0}}, "unit": "{UNITS[metric]}"}}'
                for at, value, total, count in figures
            ]
        )
    return _by_period(columns)


def _emf(samples: Samples, rows: np.ndarray) -> list[str]:
    """Two events a period: the agent's performance log event, and the application's in embedded metric format."""
    cluster = samples.series.cluster.name
    own = {metric: metric for metric in METRICS if metric not in CONTAINER_INSIGHTS}
    agent = f'{{"CloudWatchMetrics": {_directive("ContainerInsights", CONTAINER_INSIGHTS)}, "ClusterName": "{cluster}", "Type": "Cluster", "Version": "0", "Timestamp": "'
    application = f', "CloudWatchMetrics": {_directive(NAMESPACE, own)}}}, "ClusterName": "{cluster}"'
    lines = []
    members = zip(_members(samples, rows, CONTAINER_INSIGHTS), _members(samples, rows, own), strict=True)
    for at, (agents, applications) in zip(_milliseconds(samples, rows), members, strict=True):
        lines.append(f'{agent}{at}"{agents}}}')
        lines.append(f'{{"_aws": {{"Timestamp": {at}{application}{applications}}}')
    return lines


def _directive(namespace: str, names: dict[str, str]) -> str:
    metrics = [{"Name": name, "Unit": UNITS[metric]} for metric, name in names.items()]
    return json.dumps([{"Namespace": namespace, "Dimensions": [["ClusterName"]], "Metrics": metrics}])


def _members(samples: Samples, rows: np.ndarray, names: dict[str, str]) -> list[str]:
    columns = [[f', "{name}": {text}' for text in _texts(samples, metric, rows)] for metric, name in names.items()]
    return ["".join(row) for row in zip(*columns, strict=True)]


def _prometheus(samples: Samples, rows: np.ndarray) -> list[str]:
    """One line a sample, stamped at the end of its period as a scrape is; requests as a counter."""
    times = _iso(samples, rows, samples.period[rows])
    columns = []
    for metric in METRICS:
        name, factor = PROMETHEUS.get(metric, (metric, 1.0))
        figures = [f"{value:.9g}" for value in (samples.values[metric][rows] * factor).tolist()]
        if metric == "request_rate":
            name, figures = REQUESTS_TOTAL, [f"{value:.0f}" for value in samples.counter[rows].tolist()]
        labels = {"__name__": name, "cluster": samples.series.cluster.name, "job": "shop"}
        tail = f'"name": "{name}", "labels": {json.dumps(labels)}}}'
        pairs = zip(times, figures, strict=True)
        columns.append([f'{{"timestamp": "{at}", "value": "{value}", {tail}' for at, value in pairs])
    return _by_period(columns)


def _by_period(columns: list[list[str]]) -> list[str]:
    return [line for lines in zip(*columns, strict=True) for line in lines]


def _texts(samples: Samples, metric: str, rows: np.ndarray) -> list[str]:
    values = samples.values[metric][rows]
    return [repr(value) for value in (values.astype(int) if DECIMALS.get(metric) == 0 else values).tolist()]


def _iso(samples: Samples, rows: np.ndarray, later: np.ndarray | int = 0) -> list[str]:
    start = np.datetime64(samples.series.start.replace(tzinfo=None), "s")
    stamps = start + ((samples.at[rows] + later) * 60).astype("timedelta64[s]")
    return [f"{at}Z" for at in np.datetime_as_string(stamps).tolist()]


def _milliseconds(samples: Samples, rows: np.ndarray) -> list[int]:
    times: list[int] = (int(samples.series.start.timestamp()) * 1000 + samples.at[rows] * 60_000).tolist()
    return times


FORMATS = (
    Format("csv", "csv.gz", 24, _csv),
    Format("stream", "jsonl.gz", 1, _stream),
    Format("emf", "jsonl.gz", 24, _emf),
    Format("prometheus", "jsonl.gz", 24, _prometheus),
)
"""Clusters take turns in this order."""
