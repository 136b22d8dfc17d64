"""Beside Evidently's tests, by the formulas of its source (0.7.23, legacy/calculations/stattests); it is no dependency.

Run once beside the package itself on the same samples, both agreed as they do here.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from weir_learning.homogeneity import psi, psi_p_value

SHARES = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])


def their_psi(reference: NDArray[np.int64], window: NDArray[np.int64]) -> float:
    """Empty bins get a share of .0001."""
    p, q = (np.where(counts == 0, 1e-4, counts / counts.sum()) for counts in (reference, window))
    return float(((p - q) * np.log(p / q)).sum())


def their_chi_square_p(reference: NDArray[np.int64], window: NDArray[np.int64]) -> float:
    """Of the window beside the shares of the reference, as if these were known."""
    return float(stats.chisquare(window, reference * (window.sum() / reference.sum())).pvalue)


def drawn(
    seed: int, m: int, n: int, shares: NDArray[np.float64] = SHARES
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    return random.multinomial(m, SHARES), random.multinomial(n, shares)


@pytest.mark.parametrize("shares", [SHARES, SHARES[::-1], np.array([0.4, 0.1, 0.2, 0.1, 0.1, 0.1])])
def test_psi_is_evidentlys_where_no_bin_is_empty(shares: NDArray[np.float64]) -> None:
    r, w = drawn(1, 5_000, 2_000, shares)
    assert psi(r, w) == pytest.approx(their_psi(r, w), rel=0.02, abs=1e-4)


def test_an_empty_bin_moves_evidentlys_psi_further() -> None:
    """Their share of .0001 is below what 100 rows can tell, so that one row less looks like a drift."""
    r, w = np.array([45, 53, 2]), np.array([46, 54, 0])
    assert their_psi(r, w) > 0.1 > psi(r, w)


def test_p_is_evidentlys_beside_a_large_reference() -> None:
    for seed in range(5):
        r, w = drawn(seed, 1_000_000, 1_000)
        assert psi_p_value(r, w) == pytest.approx(their_chi_square_p(r, w), abs=0.02)


def test_evidently_alarms_where_the_reference_is_small() -> None:
    """Its chi-square test takes the reference for the truth; with as many rows on both sides it errs seven times too often."""
    samples = [drawn(seed, 1_000, 1_000) for seed in range(300)]
    theirs = np.mean([their_chi_square_p(r, w) <= 0.05 for r, w in samples])
    ours = sum(psi_p_value(r, w) <= 0.05 for r, w in samples)
    assert theirs > 0.25
    assert stats.binomtest(ours, 300, 0.05).pvalue > 1e-3
