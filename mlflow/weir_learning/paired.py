"""Challenger and champion on the same rows: the difference of a figure, by the paired block bootstrap.

Both are drawn with the same blocks, so that what is hard for both cancels. How figures are made is in figures.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from weir_learning.bootstrap import LEVEL, RESAMPLES, Values, block_sums, bounds, p_value, resampled_sums
from weir_learning.figures import Figure


@dataclass(frozen=True)
class Difference:
    """Challenger minus champion."""

    figure: str
    challenger: float
    champion: float
    difference: float
    low: float
    """nan where there are too few blocks, or the figure is often undefined in them."""
    high: float
    p_value: float
    n: int
    blocks: int
    higher_is_better: bool = True

    @property
    def is_judged(self) -> bool:
        return not math.isnan(self.low)

    @property
    def sentence(self) -> str:
        """The difference in words."""
        values = f"{self.figure} {self.challenger:.4g} beside {self.champion:.4g}"
        if not self.is_judged:
            return f"{values}: {self.blocks} blocks with {self.n} rows are too few to tell."
        verdict = "no difference is proved"
        if self.low > 0 or self.high < 0:
            verdict = "better" if (self.low > 0) == self.higher_is_better else "worse"
        return f"{values}, difference {self.difference:+.4g} ({self.low:+.4g} to {self.high:+.4g}): {verdict}."


def paired_difference(
    challenger: pd.DataFrame,
    champion: pd.DataFrame,
    figure: Figure | Callable[[pd.DataFrame], float],
    blocks: ArrayLike,
    *,
    higher_is_better: bool = True,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """The difference of a figure of two frames that hold the predictions of the same rows in the same order.

    `figure` is a Figure, or any function of rows: this is evaluated `resamples` times for each model, and
    `higher_is_better` is said of it. `blocks` labels each row (`bootstrap.time_blocks`, or the entity). Rows where either
    model lacks a value that a Figure reads are left out. ValueError where the frames do not hold the same truth.
    """
    labels = np.asarray(blocks)
    if not len(challenger) == len(champion) == len(labels):
        raise ValueError(f"{len(challenger)}, {len(champion)} and {len(labels)} rows are not the same rows")
    if "truth" in challenger and "truth" in champion and not _same(challenger["truth"], champion["truth"]):
        raise ValueError("the two frames differ in the column truth, so they are not about the same rows")
    pair = (challenger, champion)
    if isinstance(figure, Figure):
        read = list(figure.columns)
        known = (challenger[read].notna() & champion[read].notna().to_numpy()).all(axis=1).to_numpy()
        pair, labels = (challenger[known], champion[known]), labels[known]
        higher_is_better = figure.higher_is_better
    if not len(labels):
        nan = math.nan
        return Difference(_name(figure), nan, nan, nan, nan, nan, nan, 0, 0, higher_is_better)
    ours, theirs = (float(figure(rows)) for rows in pair)
    count, drawn = _resampled(pair, figure, labels, resamples, seed)
    low, high = bounds(drawn, count, level)
    if math.isnan(ours - theirs):
        low = high = math.nan
    p = math.nan if math.isnan(low) else p_value(drawn, count)
    return Difference(_name(figure), ours, theirs, ours - theirs, low, high, p, len(labels), count, higher_is_better)


def slice_differences(
    challenger: pd.DataFrame,
    champion: pd.DataFrame,
    figure: Figure | Callable[[pd.DataFrame], float],
    blocks: ArrayLike,
    slices: Mapping[str, ArrayLike],
    *,
    higher_is_better: bool = True,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Difference]:
    """The difference in each slice (name -> mask of rows), at `level` over all slices together (Bonferroni)."""
    labels = np.asarray(blocks)
    found = {}
    for name, mask in slices.items():
        rows = np.asarray(mask, dtype=bool)
        found[name] = paired_difference(
            challenger[rows],
            champion[rows],
            figure,
            labels[rows],
            higher_is_better=higher_is_better,
            resamples=resamples,
            level=level / len(slices),
            seed=seed,
        )
    return found


def not_worse(difference: Difference, margin: float) -> bool:
    """Whether it is proved that the challenger is worse by no more than `margin` (>= 0); False where nothing is proved."""
    if not margin >= 0:
        raise ValueError(f"a margin must not be negative, {margin} is")
    return difference.low >= -margin if difference.higher_is_better else difference.high <= margin


def is_worse(difference: Difference, margin: float = 0.0) -> bool:
    """Whether it is proved that the challenger is worse by more than `margin`; both this and `not_worse` may be False."""
    return difference.high < -margin if difference.higher_is_better else difference.low > margin


def _same(one: pd.Series, other: pd.Series) -> bool:
    a, b = one.reset_index(drop=True), other.reset_index(drop=True)
    return bool(((a == b) | (a.isna() & b.isna())).all())


def _name(figure: Figure | Callable[[pd.DataFrame], float]) -> str:
    return figure.name if isinstance(figure, Figure) else getattr(figure, "__name__", "figure")


def _resampled(
    pair: tuple[pd.DataFrame, pd.DataFrame],
    figure: Figure | Callable[[pd.DataFrame], float],
    labels: np.ndarray,
    resamples: int,
    seed: int,
) -> tuple[int, Values]:
    """How many blocks there are, and the differences of the resamples."""
    if isinstance(figure, Figure):
        sums = [block_sums(figure.terms(rows), labels) for rows in pair]
        drawn = [figure.value(resampled_sums(one, resamples, seed)) for one in sums]
        return len(sums[0]), drawn[0] - drawn[1]
    codes, names = pd.factorize(labels, sort=True)
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    random = np.random.default_rng(seed)
    values = np.empty(resamples)
    for i in range(resamples):
        rows = np.concatenate([members[code] for code in random.integers(0, len(names), len(names))])
        values[i] = figure(pair[0].iloc[rows]) - figure(pair[1].iloc[rows])
    return len(names), values
