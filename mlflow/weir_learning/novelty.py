"""Ids, whose values no bins can hold: the share of a window's rows whose value the reference never had, with its null.

The chance that a row brings a value unseen in m rows is estimated by how many values occurred once (Good, Biometrika 1953),
its variance after Esty (Annals of Statistics 1983). Rows are taken for independent draws: where one entity sends many rows
at a time, count entities and not rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weir_learning.drift import Evidence

MOST_EXACT = 20_000
"""Rows up to which the tail is summed; beyond it is normal."""


@dataclass(frozen=True)
class NewShare:
    """The share of new values in a window."""

    share: float
    expected: float
    p_value: float
    """Two-sided; nan where a side is empty."""
    n: int
    m: int

    def evidence(self, name: str, importance: float = 1.0) -> Evidence:
        """On the scale of PSI: that of the two bins known and new."""
        from weir_learning.drift import Evidence, Kind
        from weir_learning.homogeneity import psi

        if not (self.n and self.m):
            return Evidence(name, Kind.ID, math.nan, math.nan, self.n, self.m, importance)
        reference = [self.m * (1 - self.expected), self.m * self.expected]
        effect = psi(reference, [self.n * (1 - self.share), self.n * self.share])
        return Evidence(name, Kind.ID, effect, self.p_value, self.n, self.m, importance)


def new_share(new_rows: int, rows: int, reference_rows: int, once: int, twice: int) -> NewShare:
    """Share of a window's `rows` whose value is new, beside what `reference_rows` lead to expect.

    `once` and `twice`: how many values occurred once and twice in the reference. New rows follow a beta-binomial
    distribution, whose beta is the uncertainty of the chance. ValueError where counts contradict each other.
    """
    if not (0 <= new_rows <= rows and 0 <= once + 2 * twice <= reference_rows and once >= 0 and twice >= 0):
        raise ValueError("there cannot be more new rows than rows, or more rare values than rows of the reference")
    if not (rows and reference_rows):
        return NewShare(math.nan, math.nan, math.nan, rows, reference_rows)
    m = reference_rows
    chance = (once + 0.5) / (m + 1)
    # one more of each, as few rare values may be fewer than usual
    variance = max(once + 1 + 2 * (twice + 1) - once * once / m, 0.5) / m**2
    return NewShare(new_rows / rows, chance, _two_sided(new_rows, rows, chance, variance), rows, m)


def _two_sided(new_rows: int, rows: int, chance: float, variance: float) -> float:
    """Of a beta-binomial with this mean and variance of the chance; twice the lesser tail."""
    from scipy.special import ndtr
    from scipy.stats import betabinom

    spread = chance * (1 - chance)
    variance = min(variance, 0.5 * spread)
    if rows > MOST_EXACT:
        deviation = math.sqrt(rows * spread + rows * (rows - 1) * variance)
        z = max(abs(new_rows - rows * chance) - 0.5, 0.0) / deviation
        return float(2 * ndtr(-z))
    size = spread / variance - 1
    null = betabinom(rows, chance * size, (1 - chance) * size)
    return float(min(1.0, 2 * min(null.cdf(new_rows), null.sf(new_rows - 1))))
