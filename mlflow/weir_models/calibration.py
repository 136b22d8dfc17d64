"""From sums to probabilities that hold, and how well they hold: Platt scaling and the reliability table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

SCALE_BOUNDS = (0.05, 5.0)


def logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability for log odds. scipy's expit is the same, but importing scipy costs more than scoring an hour."""
    with np.errstate(over="ignore"):  # of exp(-log_odds), whose probability is 0 then
        return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def platt_scaling(
    sums: NDArray[np.float64],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    counts: tuple[float, float],
    shift_bound: float,
) -> tuple[float, float]:
    """Scale and shift with which expit(scale * sums + shift) is the probability of a positive label (Platt 1999).

    `weights` say how much each row counts in the loss; `counts`, the positive and the negative examples, soften the
    targets as Platt does. The scale stays within SCALE_BOUNDS, the shift within `shift_bound` of zero.
    """
    from scipy.optimize import minimize

    positives, negatives = counts
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_odds = parameters[0] * sums + parameters[1]
        errors = weights * (logistic(log_odds) - target)
        value = (weights * (np.logaddexp(0.0, log_odds) - target * log_odds)).sum()
        return float(value), np.array([(errors * sums).sum(), errors.sum()])

    bounds = [SCALE_BOUNDS, (-shift_bound, shift_bound)]
    fitted = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(fitted.x[0]), float(fitted.x[1])


def reliability_table(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Per bin of the probability: its mean beside the share of positives, with the count."""
    truth = np.asarray(labels, dtype=bool)
    values = np.asarray(probabilities, dtype=float)
    index = np.minimum((values * bins).astype(int), bins - 1)
    rows = [
        {
            "bin": f"{b / bins:.1f}-{(b + 1) / bins:.1f}",
            "n": int((index == b).sum()),
            "mean_probability": float(values[index == b].mean()),
            "positive_rate": float(truth[index == b].mean()),
        }
        for b in range(bins)
        if (index == b).any()
    ]
    return pd.DataFrame(rows, columns=["bin", "n", "mean_probability", "positive_rate"])
