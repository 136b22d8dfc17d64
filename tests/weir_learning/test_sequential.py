"""Tests that are looked at after every observation: how often they err, what they find, and what their states hold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.learning import arms
from weir_learning.planning import planned_pairs, planned_size
from weir_learning.sequential import LOG_ODDS_GRID, PairedMeans, Proportions, Verdict, block_log_likelihood

EXPERIMENTS = 2_000
MOST_ERRORS = int(stats.binom.ppf(0.999, EXPERIMENTS, 0.05))
"""What 5 % of the experiments exceed once in a thousand times."""


@pytest.mark.parametrize(
    ("rate", "share", "observations"),
    [(0.5, 0.5, 500), (0.3, 0.05, 500), (0.02, 0.5, 2_000), (0.02, 0.05, 2_000), (0.001, 0.05, 3_000)],
)
def test_equal_proportions_seldom_differ_at_any_look(rate: float, share: float, observations: int) -> None:
    found = arms.proportions(rate, rate, share, observations, EXPERIMENTS, seed=1)
    assert (found.at > 0).sum() <= MOST_ERRORS


@pytest.mark.parametrize(
    "draw", [arms.even, arms.rare_and_large(0.02), arms.rare_and_large(0.3), arms.disagreeing(0.05)]
)
def test_equal_means_seldom_differ_at_any_look(draw: arms.Pairs) -> None:
    assert (arms.pairs(draw, 300, EXPERIMENTS, seed=2).at > 0).sum() <= MOST_ERRORS


def test_the_error_is_that_of_many_looks() -> None:
    """A test of one look, taken at each of 200 pairs, errs in far more experiments than its level says."""
    drawn = np.random.default_rng(3).uniform(-1, 1, (200, 500))
    n = np.arange(1, 201)[:, None]
    z = np.abs(drawn.cumsum(axis=0)) / np.sqrt(n / 3)
    assert (z[10:] > 1.96).any(axis=0).mean() > 0.2
    assert arms.pairs(arms.even, 200, 500, seed=3).share < 0.05


def test_a_block_has_fishers_noncentral_probability() -> None:
    for a, n_a, b, n_b in ((3, 10, 5, 30), (1, 1, 0, 19), (0, 5, 7, 9), (180, 2_000, 3_000, 38_000)):
        found = block_log_likelihood(a, n_a, b, n_b)
        for i in (60, 110, 140, 180):
            odds, whole = math.exp(LOG_ODDS_GRID[i]), (n_a + n_b, n_a, a + b)
            expected = stats.nchypergeom_fisher.logpmf(a, *whole, odds) - stats.hypergeom.logpmf(a, *whole)
            assert found[i] == pytest.approx(expected, abs=1e-6)


def test_one_block_is_what_many_experiments_saw() -> None:
    """The bookkeeping of many experiments and the dataclass come to the same decision at the same observation."""
    decided = arms.proportions(0.6, 0.2, 0.5, 150, 1, seed=4)
    random, test = np.random.default_rng(4), Proportions()
    ours = random.random((150, 1), dtype=np.float32) < 0.5
    success = random.random((150, 1), dtype=np.float32) < np.where(ours, 0.6, 0.2)
    at = 0
    for i, (arm, hit) in enumerate(zip(ours[:, 0], success[:, 0], strict=True), 1):
        seen = (int(hit), 1)
        test = test.updated(seen if arm else (0, 0), (0, 0) if arm else seen)
        at = at or (i if test.verdict is not Verdict.UNDECIDED else 0)
    assert at == decided.at[0] > 0


def test_a_better_and_a_worse_challenger_are_told_apart() -> None:
    test = Proportions().updated((400, 1_000), (300, 1_000))
    assert test.verdict is Verdict.BETTER
    assert Proportions(higher_is_better=False).updated((400, 1_000), (300, 1_000)).verdict is Verdict.WORSE
    assert Proportions().updated((300, 1_000), (400, 1_000)).verdict is Verdict.WORSE


def test_few_observations_decide_nothing() -> None:
    assert Proportions().verdict is Verdict.UNDECIDED
    test = Proportions().updated((1, 3), (0, 60))
    assert test.verdict is Verdict.UNDECIDED and test.p_value > 0.05


def test_the_interval_excludes_zero_when_p_is_small() -> None:
    random, test = np.random.default_rng(5), Proportions()
    for _ in range(40):
        test = test.updated((int(random.binomial(50, 0.3)), 50), (int(random.binomial(950, 0.2)), 950))
        assert (test.p_value <= test.level) == (test.interval[0] > 0)
    assert test.verdict is Verdict.BETTER


def test_a_rate_that_moves_for_both_is_no_difference() -> None:
    """By day the challenger has few observations and errors are rare, by night many and frequent (Simpson)."""
    test = Proportions()
    for _ in range(20):
        test = test.updated((1, 100), (9, 900)).updated((90, 900), (10, 100))
    assert test.difference == pytest.approx(0, abs=1e-12)
    assert test.p_value == 1.0


def test_intervals_cover_the_difference_at_every_look() -> None:
    random, missed = np.random.default_rng(6), 0
    for _ in range(150):
        test, outside = Proportions(), False
        for _ in range(15):
            test = test.updated((int(random.binomial(20, 0.04)), 20), (int(random.binomial(380, 0.02)), 380))
            outside = outside or not test.interval[0] <= 0.02 <= test.interval[1]
        missed += outside
    assert missed <= stats.binom.ppf(0.999, 150, 0.05)


def test_paired_intervals_cover_the_mean_at_every_look() -> None:
    random, missed = np.random.default_rng(7), 0
    for _ in range(150):
        test, outside = PairedMeans(reach=2.0), False
        for _ in range(15):
            test = test.updated(random.choice([0.0, 2.0], 20, p=[0.9, 0.1]), np.zeros(20))
            outside = outside or not test.interval[0] <= 0.2 <= test.interval[1]
        missed += outside
    assert missed <= stats.binom.ppf(0.999, 150, 0.05)


def test_pairs_in_one_batch_count_as_one_by_one() -> None:
    values = np.random.default_rng(8).uniform(-1, 1, 30)
    batch, single = PairedMeans().updated(values, np.zeros(30)), PairedMeans()
    for value in values:
        single = single.updated(value, 0.0)
    assert batch.total == pytest.approx(single.total)
    assert batch.variation == pytest.approx(single.variation)


def test_lower_losses_are_better() -> None:
    losses = np.random.default_rng(9).uniform(0, 0.2, 400)
    test = PairedMeans(higher_is_better=False).updated(losses, losses + 0.1)
    assert test.verdict is Verdict.BETTER
    assert test.difference == pytest.approx(-0.1)
    assert test.interval[0] < -0.1 < test.interval[1] < 0


@pytest.mark.parametrize(
    "test", [Proportions().updated((3, 9), (2, 30)), PairedMeans().updated([0.1, 0.4], [0.2, 0.0])]
)
def test_a_state_survives_json(test: Proportions | PairedMeans) -> None:
    assert type(test).from_state(json.loads(json.dumps(test.state()))) == test


def test_an_arm_without_observations_waits() -> None:
    waiting = Proportions().updated((0, 0), (5, 50)).updated((0, 0), (5, 50))
    assert math.isnan(waiting.difference)
    whole = Proportions().updated((4, 20), (10, 100))
    assert waiting.updated((4, 20), (0, 0)).log_likelihood == whole.log_likelihood


@pytest.mark.parametrize("counts", [((3, 2), (0, 1)), ((-1, 2), (0, 1)), ((0, 1), (2, 1))])
def test_more_successes_than_observations_are_refused(counts: tuple[tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="no successes among observations"):
        Proportions().updated(*counts)


@pytest.mark.parametrize("value", [1.5, math.nan])
def test_a_difference_beyond_its_reach_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="within 1 of zero"):
        PairedMeans().updated([value], [0.0])


def test_the_planned_size_decides_as_often_as_planned() -> None:
    planned = planned_size(0.04, 0.05, share=0.2)
    random, decided, looks = np.random.default_rng(10), 0, 10
    n = planned.observations // looks
    for _ in range(150):
        test = Proportions()
        for _ in range(looks):
            ours = int(random.binomial(n, 0.2))
            test = test.updated(
                (int(random.binomial(ours, 0.09)), ours), (int(random.binomial(n - ours, 0.05)), n - ours)
            )
        decided += test.verdict is Verdict.BETTER
    assert stats.binomtest(decided, 150, 0.8).pvalue > 1e-3 or decided > 120


def test_the_planned_pairs_decide_as_often_as_planned() -> None:
    planned = planned_pairs(0.1, math.sqrt(0.2 - 0.01))
    drawn = arms.pairs(
        lambda random, shape: random.choice([-1.0, 0.0, 1.0], shape, p=[0.05, 0.8, 0.15]),
        planned.observations,
        300,
        seed=11,
    )
    assert 0.7 <= drawn.share <= 0.95


def test_a_plan_knows_its_hours() -> None:
    planned = planned_size(0.01, 0.02, share=0.05, per_hour=2_000)
    assert planned.hours == planned.observations / 2_000
    assert planned_size(0.01, 0.02).observations < planned.observations
    assert planned_size(0.02, 0.02).observations < planned_size(0.01, 0.02).observations
    assert planned_size(0.01, 0.02, power=0.95).observations > planned_size(0.01, 0.02).observations


@pytest.mark.parametrize(("effect", "baseline"), [(0.0, 0.1), (0.5, 0.6), (-0.1, 0.05), (0.1, 0.0)])
def test_a_plan_that_makes_no_sense_is_refused(effect: float, baseline: float) -> None:
    with pytest.raises(ValueError, match="must"):
        planned_size(effect, baseline)
