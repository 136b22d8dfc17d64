"""What a column of a file measures, by its name: `cpu_utilization`, `CPUUtilization`, `shop CPUUtilization` or, as Grafana
writes it, `node_cpu {cluster="shop"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.mapping import (
    CLUSTER_LABELS,
    PROMETHEUS,
    Mapped,
    cluster_of,
    mapped,
    mapped_name,
    series_of,
    without_replicas,
)

_LABELED = re.compile(r"([^{]*)\{(.*)\}\s*")
_LABEL = re.compile(r'([A-Za-z_]\w*)\s*[=:]\s*"((?:[^"\\]|\\.)*)"')
_UNIT = re.compile(r"\s*(?:[(\[]\s*(?:%|percent)\s*[)\]]|%)\s*$", re.IGNORECASE)
ALIASES = {
    "cpu_utilization": "cpu cpu_percent cpu_usage cpu_usage_percent cpu_util cpu_utilisation node_cpu node_cpu_percent",
    "memory_utilization": "memory mem memory_percent memory_usage mem_percent memory_utilisation node_memory",
    "network_utilization": "network_percent network_utilisation",
    "node_count": "nodes node_number instances_in_service",
    "pod_count": "pods running_pods",
    "request_rate": "requests_per_second rps req_per_second",
    "response_time": "response_time_seconds latency_seconds",
    "queue_depth": "queue_length",
}
"""Our metric -> further names of its columns."""
_METRIC_OF = {alias: metric for metric, aliases in ALIASES.items() for alias in aliases.split()}
NOT_OF_A_CLUSTER = frozenset({"mode", "cpu", "container", "pod", "state"})
"""Labels of series that are a part of a cluster's metric: such a column keeps its own name."""


@dataclass(frozen=True)
class ColumnMeaning:
    """What a column measures; `cluster_id` is None where the row or the file names it."""

    mapping: Mapped
    cluster_id: str | None = None
    series: str = ""


def column_meanings(
    columns: Sequence[str], titles: Mapping[str, str], table: Mapping[str, Mapped]
) -> dict[str, ColumnMeaning]:
    """Column -> what it measures; of two columns that would be the same, the one with another name keeps it."""
    meanings = {column: _meaning(titles.get(column, column), column, table) for column in columns}
    taken = {_target(meaning) for column, meaning in meanings.items() if meaning.mapping.metric == column}
    for column, meaning in meanings.items():
        if meaning.mapping.metric == column:
            continue
        if _target(meaning) in taken:
            meanings[column] = ColumnMeaning(Mapped(column), meaning.cluster_id, meaning.series)
        taken.add(_target(meanings[column]))
    return meanings


def _target(meaning: ColumnMeaning) -> tuple[str | None, str, str]:
    return meaning.cluster_id, meaning.series, meaning.mapping.metric


def _meaning(title: str, column: str, table: Mapping[str, Mapped]) -> ColumnMeaning:
    if (labeled := _LABELED.fullmatch(title)) is not None:
        return _labeled(labeled[1].strip(), labeled[2], column, table)
    if column in METRICS and (mapping := mapped_name(table, title)) is None:
        return ColumnMeaning(Mapped(column))
    if (mapping := mapped_name(table, title)) is not None:
        return ColumnMeaning(mapping)
    *cluster, last = title.split()
    if cluster and (mapping := mapped_name(table, last) or _own(last)) is not None:
        return ColumnMeaning(mapping, " ".join(cluster))
    return ColumnMeaning(_alias(title) or Mapped(column))


def _labeled(name: str, text: str, column: str, table: Mapping[str, Mapped]) -> ColumnMeaning:
    labels = without_replicas(dict(_LABEL.findall(text)))
    name = name or labels.get("__name__", "")
    labels.pop("__name__", None)
    series = series_of(labels, CLUSTER_LABELS)
    is_part = bool(NOT_OF_A_CLUSTER & labels.keys())
    mapping = mapped(table, PROMETHEUS, name)
    if mapping.metric == name and not is_part:
        mapping = mapped_name(table, name) or _own(name) or _alias(name) or mapping
    if not name:
        mapping = Mapped(column)
    return ColumnMeaning(mapping, cluster_of(labels, CLUSTER_LABELS, "") or None, series)


def _own(name: str) -> Mapped | None:
    return Mapped(name.lower()) if name.lower() in METRICS else None


def _alias(title: str) -> Mapped | None:
    name = re.sub(r"[\s\-.]+", "_", _UNIT.sub("", title).strip().lower())
    metric = name if name in METRICS else _METRIC_OF.get(name)
    return Mapped(metric) if metric else None
