"""The cheapest number of nodes that keeps a budget of violations: steps in which demand is above a threshold of the nodes. Pure.

A violation has a price in nodes for one step. Of all numbers of nodes the one with the least sum of nodes and expected price is
taken, so that violations are spent where they save most. The price follows the budget online, as in conformal control: it rises
with each violation and falls while there is none.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp

import numpy as np

from weir_models.predictive_scaling.series import Values

GAIN = 0.2
"""How much the logarithm of the price moves with one violation."""
MOST = 40.0
"""The most violations beyond or below the budget that are remembered."""
START = 1.0
"""Price of a violation at the start, relative to what the budget allows: nodes times steps a violation."""
CHANGE = 0.5
"""What ordering or releasing a node costs, in nodes for one step, so that sizes do not follow noise."""
PATIENCE = 2
"""Steps in a row above the threshold after which the present load is served, whatever it costs."""


@dataclass(frozen=True)
class Account:
    """Violations beyond the budget so far, and in a row."""

    budget: float
    """Share of steps that may be above the threshold."""
    excess: float = 0.0
    in_a_row: int = 0

    @property
    def price(self) -> float:
        """Price of a violation in nodes for one step."""
        return START / max(self.budget, 1e-7) * exp(GAIN * self.excess)

    @property
    def is_patient(self) -> bool:
        """Whether one more violation may be chosen."""
        return self.in_a_row < PATIENCE

    def after(self, is_violated: bool) -> Account:
        """The account one measured step later."""
        excess = min(MOST, max(-MOST, self.excess + is_violated - self.budget))
        return Account(self.budget, excess, self.in_a_row + 1 if is_violated else 0)


def cheapest(needed: Values, chances: Values, price: float, nodes: int) -> int:
    """The number of nodes with the least expected cost, beginning from `nodes`.

    `needed[k]` nodes are too few with the chance `chances[k]`; chances fall.
    """
    cost = needed + price * chances + CHANGE * np.abs(needed - nodes)
    best = int(np.argmin(cost))
    enough = chances[needed <= nodes]
    present = nodes + price * (enough.min() if len(enough) else 1.0)
    return nodes if present <= cost[best] else int(needed[best])


def followed(demand: Values, needed: Values, chances: Values, threshold: float, lead: int, account: Account) -> Account:
    """The account after all steps, had every size been the cheapest one since the first.

    `demand[t]` is in percent of a node; `needed[t]` are the nodes of each chance, as known at t, NaN where it is not.
    A size works `lead` steps after its order; what is released stops at once.
    """
    sizes: deque[int] = deque(maxlen=lead)
    for load, row in zip(demand, needed, strict=True):
        if len(sizes) == lead and load == load:
            account = account.after(bool(load > threshold * min(sizes)))
        if row[0] != row[0]:
            sizes.clear()
            continue
        size = cheapest(row, chances, account.price, sizes[-1] if sizes else int(row[-1]))
        if not account.is_patient and load == load:
            size = max(size, int(np.ceil(load / threshold - 1e-9)))
        sizes.append(size)
    return account
