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


def paths(random: np.random.Generator, n: int) -> list[str | None]:
    """Paths of which many occur again and again."""
    shares = 1 / np.arange(1, 61.0)
    return ["/".join(f"w{i}" for i in random.choice(60, 2, p=shares / shares.sum())) for _ in range(n)]


def test_texts_without_change_cannot_be_told_apart() -> None:
    """Cross-validation sees each pair of texts twice: with the variance of once, z would be 1.4 times as wide."""
    random = np.random.default_rng(4)
    p = [text_auc(paths(random, 80), paths(random, 80), seed=i).p_value for i in range(80)]
    assert (stats.norm.isf(p) ** 2).sum() <= stats.chi2.ppf(0.999, 80)


def test_texts_with_a_new_parameter_are_found() -> None:
    random = np.random.default_rng(5)
    window = [f"{path}?debug=1" if i % 3 == 0 else path for i, path in enumerate(paths(random, 300))]
    found = text_auc(paths(random, 300), window)
    assert found.auc > 0.6 and found.p_value < 1e-4
    assert compare([found.evidence("path")]).columns[0].kind is Kind.TEXT
    assert compare([found.evidence("path")]).drifted == {"path"}


def test_a_text_is_never_scored_by_what_saw_it() -> None:
    """A text that only the window has would be known by heart if copies of it were fitted."""
    random = np.random.default_rng(6)
    strange = ["".join(random.choice(list("abcdefgh"), 8)) for _ in range(100)]
    window = [text for text in strange for _ in range(2)]
    other = ["".join(random.choice(list("abcdefgh"), 8)) for _ in range(200)]
    assert text_auc(other, window).auc < 0.62


def test_missing_texts_are_a_text() -> None:
    random = np.random.default_rng(7)
    window = [None if i % 2 else path for i, path in enumerate(paths(random, 200))]
    assert text_auc(paths(random, 200), window).n == 200


def test_few_texts_are_not_judged() -> None:
    found = text_auc(["/"] * 29, ["/a"] * 100)
    assert math.isnan(found.auc) and math.isnan(found.evidence("path").psi)


def test_many_texts_are_drawn_by_the_seed() -> None:
    random = np.random.default_rng(8)
    reference, window = paths(random, 300), paths(random, 300)
    assert text_auc(reference, window, most=100, seed=1) == text_auc(reference, window, most=100, seed=1)
    assert text_auc(reference, window, most=100, seed=1).m == 100
