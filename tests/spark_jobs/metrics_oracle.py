"""The features of one row of cluster_5min the long way, in plain Python: what `cluster_features.py` is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spark_jobs.sources.metrics.business_hours import Calendar, calendar_features
from spark_jobs.sources.metrics.features import FEATURES
from spark_jobs.sources.metrics.times import HOUR_SECONDS, micros


def features_of(
    row: Mapping[str, Any], history: Sequence[Mapping[str, Any]], calendar: Calendar | None = None
) -> dict[str, Any]:
    """The features of one row of cluster_5min, from it and from rows of the same cluster before it, in any order.

    Rows hold event_at (datetime or microseconds) and any of the metrics; absent, None and NaN are no value. Rows of
    `history` at the row's time or later do not count. Of equal times the last row counts.
    """
    at = micros(row["event_at"])
    past = {micros(step["event_at"]): step for step in history}
    times = sorted(time for time in past if time < at)
    actual: dict[str, Any] = dict(calendar_features(calendar or Calendar(), at))
    for feature in FEATURES:
        if feature.kind == "calendar":
            continue
        if feature.kind == "undefined":
            actual[feature.name] = actual[feature.inputs[0]] is None
        elif feature.window_seconds:
            begins = at - feature.window_seconds * 1_000_000
            points = [
                ((time - at) / 1e6 / HOUR_SECONDS, value)
                for time in times
                if time >= begins and (value := _value(past[time], feature.inputs[0])) is not None
            ]
            actual[feature.name] = _AGGREGATES[feature.kind](points)
        else:
            actual[feature.name] = _OF_ROW[feature.kind](*(_value(row, name) for name in feature.inputs))
    return {feature.name: actual[feature.name] for feature in FEATURES}


def _value(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or value != value else float(value)


Points = Sequence[tuple[float, float]]
"""Hours (before the row: negative) and values."""


def _mean(points: Points) -> float | None:
    return math.fsum(value for _, value in points) / len(points) if points else None


def _max(points: Points) -> float | None:
    return max((value for _, value in points), default=None)


def _volatility(points: Points) -> float | None:
    mean = _mean(points)
    if mean is None or len(points) < 2:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for _, value in points) / (len(points) - 1))


def _trend(points: Points) -> float | None:
    mean = _mean(points)
    if mean is None or len(points) < 2:
        return None
    middle = math.fsum(at for at, _ in points) / len(points)
    spread = math.fsum((at - middle) ** 2 for at, _ in points)
    return math.fsum((at - middle) * (value - mean) for at, value in points) / spread


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else _finite(numerator / denominator)


def _product(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else _finite(first * second)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_AGGREGATES: dict[str, Any] = {
    "count": len,
    "mean": _mean,
    "max": _max,
    "volatility": _volatility,
    "trend": _trend,
}
_OF_ROW: dict[str, Any] = {"current": lambda value: value, "ratio": _ratio, "product": _product}
