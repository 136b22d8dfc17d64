"""Tests of one distribution, beside scipy's and beside simulated samples of one distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from weir_learning.homogeneity import benjamini_hochberg, psi, psi_p_value, rank_p_value

SHARES = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
ZIPF = 1 / np.arange(1, 16.0) ** 1.3
ZIPF /= ZIPF.sum()


def test_psi_of_large_counts_is_jeffreys_divergence() -> None:
    p, q = SHARES, SHARES[::-1]
    divergence = stats.entropy(p, q) + stats.entropy(q, p)
    assert psi(p * 1e8, q * 1e7) == pytest.approx(divergence, rel=1e-4)


def test_psi_ignores_bins_that_nobody_is_in() -> None:
    assert psi([50, 50, 0], [10, 90, 0]) == psi([50, 50], [10, 90])


def test_psi_of_an_emptied_bin_is_finite() -> None:
    assert 1 < psi([500, 500], [1000, 0]) < 10


def test_large_samples_agree_with_scipys_homogeneity_test() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        r, w = random.multinomial(200_000, SHARES), random.multinomial(100_000, SHARES)
        expected = stats.chi2_contingency([r, w], correction=False).pvalue
        assert psi_p_value(r, w) == pytest.approx(expected, abs=0.002)


def test_permutations_agree_with_fishers_exact_test() -> None:
    """Of two equal samples in two bins PSI orders tables as their distance from the middle does, so Fisher's p is the same."""
    for window in ([0, 20], [1, 19], [9, 11]):
        exact = stats.fisher_exact([[10, 10], window]).pvalue
        assert psi_p_value([10, 10], window, draws=200_000) == pytest.approx(exact, rel=0.25)


@pytest.mark.parametrize(("n", "m", "shares"), [(100, 100, ZIPF), (100, 5_000, ZIPF), (1_000, 1_000, SHARES)])
def test_p_is_uniform_without_change(n: int, m: int, shares: np.ndarray) -> None:
    random = np.random.default_rng(2)
    p = np.array(
        [psi_p_value(random.multinomial(m, shares), random.multinomial(n, shares), seed=i) for i in range(300)]
    )
    for level in (0.01, 0.05, 0.2):
        assert stats.binomtest(int((p <= level).sum()), len(p), level).pvalue > 1e-3, level


def test_a_small_p_is_as_small_as_draws_allow() -> None:
    assert psi_p_value([50, 50, 2], [5, 5, 60], draws=20_000) == 1 / 20_001


def test_chi2s_far_tail_is_not_believed_in_small_windows() -> None:
    """chi2 would say 2e-7 of 100 rows, of which one bin is empty by its smoothing alone."""
    r, w = np.full(10, 1_000), np.array([20, 17, 16, 10, 10, 9, 8, 6, 4, 0])
    by_chi2 = stats.chi2.sf(psi(r, w) / (1 / r.sum() + 1 / w.sum()), 9)
    assert by_chi2 < 1e-6 < 1 / 20_001 <= psi_p_value(r, w)


def test_strata_with_one_stratum_are_scipys_test() -> None:
    r, w = np.array([400, 300, 300]), np.array([330, 250, 420])
    table = stats.chi2_contingency([r, w], correction=False)
    total = r.sum() + w.sum()
    doubled = psi_p_value(np.stack([r, np.zeros(3)]) + [[0], [1]], np.stack([w, np.zeros(3)]) + [[0], [1]])
    assert doubled == pytest.approx(stats.chi2.sf(table.statistic * (total - 1) / total, 2), rel=0.1)


def test_another_mix_of_strata_is_no_change() -> None:
    day, night = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.1, 0.8])
    r, w = np.stack([500 * day, 500 * night]), np.stack([900 * day, 100 * night])
    assert psi_p_value(r.sum(0), w.sum(0)) < 1e-6
    assert psi_p_value(r, w) > 0.99
    assert psi(r, w) < 0.001 < psi(r.sum(0), w.sum(0))


def test_p_of_sparse_strata_is_uniform_without_change() -> None:
    random = np.random.default_rng(3)
    mixes = random.dirichlet(np.ones(4), size=12)
    p = []
    for i in range(200):
        r = np.stack([random.multinomial(40, mix) for mix in mixes])
        w = np.stack([random.multinomial(8, mix) for mix in mixes])
        p.append(psi_p_value(r, w, seed=i))
    for level in (0.05, 0.2):
        assert stats.binomtest(int((np.array(p) <= level).sum()), len(p), level).pvalue > 1e-3, level


def test_ranks_agree_with_scipys_mann_whitney_test() -> None:
    random = np.random.default_rng(4)
    x, y = random.integers(0, 10, 200), random.integers(0, 11, 150)
    expected = stats.mannwhitneyu(x, y, method="asymptotic", use_continuity=False).pvalue
    assert rank_p_value(np.bincount(x, minlength=11), np.bincount(y, minlength=11)) == pytest.approx(expected)


def test_benjamini_hochberg_agrees_with_scipy() -> None:
    p = np.random.default_rng(5).uniform(size=40) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))


def test_a_column_without_p_counts_not_among_the_others() -> None:
    np.testing.assert_allclose(benjamini_hochberg([0.01, math.nan, 0.04]), [0.02, math.nan, 0.04])


def test_an_empty_side_has_no_p() -> None:
    assert math.isnan(psi_p_value([0, 0], [3, 4])) and math.isnan(psi([5, 4], [0, 0]))


def test_counts_beyond_what_numpy_permutes_are_tested() -> None:
    r, w = np.array([2_000_000_000, 5]), np.array([1_000_000, 0])
    assert psi_p_value(r, w) > 0.5
    assert psi_p_value(r, np.array([1_000_000, 40])) < 0.001


@pytest.mark.parametrize("counts", [([1, 2], [1, 2, 3]), ([1, -1], [1, 1]), ([1, math.nan], [1, 1])])
def test_what_is_no_count_is_refused(counts: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="counts"):
        psi(*counts)
