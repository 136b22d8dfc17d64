"""cluster_5min -> cluster_features: the features that `features.py` declares, in numpy, for tasks and for single rows.

A window's sums add its own slice of steps in order of time, so that a row is the same to the bit whatever history is
loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.metrics.business_hours import Calendar, calendar_features
from spark_jobs.sources.metrics.features import FEATURES, INPUTS, WINDOWS
from spark_jobs.sources.metrics.tables import CLUSTER_FEATURES, FLAGS
from spark_jobs.sources.metrics.times import HOUR_SECONDS, SECOND, micros
from spark_jobs.storage.schema import arrow_schema, hour_names

Numbers = np.ndarray
ROWS_AT_ONCE = 8_192
"""The windows of so many rows are in memory together."""


def cluster_features_rows(steps: pa.Table, hours: Sequence[str], calendar: Calendar) -> pa.Table:
    """Rows of cluster_5min, in any order -> the rows of cluster_features of the hours, with event_hour.

    The 24 hours before the first of the hours have to be among them for windows to be whole.
    """
    steps = steps.sort_by([("cluster_id", "ascending"), ("event_at", "ascending")])
    clusters = steps["cluster_id"].combine_chunks().dictionary_encode()
    codes = clusters.indices.to_numpy()
    times = steps["event_at"].cast(pa.int64()).to_numpy()
    names = hour_names(steps["event_at"])
    is_requested = pc.is_in(names, pa.array(list(hours))).to_numpy(zero_copy_only=False)
    requested = np.flatnonzero(is_requested)
    schema = arrow_schema(CLUSTER_FEATURES)
    parts = [schema.empty_table()]
    for start in range(0, len(requested), ROWS_AT_ONCE):
        rows = requested[start : start + ROWS_AT_ONCE]
        columns: dict[str, pa.Array] = {name: steps[name].take(rows) for name in ("cluster_id", "event_at")}
        columns |= _features(steps, codes, times, rows, calendar)
        columns |= {flag.name: steps[flag.name].take(rows) for flag in FLAGS}
        columns["ingested_at"] = _ingested(steps, codes, times, rows)
        parts.append(pa.table({name: columns[name] for name in schema.names}, schema=schema))
    return pa.concat_tables(parts).append_column(HOUR_COLUMN, names.take(requested))


def current_features(
    row: Mapping[str, Any], history: Sequence[Mapping[str, Any]], calendar: Calendar | None = None
) -> dict[str, Any]:
    """The features of one row of cluster_5min, from it and from rows of the same cluster before it, in any order.

    Rows hold event_at (datetime, or microseconds since 1970) and any of the metrics; absent, None and NaN are no value.
    Rows of `history` at the row's time or later do not count. Of equal times the last row counts.
    """
    at = micros(row["event_at"])
    earlier = {micros(step["event_at"]): step for step in history}
    steps = [earlier[time] for time in sorted(earlier) if time < at] + [row]
    columns: dict[str, pa.Array] = {
        name: pa.array([step.get(name) for step in steps], pa.float64(), from_pandas=True) for name in INPUTS
    }
    times = np.array([micros(step["event_at"]) for step in steps], np.int64)
    rows = np.array([len(steps) - 1])
    features = _features(pa.table(columns), np.zeros(len(steps), np.int64), times, rows, calendar or Calendar())
    return {name: values[0].as_py() for name, values in features.items()}


def _features(
    steps: pa.Table, codes: Numbers, times: Numbers, rows: Numbers, calendar: Calendar
) -> dict[str, pa.Array]:
    values = {name: steps[name].to_numpy() for name in INPUTS}
    known_times, positions = np.unique(times[rows], return_inverse=True)
    by_time = [calendar_features(calendar, int(at)) for at in known_times]
    columns: dict[str, pa.Array] = {}
    windows: dict[tuple[str, int], _Window] = {}
    for feature in FEATURES:
        kind = pa.type_for_alias(feature.type)
        if feature.kind == "calendar":
            columns[feature.name] = pa.array([row[feature.name] for row in by_time], kind).take(pa.array(positions))
        elif feature.kind == "undefined":
            columns[feature.name] = columns[feature.inputs[0]].is_null()
        elif feature.window_seconds:
            key = (feature.inputs[0], feature.window_seconds)
            if key not in windows:
                windows[key] = _Window(values[feature.inputs[0]], codes, times, rows, feature.window_seconds)
            columns[feature.name] = _nullable(getattr(windows[key], feature.kind)(), kind)
        else:
            columns[feature.name] = _nullable(
                _of_row(feature.kind, [values[name][rows] for name in feature.inputs]), kind
            )
    return columns


def _of_row(kind: str, inputs: list[Numbers]) -> Numbers:
    if kind == "current":
        return inputs[0]
    first, second = inputs
    with np.errstate(all="ignore"):
        result = first * second if kind == "product" else np.where(second != 0, first / second, np.nan)
    return np.where(np.isfinite(result), result, np.nan)


def _nullable(values: Numbers, kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind, from_pandas=True)


class _Slices:
    """For each of some rows, those kept steps of its cluster that lie in `[t - window, t)`; flat, in order."""

    def __init__(self, keep: Numbers, codes: Numbers, times: Numbers, rows: Numbers, window_seconds: int) -> None:
        # Clusters one after the other on one axis of time, further apart than any window.
        span = int(times.max() - times.min()) + 2 * window_seconds * SECOND + 1 if len(times) else 1
        axis = codes.astype(np.int64) * span + (times - times.min() if len(times) else times)
        kept_times, row_times = axis[keep], axis[rows]
        begins = np.searchsorted(kept_times, row_times - window_seconds * SECOND, "left")
        self.counts = np.searchsorted(kept_times, row_times, "left") - begins
        offsets = np.cumsum(self.counts) - self.counts
        self.index = np.arange(int(self.counts.sum())) + np.repeat(begins - offsets, self.counts)
        self.has_any = self.counts > 0
        self.starts = offsets[self.has_any]

    def each(self, per_row: Numbers) -> Numbers:
        """A value of each row, for all steps of its slice."""
        return np.repeat(per_row, self.counts)

    def reduced(self, combine: np.ufunc, flat: Numbers, empty: float) -> Numbers:
        result = np.full(len(self.counts), empty, flat.dtype)
        if len(self.starts):
            result[self.has_any] = combine.reduceat(flat, self.starts)
        return result


class _Window:
    """The aggregates of one metric over one window, for some rows; NaN if there is none."""

    def __init__(self, values: Numbers, codes: Numbers, times: Numbers, rows: Numbers, window_seconds: int) -> None:
        keep = np.flatnonzero(~np.isnan(values))
        self.slices = _Slices(keep, codes, times, rows, window_seconds)
        self.values = values[keep][self.slices.index]
        row_times = self.slices.each(times[rows])
        self.hours = (times[keep][self.slices.index] - row_times) / 1e6 / HOUR_SECONDS
        self.deviations = self.values - self.slices.each(self.mean())

    def count(self) -> Numbers:
        return self.slices.counts

    def mean(self) -> Numbers:
        return _divided(self._sum(self.values), self.slices.counts)

    def max(self) -> Numbers:
        return self.slices.reduced(np.maximum, self.values, np.nan)

    def volatility(self) -> Numbers:
        return np.sqrt(_divided(self._sum(self.deviations**2), self.slices.counts - 1))

    def trend(self) -> Numbers:
        middle = _divided(self._sum(self.hours), self.slices.counts)
        around = self.hours - self.slices.each(middle)
        return _divided(
            self._sum(around * self.deviations), np.where(self.slices.counts > 1, self._sum(around**2), 0.0)
        )

    def _sum(self, flat: Numbers) -> Numbers:
        return self.slices.reduced(np.add, flat, 0.0)


def _divided(numerator: Numbers, denominator: Numbers) -> Numbers:
    result = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def _ingested(steps: pa.Table, codes: Numbers, times: Numbers, rows: Numbers) -> pa.Array:
    """When the last sample of a row and of its longest window was ingested."""
    none = np.iinfo(np.int64).min
    ingested = steps["ingested_at"].cast(pa.int64()).fill_null(none).to_numpy()
    slices = _Slices(np.arange(len(ingested)), codes, times, rows, max(WINDOWS.values()))
    latest = np.maximum(slices.reduced(np.maximum, ingested[slices.index], none), ingested[rows])
    return pa.array(latest, pa.int64(), mask=latest == none).cast(pa.timestamp("us", tz="UTC"))
