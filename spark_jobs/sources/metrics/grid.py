"""Irregular samples of one series -> a regular grid with flags. Pure numpy; nothing is ever filled in.

A step `[t, t + step)` holds the samples whose time lies in it; its value is their mean, weighted by their periods, and
NaN where there is none. Values and flags of a step depend only on samples of that step and before, in time and order of
arrival, so later samples do not change them. Times are microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_jobs.sources.metrics.times import SECOND

SKEW_TOLERANCE_SECONDS = 60.0
"""A sample may be this far ahead of its delivery, or behind the sample before it, until its clock counts as wrong."""
SAME_PERIOD_RATIO = 1.5
"""Spacings that differ by less are the same period, as times jitter."""
MAX_RATE_STEPS = 2
"""An increase of a counter over more steps than this is no rate of the step in which it ends."""
MAX_LOOK_BACK_SECONDS = 1800
"""Periods of samples further apart are not compared: with steps of five minutes, an hour before is all that a step needs."""
MAX_STEPS = 20_000_000
"""Six years of ten-second steps; more indicates a wrong time."""

Numbers = np.ndarray


@dataclass(frozen=True)
class Grid:
    """One row a step, all arrays of the same length, in order of time."""

    at: Numbers
    """Start of the step, int64 microseconds since 1970, a multiple of the step."""
    values: Numbers
    """float64; of a counter the rate a second. NaN where there is no value."""
    counts: Numbers
    """Samples that the value was made from, int64."""
    is_gap: Numbers
    """There is no value."""
    is_duplicate: Numbers
    """A time occurred more than once with different values; the last one ingested counts."""
    is_mixed_period: Numbers
    """A sample of another period than the one before it, by their periods or their spacing."""
    is_counter_reset: Numbers
    """A counter fell: it was reset to zero."""
    is_clock_skewed: Numbers
    """Samples ahead of their delivery, or out of order by a constant offset; their times are not corrected."""
    step_seconds: int

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True)
class Samples:
    """Samples of one series in order of arrival, as arrays of one length; times in microseconds since 1970."""

    times: Numbers
    values: Numbers
    """A NaN is no sample."""
    periods: Numbers | None = None
    """Seconds; NaN where unknown."""
    ingested: Numbers | None = None
    """When each was ingested; default: the order of arrival."""
    delivered: Numbers | None = None
    """When each was delivered; default: unknown."""
    skewed: Numbers | None = None
    """Whether its clock is wrong; default: by `clock_skewed`."""

    def __post_init__(self) -> None:
        for name in ("values", "periods", "ingested", "delivered"):
            array = getattr(self, name)
            if array is not None and len(array) != len(self.times):
                raise ValueError(f"There are {len(self.times)} times and {len(array)} {name}.")


def to_grid(
    samples: Samples,
    *,
    step_seconds: int = 300,
    is_counter: bool = False,
    start: int | None = None,
    end: int | None = None,
) -> Grid:
    """The samples on a grid of `step_seconds`, from `start` to before `end` (microseconds since 1970).

    Default: from the first to the last sample. Of equal times and periods the sample ingested last counts, then the last
    to arrive. Samples before `start` only give the rates and periods of the first steps. ValueError where the step is not
    positive or there are too many steps.
    """
    times, values = np.asarray(samples.times, np.int64), np.asarray(samples.values, np.float64)
    periods, ingested, delivered, skewed = samples.periods, samples.ingested, samples.delivered, samples.skewed
    if step_seconds <= 0:
        raise ValueError(f"A step must be positive; got {step_seconds} s.")
    has_value = ~np.isnan(values)
    lengths = np.full(len(times), np.nan) if periods is None else np.asarray(periods, np.float64)
    order_of = np.arange(len(times)) if ingested is None else np.asarray(ingested, np.int64)
    deliveries = None if delivered is None else np.asarray(delivered, np.int64)
    skewed = clock_skewed(times, deliveries, has_value) if skewed is None else np.asarray(skewed, bool)
    order = np.lexsort((np.arange(len(times)), order_of, np.nan_to_num(lengths, nan=-1.0), times))
    order = order[has_value[order]]
    times, values, lengths, skewed = times[order], values[order], lengths[order], skewed[order]
    times, values, lengths, skewed, duplicate = _last_of_each(times, values, lengths, skewed)

    step = step_seconds * SECOND
    bounds = (int(times[0]), int(times[-1]) + 1) if len(times) else (0, 0)
    grid_start = (bounds[0] if start is None else start) // step * step
    grid_end = -(-(bounds[1] if end is None else end) // step) * step
    size = max(int((grid_end - grid_start) // step), 0)
    if size > MAX_STEPS:
        raise ValueError(
            f"From the first to the last sample there are {size} steps of {step_seconds} s; correct the times."
        )
    at = grid_start + np.arange(size, dtype=np.int64) * step

    mixed = _mixed_periods(times, lengths, step_seconds)
    reset = np.zeros(len(times), bool)
    if is_counter:
        values, weights, reset = _rates(times, values, step_seconds)
    else:
        weights = np.where(np.isnan(lengths) | (lengths <= 0), np.nan, lengths)
    index = (times - grid_start) // step
    is_inside = (index >= 0) & (index < size)
    index = index[is_inside]

    def any_of(flags: Numbers) -> Numbers:
        return np.bincount(index, weights=flags[is_inside], minlength=size) > 0

    means, counts = _means(index, values[is_inside], weights[is_inside], size)
    return Grid(
        at,
        means,
        counts,
        np.isnan(means),
        any_of(duplicate),
        any_of(mixed),
        any_of(reset),
        any_of(skewed),
        step_seconds,
    )


def _last_of_each(
    times: Numbers, values: Numbers, lengths: Numbers, skewed: Numbers
) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    """The last of each time and period, and whether its values differed."""
    if not len(times):
        return times, values, lengths, skewed, np.zeros(0, bool)
    period_marks = np.nan_to_num(lengths, nan=-1.0)
    is_first = np.r_[True, (times[1:] != times[:-1]) | (period_marks[1:] != period_marks[:-1])]
    starts = np.flatnonzero(is_first)
    lasts = np.r_[starts[1:], len(times)] - 1
    has_different_values = np.maximum.reduceat(values, starts) != np.minimum.reduceat(values, starts)
    skewed_any = np.logical_or.reduceat(skewed, starts)
    return times[lasts], values[lasts], lengths[lasts], skewed_any, has_different_values


def _means(index: Numbers, values: Numbers, weights: Numbers, size: int) -> tuple[Numbers, Numbers]:
    """Weighted mean and number of the values of each step; where any weight is unknown all count the same."""
    has_value = ~np.isnan(values)
    index, values, weights = index[has_value], values[has_value], weights[has_value]
    unknown = np.bincount(index, weights=np.isnan(weights), minlength=size) > 0
    weights = np.where(unknown[index], 1.0, weights)
    totals = np.bincount(index, weights=weights, minlength=size)
    sums = np.bincount(index, weights=values * weights, minlength=size)
    counts = np.bincount(index, minlength=size).astype(np.int64)
    means = np.full(size, np.nan)
    np.divide(sums, totals, out=means, where=totals > 0)
    # The mean of a single sample is that sample, to the bit, whatever its weight.
    single = np.flatnonzero(counts[index] == 1)
    means[index[single]] = values[single]
    return means, counts


def _rates(times: Numbers, values: Numbers, step_seconds: int) -> tuple[Numbers, Numbers, Numbers]:
    """Increase a second up to each sample of a counter, the seconds that it is over, and whether the counter fell."""
    if not len(times):
        return values, values, np.zeros(0, bool)
    seconds = np.diff(times) / SECOND
    increase = np.diff(values)
    fell = increase < 0
    increase = np.where(fell, values[1:], increase)
    usable = (seconds > 0) & (seconds <= MAX_RATE_STEPS * step_seconds)
    rates = np.full(len(values), np.nan)
    np.divide(increase, seconds, out=rates[1:], where=usable)
    return rates, np.r_[np.nan, seconds], np.r_[False, fell & (seconds > 0)]


def _mixed_periods(times: Numbers, lengths: Numbers, step_seconds: int) -> Numbers:
    """Whether a sample has another period than the one before it; where a period is unknown, the spacing stands for it."""
    if len(times) < 2:
        return np.zeros(len(times), bool)
    spacing = np.r_[np.nan, np.diff(times) / SECOND]
    # A spacing of more than a step is a gap, no period.
    periods_or_spacing = np.where(np.isnan(lengths) & (spacing > 0) & (spacing <= step_seconds), spacing, lengths)
    earlier, later = periods_or_spacing[:-1], periods_or_spacing[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.maximum(earlier, later) / np.minimum(earlier, later)
    is_near = spacing[1:] <= MAX_LOOK_BACK_SECONDS
    return np.r_[False, is_near & (np.nan_to_num(ratio, nan=1.0) >= SAME_PERIOD_RATIO)]


def clock_skewed(times: Numbers, delivered: Numbers | None = None, has_value: Numbers | None = None) -> Numbers:
    """Of samples of one series in their order of arrival, times in microseconds: whether a sample is ahead of its delivery, or belongs to a stretch that arrived out of order by one offset.

    A stretch begins where time goes back by more than the tolerance within one delivery and ends where it leaps forward
    by as much again. A delivery that begins with a step back is one of newest first.
    """
    tolerance = int(SKEW_TOLERANCE_SECONDS * SECOND)
    flagged = np.zeros(len(times), bool)
    if delivered is not None:
        flagged |= times - tolerance > delivered
    marks = np.arange(len(times)) if has_value is None else np.flatnonzero(has_value)
    if len(marks) < 3:
        return flagged
    sampled_times = times[marks]
    moves = np.diff(sampled_times)
    is_same_delivery = np.ones(len(moves), bool) if delivered is None else np.diff(delivered[marks]) == 0
    backward = np.flatnonzero(is_same_delivery & (moves < -tolerance))
    if not len(backward):
        return flagged
    breaks = np.flatnonzero(~is_same_delivery) + 1
    for begin, stop in zip(np.r_[0, breaks], np.r_[breaks, len(sampled_times)], strict=True):
        delivery_moves = moves[begin : stop - 1]
        if not len(delivery_moves) or delivery_moves[0] < 0:
            continue  # newest first
        offset = 0
        for index in range(begin + 1, stop):
            move = int(moves[index - 1])
            if not offset and move < -tolerance:
                offset = -move
            elif offset and move >= offset:
                offset = 0
            if offset:
                flagged[marks[index]] = True
    return flagged
