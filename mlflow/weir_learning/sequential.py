"""Is the challenger better or worse? Tests that may be looked at after every observation, and how long they take.

`Proportions` compares two independent arms, `PairedMeans` two versions on the same subjects. Both are e-processes: the
probability that the evidence ever reaches 1 / level where there is no difference is at most `level` (Ville 1939; Ramdas,
Grünwald, Vovk and Shafer, Statistical Science 2023), at any sample size, without an approximation. Observations have to be
independent: count each entity once. States are plain numbers, `dataclasses.asdict` of one gives it back.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
Counts = tuple[int, int, int, int]
"""Successes and observations of the challenger, then of the champion."""
LEVEL = 0.05
LOG_ODDS_GRID: Values = 0.02 * np.sinh(np.linspace(-1, 1, 241) * np.arcsinh(3 / 0.02))
"""Log odds ratios that are mixed with equal weights: fine near zero, about 5 % apart further out, up to 20 times the odds."""
CENTER = 0.1
"""Variation is measured from the mean so far, but at most so far from zero: a difference is then within 1 + CENTER of it."""
BETS: Values = np.geomspace(1e-3, 0.9, 40)
"""Of PairedMeans, mixed with equal weights in both directions."""
WIDTH = 9.0
"""Standard deviations of the hypergeometric distribution over which it is summed."""


class Verdict(StrEnum):
    """Of the challenger."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class _Test:
    """What both tests share. Differences are challenger minus champion."""

    level: float = LEVEL
    higher_is_better: bool = True
    most_log_evidence: float = 0.0
    """The logarithm of the greatest e-value so far."""
    low: float = -math.inf
    high: float = math.inf
    """Bounds so far, in the test's own units."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The test from `asdict` of it, which may have gone through JSON."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in state.items()}
        return cls(**values)

    def state(self) -> dict[str, Any]:
        """Numbers and tuples of numbers."""
        return asdict(self)

    @property
    def p_value(self) -> float:
        """Always valid: the smallest so far."""
        return min(1.0, math.exp(-self.most_log_evidence))

    @property
    def verdict(self) -> Verdict:
        if self.p_value > self.level:
            return Verdict.UNDECIDED
        return Verdict.BETTER if (self.low + self.high > 0) == self.higher_is_better else Verdict.WORSE

    def _with(self, log_evidence: float, low: float, high: float, **changed: Any) -> Self:
        """With new evidence; bounds only get narrower. Where they would cross, the effect moved, and the older ones stay."""
        low, high = max(self.low, low), min(self.high, high)
        if low > high:
            low, high = self.low, self.high
        most = max(self.most_log_evidence, log_evidence)
        return replace(self, most_log_evidence=most, low=low, high=high, **changed)


@dataclass(frozen=True)
class Proportions(_Test):
    """Two proportions of independent arms of any sizes, which may change over time, as may the rate that both share.

    Given how many successes a block of observations holds in both arms together, those of the challenger are hypergeometric
    if there is no difference: an exact e-value without a nuisance parameter, as in Fisher's test, block by block (blocks:
    Turner, Ly and Grünwald, Journal of Statistical Planning and Inference 2024). An update is a block; one without
    observations of an arm waits for the next. Bounds are kept as log odds ratios, and hold for these exactly.
    """

    log_likelihood: tuple[float, ...] = field(default=tuple(np.zeros(len(LOG_ODDS_GRID)).tolist()), repr=False)
    """Of the closed blocks, relative to no difference, over LOG_ODDS_GRID."""
    counts: Counts = (0, 0, 0, 0)
    waiting: Counts = (0, 0, 0, 0)
    """Of the counts, what is in no closed block yet."""
    excess: float = 0.0
    """Successes of the challenger beyond its part of all, over the blocks."""
    weight: float = 0.0
    """Sum of the harmonic sizes of the blocks (Mantel and Haenszel 1959)."""

    def updated(self, challenger: tuple[int, int], champion: tuple[int, int]) -> Self:
        """With more (successes, observations) of each arm; ValueError where there are more successes than observations."""
        new = (*challenger, *champion)
        if not (0 <= new[0] <= new[1] and 0 <= new[2] <= new[3]):
            raise ValueError(f"{new[0]} of {new[1]} and {new[2]} of {new[3]} are no successes among observations")
        total, block = _added(self.counts, new), _added(self.waiting, new)
        if not (block[1] and block[3]):
            return replace(self, counts=total, waiting=block)
        likelihood = np.asarray(self.log_likelihood) + block_log_likelihood(*block)
        rows = block[1] + block[3]
        evidence = log_mean_exp(likelihood)
        low, high = _bounds(likelihood, evidence + math.log(self.level))
        return self._with(
            evidence,
            low,
            high,
            log_likelihood=tuple(likelihood.tolist()),
            counts=total,
            waiting=(0, 0, 0, 0),
            excess=self.excess + block[0] - (block[0] + block[2]) * block[1] / rows,
            weight=self.weight + block[1] * block[3] / rows,
        )

    @property
    def difference(self) -> float:
        """Challenger minus champion, within blocks (Mantel and Haenszel); nan before both arms were seen."""
        return self.excess / self.weight if self.weight else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the difference: those of the log odds ratio, at the successes that the blocks hold."""
        if not self.weight:
            return (-1.0, 1.0)
        slopes = np.gradient(np.asarray(self.log_likelihood), LOG_ODDS_GRID)
        low, high = (
            self.difference - float(np.interp(bound, LOG_ODDS_GRID, slopes)) / self.weight
            if math.isfinite(bound)
            else math.copysign(1.0, bound)
            for bound in (self.low, self.high)
        )
        return (max(low, -1.0), min(high, 1.0))


@dataclass(frozen=True)
class PairedMeans(_Test):
    """The mean difference of two bounded values of the same subject, as losses of two versions on one row.

    An empirical Bernstein e-process (Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 2021; Waudby-Smith and
    Ramdas, JRSS B 2024, theorem 2) with bets mixed. Differences lie in [-reach, reach].
    """

    reach: float = 1.0
    n: int = 0
    total: float = 0.0
    """Sum of the differences over the reach."""
    variation: float = 0.0
    """Sum of squared distances of each from the mean of those before it, within CENTER."""

    def updated(self, challenger: ArrayLike, champion: ArrayLike) -> Self:
        """With more pairs, in their order; ValueError where a difference is beyond the reach or missing."""
        differences = np.atleast_1d(np.asarray(challenger, dtype=np.float64) - np.asarray(champion, dtype=np.float64))
        if not differences.size:
            return self
        if not (np.abs(differences) <= self.reach).all():
            raise ValueError(f"differences must be numbers within {self.reach:g} of zero")
        scaled = differences / self.reach
        sums = self.total + np.cumsum(scaled)
        before = centers(np.append(self.total, sums[:-1]), self.n + np.arange(len(scaled)))
        n, total = self.n + len(scaled), float(sums[-1])
        variation = self.variation + float(((scaled - before) ** 2).sum())
        margin = _margin(variation, math.log(1 / self.level)) / n
        low, high = ((total / n + side * margin) * self.reach for side in (-1, 1))
        evidence = float(bets_log_evidence(total, variation))
        return self._with(evidence, low, high, n=n, total=total, variation=variation)

    @property
    def difference(self) -> float:
        """Mean of challenger minus champion; nan before the first pair."""
        return self.total / self.n * self.reach if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the mean difference."""
        return (max(self.low, -self.reach), min(self.high, self.reach))


def _added(one: Counts, other: Counts) -> Counts:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def log_mean_exp(values: Values) -> float:
    """Logarithm of the mean of exponentials."""
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).mean()))


def block_log_likelihood(a: int, n_a: int, b: int, n_b: int) -> Values:
    """Log probability of `a` of the `a + b` successes, relative to no difference, over LOG_ODDS_GRID.

    The noncentral hypergeometric distribution of Fisher, summed about its mode at each odds ratio.
    """
    from scipy.special import gammaln, logsumexp

    x = a + b
    if x == 0 or x == n_a + n_b:
        return np.zeros(len(LOG_ODDS_GRID))
    odds = np.exp(LOG_ODDS_GRID)
    sum_term = (n_a + x) * odds + n_b - x
    mode = 2 * odds * n_a * x / (sum_term + np.sqrt(np.maximum(sum_term**2 - 4 * (odds - 1) * odds * n_a * x, 0)))
    cells = [np.maximum(cell, 0.5) for cell in (mode, n_a - mode, x - mode, n_b - x + mode)]
    reach = math.ceil(WIDTH * math.sqrt(float((1 / sum(1 / cell for cell in cells)).max()))) + 2
    at = np.rint(mode)[:, None] + np.arange(-reach, reach + 1)
    inside = (at >= max(0, x - n_b)) & (at <= min(n_a, x))
    j = np.clip(at, max(0, x - n_b), min(n_a, x))
    ways = -gammaln(j + 1) - gammaln(n_a - j + 1) - gammaln(x - j + 1) - gammaln(n_b - x + j + 1)
    constant = (
        gammaln(n_a + 1) + gammaln(n_b + 1) - (gammaln(n_a + n_b + 1) - gammaln(x + 1) - gammaln(n_a + n_b - x + 1))
    )
    terms = np.where(inside, ways + constant + j * LOG_ODDS_GRID[:, None], -np.inf)
    return np.asarray(a * LOG_ODDS_GRID - logsumexp(terms, axis=1))


def centers(total: Values, n: ArrayLike) -> Values:
    """Where variation is measured from after `n` differences with this sum."""
    return np.clip(total / (np.asarray(n) + 1), -CENTER, CENTER)


def bets_log_evidence(surplus: ArrayLike, variation: ArrayLike) -> Values:
    """Log evidence against a mean, by the surplus of the sum over it and the variation; arrays of one shape.

    exp(bet * (d - mean) - psi(bet) * (d - center)^2) has a mean of at most 1 where |d - center| <= c = 1 + CENTER, with
    psi(bet) = (-log(1 - c * bet) - c * bet) / c^2 (Fan, Grama and Liu, Electronic Journal of Probability 2015).
    """
    s, v = np.asarray(surplus, dtype=np.float64)[..., None], np.asarray(variation, dtype=np.float64)[..., None]
    c = 1 + CENTER
    exponent = np.concatenate([BETS * s, -BETS * s], axis=-1) + np.tile((np.log1p(-c * BETS) + c * BETS) / c**2, 2) * v
    top = exponent.max(-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(exponent - top).mean(-1)))


def _margin(variation: float, needed: float) -> float:
    """The surplus at which the log evidence is `needed`."""
    from scipy.optimize import brentq

    high = 1.0
    while bets_log_evidence(high, variation) < needed:
        high *= 2
    return float(brentq(lambda surplus: float(bets_log_evidence(surplus, variation)) - needed, 0.0, high))


def _bounds(likelihood: Values, least: float) -> tuple[float, float]:
    """Log odds ratios whose log likelihood is above `least`, between points of the grid by a line."""
    inside = np.flatnonzero(likelihood > least)
    first, last = int(inside[0]), int(inside[-1])

    def crossing(out: int, into: int) -> float:
        part = (least - likelihood[out]) / (likelihood[into] - likelihood[out])
        return float(LOG_ODDS_GRID[out] + part * (LOG_ODDS_GRID[into] - LOG_ODDS_GRID[out]))

    low = crossing(first - 1, first) if first else -math.inf
    return low, crossing(last + 1, last) if last + 1 < len(likelihood) else math.inf
