"""What one metric does beside its own past: residuals, each of another idea of what is normal, averaged as ranks.

Every residual of a row uses that row and rows before it, fits only rows before its block, and is at least 0.
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
"""Rows between fits, and rows that a fit looks back: a day and four weeks of five minutes."""
WINDOW = 32
"""Rows of a sub-sequence."""
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
"""Residuals below this share of the range seen so far are no news."""
ROUNDING = 1e-9
"""Nor those below this share of the values' size."""
WEIGHTS = {"sub_sequence": 1.0, "polynomial": 1.0, "spectral": 0.5, "forecast": 2.0, "forecast_mean": 1.0, "level": 1.0}
"""How each member weighs in the average of ranks."""


def rarities(at: Times, values: Values, usable: Flags) -> dict[str, Values]:
    """-log10 of how often each member saw such a residual before, by member; 0 before there is a past to compare with.

    `values` has no missing value; rows that are not `usable` are no past to compare with, and have no rarity.
    """
    length = end_of_blocks(len(values), CADENCE)
    times, known, fit = padded_times(at, length), padded(values, length), padded(usable, length)
    period = float(np.median(np.diff(times[:FIRST]).astype(np.float64)))
    residuals = {name: np.zeros(length) for name in WEIGHTS}
    found = {name: np.zeros(length) for name in WEIGHTS}
    for start, stop in blocks(len(values), CADENCE):
        if start == 0:
            continue
        least = NEGLIGIBLE * float(np.ptp(known[:start])) + ROUNDING * float(np.abs(known[:start]).max())
        block = _residuals(times, known, start, stop, period, least)
        block["forecast_mean"] = windows_ending(
            np.concatenate([residuals["forecast"][:start], block["forecast"]]), start, stop, SHORT_MEAN
        ).mean(axis=1)
        reference = slice(max(FIRST, start - HISTORY), start)
        for name, residual in block.items():
            residuals[name][start:stop] = residual
            past = residuals[name][reference][fit[reference]]
            found[name][start:stop] = rarity(past, residual)
    return {name: np.where(usable, one[: len(values)], 0.0) for name, one in found.items()}


def severity(members: dict[str, Values]) -> Values:
    """The average of the ranks, each as -log10."""
    weights = np.array([WEIGHTS[name] for name in members])
    capped = np.minimum(np.stack(list(members.values()), axis=1), MOST_RARE)
    return np.asarray((capped * weights).sum(axis=1) / weights.sum())


def _residuals(times: Times, known: Values, start: int, stop: int, period: float, least: float) -> dict[str, Values]:
    """The members' residuals of one block; those in the units of the metric without what is negligible."""
    seen = {
        "sub_sequence": sub_sequence(known, start, stop),
        "polynomial": polynomial(known, start, stop),
        "forecast": forecast(times, known, start, stop, period, least),
    }
    return {name: np.maximum(one - least, 0.0) for name, one in seen.items()} | {
        "spectral": spectral(known, start, stop, least),
        "level": level(known, start, stop, least),
    }


def windows_ending(values: Values, start: int, stop: int, size: int) -> Values:
    """The `size` values up to each row of start … stop; before the first row stands the first value."""
    begin = max(start - size + 1, 0)
    missing = size - 1 - (start - begin)
    return sliding_window_view(np.concatenate([np.repeat(values[:1], missing), values[begin:stop]]), size)


def sub_sequence(values: Values, start: int, stop: int) -> Values:
    """Distance of each row's window from the shapes that the past is made of (PCA of sub-sequences)."""
    past = windows_ending(values, max(start - HISTORY, WINDOW - 1), start, WINDOW)
    mean = past.mean(axis=0)
    centred = past - mean
    weights, shapes = np.linalg.eigh(centred.T @ centred / len(centred))
    weights, shapes = np.maximum(weights[::-1], 0.0), shapes[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(weights), VARIANCE_KEPT * weights.sum())) + 1
    basis = shapes[:, :kept]
    now = windows_ending(values, start, stop, WINDOW) - mean
    left = now - (now @ basis) @ basis.T
    return np.asarray(np.sqrt((left**2).mean(axis=1)))


def polynomial(values: Values, start: int, stop: int) -> Values:
    """Distance from where a polynomial through the window before would go on."""
    window = windows_ending(values, start, stop, POLYNOMIAL_WINDOW + 1)
    return np.asarray(np.abs(window[:, -1] - window[:, :-1] @ _POLYNOMIAL_WEIGHTS))


def _polynomial_weights() -> Values:
    """How the values of a window weigh in what a polynomial fitted to them says comes next."""
    powers = np.vander(np.arange(-POLYNOMIAL_WINDOW, 0) / POLYNOMIAL_WINDOW, POLYNOMIAL_DEGREE + 1)
    return np.asarray(np.linalg.pinv(powers)[-1])


_POLYNOMIAL_WEIGHTS = _polynomial_weights()


def spectral(values: Values, start: int, stop: int, least: float) -> Values:
    """Saliency of the last value of its window: what the smoothed spectrum does not explain (spectral residual)."""
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
    """Deviations between each value and the mean of the window before it."""
    window = windows_ending(values, start, stop, LEVEL_WINDOW + 1)[:, :-1]
    distance = np.abs(values[start:stop] - window.mean(axis=1))
    deviation = np.maximum(window.std(axis=1), least)
    return np.where(distance > least, distance / np.where(deviation > 0, deviation, 1.0), 0.0)


def forecast(times: Times, values: Values, start: int, stop: int, period: float, least: float) -> Values:
    """Distance from what a ridge on the last values and on the same time of earlier days expects."""
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
    """Changes of the last rows, and how far the same time of earlier days lies from the last value."""
    lagged = sliding_window_view(values[start - LAGS : stop - 1], LAGS)
    last = lagged[:, -1:]
    days = [_days_before(times, values, start, stop, day, period) for day in range(1, DAYS + 1)]
    earlier = np.stack(days, axis=1)
    there = ~np.isnan(earlier)
    count = there.sum(axis=1)
    mean = np.where(count > 0, np.where(there, earlier, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    seasonal = np.stack([earlier[:, 0], earlier[:, -1], mean], axis=1) - last
    return np.concatenate([np.diff(lagged, axis=1), np.nan_to_num(seasonal, nan=0.0)], axis=1)


def _days_before(times: Times, values: Values, start: int, stop: int, days: int, period: float) -> Values:
    """The value at the same time so many days before; NaN where there was none within two periods."""
    wanted = times[start:stop] - days * DAY
    rows = np.searchsorted(times[:stop], wanted, side="right") - 1
    rows = np.where(rows >= 0, rows, 0)
    late = (wanted - times[rows]).astype(np.float64)
    return np.where((late >= 0) & (late <= 2 * period), values[rows], np.nan)
