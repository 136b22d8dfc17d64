"""Which samples of a cluster arrive, with gaps, duplicates and a wrong clock, and the files that they arrive in.

The true state is in cluster.py, the line formats in formats.py.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from simulator.clusters.cluster import METRICS, Series

DECIMALS = {"pod_count": 0, "node_count": 0, "queue_depth": 0, "error_rate": 5, "response_time": 5, "spot_price": 5}
"""3 for the others."""
GAPS_A_DAY, GAP_MINUTES = 0.6, (12, 50)
LOST_SHARE, REPEATED_SHARE, REWRITTEN_SHARE = 0.002, 0.004, 0.25
"""Share of single samples that never arrive; that arrive twice; of these, with another value the second time."""
SKEW_MINUTES, SKEWED_MINUTES = 11, 360
"""How far the wrong clock is ahead, and for how long at most."""


@dataclass(frozen=True)
class Fault:
    """What went wrong between cluster and file, in minutes of the span; a single moment ends one minute later."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Samples:
    """What arrives, in order of arrival. `at` is the time by the cluster's own clock, `taken` the true one, in minutes."""

    series: Series
    at: np.ndarray
    taken: np.ndarray
    period: np.ndarray
    """Minutes."""
    values: dict[str, np.ndarray]
    counter: np.ndarray
    """Requests since the processes started."""
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Format:
    """How one kind of source writes: the lines of some samples (by index), and the hours that a file covers."""

    name: str
    suffix: str
    hours_a_file: int
    lines: Callable[[Samples, np.ndarray], list[str]]


def sample(seed: int, index: int, series: Series, periods: Sequence[int], is_skewed: bool) -> Samples:
    """The samples of a cluster that arrive. `periods` (minutes) share the span, one after the other."""
    rng = np.random.default_rng([seed, index, 3, int(series.start.timestamp())])
    counter, resets = request_counter(series)
    starts, lengths = sample_periods(series.minutes, periods)
    faults = [Fault("counter_reset", minute, minute + 1) for minute in resets]
    faults += [Fault("period_change", int(m), int(m) + 1) for m in starts[1:][np.diff(lengths) != 0]]
    is_present = rng.random(len(starts)) >= LOST_SHARE
    for _ in range(max(1, round(series.minutes / 1440 * GAPS_A_DAY))):
        length = int(rng.integers(*GAP_MINUTES))
        first = int(rng.integers(0, max(1, series.minutes - length)))
        is_present &= (starts + lengths <= first) | (starts >= first + length)
        faults.append(Fault("gap", first, first + length))
    kept = np.flatnonzero(is_present)
    kept = np.repeat(kept, 1 + (rng.random(len(kept)) < REPEATED_SHARE))
    is_repeat = np.r_[False, kept[1:] == kept[:-1]]
    is_rewritten = is_repeat & (rng.random(len(kept)) < REWRITTEN_SHARE)
    faults += [Fault("duplicate", int(m), int(m) + 1) for m in starts[kept[is_repeat]]]
    values = {}
    for name in METRICS:
        means = np.add.reduceat(series.metrics[name], starts) / lengths
        values[name] = np.round(np.where(is_rewritten, means[kept] * 1.05, means[kept]), DECIMALS.get(name, 3))
    at = starts[kept].copy()
    if is_skewed:
        length = min(SKEWED_MINUTES, series.minutes // 4)
        first = int(rng.integers(length, series.minutes - 2 * length + 1))
        at[(at >= first) & (at < first + length)] += SKEW_MINUTES
        faults.append(Fault("clock_skew", first, first + length))
    ends = np.minimum(starts + lengths, series.minutes) - 1
    faults.sort(key=lambda fault: (fault.start, fault.kind))
    return Samples(series, at, starts[kept], lengths[kept], values, counter[ends][kept], tuple(faults))


def sample_periods(minutes: int, periods: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Starts and lengths of the sampled periods, aligned to their own length from the first minute on."""
    longest = max(periods)
    edges = [int(edge) // longest * longest for edge in np.linspace(0, minutes, len(periods) + 1)]
    edges[-1] = minutes
    spans = zip(edges, edges[1:], periods, strict=False)
    starts = np.concatenate([np.arange(first, end, period) for first, end, period in spans])
    return starts, np.diff(np.r_[starts, minutes])


def request_counter(series: Series) -> tuple[np.ndarray, tuple[int, ...]]:
    """The counter of requests at the end of each minute, and the minutes in which it restarted."""
    resets = tuple(sorted(set(series.restarts))) or (series.minutes // 2,)
    total = np.cumsum(series.metrics["request_rate"] * 60)
    for minute in reversed(resets):
        total[minute:] -= total[minute - 1]
    return np.round(np.maximum(total, 0)), resets


def write_files(folder: Path, form: Format, samples: Samples) -> tuple[int, int]:
    """Write the cluster's files, named after it and their first hour; returns the counts of files and lines."""
    files = lines = 0
    parts = samples.taken // (60 * form.hours_a_file)
    for number in np.unique(parts).tolist():
        texts = form.lines(samples, np.flatnonzero(parts == number))
        hour = samples.series.start + timedelta(hours=number * form.hours_a_file)
        name = f"{samples.series.cluster.name}.{form.name}.{hour:%Y-%m-%d-%H}.{form.suffix}"
        (folder / name).write_bytes(gzip.compress(("\n".join(texts) + "\n").encode(), compresslevel=4, mtime=0))
        files, lines = files + 1, lines + len(texts)
    return files, lines
