"""Experts blended online: weights follow the losses that are known by then, so the blend stays near the best expert.

Bernstein online aggregation (Wintenberger 2017) on the gradient of the absolute loss, with sums that fade and a fixed share
that keeps every expert alive. An expert without a forecast sleeps: its weight goes to the others and is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_models.predictive_scaling.series import Values


@dataclass(frozen=True)
class BlendSettings:
    """How fast weights move."""

    memory_steps: float = 1152.0
    """Steps after which a loss weighs 1/e."""
    fixed_share: float = 0.005
    """Part of the weight that is always dealt out by the starting weights."""
    rate: float = 1.0
    """Multiplies the learning rate that the theory gives."""


def blend(
    forecasts: Values, truth: Values, delay: int, start: Values, settings: BlendSettings
) -> tuple[Values, Values]:
    """Blended forecast and weights of each step.

    `forecasts` has a row a step and a column an expert (NaN sleeps); `truth[t]` is what forecasts[t] are about and becomes
    known `delay` steps later. `start` are the starting weights. A step where all sleep gives NaN.
    """
    steps, experts = forecasts.shape
    prior = start / start.sum()
    regret, squares, largest = np.zeros(experts), np.zeros(experts), np.full(experts, 1e-12)
    fade = 1.0 - 1.0 / settings.memory_steps
    spread = np.log(max(2, experts))
    blended = np.full(steps, np.nan)
    weights = np.zeros((steps, experts))
    awake = ~np.isnan(forecasts)
    shown = np.where(awake, forecasts, 0.0)
    weight = prior
    for now in range(steps):
        known = now - delay
        if known >= 0 and truth[known] == truth[known] and blended[known] == blended[known]:
            sign = np.sign(blended[known] - truth[known])
            instant = np.where(awake[known], sign * (blended[known] - shown[known]), 0.0)
            largest = np.maximum(largest * fade, np.abs(instant))
            squares = squares * fade + instant**2
            eta = settings.rate * np.minimum(0.5 / largest, np.sqrt(spread / np.maximum(squares, 1e-24)))
            regret = regret * fade + instant * (1.0 - eta * instant)
            score = eta * regret
            weight = prior * np.exp(score - score.max())
            weight = (1.0 - settings.fixed_share) * weight / weight.sum() + settings.fixed_share * prior
        part = np.where(awake[now], weight, 0.0)
        total = part.sum()
        if total > 0.0:
            weights[now] = part / total
            blended[now] = (weights[now] * shown[now]).sum()
    return blended, weights
