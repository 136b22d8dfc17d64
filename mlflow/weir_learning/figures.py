"""Figures of a model's predictions, each with its 95 % interval and the number of rows that it is about.

A `Figure` is a function of sums over rows, so that resampling thousands of times costs one product of matrices. Intervals of
shares are Wilson's (Journal of the American Statistical Association 1927), others come from bootstrap.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from weir_learning.bootstrap import RESAMPLES, Values, block_sums, bounds, resampled_sums

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""


@dataclass(frozen=True)
class Measured:
    """A figure as it was measured."""

    name: str
    value: float
    """nan where no row bears on it."""
    low: float
    high: float
    n: int
    """Rows that bear on it: of precision those predicted positive, of recall those that are positive."""
    higher_is_better: bool = True


@dataclass(frozen=True)
class Figure:
    """A function of sums over rows."""

    name: str
    columns: tuple[str, ...]
    """Columns of the rows that it reads."""
    terms: Callable[[pd.DataFrame], Values]
    """Rows -> rows x terms."""
    value: Callable[[Values], Values]
    """Sums (… x terms) -> figure; nan where it is not defined."""
    higher_is_better: bool = True

    def __call__(self, rows: pd.DataFrame) -> float:
        """The figure of these rows."""
        return float(self.value(self.terms(rows).sum(axis=0)))


def _ratio(numerator: Values, denominator: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _outcomes(rows: pd.DataFrame) -> Values:
    """True positives, false positives, false negatives, true negatives."""
    truth, predicted = rows["truth"].to_numpy(bool), rows["predicted"].to_numpy(bool)
    return np.stack([truth & predicted, ~truth & predicted, truth & ~predicted, ~truth & ~predicted], 1).astype(float)


def _errors(rows: pd.DataFrame, *names: str) -> Values:
    """Absolute errors of the columns, and ones."""
    truth = rows["truth"].to_numpy(float)
    errors = [np.abs(rows[name].to_numpy(float) - truth) for name in names]
    return np.stack([*errors, np.ones(len(rows))], axis=1)


def _covered(rows: pd.DataFrame) -> Values:
    truth = rows["truth"].to_numpy(float)
    inside = (rows["low"].to_numpy(float) <= truth) & (truth <= rows["high"].to_numpy(float))
    return np.stack([inside.astype(float), np.ones(len(rows))], axis=1)


_BINARY = ("truth", "predicted")
ACCURACY = Figure("accuracy", _BINARY, _outcomes, lambda s: _ratio(s[..., 0] + s[..., 3], s.sum(-1)))
PRECISION = Figure("precision", _BINARY, _outcomes, lambda s: _ratio(s[..., 0], s[..., 0] + s[..., 1]))
RECALL = Figure("recall", _BINARY, _outcomes, lambda s: _ratio(s[..., 0], s[..., 0] + s[..., 2]))
F1 = Figure("f1", _BINARY, _outcomes, lambda s: _ratio(2 * s[..., 0], 2 * s[..., 0] + s[..., 1] + s[..., 2]))
MAE = Figure(
    "mae", ("truth", "predicted"), lambda r: _errors(r, "predicted"), lambda s: _ratio(s[..., 0], s[..., 1]), False
)
RELATIVE_MAE = Figure(
    "mae_relative_to_persistence",
    ("truth", "predicted", "persistence"),
    lambda rows: _errors(rows, "predicted", "persistence"),
    lambda sums: _ratio(sums[..., 0], sums[..., 1]),
    False,
)
COVERAGE = Figure("coverage", ("truth", "low", "high"), _covered, lambda s: _ratio(s[..., 0], s[..., 1]))
CLASSIFIER = (ACCURACY, PRECISION, RECALL, F1)
REGRESSOR = (MAE, RELATIVE_MAE, COVERAGE)


def wilson(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson's bounds of a proportion; (nan, nan) of none."""
    if not n > 0:
        return (math.nan, math.nan)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (max(0.0, middle - reach) if hits else 0.0, min(1.0, middle + reach) if hits < n else 1.0)


def classifier_figures(truth: ArrayLike, predicted: ArrayLike) -> tuple[Measured, ...]:
    """Accuracy, precision, recall and F1 of binary predictions, with Wilson's intervals.

    F1 is 2 * j / (1 + j) of the share j of true positives among all rows that are or were called positive; its bounds are those of j.
    Rows are taken for independent; where they come in clusters use `blocked_figure`.
    """
    rows = pd.DataFrame({"truth": np.asarray(truth, dtype=bool), "predicted": np.asarray(predicted, dtype=bool)})
    tp, fp, fn, tn = (float(total) for total in _outcomes(rows).sum(axis=0))
    shares = {
        "accuracy": (tp + tn, tp + fp + fn + tn),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "f1": (tp, tp + fp + fn),
    }
    found = []
    for figure in CLASSIFIER:
        hits, n = shares[figure.name]
        low, high = wilson(hits, n)
        if figure is F1:
            low, high = 2 * low / (1 + low), 2 * high / (1 + high)
        found.append(Measured(figure.name, figure(rows), low, high, int(n)))
    return tuple(found)


def regressor_figures(rows: pd.DataFrame, blocks: ArrayLike, *, seed: int = 0) -> tuple[Measured, ...]:
    """MAE, and where `rows` have `persistence`, or `low` and `high`, MAE relative to it and coverage.

    `blocks` labels each row with its stretch of time or entity; intervals come from drawing these again.
    """
    there = [figure for figure in REGRESSOR if set(figure.columns) <= set(rows.columns)]
    return tuple(blocked_figure(figure, rows, blocks, seed=seed) for figure in there)


def blocked_figure(figure: Figure, rows: pd.DataFrame, blocks: ArrayLike, *, seed: int = 0) -> Measured:
    """Any figure with its block bootstrap interval; rows without a value of what it reads are left out."""
    known = rows[list(figure.columns)].notna().all(axis=1).to_numpy()
    rows, labels = rows[known], np.asarray(blocks)[known]
    if not len(rows):
        return Measured(figure.name, math.nan, math.nan, math.nan, 0, figure.higher_is_better)
    sums = block_sums(figure.terms(rows), labels)
    low, high = bounds(figure.value(resampled_sums(sums, RESAMPLES, seed)), len(sums))
    return Measured(figure.name, figure(rows), low, high, len(rows), figure.higher_is_better)
