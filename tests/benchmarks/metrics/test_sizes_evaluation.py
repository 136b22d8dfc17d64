"""Sizes by a budget beside reactive scaling, series by series."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.metrics.scaling_costs import REACTIVE_TARGETS, START
from benchmarks.metrics.sizes import BUDGETS, Outcome, budgets_held, costs, outcome_of
from weir_models.predictive_scaling.series import DemandSeries


def outcome(violations: list[float], hours: list[float], theirs: float) -> Outcome:
    """One reactive target of 100 node-hours; budgets beyond the given ones repeat the last."""
    rest = len(BUDGETS) - len(violations)
    at = np.array(violations + violations[-1:] * rest)
    cost = np.array(hours + hours[-1:] * rest)
    targets = np.ones(len(REACTIVE_TARGETS))
    return Outcome("dev", at, cost, np.zeros(len(at)), theirs * targets, 100.0 * targets, 50.0 * targets, 0.3)


@pytest.mark.parametrize(
    ("theirs", "relative"),
    [(0.02, 0.8), (0.03, 0.7), (0.04, 0.6), (0.5, 0.6), (0.01, np.inf)],
)
def test_costs_are_compared_at_equal_violations(theirs: float, relative: float) -> None:
    one = outcome([0.02, 0.02, 0.04], [90.0, 80.0, 60.0], theirs)
    assert one.relative_cost()[0] == pytest.approx(relative)


def test_what_costs_more_and_violates_more_is_not_used() -> None:
    assert outcome([0.02, 0.04], [60.0, 80.0], 0.04).relative_cost()[0] == pytest.approx(0.6)


def test_a_series_without_a_budget_counts_as_dearer() -> None:
    row = costs([outcome([0.02], [80.0], 0.02), outcome([0.02], [80.0], 0.0)]).iloc[0]
    assert row["our node-hours, relative"] == f"{np.sqrt(0.8 * 1.5):.3f}"
    assert (row["not dearer on"], row["cannot be less"]) == ("50 %", "0.500")


def test_budgets_are_judged_by_what_can_be_reached() -> None:
    table = budgets_held([outcome([0.0], [1.0], 0.0), outcome([0.02], [1.0], 0.0)])
    assert table["series within .4 points"].tolist() == ["0 %", "0 %", "50 %", "0 %"]
    assert table["series more than .4 above"].tolist() == ["50 %", "50 %", "0 %", "0 %"]


def test_whoever_knows_the_future_needs_the_least() -> None:
    rng = np.random.default_rng(0)
    found = outcome_of(DemandSeries("a", START, np.clip(30.0 + rng.normal(0.0, 8.0, 1500), 0.0, 100.0)), "dev")
    assert (found.least_hours <= found.reactive_hours).all() and (
        found.least_hours <= found.relative_cost() * found.reactive_hours
    ).all()
    assert np.corrcoef(BUDGETS, found.violations)[0, 1] > 0.9 and found.of_minimum > 0.99
