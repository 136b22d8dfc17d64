"""How good a model probably is where no outcome is known yet. An `Estimate` is no measurement, and says so in its type.

Classifiers: confidence-based performance estimation (CBPE; Garg et al., ICLR 2022, and NannyML's documentation). Regressors: a
second model of the first one's loss (direct loss estimation, DLE, as NannyML has it). Both see a change of the inputs and are
blind to a change of what the inputs mean: then probabilities are no longer calibrated and losses are others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from weir_learning.bootstrap import Values

DRAWS = 20_000
MOST_EXACT = 1_000
"""Rows up to which the sum of unlike coins is drawn from its own distribution; beyond it is normal."""
FOLDS = 10
LEAST_FITTED = 100


class EstimateError(ValueError):
    """Nothing can be estimated from this; the message says why."""


@dataclass(frozen=True)
class Estimate:
    """A figure that was estimated without outcomes; never shown without its method."""

    name: str
    value: float
    low: float
    high: float
    """Bounds of 95 %, if the assumption of the method holds."""
    n: int
    method: Literal["CBPE", "DLE"]
    higher_is_better: bool = True
    is_estimate: Literal[True] = True


def cbpe(probabilities: ArrayLike, predicted: ArrayLike) -> tuple[Estimate, ...]:
    """Accuracy, precision, recall and F1 that calibrated probabilities of the positive class imply for the predictions.

    The value is that of the expected counts; the bounds hold the realized figure of these rows in 95 % of all outcomes that
    the probabilities allow. nan where a figure has no rows. EstimateError where something is no probability.
    """
    p, called = np.asarray(probabilities, dtype=np.float64), np.asarray(predicted, dtype=bool)
    if p.shape != called.shape or p.ndim != 1 or not len(p):
        raise EstimateError(f"{p.size} probabilities and {called.size} predictions are no rows that can be estimated")
    if not ((p >= 0) & (p <= 1)).all():
        raise EstimateError("probabilities must lie between 0 and 1; calibrate the scores first")
    random = np.random.default_rng(0)
    yes, no = p[called], p[~called]
    expected = _of_counts(np.array([yes.sum()]), np.array([no.sum()]), len(yes), len(no))
    found = []
    for name, spread in _of_counts(_sums(yes, random), _sums(no, random), len(yes), len(no)).items():
        undefined = np.isnan(spread).mean() > 0.05
        low, high = (math.nan, math.nan) if undefined else np.nanquantile(spread, [0.025, 0.975])
        found.append(Estimate(name, float(expected[name][0]), float(low), float(high), len(p), "CBPE"))
    return tuple(found)


def _of_counts(hits: Values, missed: Values, called: int, left: int) -> dict[str, Values]:
    """Figures by true positives and false negatives, and how many rows were called positive and were not."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "accuracy": (hits + left - missed) / (called + left),
            "precision": hits / called if called else np.full(hits.shape, np.nan),
            "recall": np.where(hits + missed > 0, hits / (hits + missed), np.nan),
            "f1": np.where(called + hits + missed > 0, 2 * hits / (called + hits + missed), np.nan),
        }


def _sums(p: Values, random: np.random.Generator) -> Values:
    """Draws of how many of these rows are positive (Poisson-binomial)."""
    if not len(p):
        return np.zeros(DRAWS)
    if len(p) > MOST_EXACT:
        deviation = math.sqrt(float((p * (1 - p)).sum()))
        return np.clip(np.rint(random.normal(p.sum(), deviation, DRAWS)), 0, len(p))
    pmf = np.ones(1)
    for chance in p:
        pmf = np.append(pmf * (1 - chance), 0.0) + np.append(0.0, pmf * chance)
    return random.choice(len(pmf), size=DRAWS, p=pmf / pmf.sum()).astype(np.float64)


@dataclass(frozen=True)
class LossModel:
    """A second model: the absolute error that inputs and predictions lead to expect."""

    model: Any
    without: tuple[Any, ...]
    """The same, fitted without one fold each."""
    inputs: tuple[str, ...]
    variance: tuple[float, float]
    """Of a loss about its estimate: the first, and the second times the estimate's square."""

    @classmethod
    def fitted(cls, rows: pd.DataFrame, inputs: tuple[str, ...], losses: ArrayLike, *, seed: int = 0) -> LossModel:
        """Fit on rows in order of time whose loss is known. `inputs` are numeric columns, the prediction among them.

        EstimateError of fewer than 100 known losses, of an input that is not there, or of a negative loss.
        """
        from scipy.optimize import nnls
        from sklearn.base import clone
        from sklearn.ensemble import HistGradientBoostingRegressor

        known = np.asarray(losses, dtype=np.float64)
        there = ~np.isnan(known)
        missing = [name for name in inputs if name not in rows]
        if missing or there.sum() < LEAST_FITTED or (known[there] < 0).any():
            raise EstimateError(
                f"a model of the loss needs {LEAST_FITTED} losses of at least 0 and its inputs; there are {int(there.sum())}"
                + (f" and no {', '.join(missing)}" if missing else "")
            )
        x, y = rows[list(inputs)].to_numpy(np.float64)[there], known[there]
        model = HistGradientBoostingRegressor(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=30, early_stopping=False, random_state=seed
        )
        folds = np.arange(len(y)) * FOLDS // len(y)
        without = tuple(clone(model).fit(x[folds != fold], y[folds != fold]) for fold in range(FOLDS))
        estimates = np.concatenate([one.predict(x[folds == fold]) for fold, one in enumerate(without)])
        constant, factor = nnls(np.stack([np.ones(len(y)), estimates**2], axis=1), (y - estimates) ** 2)[0]
        return cls(model.fit(x, y), without, inputs, (float(constant), float(factor)))

    def estimated(self, rows: pd.DataFrame) -> Estimate:
        """The mean absolute error of rows whose outcome is not known; EstimateError of no rows.

        The bounds add what leaving out a fold changes (jackknife) to the scatter of so many losses.
        """
        from scipy.special import stdtrit

        if not len(rows):
            raise EstimateError("there are no rows whose loss could be estimated")
        x = rows[list(self.inputs)].to_numpy(np.float64)
        losses = self.model.predict(x)
        value = max(float(losses.mean()), 0.0)
        means = np.array([one.predict(x).mean() for one in self.without])
        jackknife = (len(means) - 1) / len(means) * float(((means - means.mean()) ** 2).sum())
        scatter = (self.variance[0] + self.variance[1] * float((losses**2).mean())) / len(rows)
        reach = float(stdtrit(len(means) - 1, 0.975)) * math.sqrt(jackknife + scatter)
        return Estimate("mae", value, max(value - reach, 0.0), value + reach, len(rows), "DLE", False)
