"""The cheapest size within a budget of violations, and the levels of demand that it is chosen by."""

from __future__ import annotations

import numpy as np
import pytest

from tests.weir_models.predictive_scaling.loads import DAY, daily, gaps, series
from weir_models.predictive_scaling import replay
from weir_models.predictive_scaling.budget import MOST, PATIENCE, Account, cheapest, followed
from weir_models.predictive_scaling.levels import CHANCES, lead_steps, levels, reached_twice
from weir_models.predictive_scaling.policy import PolicySettings, policy_of
from weir_models.predictive_scaling.sizing import Levels, choose

NEEDED = np.array([2.0, 4.0, 5.0, 9.0])
THEIR_CHANCES = np.array([1.0, 0.5, 0.02, 0.0])


@pytest.mark.parametrize(
    ("price", "nodes", "size"),
    [
        (1.0, 2, 2),  # a violation costs less than two nodes
        (20.0, 2, 5),
        (1000.0, 2, 9),
        (1000.0, 12, 9),
        (80.0, 5, 5),
        (80.0, 6, 5),
        (300.0, 7, 9),  # 7 nodes are too few as often as 5
        (300.0, 5, 5),  # four more nodes and their change cost as much as their gain
    ],
)
def test_the_size_with_the_least_cost_is_taken(price: float, nodes: int, size: int) -> None:
    assert cheapest(NEEDED, THEIR_CHANCES, price, nodes) == size


def test_noise_changes_no_size() -> None:
    needed, chances = np.array([2.0, 3.0, 4.0]), np.array([1.0, 0.011, 0.0])
    assert [cheapest(needed, chances, 100.0, nodes) for nodes in (3, 4)] == [3, 4]


def test_the_price_follows_the_violations() -> None:
    start = Account(0.01)
    bad, good = start.after(True), start.after(False)
    assert good.price < start.price < bad.price and Account(0.05).price < start.price
    assert (bad.in_a_row, bad.after(True).in_a_row, bad.after(False).in_a_row) == (1, 2, 0)
    for _ in range(200):
        bad = bad.after(True)
    assert bad.excess == MOST
    assert [Account(0.01, 0.0, times).is_patient for times in (0, PATIENCE - 1, PATIENCE)] == [True, True, False]


def test_a_budget_is_kept_and_spent() -> None:
    rng = np.random.default_rng(1)
    demand = 100.0 + rng.exponential(60.0, 6000)
    row = np.quantile(demand, 1.0 - CHANCES)
    row[0] = 0.0
    for budget in (0.005, 0.01, 0.02, 0.05):
        needed = np.tile(np.clip(np.ceil(row / 80.0), 2, 100), (len(demand), 1))
        account = followed(demand, needed, CHANCES, 80.0, 1, Account(budget))
        assert abs(account.excess) / len(demand) <= 0.004


def test_what_is_released_is_gone_at_once_and_what_is_ordered_late() -> None:
    needed, chances = np.array([[6.0], [2.0], [6.0], [6.0], [6.0]]), np.array([0.0])
    demand = np.full(5, 300.0)  # four nodes
    assert followed(demand, needed, chances, 80.0, 1, Account(0.01)).excess == pytest.approx(1 - 4 * 0.01)
    assert followed(demand, needed, chances, 80.0, 2, Account(0.01)).excess == pytest.approx(2 - 3 * 0.01)


def test_a_lasting_load_is_served_whatever_it_costs() -> None:
    row, policy = np.zeros(len(CHANCES)), policy_of({"preset": "budget"})
    chosen = [choose(row, Account(0.01, -MOST, times), 500.0, 3, policy) for times in (0, PATIENCE)]
    assert [one.nodes for one in chosen if one] == [2, 7]


def test_without_levels_the_thresholds_decide() -> None:
    assert choose(np.full(len(CHANCES), np.nan), Account(0.01), 500.0, 3, policy_of()) is None
    assert np.isnan(levels(series(daily(0.9)), 0, 1)).all()


def test_levels_fall_with_the_chance_and_hold_it() -> None:
    one = series(daily(12, noise=3.0))
    first = 8 * DAY
    found = levels(one, first, 1)
    assert (np.diff(found, axis=1) >= 0).all()
    truth = one.demand[first + 1 :]
    for chance in (0.5, 0.22, 0.05):
        place = int(np.flatnonzero(np.isclose(CHANCES, chance))[0])
        assert (truth > found[:-1, place]).mean() == pytest.approx(chance, abs=max(0.02, chance / 4))


def test_no_level_knows_what_comes_later() -> None:
    values = gaps(6)
    other = values.copy()
    other[5 * DAY + 100 :] = 99.0
    first = 4 * DAY
    one, two = (levels(series(part), first, 2)[: DAY + 100] for part in (values, other))
    np.testing.assert_array_equal(one, two)


def test_what_happened_once_is_not_insured() -> None:
    demand = np.full(4 * DAY, 100.0)
    demand[DAY + 5] = 900.0
    assert reached_twice(demand, DAY, 28)[-1] == 100.0
    demand[3 * DAY + 5] = 700.0
    assert reached_twice(demand, DAY, 28)[[3 * DAY + 4, 3 * DAY + 5]].tolist() == [100.0, 700.0]
    assert np.isnan(reached_twice(demand, DAY, 28)[:DAY]).all()
    assert reached_twice(demand, DAY, 1)[3 * DAY + 4] == 100.0


def test_a_size_lasts_until_the_next_one_serves() -> None:
    assert [lead_steps(seconds, 300) for seconds in (0.0, 300.0, 301.0, 900.0)] == [1, 1, 2, 3]


def test_presets_set_what_nobody_else_does() -> None:
    assert policy_of({"preset": "thresholds"}) == PolicySettings()
    assert policy_of({"preset": "budget"}).cooldown_down_seconds == 0.0
    assert policy_of({"preset": "budget", "cooldown_down_seconds": 900.0}).cooldown_down_seconds == 900.0


def test_a_budget_costs_less_than_reactive_scaling() -> None:
    one = series(daily(12, noise=3.0))
    first = 8 * DAY
    demand, seconds, settings = (
        one.demand[first:] * 20.0,
        one.seconds[first:].astype(np.float64),
        replay.ReplaySettings(),
    )
    policy = policy_of({"preset": "budget", "violation_budget": 2.0})
    found = Levels.of(one, first, settings.start_up_seconds)
    decide = replay.budgeted(seconds, demand, demand, demand, found.levels * 20.0, found.account(policy, 20.0), policy)
    ours = replay.run(demand, 300, replay.start_nodes(demand[0], policy, settings), decide, settings)
    reactive = replay.reactive(demand, 300, policy, settings)
    theirs = replay.run(demand, 300, replay.start_nodes(demand[0], policy, settings), reactive, settings)
    assert abs(ours.violations - 0.02) <= 0.008
    assert ours.violations < theirs.violations or ours.node_hours < theirs.node_hours
