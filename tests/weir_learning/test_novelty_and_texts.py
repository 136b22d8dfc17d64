"""Ids and texts, which no bins can hold: how often they are called changed without change, and what is found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from weir_learning.drift import Kind, Verdict, compare
from weir_learning.novelty import NewShare, new_share
from weir_learning.texts import text_auc

ZIPF = 1 / np.arange(1, 5_001.0) ** 1.1
ZIPF /= ZIPF.sum()


def counted(reference: np.ndarray, window: np.ndarray) -> NewShare:
    values, counts = np.unique(reference, return_counts=True)
    new = int((~np.isin(window, values)).sum())
    return new_share(new, len(window), len(reference), int((counts == 1).sum()), int((counts == 2).sum()))


@pytest.mark.parametrize(("n", "m"), [(100, 500), (500, 500), (30_000, 2_000)])
def test_new_values_of_the_same_ids_are_expected(n: int, m: int) -> None:
    random, p = np.random.default_rng(1), []
    for _ in range(150):
        p.append(counted(random.choice(5_000, m, p=ZIPF), random.choice(5_000, n, p=ZIPF)).p_value)
    assert (np.array(p) <= 0.05).sum() <= stats.binom.ppf(0.999, 150, 0.05)


def test_ids_of_another_kind_are_found() -> None:
    random = np.random.default_rng(2)
    reference, window = random.choice(5_000, 2_000, p=ZIPF), random.choice(5_000, 300, p=ZIPF)
    window[:90] += 10_000
    found = counted(reference, window)
    assert found.share > found.expected + 0.2
    assert compare([found.evidence("id")]).verdict is Verdict.WATCH


def test_fewer_new_values_are_a_change_too() -> None:
    random = np.random.default_rng(3)
    found = counted(random.integers(0, 10**9, 500), np.zeros(300, int))
    assert found.share in (0.0, 1.0)
    assert new_share(30, 300, 1_000, 500, 100).p_value < 1e-6


def test_a_closed_set_of_ids_has_none_new() -> None:
    assert new_share(0, 1_000, 10_000, 0, 0).p_value == 1.0
    assert new_share(20, 1_000, 10_000, 0, 0).p_value < 1e-4


def test_ids_without_rows_are_not_judged() -> None:
    found = new_share(0, 0, 100, 3, 1)
    assert math.isnan(found.p_value)
    assert compare([found.evidence("id")]).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("counts", [(5, 4, 10, 1, 1), (1, 4, 10, 9, 1), (-1, 4, 10, 1, 1)])
def test_counts_that_contradict_each_other_are_refused(counts: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="there cannot be more"):
        new_share(*counts)


TEXTS_A_GROUP = 20


def groups(random: np.random.Generator, strata: int, count: int, part: float = 0.0, mix: bool = False) -> np.ndarray:
    """Counts of 64 buckets in groups of texts; a part of the texts has five more buckets, and odd strata have others if `mix`."""
    found = np.zeros((strata, count, 64))
    for stratum in range(strata):
        shares = ZIPF[:64][:: -1 if mix and stratum % 2 else 1] / ZIPF[:64].sum()
        found[stratum] = random.multinomial(30 * TEXTS_A_GROUP, shares, count)
        found[stratum, :, 40:45] += random.binomial(TEXTS_A_GROUP, part, count)[:, None]
    return found


@pytest.mark.parametrize(("strata", "count"), [(24, 4), (2, 16), (12, 1)])
def test_texts_without_change_cannot_be_told_apart(strata: int, count: int) -> None:
    """Cross-validation sees each pair of groups twice: with the variance of once, z would be 1.4 times as wide."""
    random, p = np.random.default_rng(4), []
    for i in range(80):
        one, two = (groups(random, strata, count, mix=True) for _ in range(2))
        p.append(text_auc(one, two, TEXTS_A_GROUP, seed=i).p_value)
    assert (stats.norm.isf(p) ** 2).sum() <= stats.chi2.ppf(0.999, 80)


def test_texts_of_other_strata_are_no_change() -> None:
    """A window of the night beside a whole day: only the hours that both have are compared."""
    random = np.random.default_rng(5)
    day, night = groups(random, 24, 8, mix=True), groups(random, 24, 8, mix=True)
    night[::2] = 0
    found = text_auc(day, night, TEXTS_A_GROUP)
    assert (found.n, found.m) == (12 * 8 * TEXTS_A_GROUP, 12 * 8 * TEXTS_A_GROUP)
    assert found.p_value > 0.001
    night[1::2] = 0
    assert math.isnan(text_auc(day, night, TEXTS_A_GROUP).auc)


def test_strata_of_unequal_sizes_are_no_change() -> None:
    random, p = np.random.default_rng(6), []
    for i in range(60):
        day, window = groups(random, 8, 8, mix=True), groups(random, 8, 8, mix=True)
        window[::2, 2:] = 0
        p.append(text_auc(day, window, TEXTS_A_GROUP, seed=i).p_value)
    assert (stats.norm.isf(p) ** 2).sum() <= stats.chi2.ppf(0.999, 60)


def test_texts_with_a_new_parameter_are_found() -> None:
    random = np.random.default_rng(7)
    found = text_auc(groups(random, 24, 4), groups(random, 24, 4, part=0.33), TEXTS_A_GROUP)
    assert found.auc > 0.9 and found.p_value < 1e-4
    assert compare([found.evidence("path")]).columns[0].kind is Kind.TEXT
    assert compare([found.evidence("path")]).drifted == {"path"}


def test_a_small_change_of_many_texts_is_below_the_floor() -> None:
    random = np.random.default_rng(8)
    found = text_auc(groups(random, 24, 16), groups(random, 24, 16, part=0.03), TEXTS_A_GROUP)
    assert found.p_value < 1e-4 and found.evidence("path").psi < 0.1
    assert compare([found.evidence("path")]).drifted == frozenset()


def test_few_groups_are_not_judged() -> None:
    random = np.random.default_rng(9)
    found = text_auc(groups(random, 7, 1), groups(random, 7, 8), TEXTS_A_GROUP)
    assert math.isnan(found.auc) and math.isnan(found.evidence("path").psi)


def test_texts_in_order_everywhere_have_a_finite_effect() -> None:
    random = np.random.default_rng(10)
    found = text_auc(groups(random, 24, 2), groups(random, 24, 2, part=1.0), TEXTS_A_GROUP)
    assert found.auc == 1.0 and 0.1 < found.evidence("path").psi < 5


def test_counts_of_other_buckets_are_refused() -> None:
    with pytest.raises(ValueError, match="strata x groups x buckets"):
        text_auc(np.ones((24, 4, 64)), np.ones((24, 4, 32)), TEXTS_A_GROUP)
