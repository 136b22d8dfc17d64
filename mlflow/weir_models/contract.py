"""The contract of a model: its specification, its gates, its evaluation, and the interface of the estimator.

Neither a model nor anything that imports mlflow belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
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
class Guard:
    """A bound on a figure of the comparison of a challenger with the champion on the same rows; beyond it, it is taken out."""

    figure: str
    """`flagged_more` (share of rows that the challenger alone flags), `flagged_less` (share of what the champion flags that the
    challenger does not), `difference` (mean distance of the scores), `failed` (share of rows without a score), `slower`
    (CPU-seconds beside the champion's); shares are means over entities."""
    at_most: float


@dataclass(frozen=True)
class Replay:
    """Stored hours that are decided by champion and challenger, before a challenger leaves shadow; what follows from the
    scores is what counts."""

    hours: int
    """How many of the newest are decided."""
    max_innocent: int
    """Of the clients that people called benign or put on the allow list, those that may newly be acted upon."""


@dataclass(frozen=True)
class Learning:
    """How versions of a model are watched, compared and released; all that the learning loop knows of a model."""

    predictions: str
    """Key of the table of its predictions."""
    score: str
    """Number among the predictions that is compared."""
    entity: str
    """Column of its rows that names what a canary's share is of."""
    guards: tuple[Guard, ...]
    flag: str = ""
    """Predicted flag that something is acted upon; empty for a model that flags nothing."""
    outcome: str = ""
    """Column of the evaluated examples with the truth of the flag, or of the score; empty: `evaluate` alone knows."""
    slices: tuple[str, ...] = ()
    """Columns of the evaluated examples; in none of their values may a challenger be worse."""
    made_at: str = ""
    """Column of its predictions with the time that one was made, where their table is not hourly."""
    realised: tuple[str, ...] = ()
    """Figures that are measured once outcomes are known: of the flag by verdicts of people (precision, recall, accuracy), of a
    forecast by what was measured later (mae_relative_to_persistence, coverage). Each is tested for having become worse."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """Name in the table of all models' figures -> figure of the evaluation."""
    details: tuple[str, ...] = ()
    """Further predictions, texts that may be null: what it is, and why."""
    replay: Replay | None = None
    """None: nothing is decided by the flag that could be replayed."""
    milliseconds_per_row: float = 1.0
    """Budget: CPU time of a row."""
    max_bytes: int = 64 << 20
    """Budget: size of the saved model."""
    max_age_days: int = 30
    """After which a version is fitted anew, where there is anything new to fit it on."""


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
    learning: Learning | None = None
    """None: versions are moved by people alone."""
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
