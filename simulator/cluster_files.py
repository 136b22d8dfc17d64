"""What of a cluster is sampled, what becomes of it on the way, and the files that it arrives in.

Four forms: CSV, CloudWatch metric streams as Firehose delivers them, performance log events of Container Insights (EMF)
with an application's own, and Prometheus samples as the Kafka adapter writes them. What is true is cluster.py's.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from simulator.cluster import METRICS, Series

DECIMALS = {"pod_count": 0, "node_count": 0, "queue_depth": 0, "error_rate": 5, "response_time": 5, "spot_price": 5}
"""Of the others 3."""
NAMESPACE = "Shop"
"""Of the metrics that no service of AWS knows."""
CONTAINER_INSIGHTS = {
    "cpu_utilization": "node_cpu_utilization",
    "memory_utilization": "node_memory_utilization",
    "pod_count": "cluster_number_of_running_pods",
    "node_count": "cluster_node_count",
}
UNITS = {
    "cpu_utilization": "Percent",
    "memory_utilization": "Percent",
    "network_utilization": "Percent",
    "pod_count": "Count",
    "node_count": "Count",
    "request_rate": "Count/Second",
    "response_time": "Seconds",
    "error_rate": "None",
    "queue_depth": "Count",
    "spot_price": "None",
}
PROMETHEUS = {
    "cpu_utilization": ("instance:node_cpu_utilisation:rate5m", 0.01),
    "memory_utilization": ("instance:node_memory_utilisation:ratio", 0.01),
    "pod_count": ("kubelet_running_pods", 1.0),
}
"""Ours -> name there, and factor; the request rate is the counter REQUESTS_TOTAL, the others keep their names."""
REQUESTS_TOTAL = "http_requests_total"
ACCOUNT = "123456789012"
REGION = "eu-central-1"

GAPS_A_DAY, GAP_MINUTES = 0.6, (12, 50)
LOST_SHARE, REPEATED_SHARE, REWRITTEN_SHARE = 0.002, 0.004, 0.25
"""Share of single samples that never arrive; that arrive twice; of these, with another value the second time."""
SKEW_MINUTES, SKEWED_MINUTES = 11, 360
"""How far the wrong clock is ahead, and for how long at most."""


@dataclass(frozen=True)
class Fault:
    """What went wrong between cluster and file, in minutes of the span; of a single moment the end is one later."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Samples:
    """What arrives, in the order in which it does. `at` is the time that samples say, `arrived` when they were taken."""

    series: Series
    at: np.ndarray
    """Minutes of the span, by the cluster's own clock."""
    arrived: np.ndarray
    period: np.ndarray
    """Minutes."""
    values: dict[str, np.ndarray]
    counter: np.ndarray
    """Requests since the processes began."""
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Form:
    """How one kind of source writes: lines of samples `first` to `end`, into a file for so many hours each."""

    name: str
    suffix: str
    hours_a_file: int
    lines: Callable[[Samples, np.ndarray], list[str]]


def sampled(seed: int, index: int, series: Series, periods: Sequence[int], skewed: bool) -> Samples:
    """The samples that arrive of a cluster. `periods` (minutes) share the span, one after the other."""
    rng = np.random.default_rng([seed, index, 3, int(series.start.timestamp())])
    counter, resets = counted(series)
    starts, lengths = steps(series.minutes, periods)
    faults = [Fault("counter_reset", minute, minute + 1) for minute in resets]
    faults += [Fault("period_change", int(m), int(m) + 1) for m in starts[1:][np.diff(lengths) != 0]]
    there = rng.random(len(starts)) >= LOST_SHARE
    for _ in range(max(1, round(series.minutes / 1440 * GAPS_A_DAY))):
        lasts = int(rng.integers(*GAP_MINUTES))
        first = int(rng.integers(0, max(1, series.minutes - lasts)))
        there &= (starts + lengths <= first) | (starts >= first + lasts)
        faults.append(Fault("gap", first, first + lasts))
    kept = np.flatnonzero(there)
    again = rng.random(len(kept)) < REPEATED_SHARE
    kept = np.repeat(kept, 1 + again)
    second = np.r_[False, kept[1:] == kept[:-1]]
    rewritten = second & (rng.random(len(kept)) < REWRITTEN_SHARE)
    faults += [Fault("duplicate", int(m), int(m) + 1) for m in starts[kept[second]]]
    values = {}
    for name in METRICS:
        means = np.add.reduceat(series.metrics[name], starts) / lengths
        figures = np.where(rewritten, means[kept] * 1.05, means[kept])
        values[name] = np.round(figures, DECIMALS.get(name, 3))
    at = starts[kept].copy()
    if skewed:
        lasts = min(SKEWED_MINUTES, series.minutes // 4)
        first = int(rng.integers(lasts, series.minutes - 2 * lasts + 1))
        at[(at >= first) & (at < first + lasts)] += SKEW_MINUTES
        faults.append(Fault("clock_skew", first, first + lasts))
    ends = np.minimum(starts + lengths, series.minutes) - 1
    faults.sort(key=lambda one: (one.start, one.kind))
    return Samples(series, at, starts[kept], lengths[kept], values, counter[ends][kept], tuple(faults))


def steps(minutes: int, periods: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Starts and lengths of the sampled periods, aligned to their own length from the first minute on."""
    longest = max(periods)
    edges = [int(edge) // longest * longest for edge in np.linspace(0, minutes, len(periods) + 1)]
    edges[-1] = minutes
    starts = np.concatenate(
        [np.arange(first, end, period) for first, end, period in zip(edges, edges[1:], periods, strict=False)]
    )
    return starts, np.diff(np.r_[starts, minutes])


def counted(series: Series) -> tuple[np.ndarray, tuple[int, ...]]:
    """The counter of requests at the end of each minute, and the minutes in which it began anew."""
    resets = tuple(sorted(set(series.restarts))) or (series.minutes // 2,)
    total = np.cumsum(series.metrics["request_rate"] * 60)
    for minute in reversed(resets):
        total[minute:] -= total[minute - 1]
    return np.round(np.maximum(total, 0)), resets


# --- forms ---------------------------------------------------------------------------------------------------


def _csv(samples: Samples, which: np.ndarray) -> list[str]:
    name = samples.series.cluster.name
    times = _iso(samples, which)
    columns = [_texts(samples, metric, which) for metric in METRICS]
    head = ",".join(("timestamp", "cluster_id", *METRICS))
    return [head, *(",".join((at, name, *row)) for at, *row in zip(times, *columns, strict=True))]


def _stream(samples: Samples, which: np.ndarray) -> list[str]:
    """One line a metric and period: sum and count of what was measured within it, as CloudWatch keeps it."""
    cluster, times = samples.series.cluster.name, _milliseconds(samples, which)
    lines = []
    for metric in METRICS:
        namespace = "ContainerInsights" if metric in CONTAINER_INSIGHTS else NAMESPACE
        head = json.dumps(
            {
                "metric_stream_name": "clusters",
                "account_id": ACCOUNT,
                "region": REGION,
                "namespace": namespace,
                "metric_name": CONTAINER_INSIGHTS.get(metric, metric),
                "dimensions": {"ClusterName": cluster},
            }
        )[:-1]
        counts = samples.period[which]
        sums = np.round(samples.values[metric][which] * counts, 6).tolist()
        lines.append(
            [
                f'{head}, "timestamp": {at}, "value": {{"max": {value}, "min": {value}, "sum": {total!r}, "count": {count}.0}}, "unit": "{UNITS[metric]}"}}'
                for at, value, total, count in zip(
                    times, _texts(samples, metric, which), sums, counts.tolist(), strict=True
                )
            ]
        )
    return [line for together in zip(*lines, strict=True) for line in together]


def _emf(samples: Samples, which: np.ndarray) -> list[str]:
    """Two events a period: the agent's own performance log event, and the application's in embedded metric format."""
    cluster, times = samples.series.cluster.name, _milliseconds(samples, which)
    own = [metric for metric in METRICS if metric not in CONTAINER_INSIGHTS]
    agents = _directive("ContainerInsights", {CONTAINER_INSIGHTS[one]: UNITS[one] for one in CONTAINER_INSIGHTS})
    applications = _directive(NAMESPACE, {one: UNITS[one] for one in own})
    first = f'{{"CloudWatchMetrics": {agents}, "ClusterName": "{cluster}", "Type": "Cluster", "Version": "0", "Timestamp": "'
    second = f', "CloudWatchMetrics": {applications}}}, "ClusterName": "{cluster}"'
    lines = []
    for at, agent, application in zip(
        times,
        _members(samples, which, CONTAINER_INSIGHTS),
        _members(samples, which, {one: one for one in own}),
        strict=True,
    ):
        lines.append(f'{first}{at}"{agent}}}')
        lines.append(f'{{"_aws": {{"Timestamp": {at}{second}{application}}}')
    return lines


def _directive(namespace: str, units: dict[str, str]) -> str:
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return json.dumps([{"Namespace": namespace, "Dimensions": [["ClusterName"]], "Metrics": metrics}])


def _members(samples: Samples, which: np.ndarray, names: dict[str, str]) -> list[str]:
    columns = [[f', "{name}": {text}' for text in _texts(samples, metric, which)] for metric, name in names.items()]
    return ["".join(row) for row in zip(*columns, strict=True)]


def _prometheus(samples: Samples, which: np.ndarray) -> list[str]:
    """One line a sample, stamped at the end of its period as a scrape is; requests as a counter."""
    times = _iso(samples, which, samples.period[which])
    lines = []
    for metric in METRICS:
        name, factor = PROMETHEUS.get(metric, (metric, 1.0))
        figures = [f"{value:.9g}" for value in (samples.values[metric][which] * factor).tolist()]
        if metric == "request_rate":
            name, figures = REQUESTS_TOTAL, [f"{value:.0f}" for value in samples.counter[which].tolist()]
        labels = {"__name__": name, "cluster": samples.series.cluster.name, "job": "shop"}
        tail = f'"name": "{name}", "labels": {json.dumps(labels)}}}'
        lines.append(
            [f'{{"timestamp": "{at}", "value": "{value}", {tail}' for at, value in zip(times, figures, strict=True)]
        )
    return [line for together in zip(*lines, strict=True) for line in together]


def _texts(samples: Samples, metric: str, which: np.ndarray) -> list[str]:
    values = samples.values[metric][which]
    return [repr(value) for value in (values.astype(int) if DECIMALS.get(metric) == 0 else values).tolist()]


def _iso(samples: Samples, which: np.ndarray, later: np.ndarray | int = 0) -> list[str]:
    start = np.datetime64(samples.series.start.replace(tzinfo=None), "s")
    stamps = start + ((samples.at[which] + later) * 60).astype("timedelta64[s]")
    return [f"{at}Z" for at in np.datetime_as_string(stamps).tolist()]


def _milliseconds(samples: Samples, which: np.ndarray) -> list[int]:
    found: list[int] = (int(samples.series.start.timestamp()) * 1000 + samples.at[which] * 60_000).tolist()
    return found


FORMS = (
    Form("csv", "csv.gz", 24, _csv),
    Form("stream", "jsonl.gz", 1, _stream),
    Form("emf", "jsonl.gz", 24, _emf),
    Form("prometheus", "jsonl.gz", 24, _prometheus),
)
"""Clusters take turns in them, in this order."""


def write_files(folder: Path, form: Form, samples: Samples) -> tuple[int, int]:
    """The cluster's files, named after it and their first hour; returns how many files and lines. Empty ones are not written."""
    files = lines = 0
    part = samples.arrived // (60 * form.hours_a_file)
    for number in np.unique(part).tolist():
        texts = form.lines(samples, np.flatnonzero(part == number))
        hour = samples.series.start + timedelta(hours=number * form.hours_a_file)
        name = f"{samples.series.cluster.name}.{form.name}.{hour:%Y-%m-%d-%H}.{form.suffix}"
        (folder / name).write_bytes(gzip.compress(("\n".join(texts) + "\n").encode(), compresslevel=4, mtime=0))
        files, lines = files + 1, lines + len(texts)
    return files, lines
