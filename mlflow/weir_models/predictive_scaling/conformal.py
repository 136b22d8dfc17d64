"""Intervals by adaptive conformal inference (Gibbs and Candès 2021), each side for itself, with delayed feedback."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np

from weir_models.predictive_scaling.series import Values


@dataclass(frozen=True)
class ConformalSettings:
    """What is asked of an interval and how fast it reacts."""

    coverage: float = 0.9
    gain: float = 0.01
    """Step of the miss rate asked of each side, after each known target."""
    window_steps: int = 2016
    """Errors kept for the quantiles."""
    scale_half_life_steps: float = 36.0
    """Half-life of the mean absolute error that errors are divided by."""
    recent_steps: int = 288
    """Targets over which `held` counts."""


@dataclass(frozen=True)
class Intervals:
    """Bounds of each step, and the share of the recent targets known by then that lay within theirs."""

    lower: Values
    upper: Values
    held: Values
    """NaN before the first known target."""


class _Side:
    """Errors on one side of the forecast, sorted, and the miss rate now asked of it."""

    def __init__(self, asked: float, settings: ConformalSettings) -> None:
        self.asked, self.now, self.gain = asked, asked, settings.gain
        self.kept: deque[float] = deque()
        self.ordered: list[float] = []
        self.size = settings.window_steps

    def reach(self) -> float:
        """How far the interval goes on this side, in units of the scale."""
        if not self.ordered:
            return 0.0
        if self.now <= 0.0:
            return max(0.0, 2.0 * self.ordered[-1])
        place = int(np.ceil((1.0 - self.now) * (len(self.ordered) + 1))) - 1
        if place >= len(self.ordered):
            return max(0.0, 1.25 * self.ordered[-1])
        return self.ordered[max(0, place)]

    def learn(self, error: float, missed: bool) -> None:
        self.now += self.gain * (self.asked - missed)
        insort(self.ordered, error)
        self.kept.append(error)
        if len(self.kept) > self.size:
            del self.ordered[bisect_left(self.ordered, self.kept.popleft())]


def intervals(predicted: Values, truth: Values, spread: Values, delay: int, settings: ConformalSettings) -> Intervals:
    """Bounds around each forecast from the errors that are known by then.

    `truth[t]` is what predicted[t] is about and becomes known `delay` steps later; `spread[t]` is how much the series moves,
    known at t, the scale before errors are. Bounds are NaN where the forecast is.
    """
    steps = len(predicted)
    lower, upper, held = np.full(steps, np.nan), np.full(steps, np.nan), np.full(steps, np.nan)
    scale = np.full(steps, np.nan)
    asked = (1.0 - settings.coverage) / 2.0
    below, above = _Side(asked, settings), _Side(asked, settings)
    keep = 0.5 ** (1.0 / settings.scale_half_life_steps)
    mean, weight = 0.0, 0.0
    recent: deque[bool] = deque(maxlen=settings.recent_steps)
    for now in range(steps):
        known = now - delay
        if known >= 0 and truth[known] == truth[known] and predicted[known] == predicted[known]:
            error = truth[known] - predicted[known]
            low, high = truth[known] < lower[known], truth[known] > upper[known]
            below.learn(-error / scale[known], bool(low))
            above.learn(error / scale[known], bool(high))
            recent.append(not (low or high))
            mean, weight = keep * mean + (1 - keep) * abs(error), keep * weight + (1 - keep)
        if recent:
            held[now] = sum(recent) / len(recent)
        if predicted[now] != predicted[now]:
            continue
        moves = spread[now] if spread[now] == spread[now] else 0.0
        scale[now] = max(1e-9, 0.5 * (mean / weight) + 0.5 * moves if weight > 0.0 else moves)
        lower[now] = predicted[now] - below.reach() * scale[now]
        upper[now] = predicted[now] + above.reach() * scale[now]
    crossed = lower > upper
    middle = (lower[crossed] + upper[crossed]) / 2.0
    lower[crossed] = upper[crossed] = middle
    return Intervals(lower, upper, held)
