"""Prediction intervals by adaptive conformal inference (Gibbs and Candès 2021), one-sided, with delayed feedback.

Errors are kept in units of a scale, so that intervals widen as soon as the series moves. An error that was measured against a
scale near zero would give bounds without limit once the scale grows: the scale has a floor, errors are not learned before it is
sound, and no bound is farther from the forecast than the greatest error of the window allows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np

from weir_models.predictive_scaling.series import Values


@dataclass(frozen=True)
class ConformalSettings:
    """Coverage of the intervals and how fast they adapt."""

    coverage: float = 0.9
    gain: float = 0.01
    """Step size of the miss rate of each side, after each known target."""
    window_steps: int = 2016
    """Errors kept for the quantiles."""
    scale_half_life_steps: float = 36.0
    """Half-life of the mean absolute error that scales errors."""
    recent_steps: int = 288
    """Targets over which `recent_coverage` counts."""
    least_errors: int = 6
    """Known errors from which on the scale is sound; before, no error is learned."""
    beyond_greatest: float = 1.25
    """The farthest distance of a bound, relative to the greatest error of the window on its side."""


@dataclass(frozen=True)
class Intervals:
    """Bounds of each step, and the recent coverage known at the step."""

    lower: Values
    upper: Values
    recent_coverage: Values
    """NaN before the first known target."""


class _Side:
    """One side of the intervals: sorted scaled errors, the greatest error and the present target miss rate."""

    def __init__(self, target_miss_rate: float, settings: ConformalSettings) -> None:
        self.target_miss_rate, self.now, self.gain = target_miss_rate, target_miss_rate, settings.gain
        self.recent: deque[float] = deque()
        self.ordered: list[float] = []
        self.size = settings.window_steps
        self.beyond = settings.beyond_greatest
        self.count = 0
        self.greatest: deque[tuple[int, float]] = deque()
        """Number and size of the errors of the window that no later one exceeds; the first is the greatest."""

    def reach(self, scale: float) -> float:
        """Distance of the bound from the forecast, in units of the series."""
        if not self.ordered:
            return 0.0
        return min(self._quantile() * scale, max(0.0, self.beyond * self.greatest[0][1]))

    def _quantile(self) -> float:
        """The same in units of the scale, without a limit."""
        if self.now <= 0.0:
            return max(0.0, 2.0 * self.ordered[-1])
        place = int(np.ceil((1.0 - self.now) * (len(self.ordered) + 1))) - 1
        if place >= len(self.ordered):
            return max(0.0, 1.25 * self.ordered[-1])
        return self.ordered[max(0, place)]

    def learn(self, error: float, scale: float, missed: bool) -> None:
        self.now = max(0.0, self.now + self.gain * (self.target_miss_rate - missed))
        insort(self.ordered, error / scale)
        self.recent.append(error / scale)
        if len(self.recent) > self.size:
            del self.ordered[bisect_left(self.ordered, self.recent.popleft())]
        self.count += 1
        while self.greatest and self.greatest[-1][1] <= error:
            self.greatest.pop()
        self.greatest.append((self.count, error))
        if self.greatest[0][0] <= self.count - self.size:
            self.greatest.popleft()


def intervals(
    predicted: Values,
    truth: Values,
    spread: Values,
    delay: int,
    settings: ConformalSettings,
    least_scale: Values | None = None,
) -> Intervals:
    """Bounds around each forecast from the errors known at its step.

    `truth[t]` is the target of predicted[t] and is known `delay` steps later; `spread[t]` is the volatility of the series
    at t, which is the scale until errors are known; `least_scale[t]` is the floor of the scale. Bounds are NaN where the
    forecast is, and equal to it until errors have been learned.
    """
    steps = len(predicted)
    floor = np.full(steps, 1e-9) if least_scale is None else np.nan_to_num(least_scale, nan=1e-9)
    lower, upper, coverage = np.full(steps, np.nan), np.full(steps, np.nan), np.full(steps, np.nan)
    scale = np.full(steps, np.nan)
    miss_rate = (1.0 - settings.coverage) / 2.0
    below, above = _Side(miss_rate, settings), _Side(miss_rate, settings)
    keep = 0.5 ** (1.0 / settings.scale_half_life_steps)
    mean, weight, known = 0.0, 0.0, 0
    is_sound = np.zeros(steps, dtype=bool)
    recent: deque[bool] = deque(maxlen=settings.recent_steps)
    for now in range(steps):
        target = now - delay
        if target >= 0 and truth[target] == truth[target] and predicted[target] == predicted[target]:
            error = truth[target] - predicted[target]
            if is_sound[target]:
                low, high = truth[target] < lower[target], truth[target] > upper[target]
                below.learn(-error, scale[target], bool(low))
                above.learn(error, scale[target], bool(high))
                recent.append(not (low or high))
            mean, weight = keep * mean + (1 - keep) * abs(error), keep * weight + (1 - keep)
            known += 1
        if recent:
            coverage[now] = sum(recent) / len(recent)
        if predicted[now] != predicted[now]:
            continue
        movement = spread[now] if spread[now] == spread[now] else 0.0
        is_sound[now] = known >= settings.least_errors
        scale[now] = max(floor[now], 1e-9, 0.5 * (mean / weight) + 0.5 * movement if weight > 0.0 else movement)
        lower[now] = predicted[now] - below.reach(scale[now])
        upper[now] = predicted[now] + above.reach(scale[now])
    crossed = lower > upper
    middle = (lower[crossed] + upper[crossed]) / 2.0
    lower[crossed] = upper[crossed] = middle
    return Intervals(lower, upper, coverage)
