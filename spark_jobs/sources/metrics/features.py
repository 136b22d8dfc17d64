"""The features of a cluster at one step, declared once; `cluster_features.py` computes them. Standard library only.

A window holds the steps in `[t - window, t)`: not the row's own step, no steps without a value, and nothing is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass

from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.times import HOUR_SECONDS

WINDOWS = {"1h": HOUR_SECONDS, "6h": 6 * HOUR_SECONDS, "24h": 24 * HOUR_SECONDS}


@dataclass(frozen=True)
class Feature:
    """One feature. `kind`: current (the column itself), calendar, count, mean, max, trend, volatility, ratio, product or
    undefined (whether that ratio or product has no value); `inputs` are columns of cluster_5min."""

    name: str
    type: str
    meaning: str
    kind: str
    inputs: tuple[str, ...] = ()
    window_seconds: int = 0
    is_nullable: bool = True


def _current(metric: str) -> Feature:
    return Feature(metric, "double", "as in cluster_5min", "current", (metric,))


def _windows(prefix: str, metric: str, unit: str) -> tuple[Feature, ...]:
    aggregates = {
        "avg": ("mean", f"mean, {unit}"),
        "max": ("max", f"largest value, {unit}"),
        "trend": ("trend", f"slope of the least-squares line, {unit} an hour; null with fewer than two steps"),
        "volatility": ("volatility", f"sample standard deviation, {unit}; null with fewer than two steps"),
    }
    return tuple(
        Feature(
            f"{prefix}_{name}_{window}", "double", f"{metric} over {window} before: {meaning}", kind, (metric,), seconds
        )
        for window, seconds in WINDOWS.items()
        for name, (kind, meaning) in aggregates.items()
    ) + tuple(
        Feature(
            f"{prefix}_step_count_{window}",
            "int64",
            f"steps with {metric} over {window} before",
            "count",
            (metric,),
            seconds,
            is_nullable=False,
        )
        for window, seconds in WINDOWS.items()
    )


def _derived(
    name: str, kind: str, inputs: tuple[str, str], meaning: str, undefined_meaning: str
) -> tuple[Feature, Feature]:
    return (
        Feature(name, "double", meaning, kind, inputs),
        Feature(f"is_{name}_undefined", "boolean", undefined_meaning, "undefined", (name,), is_nullable=False),
    )


NO_DENOMINATOR = "a figure is missing or the denominator is zero"
FEATURES: tuple[Feature, ...] = (
    Feature("hour_of_day", "int32", "0 to 23, in the calendar's time zone", "calendar", is_nullable=False),
    Feature("day_of_week", "int32", "0 is Monday, in the calendar's time zone", "calendar", is_nullable=False),
    Feature("month", "int32", "1 to 12, in the calendar's time zone", "calendar", is_nullable=False),
    Feature("is_weekend", "boolean", "Saturday or Sunday", "calendar", is_nullable=False),
    Feature("is_business_hour", "boolean", "within business hours of a business day", "calendar", is_nullable=False),
    Feature(
        "time_to_business_hours",
        "double",
        "hours until business hours begin, 0 within them; null without any",
        "calendar",
    ),
    *(_current(metric) for metric in METRICS),
    *_windows("cpu", "cpu_utilization", "percent"),
    Feature(
        "spot_price_volatility",
        "double",
        "spot_price over 24h before: sample standard deviation; null with fewer than two steps",
        "volatility",
        ("spot_price",),
        WINDOWS["24h"],
    ),
    *_derived(
        "cpu_memory_ratio",
        "ratio",
        ("cpu_utilization", "memory_utilization"),
        "cpu_utilization / memory_utilization",
        NO_DENOMINATOR,
    ),
    *_derived("pod_density", "ratio", ("pod_count", "node_count"), "pods a node", NO_DENOMINATOR),
    *_derived("request_per_pod", "ratio", ("request_rate", "pod_count"), "requests a second and pod", NO_DENOMINATOR),
    *_derived(
        "error_impact", "product", ("error_rate", "request_rate"), "error_rate x request_rate", "a figure is missing"
    ),
)
"""All features, in the order of their columns."""

INPUTS = tuple(dict.fromkeys(name for feature in FEATURES if feature.kind != "undefined" for name in feature.inputs))
"""Columns of cluster_5min that features read, besides cluster_id and event_at."""
