"""Methods of the field beside the detector's members: random cut forest, matrix profile, SPOT, Cauchy combination.

Written from their published definitions, causal: a row's result uses it and rows before it, fits use rows before their block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weir_models.anomaly_detection.refits import windows_ending
from weir_models.anomaly_detection.tails import pareto_survival

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

TREES, LEAVES = 20, 256
CONSTANT = 1e-6
"""Deviation of a window, as a share of the series' own, below which it has no shape."""


@dataclass(frozen=True)
class CutTree:
    """A tree of random cuts, as arrays by node; a leaf has the feature -1."""

    feature: NDArray[np.int64]
    cut: Values
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    low: Values
    high: Values

    @classmethod
    def of(cls, points: Values, rng: np.random.Generator) -> CutTree:
        """Cuts at a feature drawn by the length of its range, until a point is alone (Guha et al., 2016)."""
        feature: list[int] = []
        left: list[int] = []
        right: list[int] = []
        cut, low, high = [], [], []
        waiting = [(points, -1, False)]
        while waiting:
            part, parent, is_right = waiting.pop()
            number = len(feature)
            if parent >= 0:
                (right if is_right else left)[parent] = number
            smallest, largest = part.min(axis=0), part.max(axis=0)
            low.append(smallest)
            high.append(largest)
            length = largest - smallest
            left.append(-1)
            right.append(-1)
            if length.sum() <= 0:
                feature.append(-1)
                cut.append(0.0)
                continue
            chosen = int(rng.choice(len(length), p=length / length.sum()))
            at = float(rng.uniform(smallest[chosen], largest[chosen]))
            is_left = part[:, chosen] <= at
            if is_left.all():
                is_left = part[:, chosen] < largest[chosen]
            feature.append(chosen)
            cut.append(at if is_left.sum() and (part[is_left, chosen].max() <= at) else smallest[chosen])
            waiting += [(part[~is_left], number, True), (part[is_left], number, False)]
        whole = (np.array(feature), np.array(cut), np.array(left), np.array(right), np.array(low), np.array(high))
        return cls(*whole)

    def scores(self, rows: Values) -> Values:
        """How early a cut would part each row from all that is in the tree: the mean of 1 / (1 + depth), by probability."""
        total, remaining = np.zeros(len(rows)), np.ones(len(rows))
        node, depth = np.zeros(len(rows), dtype=np.int64), 0
        active = np.arange(len(rows))
        while len(active):
            at, now = node[active], rows[active]
            beyond = (np.maximum(now - self.high[at], 0.0) + np.maximum(self.low[at] - now, 0.0)).sum(axis=1)
            length = (self.high[at] - self.low[at]).sum(axis=1) + beyond
            parted = np.where(length > 0, beyond / np.where(length > 0, length, 1.0), 0.0)
            total[active] += remaining[active] * parted / (1.0 + depth)
            remaining[active] *= 1.0 - parted
            is_leaf = self.feature[at] < 0
            total[active[is_leaf]] += remaining[active[is_leaf]] / (2.0 + depth)
            active, at = active[~is_leaf], at[~is_leaf]
            goes_left = rows[active, self.feature[at]] <= self.cut[at]
            node[active] = np.where(goes_left, self.left[at], self.right[at])
            depth += 1
        return total


def cut_forest(past: Values, seed: int) -> list[CutTree]:
    """Trees of cuts through samples of rows, of shape (rows, features)."""
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(len(past), min(LEAVES, len(past)), replace=False) for _ in range(TREES)]
    return [CutTree.of(past[chosen], rng) for chosen in drawn]


def forest_scores(forest: list[CutTree], rows: Values) -> Values:
    """Mean score of each row over the trees."""
    return np.asarray(np.mean([tree.scores(rows) for tree in forest], axis=0))


def left_profile(values: Values, begin: int, start: int, stop: int, size: int) -> Values:
    """Distance of the window that ends at each row to the nearest one that ended a window before the block (left matrix profile)."""
    if start - size <= max(begin, size):
        return np.zeros(stop - start)
    past = _shapes(windows_ending(values, max(begin, size), start - size, size))
    now = _shapes(windows_ending(values, start, stop, size))
    likeness = (now @ past.T).max(axis=1) / size
    return np.sqrt(np.maximum(2.0 * size * (1.0 - likeness), 0.0))


def _shapes(windows: Values) -> Values:
    """Windows less their means, in their deviations; all zero where a window has no shape."""
    mean, deviation = windows.mean(axis=1, keepdims=True), windows.std(axis=1, keepdims=True)
    has_shape = deviation > CONSTANT * max(float(windows.std()), 1e-12)
    return np.where(has_shape, (windows - mean) / np.where(has_shape, deviation, 1.0), 0.0)


def cauchy(ranks: dict[str, Values], weights: dict[str, float]) -> Values:
    """-log10 of the p-value of weighted p-values by the Cauchy combination (Liu and Xie, 2020); dependence matters little."""
    total = sum(weights.values())
    statistic = np.zeros(len(next(iter(ranks.values()))))
    for name, weight in weights.items():
        probability = np.clip(10.0 ** -ranks[name], 1e-15, 1.0 - 1e-9)
        statistic += weight / total * np.tan((0.5 - probability) * np.pi)
    probability = np.where(
        statistic > 1e6, 1.0 / (np.pi * np.maximum(statistic, 1.0)), 0.5 - np.arctan(statistic) / np.pi
    )
    return -np.log10(np.clip(probability, 1e-15, 1.0))


def drifting(values: Values, rows: int) -> Values:
    """Distance of each value from the mean of the rows before it, as DSPOT reads a series."""
    window = windows_ending(values, 0, len(values), rows + 1)[:, :-1]
    return np.abs(values - window.mean(axis=1))


def spot(scores: Values, calibration: int, share: float, level: float = 0.98) -> Flags:
    """Rows above the streaming peaks-over-threshold bound for a share of rows (Siffer et al., 2017); they do not move it."""
    flags = np.zeros(len(scores), dtype=bool)
    if calibration < 100 or calibration >= len(scores):
        return flags
    start = float(np.quantile(scores[:calibration], level))
    excesses = [float(value) - start for value in scores[:calibration] if value > start]
    bound = _bound(excesses, start, calibration, share)
    for row in np.flatnonzero(scores[calibration:] > start) + calibration:
        if scores[row] > bound:
            flags[row] = True
            continue
        excesses.append(float(scores[row]) - start)
        bound = _bound(excesses, start, int(row) + 1, share)
    return flags


def _bound(excesses: list[float], start: float, rows: int, share: float) -> float:
    """The value that a share of the rows exceeds, by a generalized Pareto tail with the moments of the excesses."""
    if len(excesses) < 2:
        return np.inf
    over = np.array(excesses)
    wanted = share * rows / len(over)
    if wanted >= 1.0:
        return start
    high = float(over.max()) or 1e-9
    while float(pareto_survival(over, np.array([high]))[0]) > wanted and high < 1e12:
        high *= 2.0
    grid = np.linspace(0.0, high, 256)
    return start + float(grid[int(np.argmax(pareto_survival(over, grid) <= wanted))])
