"""Training sets with leaks that were planted in them, and one without; what the probes find in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from weir_learning.leaks import Finding, FitPredict, Probe, altered_future, probe

INPUTS = ("size", "rate", "errors", "country")
ROWS, ENTITIES = 3_000, 300


@dataclass(frozen=True)
class Planted:
    """A training set, how a model is fitted on it, and the probe that has to find what is wrong with it; None: nothing is."""

    frame: pd.DataFrame
    fit_predict: FitPredict
    expected: Probe | None
    inputs: tuple[str, ...] = INPUTS

    def findings(self, seed: int = 0) -> list[Finding]:
        return probe(self.frame, "label", self.inputs, "split", "entity", self.fit_predict, seed, time="at")


def logistic(fitted: pd.DataFrame, scored: pd.DataFrame) -> NDArray[np.float64]:
    """Scores of an honest model."""
    numbers = ["size", "rate", "errors"]
    model = LogisticRegression(max_iter=300).fit(fitted[numbers], fitted["label"])
    return np.asarray(model.decision_function(scored[numbers]))


def mean_of_entity(fitted: pd.DataFrame, scored: pd.DataFrame) -> NDArray[np.float64]:
    """Encodes the entity by its mean label, over all rows, as is done by mistake before the split."""
    every = pd.concat([fitted, scored])
    return scored["entity"].map(every.groupby("entity")["label"].mean()).to_numpy()


def clean(seed: int = 0) -> Planted:
    """Entities with one label each, split by time and entity, whose inputs tell something of the label."""
    random = np.random.default_rng(seed)
    labels = random.uniform(size=ENTITIES) < 0.3
    entity = np.repeat(np.arange(ENTITIES), ROWS // ENTITIES)
    label = labels[entity]
    frame = pd.DataFrame(
        {
            "entity": [f"e{i}" for i in entity],
            "at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(ROWS), unit="min"),
            "size": random.normal(label * 0.8),
            "rate": random.exponential(1 + label),
            "errors": random.poisson(1 + 2 * label).astype(float),
            "country": random.choice(["a", "b", "c"], ROWS),
            "label": label,
            "split": np.where(entity < 0.7 * ENTITIES, "fit", "evaluate"),
        }
    )
    return Planted(frame, logistic, None)


def planted(seed: int = 0) -> dict[str, Planted]:
    """Leak -> training set."""
    base, random = clean(seed), np.random.default_rng(seed + 1)
    frame, label = base.frame, base.frame["label"].to_numpy()

    def with_input(values: object) -> Planted:
        return replace(
            base, frame=frame.assign(leaked=values), expected=Probe.TARGET_IN_INPUTS, inputs=(*INPUTS, "leaked")
        )

    overlap = frame.assign(entity=np.where(np.arange(ROWS) % 100 == 0, "e0", frame["entity"]))
    return {
        "the label itself": with_input(label.astype(float)),
        "the label with one value of a hundred wrong": with_input(
            np.where(random.uniform(size=ROWS) < 0.01, ~label, label)
        ),
        "the label as text": with_input(np.where(label, "blocked", "passed")),
        "a value that only one label has": with_input(np.where(label, 1.0, np.nan)),
        "the label, scaled, with noise": with_input(7 - 3 * label + 0.1 * random.normal(size=ROWS)),
        "codes without order": with_input(np.where(label, random.choice([2, 5], ROWS), random.choice([1, 3, 7], ROWS))),
        "an entity on both sides": replace(base, frame=overlap, expected=Probe.ENTITY_OVERLAP),
        "held-out rows before fitted ones": replace(
            base, frame=frame.assign(at=frame["at"].to_numpy()[::-1]), expected=Probe.LATER_ROWS
        ),
        "an encoding by the mean label of all rows": replace(
            base, fit_predict=mean_of_entity, expected=Probe.SHUFFLED_TARGET
        ),
        "a score that reads the held-out label": replace(
            base, fit_predict=lambda fitted, scored: scored["label"].to_numpy(float), expected=Probe.SHUFFLED_TARGET
        ),
    }


def series(seed: int = 0, rows: int = 400) -> pd.DataFrame:
    """Raw measurements of one cluster."""
    random = np.random.default_rng(seed)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(5 * np.arange(rows), unit="min")
    return pd.DataFrame({"at": at, "load": random.normal(size=rows).cumsum(), "nodes": random.integers(1, 9, rows)})


def causal(raw: pd.DataFrame) -> pd.DataFrame:
    """Features of the past alone."""
    return raw.assign(lag=raw["load"].shift(1), mean=raw["load"].rolling(12, min_periods=1).mean())


FUTURES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "the next value": lambda raw: raw["load"].shift(-1),
    "a centered mean": lambda raw: raw["load"].rolling(5, center=True, min_periods=1).mean(),
    "a value less the mean of the whole": lambda raw: raw["load"] - raw["load"].mean(),
    "a rank in the whole": lambda raw: raw["nodes"].rank(),
    "gaps filled from behind": lambda raw: raw["load"].where(raw["nodes"] > 2).bfill(),
}
"""Leak -> a feature that knows the future."""


def future_findings(leak: str | None, seed: int = 0) -> list[Finding]:
    """What is found in features of the past, with one that knows the future."""

    def make(raw: pd.DataFrame) -> pd.DataFrame:
        return causal(raw) if leak is None else causal(raw).assign(leaked=FUTURES[leak](raw))

    inputs = ["load", "nodes", "lag", "mean", *(["leaked"] if leak else [])]
    return altered_future(make, series(seed), "at", inputs, seed)


def is_found(leaks: list[Finding], expected: Probe, column: str | None = None) -> bool:
    """Whether the findings have the leak, and no other input beside it."""
    hits = [finding for finding in leaks if finding.is_leak]
    return any(hit.probe is expected and column in (None, hit.column) for hit in hits) and all(
        hit.column in (None, column, "entity") for hit in hits
    )


def all_found(seed: int = 0) -> dict[str, bool]:
    """Leak -> whether its probe finds it and names no input beside it."""
    found = {}
    for name, one in planted(seed).items():
        assert one.expected is not None
        column = "leaked" if one.expected is Probe.TARGET_IN_INPUTS else None
        found[name] = is_found(one.findings(seed), one.expected, column)
    return found | {name: is_found(future_findings(name, seed), Probe.ALTERED_FUTURE, "leaked") for name in FUTURES}
