"""Do two samples come from one distribution? Tests on counts of the same bins, calibrated for the sizes that there are.

Counts are arrays of bins, or of strata x bins; what is compared then is compared within each stratum. What a difference
means for a model is decided in drift.py.

Sources: PSI is Jeffreys' divergence of binned samples; its null (1/n + 1/m) * chi2(bins - 1) is in Yurdakul and Naranjo,
"Statistical properties of the population stability index" (Journal of Risk Model Validation 2020). Permutations that stop
early: Besag and Clifford (Biometrika 1991). Strata: the generalized Cochran-Mantel-Haenszel statistic (Landis, Heyman and
Koch, International Statistical Review 1978) and, for ordered bins, van Elteren's (1960). Benjamini and Hochberg (JRSS B 1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

SMOOTHING = 0.5
"""Added to each bin's count before shares are taken (Jeffreys' prior), so that an empty bin is no infinite divergence."""
LEAST_EXPECTED = 30.0
"""Where a bin is expected to hold less in either sample, the null is drawn: the 99.99 % point of PSI's chi2 is then off."""
DRAWS, MOST_AT_ONCE = 20_000, 5_000
STAGES, ENOUGH_HITS = (0.01, 0.05, 0.25, 1.0), 25
"""Drawing ends after a part of the draws if so many of them are as extreme: most p are large, and need not be exact."""
MOST_PERMUTED = 10**9
"""numpy permutes no more rows than this; of larger samples the window alone is drawn, whose null is a little wider."""
Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]
"""Windows (… x strata x bins) -> values of a statistic."""


def tables(reference: ArrayLike, window: ArrayLike) -> tuple[Values, Values]:
    """Both counts as strata x bins; ValueError where they are no counts of the same bins."""
    r, w = (np.atleast_2d(np.asarray(counts, dtype=np.float64)) for counts in (reference, window))
    if r.shape != w.shape or r.ndim != 2 or not r.size:
        raise ValueError(f"counts of the same bins are needed, not shapes {r.shape} and {w.shape}")
    if not (np.isfinite(r).all() and np.isfinite(w).all() and (r >= 0).all() and (w >= 0).all()):
        raise ValueError("counts must be finite and not negative")
    return r, w


def psi(reference_counts: ArrayLike, window_counts: ArrayLike) -> float:
    """Population stability index: sum of (q - p) * ln(q / p) over the bins, of smoothed shares; nan where a side is empty.

    Bins that are empty on both sides take no part. With strata, p is the reference with the window's mix of strata.
    """
    r, w = _judged(*tables(reference_counts, window_counts))
    if not r.size:
        return math.nan
    standard = (w.sum(1, keepdims=True) * r / r.sum(1, keepdims=True)).sum(0)
    return float(_psi(standard * (r.sum() / standard.sum()), w.sum(0)))


def psi_p_value(reference_counts: ArrayLike, window_counts: ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> float:
    """Probability of a PSI at least as large if both samples come from one distribution; nan where a side is empty.

    chi2 where every bin is expected to hold LEAST_EXPECTED in both samples, else permutations given what both hold together,
    never below 1 / (draws + 1). With strata, the generalized Cochran-Mantel-Haenszel statistic takes the place of PSI.
    """
    from scipy.special import chdtrc

    r, w = _judged(*tables(reference_counts, window_counts))
    if not r.size:
        return math.nan
    if r.shape[1] == 1:
        return 1.0
    statistic, freedom = _of_psi(r, w) if len(r) == 1 else _general_association(r, w)
    value = float(statistic(w))
    if _least_expected(r, w) >= LEAST_EXPECTED:
        return float(chdtrc(freedom, value))
    return _drawn_p_value(r, w, statistic, value, draws, seed)


def rank_p_value(reference_counts: ArrayLike, window_counts: ArrayLike) -> float:
    """Two-sided p of the rank-sum test on ordered bins: few rows show a shift that an index of all bins overlooks.

    Normal, with ties; van Elteren's weights of strata. nan where a side is empty, 1 where all rows are in one bin.
    """
    from scipy.special import ndtr

    r, w = _judged(*tables(reference_counts, window_counts))
    if not r.size:
        return math.nan
    both, n, m = r + w, w.sum(1, keepdims=True), r.sum(1, keepdims=True)
    total = n + m
    ranks = (np.cumsum(both, axis=1) - (both - 1) / 2) / (total + 1)
    mean = (both * ranks).sum(1, keepdims=True) / total
    spread = (both * (ranks - mean) ** 2).sum(1, keepdims=True) / np.maximum(total - 1, 1)
    variance = float((n * m / total * spread).sum())
    if variance <= 0:
        return 1.0
    return float(2 * ndtr(-abs(float((w * (ranks - mean)).sum())) / math.sqrt(variance)))


def benjamini_hochberg(p_values: ArrayLike) -> Values:
    """Adjusted p-values (q): those of at most q have at most a share q of false ones among them. nan stays and is not counted."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1])
    return adjusted


def _judged(r: Values, w: Values) -> tuple[Values, Values]:
    """Without strata that one side lacks, and without bins that nobody is in."""
    there = (r.sum(1) > 0) & (w.sum(1) > 0)
    r, w = r[there], w[there]
    used = (r + w).sum(0) > 0
    return r[:, used], w[:, used]


def _psi(r: Values, w: Values) -> Values:
    p, q = r + SMOOTHING, w + SMOOTHING
    p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    return np.asarray(((q - p) * np.log(q / p)).sum(-1))


def _least_expected(r: Values, w: Values) -> float:
    """The least count that a bin is expected to hold in one of the samples, over all strata."""
    shares = (r + w) / (r + w).sum(1, keepdims=True)
    return float(min((shares * rows.sum(1, keepdims=True)).sum(0).min() for rows in (r, w)))


def _of_psi(r: Values, w: Values) -> tuple[Statistic, int]:
    """PSI of windows out of one stratum, so scaled that its null is chi2, and the degrees of freedom."""
    scale, both = 1 / (1 / r.sum() + 1 / w.sum()), (r + w)[0]

    def statistic(drawn: Values) -> Values:
        window = drawn[..., 0, :]
        return scale * _psi(both - window, window)

    return statistic, r.shape[1] - 1


def _general_association(r: Values, w: Values) -> tuple[Statistic, int]:
    """The distance of windows, summed over strata, from what is expected, in terms of its covariance; and its rank."""
    n, m = w.sum(1), r.sum(1)
    total = n + m
    shares = (r + w) / total[:, None]
    weight = n * m / np.maximum(total - 1, 1)
    covariance = np.diag((weight[:, None] * shares).sum(0)) - np.einsum("s,si,sj->ij", weight, shares, shares)
    expected, inverse = (shares * n[:, None]).sum(0), np.linalg.pinv(covariance, hermitian=True)

    def statistic(drawn: Values) -> Values:
        difference = drawn.sum(-2) - expected
        return np.asarray(((difference @ inverse) * difference).sum(-1))

    return statistic, int(np.linalg.matrix_rank(covariance, hermitian=True))


def _drawn_p_value(r: Values, w: Values, statistic: Statistic, value: float, draws: int, seed: int) -> float:
    """Share of permutations within the strata whose statistic is at least `value`, the sample itself among them."""
    random = np.random.default_rng(seed)
    both = np.rint(r + w).astype(np.int64)
    rows = np.rint(w.sum(1)).astype(np.int64)
    hits, done = 0, 0
    for stage in STAGES:
        while done < round(stage * draws):
            count = min(MOST_AT_ONCE, round(stage * draws) - done)
            drawn = np.stack([_drawn(random, *stratum, count) for stratum in zip(both, rows, strict=True)], axis=1)
            hits += int((statistic(drawn.astype(np.float64)) >= value * (1 - 1e-12)).sum())
            done += count
        if hits >= ENOUGH_HITS:
            break
    return (hits + 1) / (done + 1)


def _drawn(random: np.random.Generator, both: NDArray[np.int64], rows: int, count: int) -> NDArray[np.int64]:
    """Windows of `rows` out of what both samples hold: count x bins."""
    if both.sum() < MOST_PERMUTED:
        return random.multivariate_hypergeometric(both, rows, size=count, method="marginals")
    return np.minimum(random.multinomial(rows, both / both.sum(), size=count), both)
