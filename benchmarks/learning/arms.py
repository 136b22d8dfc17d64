"""Thousands of experiments at once, each looked at after every observation: how often a sequential test errs.

The evidence is that of `weir_learning.sequential`, by its own functions; only the bookkeeping is that of many experiments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weir_learning.sequential import BETS, LEVEL, LOG_ODDS_GRID, bets_log_evidence, block_log_likelihood, centers

Values = NDArray[np.float64]
CHUNK = 200
"""Observations drawn at once for all experiments."""
Pairs = Callable[[np.random.Generator, tuple[int, int]], Values]
"""Draws differences within [-1, 1]."""


@dataclass(frozen=True)
class Decided:
    """When experiments were decided: observations until then, 0 where they never were."""

    at: NDArray[np.int64]

    @property
    def share(self) -> float:
        return float((self.at > 0).mean())


def proportions(
    challenger: float,
    champion: float,
    share: float,
    observations: int,
    experiments: int,
    seed: int,
    level: float = LEVEL,
) -> Decided:
    """Experiments of two arms; each observation is the challenger's with probability `share`, and is looked at."""
    random = np.random.default_rng(seed)
    at = np.zeros(experiments, dtype=np.int64)
    waiting = np.zeros((experiments, 4), dtype=np.int64)
    likelihood = np.zeros((experiments, len(LOG_ODDS_GRID)))
    known: dict[tuple[int, ...], Values] = {}
    for start in range(0, observations, CHUNK):
        count = min(CHUNK, observations - start)
        ours = random.random((count, experiments), dtype=np.float32) < share
        success = random.random((count, experiments), dtype=np.float32) < np.where(ours, challenger, champion)
        for step in range(count):
            waiting[:, 0] += ours[step] & success[step]
            waiting[:, 1] += ours[step]
            waiting[:, 2] += ~ours[step] & success[step]
            waiting[:, 3] += ~ours[step]
            closing = np.flatnonzero((waiting[:, 1] > 0) & (waiting[:, 3] > 0))
            blocks = waiting[closing]
            waiting[closing] = 0
            sums = blocks[:, 0] + blocks[:, 2]
            # blocks of successes alone or of failures alone say nothing
            tells = (sums > 0) & (sums < blocks[:, 1] + blocks[:, 3]) & (at[closing] == 0)
            if not tells.any():
                continue
            rows, which = closing[tells], blocks[tells]
            kinds, index = np.unique(which, axis=0, return_inverse=True)
            for kind in map(tuple, kinds.tolist()):
                if kind not in known:
                    known[kind] = block_log_likelihood(*kind)
            likelihood[rows] += np.stack([known[tuple(kind)] for kind in kinds.tolist()])[index.ravel()]
            evidence = _log_mean_exp(likelihood[rows])
            at[rows[evidence >= math.log(1 / level)]] = start + step + 1
    return Decided(at)


def pairs(draw: Pairs, observations: int, experiments: int, seed: int, level: float = LEVEL) -> Decided:
    """Experiments of paired differences, looked at after every pair."""
    random = np.random.default_rng(seed)
    at = np.zeros(experiments, dtype=np.int64)
    total, variation = np.zeros(experiments), np.zeros(experiments)
    for start in range(0, observations, CHUNK):
        drawn = draw(random, (min(CHUNK, observations - start), experiments))
        for n, values in enumerate(drawn, start + 1):
            variation += (values - centers(total, n - 1)) ** 2
            total += values
            # no bet wins enough with less
            near = np.flatnonzero((at == 0) & (np.abs(total) * BETS[-1] > math.log(1 / level)))
            evidence = bets_log_evidence(total[near], variation[near])
            at[near[evidence >= math.log(1 / level)]] = n
    return Decided(at)


def _log_mean_exp(values: Values) -> Values:
    top = values.max(axis=1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).mean(axis=1)))


def rare_and_large(chance: float) -> Pairs:
    """Differences of mean zero: seldom one, mostly a little below zero."""
    return lambda random, shape: np.where(random.random(shape) < chance, 1.0, -chance / (1 - chance))


def disagreeing(chance: float) -> Pairs:
    """One version is right and the other wrong in this share of rows, each as often."""
    return lambda random, shape: np.where(random.random(shape) < chance, np.sign(random.random(shape) - 0.5), 0.0)


def even(random: np.random.Generator, shape: tuple[int, int]) -> Values:
    """Differences spread over all that is possible."""
    return random.uniform(-1, 1, shape)
