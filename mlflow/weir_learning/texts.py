"""Texts, whose words no bins can hold: can a classifier tell those of the window from those of the reference?

A classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) on sums of hashed character n-grams over small groups of texts, so
that a reference can be kept without its texts. Every group is scored by a linear discriminant that did not see it, and ranked
among the groups of its stratum (hour of the day); the area under the curve is .5 without change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from weir_learning.drift import Evidence

LEAST_GROUPS = 8
"""Of a side, in strata that both have; with fewer nothing can be proved."""
FOLDS = 5
RIDGE = 3.0
"""Added to the variances, times their mean: of about as many buckets as groups, means are known better than covariances."""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class TextAuc:
    """How well groups of a window's texts can be told from the reference's."""

    auc: float
    p_value: float
    """One-sided: texts that cannot be told apart are no drift. nan where there are too few."""
    n: int
    """Texts of the window."""
    m: int
    texts_a_group: int = 1

    def evidence(self, name: str, importance: float = 1.0) -> Evidence:
        """On the scale of PSI: that of two normal scores of single texts with this area under the curve of groups.

        That of the groups is 2 * (normal quantile)^2; the square of a shift grows with the texts of a group.
        """
        from scipy.special import ndtri

        from weir_learning.drift import Evidence, Kind

        most = 1 - self.texts_a_group**2 / (2 * max(self.n * self.m, 1))  # no more is known where all are in order
        apart = min(max(self.auc, 0.5), max(most, 0.5)) if not math.isnan(self.auc) else math.nan
        effect = float(2 * ndtri(apart) ** 2) / self.texts_a_group
        return Evidence(name, Kind.TEXT, effect, self.p_value, self.n, self.m, importance)


def text_auc(
    reference: ArrayLike, window: ArrayLike, texts_a_group: int, *, folds: int = FOLDS, seed: int = 0
) -> TextAuc:
    """Cross-validated area under the curve with its p; counts are strata x groups x buckets, and a group of zeros is none.

    Strata that one side lacks take no part. Groups have to be drawn at random within their stratum. Without change the sum
    over folds has twice the variance of so many rank-sum tests: what two groups have in common counts once when the one is
    scored and once more when the other is. ValueError where the counts are not of the same strata and buckets.
    """
    sides = [np.asarray(counts, dtype=np.float64) for counts in (reference, window)]
    if any(side.ndim != 3 for side in sides) or sides[0].shape[::2] != sides[1].shape[::2]:
        raise ValueError(f"strata x groups x buckets are needed, not {sides[0].shape} and {sides[1].shape}")
    there = [side.sum(-1) > 0 for side in sides]
    both = there[0].any(1) & there[1].any(1)
    there = [side & both[:, None] for side in there]
    m, n = (int(side.sum()) for side in there)
    if min(n, m) < LEAST_GROUPS:
        return TextAuc(math.nan, math.nan, n * texts_a_group, m * texts_a_group, texts_a_group)
    rows = np.sqrt(np.concatenate([side[mask] for side, mask in zip(sides, there, strict=True)]))
    strata = np.concatenate([np.nonzero(mask)[0] for mask in there])
    auc, p_value = _cross_validated(rows, np.repeat([False, True], [m, n]), strata, folds, seed)
    return TextAuc(auc, p_value, n * texts_a_group, m * texts_a_group, texts_a_group)


def _cross_validated(
    rows: Values, labels: NDArray[np.bool_], strata: NDArray[np.int64], folds: int, seed: int
) -> tuple[float, float]:
    from scipy.special import ndtr
    from scipy.stats import rankdata

    fold = _folds(labels, strata, folds, np.random.default_rng(seed))
    observed, expected, variance = 0.0, 0.0, 0.0
    for one in range(folds):
        test = fold == one
        scores = np.round(rows[test] @ _discriminant(rows[~test], labels[~test]), 9)
        for stratum in np.unique(strata[test]):
            mine = strata[test] == stratum
            yes = labels[test][mine]
            a, b = int(yes.sum()), int((~yes).sum())
            if not (a and b):
                continue
            ranks = rankdata(scores[mine])
            observed += ranks[yes].sum() - a * (a + 1) / 2
            expected += a * b / 2
            variance += a * b / (a + b) * float(((ranks - ranks.mean()) ** 2).sum()) / (a + b - 1)
    if not expected:
        return math.nan, math.nan
    z = (observed - expected) / math.sqrt(2 * variance) if variance else 0.0
    return float(observed / (2 * expected)), float(ndtr(-z))


def _folds(
    labels: NDArray[np.bool_], strata: NDArray[np.int64], folds: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """A fold for each group, at random, so that both sides of a stratum are spread evenly."""
    fold = np.zeros(len(labels), dtype=np.int64)
    for stratum in np.unique(strata):
        start = int(random.integers(folds))  # few groups of many strata would all be in the first folds
        for side in (False, True):
            mine = np.flatnonzero((strata == stratum) & (labels == side))
            fold[mine] = (random.permutation(len(mine)) + start) % folds
    return fold


def _discriminant(rows: Values, labels: NDArray[np.bool_]) -> Values:
    """Weights of a linear discriminant with a ridge."""
    means = [rows[labels == side].mean(axis=0) for side in (False, True)]
    centered = rows - np.where(labels[:, None], means[1], means[0])
    covariance = centered.T @ centered / len(rows)
    ridge = RIDGE * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    return np.asarray(np.linalg.solve(covariance + ridge * np.eye(len(covariance)), means[1] - means[0]))
