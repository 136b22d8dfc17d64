"""Online aggregation of experts: weights follow the losses known so far, so that the blend stays near the best expert.

Bernstein online aggregation (Wintenberger 2017) on the gradient of the absolute loss, with exponential forgetting and a fixed
share (Herbster and Warmuth 1998). An expert without a forecast sleeps: the others take its weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_models.predictive_scaling.series import Values


@dataclass(frozen=True)
class BlendSettings:
    """Learning rate and forgetting of the weights."""

    memory_steps: float = 1152.0
    """Steps after which a loss has the weight 1/e."""
    fixed_share: float = 0.005
    """Share of the weight that is always distributed as the starting weights are."""
    rate: float = 1.0
    """Factor of the theoretical learning rate."""


def blend(
    forecasts: Values, truth: Values, delay: int, start: Values, settings: BlendSettings
) -> tuple[Values, Values]:
    """Blended forecast and weights of each step.

    `forecasts` has the shape (steps, experts), NaN where an expert sleeps; `truth[t]` is the target of forecasts[t] and is
    known `delay` steps later. `start` are the starting weights. A step where all experts sleep gives NaN.
    """
    steps, experts = forecasts.shape
    prior = start / start.sum()
    regret, squares, largest = np.zeros(experts), np.zeros(experts), np.full(experts, 1e-12)
    fade = 1.0 - 1.0 / settings.memory_steps
    spread = np.log(max(2, experts))
    blended = np.full(steps, np.nan)
    weights = np.zeros((steps, experts))
    awake = ~np.isnan(forecasts)
    filled = np.where(awake, forecasts, 0.0)
    weight = prior
    for now in range(steps):
        target = now - delay
        if target >= 0 and truth[target] == truth[target] and blended[target] == blended[target]:
            sign = np.sign(blended[target] - truth[target])
            instant = np.where(awake[target], sign * (blended[target] - filled[target]), 0.0)
            largest = np.maximum(largest * fade, np.abs(instant))
            squares = squares * fade + instant**2
            eta = settings.rate * np.minimum(0.5 / largest, np.sqrt(spread / np.maximum(squares, 1e-24)))
            regret = regret * fade + instant * (1.0 - eta * instant)
            score = eta * regret
            weight = prior * np.exp(score - score.max())
            weight = (1.0 - settings.fixed_share) * weight / weight.sum() + settings.fixed_share * prior
        awake_weight = np.where(awake[now], weight, 0.0)
        total = awake_weight.sum()
        if total > 0.0:
            weights[now] = awake_weight / total
            blended[now] = (weights[now] * filled[now]).sum()
    return blended, weights
