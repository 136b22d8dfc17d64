"""Texts, whose words no bins can hold: can a classifier tell those of the window from those of the reference?

A classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) on hashed character n-grams. Every text is scored by a
classifier that saw neither it nor an equal one; its area under the curve is .5 without change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from weir_learning.drift import Evidence

HASHES = 2**15
N_GRAMS = (2, 4)
LEAST_TEXTS = 30


@dataclass(frozen=True)
class TextAuc:
    """How well a window's texts can be told from the reference's."""

    auc: float
    p_value: float
    """One-sided: texts that cannot be told apart are no drift. nan where there are too few."""
    n: int
    m: int

    def evidence(self, name: str, importance: float = 1.0) -> Evidence:
        """On the scale of PSI: that of two normal scores with this area under the curve, 2 * (normal quantile)^2."""
        from scipy.special import ndtri

        from weir_learning.drift import Evidence, Kind

        apart = min(max(self.auc, 0.5), 1 - 1e-9) if not math.isnan(self.auc) else math.nan
        return Evidence(name, Kind.TEXT, float(2 * ndtri(apart) ** 2), self.p_value, self.n, self.m, importance)


def text_auc(
    reference: Sequence[str | None], window: Sequence[str | None], *, folds: int = 5, most: int = 2_000, seed: int = 0
) -> TextAuc:
    """Cross-validated area under the curve with its p; of each side at most `most` texts, drawn by `seed`; nulls are a text.

    Equal texts are in one fold. Without change the sum over folds has twice the variance of so many rank-sum tests: what two
    rows have in common counts once when the one is scored and once more when the other is.
    """
    random = np.random.default_rng(seed)
    sides = [_drawn(random, texts, most) for texts in (reference, window)]
    m, n = (len(side) for side in sides)
    if min(n, m) < LEAST_TEXTS:
        return TextAuc(math.nan, math.nan, n, m)
    texts = sides[0] + sides[1]
    labels = np.repeat([0, 1], [m, n])
    distinct, group = np.unique(np.array(texts, dtype=object), return_inverse=True)
    fold = random.permutation(len(distinct))[group] % folds
    return _cross_validated(texts, labels, fold, folds, n, m)


def _drawn(random: np.random.Generator, texts: Sequence[str | None], most: int) -> list[str]:
    chosen = range(len(texts)) if len(texts) <= most else np.sort(random.choice(len(texts), most, replace=False))
    return ["" if texts[i] is None else str(texts[i]) for i in chosen]


def _cross_validated(texts: list[str], labels: np.ndarray, fold: np.ndarray, folds: int, n: int, m: int) -> TextAuc:
    from scipy.special import ndtr
    from scipy.stats import rankdata
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression

    hashed = HashingVectorizer(analyzer="char", ngram_range=N_GRAMS, n_features=HASHES, lowercase=False)
    rows = hashed.transform(texts)
    observed, expected, variance = 0.0, 0.0, 0.0
    for one in range(folds):
        test = fold == one
        if len(set(labels[~test])) < 2 or len(set(labels[test])) < 2:
            continue
        fitted = LogisticRegression(class_weight="balanced", solver="liblinear", random_state=0)
        scores = fitted.fit(rows[~test], labels[~test]).decision_function(rows[test])
        ranks = rankdata(np.round(scores, 9))
        a, b = int(labels[test].sum()), int((labels[test] == 0).sum())
        pairs = a * b
        # each fold counts by its pairs, so that the mean is the share of pairs in order
        observed += ranks[labels[test] == 1].sum() - a * (a + 1) / 2
        expected += pairs / 2
        variance += pairs / (a + b) * ((ranks - ranks.mean()) ** 2).sum() / max(a + b - 1, 1)
    if not expected:
        return TextAuc(math.nan, math.nan, n, m)
    z = (observed - expected) / math.sqrt(2 * variance) if variance else 0.0
    return TextAuc(float(observed / (2 * expected)), float(ndtr(-z)), n, m)
