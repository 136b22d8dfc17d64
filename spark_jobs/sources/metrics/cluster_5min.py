"""Samples -> cluster_5min: each series on the grid, then the series of a cluster together. Arrow and numpy, for Spark tasks.

`grid.py` defines the value and the flags of a step. A metric of the whole cluster goes before those of its nodes and pods,
of which it is otherwise the sum or the mean (`mapping.SUMMED`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from spark_jobs.contract import HOUR_COLUMN, Interval
from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.grid import Samples, to_grid
from spark_jobs.sources.metrics.mapping import SUMMED
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, STEP_SECONDS
from spark_jobs.sources.metrics.times import SECOND, micros
from spark_jobs.storage.schema import arrow_schema, hour_names

COLUMNS = tuple(
    """
        cluster_id series metric event_at value period_seconds is_counter is_clock_skewed ingested_at source_object
        line_number position
    """.split()
)
"""Columns of samples that are read."""
GRID_FLAGS = ("is_duplicate", "is_mixed_period", "is_counter_reset", "is_clock_skewed")
STEPS_AN_HOUR = 3600 // STEP_SECONDS
NEVER = np.iinfo(np.int64).min

Numbers = np.ndarray


def cluster_5min_rows(samples: pa.Table, hours: Sequence[str]) -> pa.Table | None:
    """Samples of the consecutive hours and the hour before them, in any order -> the hours' cluster_5min with event_hour."""
    interval = Interval.spanning(hours[0], hours[-1])
    start, end = micros(interval.start) - 3600 * SECOND, micros(interval.end)
    samples = samples.filter(pa.compute.is_in(samples["metric"], pa.array(METRICS)))
    if not samples.num_rows:
        return None
    samples = samples.take(pa.array(_by_series(samples)))
    clusters: dict[str, _Cluster] = {}
    for cluster_id, metric, series, rows in _groups(samples):
        cluster = clusters.setdefault(cluster_id, _Cluster(int((end - start) // (STEP_SECONDS * SECOND))))
        cluster.add(metric, series, rows, start, end)
    tables = [cluster.rows(name, start) for name, cluster in sorted(clusters.items())]
    table = pa.concat_tables(tables)
    return table if table.num_rows else None


def _by_series(samples: pa.Table) -> Numbers:
    """The order of the samples by series, and within a series as they arrived."""
    keys = []
    for name in ("cluster_id", "metric", "series", "ingested_at", "source_object", "line_number", "position"):
        column = samples[name].combine_chunks()
        if pa.types.is_string(column.type):
            encoded = column.dictionary_encode()
            ranks = np.argsort(np.argsort(np.array(encoded.dictionary.to_pylist())))
            keys.append(ranks[encoded.indices.to_numpy()])
        else:
            keys.append(column.cast(pa.int64()).to_numpy())
    return np.lexsort(keys[::-1])


def _groups(samples: pa.Table) -> list[tuple[str, str, str, pa.Table]]:
    """Each series' samples, which lie together."""
    columns = []
    for name in ("cluster_id", "metric", "series"):
        encoded = samples[name].combine_chunks().dictionary_encode()
        columns.append((encoded.dictionary.to_pylist(), encoded.indices.to_numpy()))
    changes = np.zeros(samples.num_rows, bool)
    changes[0] = True
    for _, codes in columns:
        changes[1:] |= np.diff(codes) != 0
    starts = np.flatnonzero(changes)
    ends = np.r_[starts[1:], samples.num_rows]
    return [
        (*(names[codes[begin]] for names, codes in columns), samples.slice(begin, end - begin))
        for begin, end in zip(starts, ends, strict=True)
    ]


@dataclass
class _Metric:
    """The values of a metric's series on the grid, one after the other."""

    names: list[str] = field(default_factory=list)
    values: list[Numbers] = field(default_factory=list)
    counts: list[Numbers] = field(default_factory=list)

    def value(self, is_summed: bool) -> tuple[Numbers, Numbers]:
        """The cluster's own series where it has a value, else all others together; and the samples behind it."""
        size = len(self.values[0])
        cluster_values = np.full(size, np.nan)
        cluster_counts = np.zeros(size, np.int64)
        totals, members, counts = np.zeros(size), np.zeros(size), np.zeros(size, np.int64)
        for name, values, count in zip(self.names, self.values, self.counts, strict=True):
            if not name:
                cluster_values, cluster_counts = values, count
                continue
            has_value = ~np.isnan(values)
            totals += np.where(has_value, values, 0.0)
            members += has_value
            counts += count
        combined = np.full(size, np.nan)
        np.divide(totals, 1.0 if is_summed else members, out=combined, where=members > 0)
        has_own = ~np.isnan(cluster_values)
        return np.where(has_own, cluster_values, combined), np.where(has_own, cluster_counts, counts)


class _Cluster:
    """One cluster on a grid of `size` steps, of which the first hour is what the others look back on."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.metrics: dict[str, _Metric] = {}
        self.flags = {name: np.zeros(size, bool) for name in GRID_FLAGS}
        self.ingested = np.full(size, NEVER)

    def add(self, metric: str, series: str, rows: pa.Table, start: int, end: int) -> None:
        """Put the samples of one series onto the grid from `start` to `end` (µs since 1970)."""
        times = rows["event_at"].cast(pa.int64()).to_numpy()
        ingested = rows["ingested_at"].cast(pa.int64()).to_numpy()
        samples = Samples(
            times,
            rows["value"].to_numpy(),
            periods=rows["period_seconds"].to_numpy(),
            ingested=ingested,
            skewed=rows["is_clock_skewed"].to_numpy(),
        )
        is_counter = bool(rows["is_counter"][0].as_py())
        grid = to_grid(samples, step_seconds=STEP_SECONDS, is_counter=is_counter, start=start, end=end)
        gathered = self.metrics.setdefault(metric, _Metric())
        gathered.names.append(series)
        gathered.values.append(grid.values)
        gathered.counts.append(grid.counts)
        for name in GRID_FLAGS:
            self.flags[name] |= getattr(grid, name)
        index = (times - start) // (STEP_SECONDS * SECOND)
        is_inside = (index >= 0) & (index < self.size)
        np.maximum.at(self.ingested, index[is_inside], ingested[is_inside])

    def rows(self, cluster_id: str, start: int) -> pa.Table:
        """The rows of all hours but the first."""
        values = {metric: gathered.value(metric in SUMMED) for metric, gathered in self.metrics.items()}
        has = {metric: ~np.isnan(value) for metric, (value, _) in values.items()}
        is_sampled = np.logical_or.reduce([*has.values(), self.ingested != NEVER])
        by_hour = is_sampled.reshape(-1, STEPS_AN_HOUR)
        steps = np.flatnonzero(_between_samples(by_hour))
        is_missing = np.zeros((len(steps), len(METRICS)), bool)
        for metric, has_value in has.items():
            is_missing[:, METRICS.index(metric)] = (self._expected(has_value) & ~has_value)[steps]
        at = pa.array(start + steps * STEP_SECONDS * SECOND, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
        none = np.full(self.size, np.nan), np.zeros(self.size, np.int64)
        columns = {
            "cluster_id": pa.repeat(cluster_id, len(steps)),
            "event_at": at,
            **{
                metric: pa.array(values.get(metric, none)[0][steps], pa.float64(), from_pandas=True)
                for metric in METRICS
            },
            "sample_count": pa.array(sum((count for _, count in values.values()), none[1])[steps], pa.int64()),
            "cpu_sample_count": pa.array(values.get("cpu_utilization", none)[1][steps], pa.int64()),
            "is_gap": pa.array(is_missing.any(axis=1)),
            "gap_metrics": pa.ListArray.from_arrays(
                pa.array(np.r_[0, np.cumsum(is_missing.sum(axis=1))], pa.int32()),
                pa.array(METRICS, pa.string()).take(pa.array(np.nonzero(is_missing)[1])),
            ),
            **{name: pa.array(flags[steps]) for name, flags in self.flags.items()},
            "ingested_at": pa.array(self.ingested[steps], pa.int64(), mask=self.ingested[steps] == NEVER).cast(
                pa.timestamp("us", tz="UTC")
            ),
        }
        table = pa.table({name: columns[name] for name in CLUSTER_5MIN.column_names}, schema=arrow_schema(CLUSTER_5MIN))
        return table.append_column(HOUR_COLUMN, hour_names(at))

    def _expected(self, has_value: Numbers) -> Numbers:
        """Steps of hours in which, or in the hour before which, the metric has a value."""
        in_hour = np.asarray(has_value.reshape(-1, STEPS_AN_HOUR).any(axis=1))
        before = np.r_[False, in_hour[:-1]]
        return np.repeat(in_hour | before, STEPS_AN_HOUR)


def _between_samples(by_hour: Numbers) -> Numbers:
    """Steps that have a row: up to the last sample of an hour, from its start where the hour before has samples, else from
    its first one. The first hour has none."""
    steps = np.arange(by_hour.shape[1])
    in_hour = np.asarray(by_hour.any(axis=1))
    first = np.where(np.r_[False, in_hour[:-1]], 0, by_hour.argmax(axis=1))
    last = by_hour.shape[1] - 1 - by_hour[:, ::-1].argmax(axis=1)
    has_row = in_hour[:, None] & (steps >= first[:, None]) & (steps <= last[:, None])
    has_row[0] = False
    return np.asarray(has_row.ravel())
