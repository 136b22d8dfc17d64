"""The contract of a model: its specification, its gates, its evaluation, and the interface of the estimator.

Neither a model nor anything that imports mlflow belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd


@dataclass(frozen=True)
class Gate:
    """A bound on one figure of the evaluation; the champion alias moves only where every gate holds."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    at_least_figure: str | None = None
    """Name of another figure that this one must reach, such as the naive rule's."""

    def holds(self, figures: Mapping[str, float]) -> bool:
        """True where the figure is present, is a number and is within the bounds."""
        value = figures.get(self.figure, float("nan"))
        if value != value:
            return False
        floor = figures.get(self.at_least_figure, float("nan")) if self.at_least_figure else None
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (floor is None or value >= floor)
        )

    def sentence(self, figures: Mapping[str, float]) -> str:
        """One line for a person: the figure, its bounds and the verdict."""
        bounds = []
        if self.at_least is not None:
            bounds.append(f"at least {self.at_least:g}")
        if self.at_most is not None:
            bounds.append(f"at most {self.at_most:g}")
        if self.at_least_figure is not None:
            bounds.append(f"at least {self.at_least_figure} ({figures.get(self.at_least_figure, float('nan')):.4g})")
        value = figures.get(self.figure, float("nan"))
        verdict = "holds" if self.holds(figures) else "fails"
        return f"{self.figure} = {value:.4g}, asked {' and '.join(bounds)}: {verdict}"


@dataclass(frozen=True)
class ModelSpec:
    """Inputs, training table, naive rule and gates of a model."""

    name: str
    meaning: str
    owner: str
    training_table: str
    """Asset key of the labeled table."""
    inputs: Mapping[str, tuple[str, ...]]
    """Table key -> columns that predict reads."""
    label: str
    naive_rule: str
    """The rule to beat, as a sentence; its figures have the prefix `naive_`."""
    gates: tuple[Gate, ...]
    trusted_types: tuple[str, ...] = ()
    """Class paths of this package that skops may load."""


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation on examples that the model was not fitted on."""

    figures: Mapping[str, float]
    """Every figure, with `n_…` counts and `…_low`/`…_high` 95 % bounds beside the rates."""
    tables: Mapping[str, pd.DataFrame]
    """Detail per class or family, by name; logged as artifacts."""
    plots: Mapping[str, Any]
    """matplotlib figures, or PNG images as bytes, by file stem; logged as artifacts."""


class Model(Protocol):
    """The interface of a fitted estimator, as `fit` returns it and the registry loads it."""

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions in the order of `frame`, with the columns that the model's card lists."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A fitted and evaluated model, with all that registering it needs."""

    model: Model
    evaluation: Evaluation
    input_example: pd.DataFrame
    """A few rows of the inputs, from which MLflow infers their types."""
    baseline: pd.DataFrame
    """Statistics of the inputs, a row for each column of theirs, for monitoring."""
    tags: Mapping[str, str]
    """What it was made of: table versions, fingerprints, git revision and the like."""
