"""Levels of demand and the account of the budget at the steps of a series; backtests and current sizes use the same code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weir_models.predictive_scaling.budget import Account, cheapest, followed
from weir_models.predictive_scaling.levels import CHANCES, lead_steps, levels
from weir_models.predictive_scaling.policy import Choice, PolicySettings, nodes_for
from weir_models.predictive_scaling.pooled import Pool
from weir_models.predictive_scaling.series import DemandSeries, Values

WARM_UP_DAYS = 3.0
"""Days before the first step over which the account settles, as if every size had been the cheapest one."""


@dataclass(frozen=True)
class Levels:
    """Levels of demand of a warm-up and of the steps from `first` on, in percent of a node."""

    first: int
    lead: int
    before: Values
    """Of the warm-up, which ends before `first`."""
    levels: Values
    demand: Values
    """Demand of the warm-up."""

    @classmethod
    def of(cls, series: DemandSeries, first: int, lead_seconds: float, pool: Pool | None = None) -> Levels:
        """Levels of every step from `first` to the end of the series, and of the days before, those of a pool if there is one."""
        begin, lead = (
            max(0, first - round(WARM_UP_DAYS * series.steps_per_day)),
            lead_steps(lead_seconds, series.step_seconds),
        )
        found = levels(series, begin, lead) if pool is None else pool.levels(series, begin, lead)
        return cls(first, lead, found[: first - begin], found[first - begin :], series.demand[begin:first])

    def account(self, policy: PolicySettings, scale: float = 1.0) -> Account:
        """The account before the step `first`; demand is multiplied by `scale`."""
        needed = needed_nodes(self.before * scale, policy)
        start = Account(policy.violation_budget / 100.0)
        return followed(self.demand * scale, needed, CHANCES, policy.scale_up_above, self.lead, start)


def needed_nodes(levels: Values, settings: PolicySettings) -> Values:
    """Nodes that carry each level of demand at no more than the threshold, within the bounds; NaN where a level is."""
    nodes = np.ceil(levels / settings.scale_up_above - 1e-9)
    return np.asarray(np.clip(nodes, settings.minimum_nodes, settings.maximum_nodes))


def choose(levels: Values, account: Account, demand: float, nodes: int, settings: PolicySettings) -> Choice | None:
    """The cheapest size within the budget for the levels of one step, beginning from `nodes`; None where there are none."""
    if levels[0] != levels[0]:
        return None
    needed = needed_nodes(levels, settings)
    size = cheapest(needed, CHANCES, account.price, nodes)
    if not account.is_patient:
        size = max(size, nodes_for(demand, settings.scale_up_above))
    enough = CHANCES[needed <= size]
    return Choice(size, float(enough.min()) if len(enough) else 1.0)
