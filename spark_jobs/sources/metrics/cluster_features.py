"""cluster_5min -> cluster_features, many rows at once: the declaration of `features.py` in numpy, for Spark tasks.

A window's sums add its own slice of steps, in order of time, so that a row comes out the same to the bit whatever
history surrounds it, and equal to the plain Python of `features.current_features` to 1e-9.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.metrics.features import FEATURES, HOUR_SECONDS, WINDOWS, Calendar, of_time
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, CLUSTER_FEATURES, FLAGS
from spark_jobs.storage.schema import arrow_schema, hour_names

SECOND = 1_000_000
Numbers = np.ndarray


def cluster_features_rows(steps: pa.Table, hours: Sequence[str], calendar: Calendar) -> pa.Table:
    """Rows of cluster_5min, in any order -> the rows of cluster_features of the hours, with event_hour.

    The 24 hours before the first of the hours have to be among them for windows to be whole.
    """
    steps = steps.sort_by([("cluster_id", "ascending"), ("event_at", "ascending")])
    clusters = steps["cluster_id"].combine_chunks().dictionary_encode()
    codes = clusters.indices.to_numpy()
    times = steps["event_at"].cast(pa.int64()).to_numpy()
    names = hour_names(steps["event_at"])
    wanted = pc.is_in(names, pa.array(list(hours))).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(wanted)
    made: dict[str, pa.Array] = {"cluster_id": steps["cluster_id"].take(rows), "event_at": steps["event_at"].take(rows)}
    made |= _features(steps, codes, times, rows, calendar)
    made |= {flag.name: steps[flag.name].take(rows) for flag in FLAGS}
    made["ingested_at"] = _ingested(steps, codes, times, rows)
    table = pa.table(
        {name: made[name] for name in CLUSTER_FEATURES.column_names}, schema=arrow_schema(CLUSTER_FEATURES)
    )
    return table.append_column(HOUR_COLUMN, names.take(rows))


def _features(
    steps: pa.Table, codes: Numbers, times: Numbers, rows: Numbers, calendar: Calendar
) -> dict[str, pa.Array]:
    values = {
        name: steps[name].to_numpy() for name in CLUSTER_5MIN.column_names if steps.schema.field(name).type == "double"
    }
    known_times, places = np.unique(times[rows], return_inverse=True)
    by_time = [of_time(calendar, int(at)) for at in known_times]
    found: dict[str, pa.Array] = {}
    windows: dict[tuple[str, int], _Window] = {}
    for one in FEATURES:
        kind = pa.type_for_alias(one.type)
        if one.kind == "calendar":
            found[one.name] = pa.array([row[one.name] for row in by_time], kind).take(pa.array(places))
        elif one.kind == "undefined":
            found[one.name] = found[one.inputs[0]].is_null()
        elif one.window_seconds:
            key = (one.inputs[0], one.window_seconds)
            if key not in windows:
                windows[key] = _Window(values[one.inputs[0]], codes, times, rows, one.window_seconds)
            found[one.name] = _nullable(getattr(windows[key], one.kind)(), kind)
        else:
            found[one.name] = _nullable(_of_row(one.kind, [values[name][rows] for name in one.inputs]), kind)
    return found


def _of_row(kind: str, inputs: list[Numbers]) -> Numbers:
    if kind == "current":
        return inputs[0]
    first, second = inputs
    with np.errstate(all="ignore"):
        made = first * second if kind == "product" else np.where(second != 0, first / second, np.nan)
    return np.where(np.isfinite(made), made, np.nan)


def _nullable(values: Numbers, kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind, from_pandas=True)


class _Slices:
    """For each of some rows, those kept steps of its cluster that lie in `[t - window, t)`; flat, in order."""

    def __init__(self, keep: Numbers, codes: Numbers, times: Numbers, rows: Numbers, window_seconds: int) -> None:
        # Clusters one after the other on one axis of time, further apart than any window.
        span = int(times.max() - times.min()) + 2 * window_seconds * SECOND + 1 if len(times) else 1
        axis = codes.astype(np.int64) * span + (times - times.min() if len(times) else times)
        kept, own = axis[keep], axis[rows]
        begins = np.searchsorted(kept, own - window_seconds * SECOND, "left")
        self.counts = np.searchsorted(kept, own, "left") - begins
        offsets = np.cumsum(self.counts) - self.counts
        self.index = np.arange(int(self.counts.sum())) + np.repeat(begins - offsets, self.counts)
        self.has_any = self.counts > 0
        self.starts = offsets[self.has_any]

    def each(self, per_row: Numbers) -> Numbers:
        """A value of each row, for all steps of its slice."""
        return np.repeat(per_row, self.counts)

    def reduced(self, with_: np.ufunc, flat: Numbers, empty: float) -> Numbers:
        made = np.full(len(self.counts), empty, flat.dtype)
        if len(self.starts):
            made[self.has_any] = with_.reduceat(flat, self.starts)
        return made


class _Window:
    """The aggregates of one metric over one window, for some rows; NaN where there is none."""

    def __init__(self, values: Numbers, codes: Numbers, times: Numbers, rows: Numbers, window_seconds: int) -> None:
        keep = np.flatnonzero(~np.isnan(values))
        self.slices = _Slices(keep, codes, times, rows, window_seconds)
        self.values = values[keep][self.slices.index]
        own = self.slices.each(times[rows])
        self.hours = (times[keep][self.slices.index] - own) / 1e6 / HOUR_SECONDS
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
    made = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=made, where=denominator > 0)
    return made


def _ingested(steps: pa.Table, codes: Numbers, times: Numbers, rows: Numbers) -> pa.Array:
    """When the last sample of a row and of its longest window was ingested."""
    none = np.iinfo(np.int64).min
    own = steps["ingested_at"].cast(pa.int64()).fill_null(none).to_numpy()
    slices = _Slices(np.arange(len(own)), codes, times, rows, max(WINDOWS.values()))
    latest = np.maximum(slices.reduced(np.maximum, own[slices.index], none), own[rows])
    return pa.array(latest, pa.int64(), mask=latest == none).cast(pa.timestamp("us", tz="UTC"))
