"""The estimator: signals with non-negative weights, added up in the most suspicious unit of a request.

`fit` moves the weights from what a signal is worth before any example to what the examples say, calibrates the
sum and fixes the one threshold that ships; `evaluate` measures families that the fit never saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator

from weir_models.contract import Evaluation
from weir_models.request_attack import evaluation as _evaluation
from weir_models.request_attack import screen, signals
from weir_models.request_attack.decoding import as_utf8, decode
from weir_models.request_attack.signal import CLASSES
from weir_models.request_attack.units import Unit, units_of

FIELDS = (("p", "uri_path"), ("v", "uri_query"), ("r", "referer"), ("a", "user_agent"))
FIELD_NAMES = {"p": "path", "v": "query", "r": "referer", "a": "user agent", "m": "method"}
PLAIN_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
NO_UNIT = -1
MOST_ADDED = 1.0
"""How far examples may raise a weight: a hint stays a hint, however often generated attacks hold it."""
REASON_WORDS = 3
WORD_CHARACTERS = 60


@dataclass(frozen=True)
class Judged:
    """Distinct texts of one field: the sum of each and its most suspicious unit."""

    codes: NDArray[np.int64]
    """Text of each row."""
    sums: NDArray[np.float64]
    units: NDArray[np.int64]
    """Index into the units of the batch, NO_UNIT where the text has no signal."""


class RequestAttack(BaseEstimator):
    """Fitted request model; everything that scoring needs is in its attributes."""

    def __init__(self, strength: float = 0.02, iterations: int = 2, false_positive_share: float = 0.001) -> None:
        """`strength` ties weights to what they were before the examples; the share fixes the threshold."""
        self.strength = strength
        self.iterations = iterations
        self.false_positive_share = false_positive_share

    def fit(self, examples: pd.DataFrame, seed: int = 0) -> RequestAttack:
        """Fit on the split `fit`, calibrate and fix the threshold on the split `calibrate`."""
        self.feature_names_ = np.array([signal.name for signal in signals.SIGNALS])
        self.classes_ = np.array(CLASSES)
        self.feature_classes_ = np.array([CLASSES.index(signal.attack_class) for signal in signals.SIGNALS])
        prior = np.array([signal.weight for signal in signals.SIGNALS])
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
        self.scale_, self.shift_ = _platt(sums, labels)
        benign = np.sort(self._probability(sums[~labels]))[::-1]
        allowed = int(self.false_positive_share * len(benign))
        self.threshold_ = float(max(0.5, np.nextafter(benign[allowed], 1.0)))
        return self

    def _fit_weights(self, batch: Batch, labels: NDArray[np.bool_], prior: NDArray[np.float64]) -> None:
        """One round: choose each request's most suspicious unit as it stands, then refit the weights."""
        sums = batch.fired @ self.weights_
        best, _ = batch.best_units(sums)
        attacked = np.unique(best[labels & (best != NO_UNIT)])
        benign = np.setdiff1d(np.unique(batch.all_units(~labels)), [NO_UNIT])
        rows = np.concatenate([attacked, benign])
        features = batch.fired[rows].astype(np.float64)
        target = np.concatenate([np.ones(len(attacked)), np.zeros(len(benign))])
        silent = float(max(1, (~labels).sum()))

        def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, intercept = parameters[:-1], parameters[-1]
            margins = features @ weights + intercept
            errors = expit(margins) - target
            value = np.logaddexp(0.0, margins).sum() - margins[target == 1].sum()
            value += silent * np.logaddexp(0.0, intercept)
            penalty = weights - prior
            value += 0.5 * self.strength * len(rows) ** 0.5 * (penalty @ penalty)
            gradient = features.T @ errors + self.strength * len(rows) ** 0.5 * penalty
            return float(value), np.append(gradient, errors.sum() + silent * expit(intercept))

        start = np.append(self.weights_, self.intercept_)
        bounds = [*zip(np.zeros(len(prior)), prior + MOST_ADDED, strict=True), (-12.0, -3.0)]
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
        self.weights_, self.intercept_ = found.x[:-1].copy(), float(found.x[-1])

    def decision_function(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Sum of the most suspicious unit of each row, intercept included."""
        batch = Batch(frame, self._signals())
        return batch.best_units(batch.fired @ self.weights_)[1] + self.intercept_

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """attack_probability, is_attack, attack_class and reason, a row for each of the frame's, with its index."""
        batch = Batch(frame, self._signals())
        best, sums = batch.best_units(batch.fired @ self.weights_)
        probability = self._probability(sums + self.intercept_)
        is_attack = probability >= self.threshold_
        attack_class = np.full(len(frame), None, dtype=object)
        reason = np.full(len(frame), None, dtype=object)
        explained: dict[int, tuple[str, str]] = {}
        for row in np.flatnonzero(is_attack):
            unit = int(best[row])
            if unit not in explained:
                explained[unit] = self._explain_unit(batch.units[unit], batch.fired[unit])
            attack_class[row], reason[row] = explained[unit]
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
        """Every signal that fired, a row each: row, field, signal, attack_class, weight, words."""
        batch = Batch(frame, self._signals())
        known = self._signals()
        rows = []
        for position, label in enumerate(frame.index):
            for unit in sorted({int(u) for u in batch.units_of_row(position)} - {NO_UNIT}):
                for column in np.flatnonzero(batch.fired[unit]):
                    rows.append(
                        {
                            "row": label,
                            "field": FIELD_NAMES[batch.units[unit].kind],
                            "signal": known[column].name,
                            "attack_class": known[column].attack_class,
                            "weight": float(self.weights_[column]),
                            "words": signals.words(batch.units[unit], known[column]),
                        }
                    )
        return pd.DataFrame(rows, columns=["row", "field", "signal", "attack_class", "weight", "words"])

    def _signals(self) -> list[signals.Signal]:
        """The signals of this version, in its order."""
        missing = [name for name in self.feature_names_ if name not in signals.BY_NAME]
        if missing:
            raise ValueError(
                f"this request_attack was fitted with signals that the code no longer has ({', '.join(missing[:3])}): "
                "fit and register it again"
            )
        return [signals.BY_NAME[name] for name in self.feature_names_]

    def _probability(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(self.scale_ * sums + self.shift_), dtype=np.float64)

    def _explain_unit(self, unit: Unit, fired: NDArray[np.uint8]) -> tuple[str, str]:
        contribution = fired * self.weights_
        totals = np.zeros(len(self.classes_))
        np.add.at(totals, self.feature_classes_, contribution)
        known = self._signals()
        found: list[str] = []
        for column in np.argsort(-contribution):
            if contribution[column] <= 0 or len(found) == REASON_WORDS:
                break
            text = " ".join(signals.words(unit, known[column]).split())[:WORD_CHARACTERS]
            if text and not any(text in other for other in found):
                found.append(text)
        said = " | ".join(found) or unit.text[:WORD_CHARACTERS]
        return str(self.classes_[int(totals.argmax())]), f"{FIELD_NAMES[unit.kind]}: {said}"


class Batch:
    """The distinct units of many rows, what fired in each, and the way back to the rows."""

    def __init__(self, frame: pd.DataFrame, known: Sequence[signals.Signal] = signals.SIGNALS) -> None:
        """Decode, screen and split every distinct text once."""
        self.size = len(frame)
        self.units: list[Unit] = []
        self._index: dict[Unit, int] = {}
        self._fields: list[tuple[NDArray[np.int64], list[list[int]]]] = []
        for kind, column in FIELDS:
            self._add(kind, frame[column])
        methods = frame["method"].fillna("").astype(str)
        unusual = ~methods.str.upper().isin(("", *PLAIN_METHODS))
        named = methods.where(~methods.str.upper().isin(("PUT", "MOVE", "COPY")), methods + " " + frame["uri_path"].fillna(""))
        self._add("m", named.where(unusual))
        self.fired = signals.fires(self.units, known)

    def _add(self, kind: str, column: pd.Series) -> None:
        coded = _texts(column).dictionary_encode()
        codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
        texts = coded.dictionary
        lists: list[list[int]] = [[] for _ in range(len(texts) + 1)]
        encoded = screen.undecoded(texts).to_numpy(zero_copy_only=False)
        decoded = texts.to_pylist()
        for position in np.flatnonzero(encoded):
            decoded[position] = decode(decoded[position])
        if encoded.any():
            texts = pa.array(decoded, type=pa.string())
        chosen = screen.suspicious(kind, texts).to_numpy(zero_copy_only=False)
        for position in np.flatnonzero(chosen):
            for unit in units_of(kind, decoded[position]):
                number = self._index.setdefault(unit, len(self.units))
                if number == len(self.units):
                    self.units.append(unit)
                lists[position].append(number)
        self._fields.append((codes, lists))

    def best_units(self, sums: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each row its unit with the highest sum, NO_UNIT where there is none, and that sum."""
        best = np.full(self.size, NO_UNIT, dtype=np.int64)
        top = np.zeros(self.size)
        for codes, lists in self._fields:
            text_best = np.array([max(found, key=lambda u: (sums[u], -u)) if found else NO_UNIT for found in lists])
            text_sum = np.array([sums[u] if u != NO_UNIT else 0.0 for u in text_best])
            better = text_sum[codes] > top
            best[better], top[better] = text_best[codes][better], text_sum[codes][better]
        return best, top

    def all_units(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Every unit of the rows."""
        found = [u for codes, lists in self._fields for code in np.unique(codes[rows]) for u in lists[code]]
        return np.array(found or [NO_UNIT], dtype=np.int64)

    def units_of_row(self, row: int) -> list[int]:
        """The units of one row."""
        return [u for codes, lists in self._fields for u in lists[codes[row]]]


def _texts(column: pd.Series) -> pa.Array:
    """The column as Arrow text."""
    try:
        return pa.array(column, type=pa.string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return pa.array([None if pd.isna(v) else as_utf8(str(v)) for v in column], type=pa.string())


def _platt(sums: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and shift that make the sums log odds, with Platt's softened targets."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = parameters[0] * sums + parameters[1]
        errors = expit(margins) - target
        value = np.logaddexp(0.0, margins).sum() - (target * margins).sum()
        return float(value), np.array([errors @ sums, errors.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 5.0), (-10.0, 10.0)])
    return float(found.x[0]), float(found.x[1])


def fit(examples: pd.DataFrame, seed: int = 0) -> RequestAttack:
    """A model fitted on the examples' splits `fit` and `calibrate`."""
    return RequestAttack().fit(examples, seed)


def evaluate(model: RequestAttack, examples: pd.DataFrame) -> Evaluation:
    """Figures, tables and plots on the split `evaluate`, beside those of the naive rule."""
    part = examples[examples["split"] == "evaluate"].reset_index(drop=True)
    return _evaluation.evaluate(part, model.predict(part), model.threshold_)


