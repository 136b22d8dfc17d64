"""Residuals of one metric from six models of normal behavior, combined as averaged ranks (an ensemble).

A residual is at least 0 and uses its row and earlier ones; fits use rows before their block.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import cho_factor, cho_solve

from weir_models.anomaly_detection.refits import FIRST, blocks, end_of_blocks, padded, padded_times
from weir_models.anomaly_detection.series import Flags, Times, Values
from weir_models.anomaly_detection.tails import MOST_RARE, rarity

CADENCE = 288
HISTORY = 8064
"""Rows between fits (a day of five minutes), and rows that a fit reads (four weeks)."""
WINDOW = 32
"""Rows of a subsequence."""
POLYNOMIAL_WINDOW, POLYNOMIAL_DEGREE = 16, 2
SPECTRAL_WINDOW, SPECTRAL_MEAN, SPECTRAL_AHEAD = 64, 3, 5
LAGS = 12
SHORT_MEAN = 3
LEVEL_WINDOW = 1000
DAYS = 7
DAY = np.timedelta64(86_400, "s")
VARIANCE_KEPT = 0.9
RIDGE = 1e-2
NEGLIGIBLE = 1e-3
"""Residuals below this share of the range so far count as 0."""
ROUNDING = 1e-9
"""So do those below this share of the level."""
WEIGHTS = {"sub_sequence": 1.0, "polynomial": 1.0, "spectral": 0.5, "forecast": 2.0, "forecast_mean": 1.0, "level": 1.0}
"""Weights of the members in the average of ranks."""


def rarities(at: Times, values: Values, usable: Flags) -> dict[str, Values]:
    """-log10 of the share of past rows with such a residual, by member; 0 before there is a past.

    `values` has no missing value; rows that are not `usable` have no rarity and are no reference.
    """
    length = end_of_blocks(len(values), CADENCE)
    times, filled, fit = padded_times(at, length), padded(values, length), padded(usable, length)
    period = float(np.median(np.diff(times[:FIRST]).astype(np.float64)))
    residuals = {name: np.zeros(length) for name in WEIGHTS}
    by_member = {name: np.zeros(length) for name in WEIGHTS}
    for start, stop in blocks(len(values), CADENCE):
        if start == 0:
            continue
        least = NEGLIGIBLE * float(np.ptp(filled[:start])) + ROUNDING * float(np.abs(filled[:start]).max())
        block = _residuals(times, filled, start, stop, period, least)
        block["forecast_mean"] = windows_ending(
            np.concatenate([residuals["forecast"][:start], block["forecast"]]), start, stop, SHORT_MEAN
        ).mean(axis=1)
        reference = slice(max(FIRST, start - HISTORY), start)
        for name, residual in block.items():
            residuals[name][start:stop] = residual
            past = residuals[name][reference][fit[reference]]
            by_member[name][start:stop] = rarity(past, residual)
    return {name: np.where(usable, member[: len(values)], 0.0) for name, member in by_member.items()}


def severity(members: dict[str, Values]) -> Values:
    """Weighted average of the members' rarities."""
    weights = np.array([WEIGHTS[name] for name in members])
    capped = np.minimum(np.stack(list(members.values()), axis=1), MOST_RARE)
    return np.asarray((capped * weights).sum(axis=1) / weights.sum())


def _residuals(times: Times, filled: Values, start: int, stop: int, period: float, least: float) -> dict[str, Values]:
    """Residuals of the members in one block; negligible ones are 0."""
    in_units = {
        "sub_sequence": sub_sequence(filled, start, stop),
        "polynomial": polynomial(filled, start, stop),
        "forecast": forecast(times, filled, start, stop, period, least),
    }
    return {name: np.maximum(residual - least, 0.0) for name, residual in in_units.items()} | {
        "spectral": spectral(filled, start, stop, least),
        "level": level(filled, start, stop, least),
    }


def windows_ending(values: Values, start: int, stop: int, size: int) -> Values:
    """Windows of `size` values that end at rows start … stop - 1, padded with the first value; shape (rows, size)."""
    begin = max(start - size + 1, 0)
    missing = size - 1 - (start - begin)
    return sliding_window_view(np.concatenate([np.repeat(values[:1], missing), values[begin:stop]]), size)


def sub_sequence(values: Values, start: int, stop: int) -> Values:
    """Reconstruction error of each row's window (PCA of subsequences)."""
    past = windows_ending(values, max(start - HISTORY, WINDOW - 1), start, WINDOW)
    mean = past.mean(axis=0)
    centered = past - mean
    weights, shapes = np.linalg.eigh(centered.T @ centered / len(centered))
    weights, shapes = np.maximum(weights[::-1], 0.0), shapes[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1
    basis = shapes[:, :kept]
    now = windows_ending(values, start, stop, WINDOW) - mean
    left = now - (now @ basis) @ basis.T
    return np.asarray(np.sqrt((left**2).mean(axis=1)))


def polynomial(values: Values, start: int, stop: int) -> Values:
    """Distance from the extrapolation of a polynomial fitted to the previous window."""
    window = windows_ending(values, start, stop, POLYNOMIAL_WINDOW + 1)
    return np.asarray(np.abs(window[:, -1] - window[:, :-1] @ _POLYNOMIAL_WEIGHTS))


def _polynomial_weights() -> Values:
    """Weights of the values of a window in the extrapolation of a fitted polynomial."""
    powers = np.vander(np.arange(-POLYNOMIAL_WINDOW, 0) / POLYNOMIAL_WINDOW, POLYNOMIAL_DEGREE + 1)
    return np.asarray(np.linalg.pinv(powers)[-1])


_POLYNOMIAL_WEIGHTS = _polynomial_weights()


def spectral(values: Values, start: int, stop: int, least: float) -> Values:
    """Saliency of the last value of each window by the spectral residual (Ren et al. 2019)."""
    window = windows_ending(values, start, stop, SPECTRAL_WINDOW)
    window = window - window.mean(axis=1, keepdims=True)
    steps = np.arange(SPECTRAL_AHEAD - 1, 0, -1)
    slope = ((window[:, -1:] - window[:, -SPECTRAL_AHEAD:-1]) / steps).mean(axis=1, keepdims=True)
    ahead = window[:, -SPECTRAL_AHEAD + 1 : -SPECTRAL_AHEAD + 2] + slope * (SPECTRAL_AHEAD - 1)
    spectrum = np.fft.fft(np.concatenate([window, np.repeat(ahead, SPECTRAL_AHEAD, axis=1)], axis=1), axis=1)
    size = np.maximum(np.abs(spectrum), max(least, 1e-300))
    logs = np.log(size)
    sums = np.cumsum(np.concatenate([np.zeros((len(logs), 1)), logs], axis=1), axis=1)
    places = np.arange(1, logs.shape[1] + 1)
    count = np.minimum(places, SPECTRAL_MEAN)
    usual = (sums[:, places] - sums[:, places - count]) / count
    saliency = np.abs(np.fft.ifft(spectrum / size * np.exp(logs - usual), axis=1))[:, :SPECTRAL_WINDOW]
    around = saliency[:, :-1].mean(axis=1)
    return np.where(around > 0, saliency[:, -1] / np.where(around > 0, around, 1.0), 0.0)


def level(values: Values, start: int, stop: int, least: float) -> Values:
    """Distance from the mean of the previous window, in its standard deviations."""
    window = windows_ending(values, start, stop, LEVEL_WINDOW + 1)[:, :-1]
    distance = np.abs(values[start:stop] - window.mean(axis=1))
    deviation = np.maximum(window.std(axis=1), least)
    return np.where(distance > least, distance / np.where(deviation > 0, deviation, 1.0), 0.0)


def forecast(times: Times, values: Values, start: int, stop: int, period: float, least: float) -> Values:
    """Error of a ridge regression on the last values and the same time of earlier days."""
    begin = max(start - HISTORY, LAGS)
    past = _regressors(times, values, begin, start, period)
    now = _regressors(times, values, start, stop, period)
    target = values[begin:start] - values[begin - 1 : start - 1]
    scale = np.maximum(past.std(axis=0), max(least, 1e-12))
    scaled = past / scale
    gram = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1])
    weights = cho_solve(cho_factor(gram), scaled.T @ target) / scale
    return np.asarray(np.abs(values[start:stop] - values[start - 1 : stop - 1] - now @ weights))


def _regressors(times: Times, values: Values, start: int, stop: int, period: float) -> Values:
    """Regressors: changes of the last rows, and differences of the same time of earlier days from the last value."""
    lagged = sliding_window_view(values[start - LAGS : stop - 1], LAGS)
    last = lagged[:, -1:]
    days = [_days_before(times, values, start, stop, day, period) for day in range(1, DAYS + 1)]
    earlier = np.stack(days, axis=1)
    present = ~np.isnan(earlier)
    count = present.sum(axis=1)
    mean = np.where(count > 0, np.where(present, earlier, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    seasonal = np.stack([earlier[:, 0], earlier[:, -1], mean], axis=1) - last
    return np.concatenate([np.diff(lagged, axis=1), np.nan_to_num(seasonal, nan=0.0)], axis=1)


def _days_before(times: Times, values: Values, start: int, stop: int, days: int, period: float) -> Values:
    """The value at the same time `days` earlier; NaN where there is none within two periods."""
    targets = times[start:stop] - days * DAY
    rows = np.searchsorted(times[:stop], targets, side="right") - 1
    rows = np.where(rows >= 0, rows, 0)
    late = (targets - times[rows]).astype(np.float64)
    return np.where((late >= 0) & (late <= 2 * period), values[rows], np.nan)
