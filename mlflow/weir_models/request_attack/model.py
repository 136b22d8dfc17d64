"""The estimator: a linear model with non-negative weights of signals, evaluated in the most suspicious unit of a request.

`fit` is logistic regression with a prior on the weights (multiple-instance: a request is as suspicious as its worst unit),
followed by Platt scaling and the choice of one threshold; `evaluate` measures families that `fit` did not see.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from weir_models.calibration import logistic, platt_scaling
from weir_models.contract import Evaluation
from weir_models.estimator import Estimator
from weir_models.request_attack import ranking
from weir_models.request_attack.batch import NO_UNIT, Batch
from weir_models.request_attack.signals import catalog, matching
from weir_models.request_attack.signals.signal import CLASSES, Signal
from weir_models.request_attack.text.decoding import decode, unmarked

FIELD_NAMES = {"p": "path", "v": "query", "r": "referer", "a": "user agent", "m": "method", "c": "cookie"}
MOST_RAISED = 1.25
"""Upper bound of a weight as a multiple of its prior: frequent in generated attacks is not decisive in real ones."""
WEIGHT_STEPS = 1024
"""Weights are multiples of 1/1024, whose sums are exact: no batch changes the last digit of a score."""
TIE = 0.5
"""Of the step between two sums, what the ranking may add."""
RANKED_COLUMNS = ("uri_path", "uri_query", "referer")
REASON_WORDS = 3
WORD_CHARACTERS = 60


class RequestAttack(Estimator):
    """Request model; its fitted attributes are all that scoring needs."""

    def __init__(
        self,
        strength: float = 0.02,
        iterations: int = 2,
        false_positive_share: float = 0.001,
        least_evidence: float = 3.4,
        prevalence: float = 0.1,
    ) -> None:
        """`strength` is the weight of the L2 penalty that ties weights to their priors.

        The threshold is the higher of two sums: the one that a `false_positive_share` of the benign calibration examples
        exceeds, and `least_evidence` (log odds above the intercept), one decisive signal or two that support each other.
        Probabilities are calibrated for a share `prevalence` of attacks.
        """
        self.strength = strength
        self.iterations = iterations
        self.false_positive_share = false_positive_share
        self.least_evidence = least_evidence
        self.prevalence = prevalence

    def fit(self, examples: pd.DataFrame, seed: int = 0) -> RequestAttack:
        """Fit on the split `fit`, calibrate and fix the threshold on the split `calibrate`."""
        self.feature_names_ = np.array([signal.name for signal in catalog.SIGNALS])
        self.classes_ = np.array(CLASSES)
        self.feature_classes_ = np.array([CLASSES.index(signal.attack_class) for signal in catalog.SIGNALS])
        prior = np.array([signal.weight for signal in catalog.SIGNALS])
        self.weights_, self.intercept_ = prior.copy(), -5.0
        self.scale_, self.shift_, self.threshold_ = 1.0, 0.0, 0.5

        part = examples[examples["split"] == "fit"].reset_index(drop=True)
        batch = Batch(part)
        labels = part["is_attack"].to_numpy(dtype=bool)
        for _ in range(self.iterations):
            self._fit_weights(batch, labels, prior)

        part = examples[examples["split"] == "calibrate"].reset_index(drop=True)
        labels = part["is_attack"].to_numpy(dtype=bool)
        sums = self.decision_function(part)
        self.scale_, self.shift_ = _calibrated(sums, labels, self.prevalence)
        benign = np.sort(sums[~labels])[::-1]
        allowed = float(benign[int(self.false_positive_share * len(benign))])
        least = max(self.intercept_ + self.least_evidence, float(np.nextafter(allowed, np.inf)))
        self.threshold_ = float(self._probability(np.array([least]))[0])
        self.ranks_ = self._fit_ranks(examples[examples["split"] == "fit"])
        return self

    def _fit_ranks(self, part: pd.DataFrame) -> NDArray[np.int8]:
        """The weights of the ranking, from the decoded paths, queries and referers of the examples."""
        labels = part["is_attack"].to_numpy(dtype=bool)
        texts = [
            pa.array([decode(text) for text in part.loc[which, list(RANKED_COLUMNS)].stack()], type=pa.string())
            for which in (labels, ~labels)
        ]
        return ranking.weigh(*texts)

    def _fit_weights(self, batch: Batch, labels: NDArray[np.bool_], prior: NDArray[np.float64]) -> None:
        """One round: choose each attack's most suspicious unit by the present weights, then refit the weights."""
        from scipy.optimize import minimize

        sums = batch.fired @ self.weights_
        best, _ = batch.best_units(sums)
        attacked = np.unique(best[labels & (best != NO_UNIT)])
        benign = batch.units_of_rows(~labels)
        rows = np.concatenate([attacked, benign])
        features = batch.fired[rows].astype(np.float64)
        target = np.concatenate([np.ones(len(attacked)), np.zeros(len(benign))])
        silent = float(max(1, (~labels).sum()))

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, intercept = parameters[:-1], parameters[-1]
            margins = features @ weights + intercept
            errors = logistic(margins) - target
            value = np.logaddexp(0.0, margins).sum() - margins[target == 1].sum()
            value += silent * np.logaddexp(0.0, intercept)
            penalty = weights - prior
            value += 0.5 * self.strength * len(rows) ** 0.5 * (penalty @ penalty)
            gradient = features.T @ errors + self.strength * len(rows) ** 0.5 * penalty
            return float(value), np.append(gradient, errors.sum() + silent * logistic(intercept))

        start = np.append(self.weights_, self.intercept_)
        bounds = [*zip(np.zeros(len(prior)), prior * MOST_RAISED, strict=True), (-12.0, -3.0)]
        solution = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
        self.weights_ = np.round(solution.x[:-1] * WEIGHT_STEPS) / WEIGHT_STEPS
        self.intercept_ = float(np.round(solution.x[-1] * WEIGHT_STEPS) / WEIGHT_STEPS)

    def decision_function(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log odds before calibration: the sum of each row's most suspicious unit and the intercept."""
        batch = Batch(frame, self._signals())
        return batch.best_units(batch.fired @ self.weights_)[1] + self.intercept_

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """attack_probability (0 to 1), is_attack, attack_class and reason for each row, with the index of the frame."""
        signals = self._signals()
        ranks = getattr(self, "ranks_", None)
        batch = Batch(frame, signals, ranks)
        best, sums = batch.best_units(batch.fired @ self.weights_)
        probability = self._probability(sums + self.intercept_)
        is_attack = probability >= self.threshold_
        if ranks is not None:  # versions of 0.1 have no ranking
            probability = np.where(is_attack, probability, self._ordered(sums, batch.rank()))
        attack_class = np.full(len(frame), None, dtype=object)
        reason = np.full(len(frame), None, dtype=object)
        rows = np.flatnonzero(is_attack & (best != NO_UNIT))  # a request without any text has nothing to quote
        explained = self._explain(batch, signals, np.unique(best[rows]))
        for row in rows:
            attack_class[row], reason[row] = explained[int(best[row])]
        return pd.DataFrame(
            {
                "attack_probability": probability,
                "is_attack": is_attack,
                "attack_class": pd.Series(attack_class, dtype=object, index=frame.index),
                "reason": pd.Series(reason, dtype=object, index=frame.index),
            },
            index=frame.index,
        )

    def explain(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row for each signal that fired: row, field, signal, attack_class, weight, words, is_deciding.

        `is_deciding` says whether it fired in the most suspicious unit, whose sum is the score.
        """
        signals = self._signals()
        batch = Batch(frame, signals)
        best, _ = batch.best_units(batch.fired @ self.weights_)
        fired = []
        for position, label in enumerate(frame.index):
            for unit in batch.units_of_rows(np.arange(len(frame)) == position):
                decides = bool(unit == best[position])
                fired += [(label, int(unit), int(column), decides) for column in np.flatnonzero(batch.fired[unit])]
        words = matching.words(batch.units, [(unit, signals[column]) for _, unit, column, _ in fired])
        rows = [
            {
                "row": label,
                "field": FIELD_NAMES[batch.units[unit].kind],
                "signal": signals[column].name,
                "attack_class": signals[column].attack_class,
                "weight": float(self.weights_[column]),
                "words": text,
                "is_deciding": decides,
            }
            for (label, unit, column, decides), text in zip(fired, words, strict=True)
        ]
        return pd.DataFrame(rows, columns=["row", "field", "signal", "attack_class", "weight", "words", "is_deciding"])

    def signal_shares(self, frame: pd.DataFrame) -> pd.Series:
        """Share of the rows in which each signal fires, by its name."""
        return pd.Series(Batch(frame, self._signals()).rows_with_signal().mean(axis=0), index=self.feature_names_)

    def _signals(self) -> list[Signal]:
        """Signals in the order of the fitted weights; ValueError where the code no longer has one."""
        missing = [name for name in self.feature_names_ if name not in catalog.BY_NAME]
        if missing:
            raise ValueError(
                f"this request_attack was fitted with signals that the code no longer has ({', '.join(missing[:3])}): "
                "fit and register it again"
            )
        return [catalog.BY_NAME[name] for name in self.feature_names_]

    def _probability(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return logistic(self.scale_ * sums + self.shift_)

    def _ordered(self, sums: NDArray[np.float64], rank: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities whose ties the rank breaks: different sums keep their order, and the threshold is never reached."""
        ordered = self._probability(sums + rank * (TIE / WEIGHT_STEPS) + self.intercept_)
        return np.minimum(ordered, np.nextafter(self.threshold_, 0.0))

    def _explain(self, batch: Batch, signals: Sequence[Signal], units: NDArray[np.int64]) -> dict[int, tuple[str, str]]:
        """Class with the largest part of the sum, and the words of the heaviest signals, for each unit."""
        shares = batch.fired[units] * self.weights_
        by_class = np.zeros((len(units), len(self.classes_)))
        for number in range(len(self.classes_)):
            by_class[:, number] = shares[:, self.feature_classes_ == number].sum(axis=1)
        order = np.argsort(-shares, axis=1, kind="stable")[:, : 2 * REASON_WORDS]
        pairs = [
            (int(unit), signals[column])
            for place, unit in enumerate(units)
            for column in order[place]
            if shares[place, column] > 0
        ]
        words: dict[int, list[str]] = {int(unit): [] for unit in units}
        for (unit, _), text in zip(pairs, matching.words(batch.units, pairs), strict=True):
            text = text[:WORD_CHARACTERS]
            if text and len(words[unit]) < REASON_WORDS and not any(text in other for other in words[unit]):
                words[unit].append(text)
        explained = {}
        for place, unit in enumerate(units):
            kind, whole = batch.units[unit]
            shown = " | ".join(words[int(unit)]) or unmarked(whole)[:WORD_CHARACTERS]
            explained[int(unit)] = str(self.classes_[int(by_class[place].argmax())]), f"{FIELD_NAMES[kind]}: {shown}"
        return explained


def _calibrated(sums: NDArray[np.float64], labels: NDArray[np.bool_], prevalence: float) -> tuple[float, float]:
    """Platt's scale and shift where a share `prevalence` of the requests is attacks."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    weights = np.where(labels, prevalence / positives, (1 - prevalence) / negatives) * len(labels)
    return platt_scaling(sums, labels, weights, (positives, negatives), shift_bound=10.0)


def fit(examples: pd.DataFrame, seed: int = 0) -> RequestAttack:
    """A model fitted on the splits `fit` and `calibrate` of the examples."""
    return RequestAttack().fit(examples, seed)


def evaluate(model: RequestAttack, examples: pd.DataFrame) -> Evaluation:
    """Figures, tables and plots on the split `evaluate`, with those of the naive rule."""
    from weir_models.request_attack import evaluation

    part = examples[examples["split"] == "evaluate"].reset_index(drop=True)
    return evaluation.evaluate(part, model.predict(part), model.threshold_)
