"""The estimator: an additive model with monotone piecewise-linear terms, one for each behavior of behavior.py.

`fit` is logistic regression with a prior and sign bounds on the slopes, followed by Platt scaling on families that were
not fitted (cross-fitting) and the choice of one threshold; `evaluate` measures clients that `fit` did not see.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.calibration import logistic
from weir_models.client_abuse import explanation
from weir_models.client_abuse.behavior import BEHAVIORS, BY_NAME, Behavior
from weir_models.client_abuse.counts import Counts, Values
from weir_models.client_abuse.weighting import calibration, client_days, family_weights, folds, teaching, threshold_for
from weir_models.contract import Evaluation
from weir_models.estimator import Estimator

MARGIN_BOUND = 30.0


class ClientAbuse(Estimator):
    """Client model; its fitted attributes are all that scoring needs."""

    def __init__(self, strength: float = 5.0, precision: float = 0.99, fold_count: int = 5) -> None:
        """`strength` is the weight of the L2 penalty towards the priors; `precision` of flagged clients sets the threshold."""
        self.strength = strength
        self.precision = precision
        self.fold_count = fold_count

    def fit(self, examples: pd.DataFrame, seed: int = 0) -> ClientAbuse:
        """Fit on the splits `fit` and `calibrate`; calibration and threshold use out-of-fold scores of unseen families.

        ValueError where one of the labels is missing.
        """
        part = examples[examples["split"].isin(["fit", "calibrate"])]
        part = part[teaching(part)].reset_index(drop=True)
        labels = part["is_abuse"].to_numpy(dtype=bool)
        if labels.all() or not labels.any():
            raise ValueError("client_abuse needs abusive and benign clients in the splits fit and calibrate")
        counts = Counts(part)
        self.behaviours_ = np.array([behavior.name for behavior in BEHAVIORS])
        self.knots_ = [np.array(behavior.knots) for behavior in BEHAVIORS]
        measured = [behavior.value(counts) for behavior in BEHAVIORS]
        basis = np.concatenate([_ramps(v, k) for v, k in zip(measured, self.knots_, strict=True)], axis=1)
        weights = family_weights(part)

        fold = folds(part, self.fold_count, seed)
        unseen = np.zeros(len(part))
        for number in np.unique(fold):
            inside = fold != number
            slopes, intercept = self._lines(basis[inside], labels[inside], weights[inside])
            unseen[~inside] = np.einsum("ij,j->i", basis[~inside], slopes) + intercept
        slopes, intercept = self._lines(basis, labels, weights)
        self._keep(slopes, intercept)

        calibrating = (part["split"] == "calibrate").to_numpy()
        if not (labels[calibrating].any() and (~labels[calibrating]).any()):
            calibrating = np.ones(len(part), dtype=bool)
        days = client_days(part[calibrating])
        self.scale_, self.shift_ = calibration(unseen[calibrating], labels[calibrating], days)
        probability = self._probability(unseen[calibrating])
        self.threshold_ = threshold_for(probability, labels[calibrating], days, self.precision)
        self._note_population(counts, labels, part)
        return self

    def _lines(
        self, basis: NDArray[np.float64], labels: NDArray[np.bool_], weights: Values
    ) -> tuple[NDArray[np.float64], float]:
        """Slopes between knots and the intercept, by penalized logistic regression with sign bounds."""
        from scipy.optimize import minimize

        target = labels.astype(np.float64)
        before = np.concatenate([np.diff(behavior.worth) for behavior in BEHAVIORS])
        steps = [len(behavior.knots) - 1 for behavior in BEHAVIORS]
        stiffness = self.strength / np.repeat([behavior.trust for behavior in BEHAVIORS], steps)
        signs = np.repeat([behavior.direction for behavior in BEHAVIORS], steps)
        bounds = [(0.0, None) if sign > 0 else (None, 0.0) for sign in signs]

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            slopes, intercept = parameters[:-1], parameters[-1]
            margins = (
                np.einsum("ij,j->i", basis, slopes) + intercept
            )  # not @, whose sums depend on the number of threads
            errors = weights * (logistic(margins) - target)
            moved = slopes - before
            value = (weights * (np.logaddexp(0.0, margins) - target * margins)).sum() + 0.5 * (
                stiffness * moved**2
            ).sum()
            return float(value), np.append(np.einsum("ij,i->j", basis, errors) + stiffness * moved, errors.sum())

        start = np.append(before, -5.0)
        solution = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)], options={"maxiter": 500}
        )
        return solution.x[:-1].copy(), float(solution.x[-1])

    def _keep(self, slopes: NDArray[np.float64], intercept: float) -> None:
        """Store the terms as their values at the knots."""
        self.intercept_ = intercept
        self.heights_, at = [], 0
        for knots in self.knots_:
            self.heights_.append(np.concatenate([[0.0], np.cumsum(slopes[at : at + len(knots) - 1])]))
            at += len(knots) - 1

    def _note_population(self, counts: Counts, labels: NDArray[np.bool_], part: pd.DataFrame) -> None:
        """Store typical values of benign clients: the mean of shares, the median of volumes."""
        benign = ~labels
        self.typical_shown_ = np.array([explanation.typical(b, counts, benign) for b in BEHAVIORS])
        self.typical_height_ = np.array(
            [
                np.median(np.interp(b.value(counts)[benign], k, h))
                for b, k, h in zip(BEHAVIORS, self.knots_, self.heights_, strict=True)
            ]
        )

    def _behaviors(self) -> list[Behavior]:
        """Behaviors in the order of the fitted terms; ValueError where the code no longer has one."""
        missing = [name for name in self.behaviours_ if name not in BY_NAME]
        if missing:
            raise ValueError(
                f"this client_abuse was fitted with behaviors that the code no longer has ({', '.join(missing[:3])}): "
                "fit and register it again"
            )
        return [BY_NAME[name] for name in self.behaviours_]

    def _heights(self, counts: Counts) -> list[Values]:
        """The term of each behavior; where nothing is known of it, the typical one."""
        terms = []
        for place, behavior in enumerate(self._behaviors()):
            term = np.interp(behavior.value(counts), self.knots_[place], self.heights_[place])
            if behavior.whole is not None:
                term = np.where(behavior.whole(counts) > 0, term, self.typical_height_[place])
            terms.append(term)
        return terms

    def _probability(self, margins: Values) -> Values:
        return logistic(np.clip(self.scale_ * margins + self.shift_, -MARGIN_BOUND, MARGIN_BOUND))

    def decision_function(self, frame: pd.DataFrame) -> Values:
        """Log odds before calibration: the sum of the terms, in a fixed order, so that no batch changes a bit."""
        return self._sum(self._heights(Counts(frame)), len(frame))

    def _sum(self, heights: list[Values], size: int) -> Values:
        margins = np.full(size, self.intercept_)
        for height in heights:
            margins += height
        return margins

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """abuse_probability (0 to 1), is_abuse, abuse_kind and reason for each row, with the index of the frame."""
        counts = Counts(frame)
        heights = self._heights(counts)
        probability = self._probability(self._sum(heights, counts.size))
        is_abuse = probability >= self.threshold_
        abuse_kind = np.full(counts.size, None, dtype=object)
        reason = np.full(counts.size, None, dtype=object)
        rows = np.flatnonzero(is_abuse)
        if len(rows):
            flagged = Counts(frame.iloc[rows])
            excess = np.stack([height[rows] for height in heights], axis=1) - self.typical_height_
            abuse_kind[rows] = explanation.kinds(self._behaviors(), flagged, excess)
            reason[rows] = explanation.reasons(self._behaviors(), flagged, excess, self.typical_shown_)
        return pd.DataFrame(
            {
                "abuse_probability": probability,
                "is_abuse": is_abuse,
                "abuse_kind": pd.Series(abuse_kind, dtype=object, index=frame.index),
                "reason": pd.Series(reason, dtype=object, index=frame.index),
            },
            index=frame.index,
        )

    def explain(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row for each row and behavior: row, behavior, value, typical, log_odds (its part of the score)."""
        counts = Counts(frame)
        parts = []
        for place, (behavior, height) in enumerate(zip(self._behaviors(), self._heights(counts), strict=True)):
            parts.append(
                pd.DataFrame(
                    {
                        "row": frame.index,
                        "behaviour": behavior.name,
                        "value": behavior.shown(counts),
                        "typical": self.typical_shown_[place],
                        "log_odds": self.scale_ * (height - self.typical_height_[place]),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)


def _ramps(measured: Values, knots: Values) -> NDArray[np.float64]:
    """Basis of a piecewise-linear term: one column between two knots, 0 below, 1 above, linear between."""
    return np.clip((measured[:, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0)


def fit(examples: pd.DataFrame, seed: int = 0) -> ClientAbuse:
    """A model fitted on the splits `fit` and `calibrate` of the examples."""
    return ClientAbuse().fit(examples, seed)


def evaluate(model: ClientAbuse, examples: pd.DataFrame) -> Evaluation:
    """Figures, tables and plots on the split `evaluate`, with those of the naive rules."""
    from weir_models.client_abuse import evaluation

    part = examples[examples["split"] == "evaluate"].reset_index(drop=True)
    return evaluation.evaluate(part, model.predict(part), model.threshold_)
