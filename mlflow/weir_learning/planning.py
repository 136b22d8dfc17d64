"""How many observations a sequential test needs to see an effect of a given size, and how long that takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from weir_learning.sequential import LEVEL, LOG_ODDS_GRID, bets_log_evidence, log_mean_exp

POWER = 0.8
MOST = 1e12


@dataclass(frozen=True)
class PlannedSize:
    """Observations of both arms together (or pairs), and the hours that they take at a rate; None without one."""

    observations: int
    hours: float | None


def planned_size(
    effect: float,
    baseline: float,
    level: float = LEVEL,
    power: float = POWER,
    *,
    share: float = 0.5,
    per_hour: float | None = None,
) -> PlannedSize:
    """Observations until `Proportions` has decided with probability `power`, or sooner.

    `effect` is the difference from the champion's proportion `baseline`, `share` that of the challenger among the
    observations, `per_hour` how many both arms have. The log likelihood is taken for quadratic. ValueError unless the
    proportions lie between 0 and 1 and the effect is not zero.
    """
    _check(level, power, per_hour)
    if not (0 < baseline < 1 and 0 < baseline + effect < 1 and effect and 0 < share < 1):
        raise ValueError("baseline, baseline + effect and share must lie between 0 and 1, and the effect must not be 0")
    changed = baseline + effect
    # excess of Mantel and Haenszel: its drift and variance for one observation
    drift = share * (1 - share) * effect
    middle = share * changed + (1 - share) * baseline
    variance = share * (1 - share) * ((1 - share) * changed * (1 - changed) + share * baseline * (1 - baseline))
    information = share * (1 - share) * middle * (1 - middle)

    def surplus(n: float) -> float:
        """The excess at which the test decides."""
        return _root(
            lambda u: log_mean_exp(LOG_ODDS_GRID * u - LOG_ODDS_GRID**2 / 2 * information * n) + math.log(level)
        )

    return _planned(lambda n: (abs(drift) * n - surplus(n)) / math.sqrt(variance * n), power, per_hour)


def planned_pairs(
    effect: float,
    deviation: float,
    reach: float = 1.0,
    level: float = LEVEL,
    power: float = POWER,
    *,
    per_hour: float | None = None,
) -> PlannedSize:
    """Pairs until `PairedMeans` has decided: mean `effect` and standard `deviation` of differences within `reach`."""
    _check(level, power, per_hour)
    if not (effect and deviation > 0 and abs(effect) < reach):
        raise ValueError("the effect must not be 0 and less than the reach, and the deviation must be above 0")
    drift, spread = abs(effect) / reach, deviation / reach

    def distance(n: float) -> float:
        needed = _root(lambda u: float(bets_log_evidence(u, n * spread**2)) + math.log(level))
        return (drift * n - needed) / (spread * math.sqrt(n))

    return _planned(distance, power, per_hour)


def _check(level: float, power: float, per_hour: float | None) -> None:
    if not (0 < level < 1 and 0 < power < 1) or (per_hour is not None and not per_hour > 0):
        raise ValueError("level and power must lie between 0 and 1, and a rate must be above 0")


def _planned(distance: Callable[[float], float], power: float, per_hour: float | None) -> PlannedSize:
    """The least n at which the test has decided, `distance` standard deviations before the mean, with the power."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    quantile = float(ndtri(power))
    low, high = 1.0, 2.0
    while distance(high) < quantile:
        low, high = high, high * 2
        if high > MOST:
            raise ValueError(f"more than {MOST:.0e} observations would be needed")
    n = (
        math.ceil(brentq(lambda size: distance(size) - quantile, low, high, xtol=0.5))
        if distance(low) < quantile
        else 1
    )
    return PlannedSize(n, n / per_hour if per_hour else None)


def _root(function: Callable[[float], float]) -> float:
    """Where an increasing function of a surplus is zero."""
    from scipy.optimize import brentq

    high = 1.0
    while function(high) < 0:
        high *= 2
    return float(brentq(function, 0.0, high)) if function(0.0) < 0 else 0.0
