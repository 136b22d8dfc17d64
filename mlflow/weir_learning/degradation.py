"""Is a model doing worse than it did at first? A test on outcomes that may be looked at whenever some become known.

The first outcomes of a version are its baseline; a bound that its mean loss is below with half of the level's confidence is what
later outcomes are tested against with the other half (bounded.py), so that a version that stays as it is is ever called
worse with a probability of at most the level. Losses lie in [0, 1], one a unit (an entity, or a stretch of time of one).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from weir_learning.bounded import BoundedMean, upper_bound
from weir_learning.sequential import LEVEL

BASELINE_UNITS = 50
"""Units that are the baseline."""
MOST_BOUND = 0.999
Values = NDArray[np.float64]


def _wrong(rows: pd.DataFrame) -> Values:
    return np.asarray(rows["truth"].to_numpy(bool) != rows["predicted"].to_numpy(bool), dtype=float)


def _wrong_where(column: str) -> Callable[[pd.DataFrame], Values]:
    return lambda rows: np.where(rows[column].to_numpy(bool), _wrong(rows), np.nan)


def _outside(rows: pd.DataFrame) -> Values:
    truth = rows["truth"].to_numpy(float)
    low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
    outside = (truth < low) | (truth > high)
    return np.where(np.isnan(truth + low + high), np.nan, outside)


def _share_of_error(rows: pd.DataFrame) -> Values:
    """Of the errors of model and persistence together, that of the model: one half where they are alike, also at none."""
    truth = rows["truth"].to_numpy(float)
    own, naive = (np.abs(rows[name].to_numpy(float) - truth) for name in ("predicted", "persistence"))
    return np.where(
        own + naive > 0, own / np.maximum(own + naive, 1e-300), np.where(np.isnan(own + naive), np.nan, 0.5)
    )


LOSSES: Mapping[str, Callable[[pd.DataFrame], Values]] = {
    "accuracy": _wrong,
    "precision": _wrong_where("predicted"),
    "recall": _wrong_where("truth"),
    "coverage": _outside,
    "mae_relative_to_persistence": _share_of_error,
}
"""Figure (figures.py) -> loss of each row in [0, 1], nan where the row does not bear on it; its mean falls as the figure gets better."""


def losses(figure: str, rows: pd.DataFrame, units: ArrayLike) -> Values:
    """The mean loss of each unit, in the order of their first rows. ValueError for a figure that has no loss."""
    if figure not in LOSSES:
        raise ValueError(f"{figure} has no loss between 0 and 1; choose from {', '.join(LOSSES)}")
    found = pd.Series(LOSSES[figure](rows)).groupby(np.asarray(units), sort=False).mean()
    return np.asarray(found.dropna().to_numpy(float))


@dataclass(frozen=True)
class Degradation:
    """One figure of one version; the state is plain numbers, `from_state` of `state()` gives it back."""

    level: float = LEVEL
    baseline: tuple[float, ...] = ()
    later: BoundedMean | None = None
    """Of what came after the baseline; None before that is complete."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The inverse of `state`, also after a round trip through JSON."""
        later = BoundedMean.from_state(dict(state["later"])) if state["later"] else None
        return cls(float(state["level"]), tuple(state["baseline"]), later)

    def state(self) -> dict[str, Any]:
        return asdict(self)

    def updated(self, values: ArrayLike) -> Self:
        """With the losses of more units, in their order; ValueError where one is not within [0, 1]."""
        x = np.atleast_1d(np.asarray(values, dtype=np.float64))
        if not ((x >= 0) & (x <= 1)).all():
            raise ValueError("losses must be numbers within 0 and 1")
        missing = BASELINE_UNITS - len(self.baseline)
        baseline, rest = (*self.baseline, *x[:missing].tolist()), x[max(missing, 0) :]
        if not rest.size:
            return replace(self, baseline=baseline)
        later = self.later or BoundedMean(_within(upper_bound(baseline, self.level / 2)), self.level / 2)
        return replace(self, baseline=baseline, later=later.updated(rest))

    @property
    def is_worse(self) -> bool:
        """Whether it is proved that later outcomes are worse than those of the baseline."""
        return self.later is not None and self.later.is_above

    @property
    def sentence(self) -> str:
        """For people; losses in percent."""
        if self.later is None:
            return f"{len(self.baseline)} of {BASELINE_UNITS} outcomes of the baseline are known"
        was, mean = float(np.mean(self.baseline)), self.later.mean
        proof = "proved to be worse" if self.is_worse else "not proved to be worse"
        return (
            f"loss {mean:.1%} in {self.later.n} outcomes after {was:.1%} in the first {len(self.baseline)}, whose mean is at most "
            f"{self.later.bound:.1%}: {proof}"
        )


def _within(bound: float) -> float:
    return min(max(bound, 1 - MOST_BOUND), MOST_BOUND) if not math.isnan(bound) else MOST_BOUND
