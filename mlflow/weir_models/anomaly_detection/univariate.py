"""Departures of one metric: members that rank each row among its own past, and three signals that raise alarms.

A residual is at least 0 and uses its row and earlier ones; fits use rows before their block. `shape` is the weighted mean
of the members' ranks; `lasting` is the distance from the same time of earlier days, averaged over hours; `unchanged` is a
value that stands still for longer than it ever did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import cho_factor, cho_solve

from weir_models.anomaly_detection.neighbors import distances, sampled
from weir_models.anomaly_detection.refits import FIRST, Schedule, padded, padded_times, rows_of, windows_ending
from weir_models.anomaly_detection.series import Flags, Times, Values
from weir_models.anomaly_detection.tails import MOST_RARE, event_rarity, rarity

HISTORY_DAYS = 28
WINDOW = 32
"""Rows of a subsequence."""
LAGS = 12
LEVEL_WINDOW = 1000
CONTEXT_SECONDS = (900.0, 3600.0, 14_400.0)
"""Windows of the mean, deviation and range that neighbors have in common with a row."""
CONTEXT_ROWS = 288
"""Most rows of such a window, so that the cost of a row is bounded."""
LASTING_SECONDS = 21_600.0
DAYS = 7
DAY = np.timedelta64(86_400, "s")
VARIANCE_KEPT = 0.9
RIDGE = 1e-2
LEAST_SPREAD = 1e-2
"""Lower bound of a feature's deviation as a share of its range."""
NEGLIGIBLE = 1e-3
"""Residuals below this share of the range so far count as 0."""
ROUNDING = 1e-9
"""So do those below this share of the level."""
WEIGHTS = {"neighbors": 2.0, "forecast": 1.0, "sub_sequence": 1.0, "level": 1.0, "lasting": 0.1}
"""Weights of the members in the mean of ranks."""
AVERAGING = 1.0
"""Correction in powers of ten: a mean of ranks is extreme less often than each rank."""
SIGNAL_SHARES = {"shape": 0.6, "lasting": 0.2, "unchanged": 0.2}
"""Shares of the alarms that are granted to each signal (weighted Bonferroni)."""
STANDING_ROWS, STANDING_TIMES, STANDING_RUNS = 6, 2.0, 3
"""A value stands still from STANDING_TIMES times its STANDING_RUNS-th longest run of equal values on, taken as STANDING_ROWS
rows at least."""
CHANGING_SHARE = 0.5
"""Share of past rows that must differ from the row before, for standing still to mean anything."""


@dataclass(frozen=True)
class Single:
    """What one metric shows; each array has one value a row, 0 before there is a past."""

    rarity: Values
    """Weighted mean over the members of -log10 of the share of past rows with such a residual; ranks rows."""
    event_rarity: Values
    """-log10 of the share of past rows with such an event, of the rarest signal, corrected for the number of signals."""


def single(at: Times, values: Values, usable: Flags, period: float) -> Single:
    """What one metric shows; `values` has no missing value, and rows that are not `usable` have no rarity.

    `period` in seconds.
    """
    schedule = Schedule.of(period, HISTORY_DAYS)
    length = schedule.end(len(values))
    times, filled, fit = padded_times(at, length), padded(values, length), padded(usable, length)
    runs = runs_of_equal(filled, fit)
    earlier_days = np.full((length, DAYS), np.nan)
    departures = np.zeros(length)
    residuals = {name: np.zeros(length) for name in WEIGHTS}
    signals = {name: np.zeros(length) for name in SIGNAL_SHARES}
    for start, stop in schedule.blocks(len(values)):
        earlier_days[start:stop] = same_time(times, filled, start, stop, period)
        differences = from_earlier_days(filled[start:stop], earlier_days[start:stop])
        departures[start:stop] = np.where(fit[start:stop], differences, 0.0)
        if start == 0:
            continue
        least = NEGLIGIBLE * float(np.ptp(filled[:start])) + ROUNDING * float(np.abs(filled[:start]).max())
        begin = max(start - schedule.history, 0)
        lasting = windows_ending(departures, start, stop, rows_of(LASTING_SECONDS, period, most=CONTEXT_ROWS))
        block = {
            "neighbors": neighbors(filled, begin, start, stop, period, least),
            "forecast": np.maximum(forecast(filled, earlier_days, begin, start, stop, least) - least, 0.0),
            "sub_sequence": np.maximum(sub_sequence(filled, begin, start, stop) - least, 0.0),
            "level": level(filled, start, stop, least),
            "lasting": np.maximum(np.abs(lasting.mean(axis=1)) - least, 0.0),
        }
        places = np.arange(max(FIRST, begin), start)
        reference = places[fit[places]]
        for name, residual in block.items():
            residuals[name][start:stop] = residual
            if not len(reference):
                continue
            past = residuals[name][reference]
            rank = rarity(past, residual)
            signals["shape"][start:stop] += WEIGHTS[name] * np.minimum(rank, MOST_RARE) / sum(WEIGHTS.values())
            if name == "lasting":
                # So slow a signal has few events in its past: none is rarer than once in all of it.
                once = np.log10(len(past) + 1.0)
                signals[name][start:stop] = np.minimum(event_rarity(past, residual), once)
        signals["unchanged"][start:stop] = unchanged(runs[begin : start + 1], runs[start:stop])
    shape = signals["shape"]
    corrected = [shape + AVERAGING, signals["lasting"], signals["unchanged"]]
    event = np.max([r + np.log10(share) for r, share in zip(corrected, SIGNAL_SHARES.values(), strict=True)], axis=0)
    rows = slice(0, len(values))
    return Single(np.where(usable, shape[rows] + AVERAGING, 0.0), np.where(usable, event[rows], 0.0))


def neighbors(values: Values, begin: int, start: int, stop: int, period: float, least: float) -> Values:
    """Distance of each row to the nearest past ones, by value, change, and mean, deviation and range of what led to it."""
    past, now = _features(values, begin, start, period), _features(values, start, stop, period)
    center, spread = past.mean(axis=0), past.std(axis=0)
    spread = np.maximum(spread, LEAST_SPREAD * np.ptp(past, axis=0) + max(least, 1e-12))
    chosen = sampled(len(past), seed=start)
    return distances((past[chosen] - center) / spread, (now - center) / spread)


def _features(values: Values, start: int, stop: int, period: float) -> Values:
    before = windows_ending(values, start, stop, 2)
    columns = [before[:, 1], before[:, 1] - before[:, 0]]
    for seconds in CONTEXT_SECONDS:
        window = windows_ending(values, start, stop, rows_of(seconds, period, least=2, most=CONTEXT_ROWS))
        columns += [window.mean(axis=1), window.std(axis=1), np.ptp(window, axis=1)]
    return np.stack(columns, axis=1)


def sub_sequence(values: Values, begin: int, start: int, stop: int) -> Values:
    """Reconstruction error of each row's window (PCA of subsequences)."""
    past = windows_ending(values, max(begin, WINDOW - 1), start, WINDOW)
    mean = past.mean(axis=0)
    centered = past - mean
    weights, shapes = np.linalg.eigh(centered.T @ centered / len(centered))
    weights, shapes = np.maximum(weights[::-1], 0.0), shapes[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1
    basis = shapes[:, :kept]
    now = windows_ending(values, start, stop, WINDOW) - mean
    left = now - (now @ basis) @ basis.T
    return np.asarray(np.sqrt((left**2).mean(axis=1)))


def level(values: Values, start: int, stop: int, least: float) -> Values:
    """Distance from the mean of the previous window, in its standard deviations."""
    window = windows_ending(values, start, stop, LEVEL_WINDOW + 1)[:, :-1]
    distance = np.abs(values[start:stop] - window.mean(axis=1))
    deviation = np.maximum(window.std(axis=1), least)
    return np.where(distance > least, distance / np.where(deviation > 0, deviation, 1.0), 0.0)


def forecast(values: Values, earlier_days: Values, begin: int, start: int, stop: int, least: float) -> Values:
    """Error of a ridge regression on the last values and the same time of earlier days."""
    begin = max(begin, LAGS)
    past = _regressors(values, earlier_days, begin, start)
    now = _regressors(values, earlier_days, start, stop)
    target = values[begin:start] - values[begin - 1 : start - 1]
    scale = np.maximum(past.std(axis=0), max(least, 1e-12))
    scaled = past / scale
    gram = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1])
    weights = cho_solve(cho_factor(gram), scaled.T @ target) / scale
    return np.asarray(np.abs(values[start:stop] - values[start - 1 : stop - 1] - now @ weights))


def _regressors(values: Values, earlier_days: Values, start: int, stop: int) -> Values:
    """Regressors: changes of the last rows, and differences of the same time of earlier days from the last value."""
    lagged = sliding_window_view(values[start - LAGS : stop - 1], LAGS)
    last = lagged[:, -1:]
    earlier = earlier_days[start:stop]
    present = ~np.isnan(earlier)
    count = present.sum(axis=1)
    mean = np.where(count > 0, np.where(present, earlier, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    seasonal = np.stack([earlier[:, 0], earlier[:, -1], mean], axis=1) - last
    return np.concatenate([np.diff(lagged, axis=1), np.nan_to_num(seasonal, nan=0.0)], axis=1)


def same_time(times: Times, values: Values, start: int, stop: int, period: float) -> Values:
    """The value at the same time 1 … DAYS days earlier; NaN where there is none within two periods."""
    columns = []
    for days in range(1, DAYS + 1):
        targets = times[start:stop] - days * DAY
        rows = np.searchsorted(times[:stop], targets, side="right") - 1
        rows = np.where(rows >= 0, rows, 0)
        late = (targets - times[rows]).astype(np.float64)
        columns.append(np.where((late >= 0) & (late <= 2 * period), values[rows], np.nan))
    return np.stack(columns, axis=1)


def from_earlier_days(values: Values, earlier: Values) -> Values:
    """Difference from the same time of earlier days: the least of those from their median, yesterday and a week ago.

    So a weekend is none from its second on. 0 where there is no earlier day.
    """
    ordered, count = np.sort(earlier, axis=1), (~np.isnan(earlier)).sum(axis=1)
    rows, last = np.arange(len(values)), np.maximum(count, 1)
    median = (ordered[rows, (last - 1) // 2] + ordered[rows, last // 2]) / 2
    differences = values[:, None] - np.stack([median, earlier[:, 0], earlier[:, -1]], axis=1)
    least = np.where(np.isnan(differences), np.inf, np.abs(differences)).argmin(axis=1)
    return np.where(count > 0, differences[rows, least], 0.0)


def runs_of_equal(values: Values, present: Flags) -> Values:
    """Rows since the value last changed or was missing."""
    places = np.arange(len(values))
    begins = np.r_[True, (np.diff(values) != 0) | ~present[1:] | ~present[:-1]]
    return np.asarray(places - np.maximum.accumulate(np.where(begins, places, 0)), dtype=np.float64)


def unchanged(past: Values, now: Values) -> Values:
    """Rarity of a value that stands still, 0 where it does not; `past` are runs that end with the first row of `now`."""
    if (past == 0).mean() < CHANGING_SHARE:
        return np.zeros(len(now))
    ended = past[:-1][np.diff(past) < 0]
    longest = np.sort(ended)[-STANDING_RUNS] if len(ended) >= STANDING_RUNS else 0.0
    excess = now / (STANDING_TIMES * max(float(longest), STANDING_ROWS))
    return np.where(excess >= 1.0, np.log10(len(past)) + np.log10(np.maximum(excess, 1.0)), 0.0)
