"""Is the mean of values in [0, 1] above or below a bound? A test that may be looked at after every observation.

Bets against "the mean is at most the bound", and against "at least", are mixed over their sizes: the wealth is an e-process, so
that the probability that it ever reaches 1 / level where the claim holds is at most `level` (Waudby-Smith and Ramdas, Estimating
means of bounded random variables by betting, JRSS B 2024). Observations have to be independent: count each entity once.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weir_learning.sequential import LEVEL, log_mean_exp

SIZES = np.geomspace(0.002, 0.95, 40)
"""Of bets, as parts of the largest that cannot lose everything."""
BISECTIONS = 20


@dataclass(frozen=True)
class BoundedMean:
    """A mean beside a bound, 0 < bound < 1; the state is plain numbers, `from_state` of `state()` gives it back."""

    bound: float
    level: float = LEVEL
    n: int = 0
    total: float = 0.0
    log_above: tuple[float, ...] = field(default=(0.0,) * len(SIZES), repr=False)
    """Logarithms of the wealth of bets on a mean above the bound, by their size."""
    log_below: tuple[float, ...] = field(default=(0.0,) * len(SIZES), repr=False)
    most_above: float = 0.0
    """The logarithm of the greatest e-value so far."""
    most_below: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.bound < 1:
            raise ValueError(f"a bound lies between 0 and 1, {self.bound} does not")

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The inverse of `state`, also after a round trip through JSON."""
        values: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in state.items()}
        return cls(**values)

    def state(self) -> dict[str, Any]:
        """Numbers and tuples of numbers."""
        return asdict(self)

    def updated(self, values: ArrayLike) -> Self:
        """With more values, in their order; ValueError where one is not within [0, 1]."""
        x = np.atleast_1d(np.asarray(values, dtype=np.float64))
        if not x.size:
            return self
        if not ((x >= 0) & (x <= 1)).all():
            raise ValueError("values must be numbers within 0 and 1")
        above = (
            np.cumsum(np.log1p(np.outer(SIZES / self.bound, x - self.bound)), axis=1)
            + np.array(self.log_above)[:, None]
        )
        below = np.cumsum(np.log1p(np.outer(SIZES / (1 - self.bound), self.bound - x)), axis=1)
        below += np.array(self.log_below)[:, None]
        return replace(
            self,
            n=self.n + len(x),
            total=self.total + float(x.sum()),
            log_above=tuple(above[:, -1].tolist()),
            log_below=tuple(below[:, -1].tolist()),
            most_above=max(self.most_above, _greatest(above)),
            most_below=max(self.most_below, _greatest(below)),
        )

    @property
    def mean(self) -> float:
        """nan before the first value."""
        return self.total / self.n if self.n else math.nan

    @property
    def p_above(self) -> float:
        """Always valid p of a mean of at most the bound."""
        return min(1.0, math.exp(-self.most_above))

    @property
    def p_below(self) -> float:
        """Always valid p of a mean of at least the bound."""
        return min(1.0, math.exp(-self.most_below))

    @property
    def is_above(self) -> bool:
        """Whether the mean is proved to be above the bound."""
        return self.p_above <= self.level

    @property
    def is_below(self) -> bool:
        """Whether the mean is proved to be below the bound, and not to be above it."""
        return self.p_below <= self.level and not self.is_above


def _greatest(log_wealth: NDArray[np.float64]) -> float:
    """The greatest mixed wealth over time, of sizes x time, as a logarithm."""
    top = log_wealth.max(axis=0)
    return float((top + np.log(np.exp(log_wealth - top).mean(axis=0))).max())


def upper_bound(values: ArrayLike, level: float = LEVEL) -> float:
    """A bound that the mean of values in [0, 1] is below with confidence 1 - level; 1 where there are too few to tell.

    The least of the means that the bets refuse, of which there is none between it and 1.
    """
    x = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not x.size:
        return 1.0
    low, high = float(x.mean()), 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if 0 < middle < 1 and BoundedMean(middle, level).updated(x).p_below <= level:
            high = middle
        else:
            low = middle
    return high


def values_needed(bound: float, level: float = LEVEL) -> int:
    """How many zeros in a row prove a mean below the bound."""
    one = BoundedMean(bound, level).updated([0.0])
    growth = np.array(one.log_below)
    low, high = 1, 1
    while log_mean_exp(growth * high) < math.log(1 / level):
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if log_mean_exp(growth * middle) < math.log(1 / level):
            low = middle + 1
        else:
            high = middle
    return low
