"""What a model is: its specification, its gates and what fit and predict must look like.

Holds no model and nothing that imports mlflow. numpy and pandas only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd


@dataclass(frozen=True)
class Gate:
    """A bound on a figure of the evaluation: the champion alias moves only where every gate holds."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    at_least_figure: str | None = None
    """Name of another figure (the naive rule's, say) that this one must reach."""

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
        """One line for a person: what was asked and what was found."""
        bounds = []
        if self.at_least is not None:
            bounds.append(f"at least {self.at_least:g}")
        if self.at_most is not None:
            bounds.append(f"at most {self.at_most:g}")
        if self.at_least_figure is not None:
            bounds.append(f"at least {self.at_least_figure} ({figures.get(self.at_least_figure, float('nan')):.4g})")
        found = figures.get(self.figure, float("nan"))
        verdict = "holds" if self.holds(figures) else "fails"
        return f"{self.figure} = {found:.4g}, asked {' and '.join(bounds)}: {verdict}"


@dataclass(frozen=True)
class ModelSpec:
    """What a model reads, what it was fitted on and what it must reach before it serves."""

    name: str
    meaning: str
    owner: str
    training_table: str
    """Asset key of the labelled table."""
    inputs: Mapping[str, tuple[str, ...]]
    """Table key -> columns that prediction reads; a test checks that they exist."""
    label: str
    naive_rule: str
    """The rule to beat, in a sentence; its figures carry the prefix `naive_`."""
    gates: tuple[Gate, ...]
    trusted_types: tuple[str, ...] = ()
    """Own classes that skops may load."""


@dataclass(frozen=True)
class Evaluation:
    """What the evaluation found, on examples the model was not fitted on."""

    figures: Mapping[str, float]
    """Every figure, with `n_…` counts and `…_low`/`…_high` 95 % bounds beside the rates."""
    tables: Mapping[str, pd.DataFrame]
    """Detail per class or family, by name; logged as artifacts."""
    plots: Mapping[str, Any]
    """matplotlib figures by file stem; logged as artifacts."""


class Model(Protocol):
    """What `fit` returns and the registry loads: an estimator whose predict gives named columns."""

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows in the order of `frame`; the columns that the model's card lists."""
        ...
