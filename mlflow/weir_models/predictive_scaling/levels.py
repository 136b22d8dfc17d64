"""The highest demand within the time that a node needs to come: its level for each chance of being exceeded.

A forest of extremely randomized trees on the change of demand; the past changes in the leaves that a step falls into are the
distribution (Meinshausen 2006). Beyond the greatest of them, levels are extrapolated with falling chances.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from weir_models.predictive_scaling.experts import stretches
from weir_models.predictive_scaling.features import features
from weir_models.predictive_scaling.series import DemandSeries, Values, carried

_WITHIN = (0.97, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.22, 0.16, 0.12, 0.09, 0.07, 0.05, 0.035, 0.025, 0.018, 0.012, 0.008,
           0.005, 0.003, 0.002, 0.001, 0.0005)  # fmt: skip
"""Chances that are read from the leaves."""
_BEYOND = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Distances from the median beyond the last of them, as multiples of its own; the chance falls with the third power."""
CHANCES: Values = np.array([1.0, *_WITHIN, *(_WITHIN[-1] * far**-3.0 for far in _BEYOND)])
"""Chance that the level is exceeded, falling; the first level is no demand at all."""


@dataclass(frozen=True)
class LevelSettings:
    """The forest, and how far levels go."""

    trees: int = 20
    leaf: int = 20
    columns: float = 0.5
    """Share of the features that each split may choose from."""
    history_days: int = 28
    refit_days: int = 4
    """The most days between refits; young series are refitted after a quarter of their age, at least a day."""
    least_rows: int = 288
    """Steps with a known target without which there are no levels."""
    bins: int = 192
    """Bins of the changes of demand, equally full except at the upper end, where each holds one change."""
    beyond_greatest: float = 1.3
    """The highest level, relative to the demand of the step and to what was reached on two days until then."""
    seed: int = 42


def lead_steps(lead_seconds: float, step_seconds: int) -> int:
    """Steps until an order that is made now is served."""
    return max(1, ceil(lead_seconds / step_seconds - 1e-9))


def levels(series: DemandSeries, first: int, lead: int, settings: LevelSettings | None = None) -> Values:
    """Levels of the highest demand of the next `lead` steps, of shape (steps from `first` on, len(CHANCES)).

    NaN where too little was known. Each step uses what was known then.
    """
    options = settings or LevelSettings()
    inputs = features(series, lead)
    rows = np.nan_to_num(inputs.rows)
    change = highest_change(series.demand, inputs.base, lead)
    found = np.full((len(series), len(CHANCES)), np.nan)
    is_known = ~np.isnan(change)
    days = min(options.refit_days, max(1, len(series) // (4 * series.steps_per_day)))
    for part in stretches(series, first, days):
        begin = max(0, part.start - options.history_days * series.steps_per_day)
        past = begin + np.flatnonzero(is_known[begin : max(begin, part.start - lead + 1)])
        if len(past) >= options.least_rows:
            leaves = Leaves.fit(rows[past], change[past], options)
            found[part] = inputs.base[part, None] + leaves.changes(rows[part])
    return bounded(series, found, options)[first:]


def highest_change(demand: Values, base: Values, lead: int) -> Values:
    """The highest measured demand of the next `lead` steps minus the base; NaN where none was measured."""
    highest = np.full(len(demand), np.nan)
    for ahead in range(1, lead + 1):
        highest[:-ahead] = np.fmax(highest[:-ahead], demand[ahead:])
    return np.asarray(highest - base)


@dataclass(frozen=True)
class Leaves:
    """A fitted forest, and how often each change occurred in each of its leaves."""

    forest: ExtraTreesRegressor
    edges: Values
    """Upper edges of the bins of changes."""
    tables: list[tuple[Values, Values]]
    """Of each tree: its leaves, and the share of each bin in them."""

    @classmethod
    def fit(cls, rows: Values, change: Values, settings: LevelSettings) -> Leaves:
        """A forest of the changes that followed the rows."""
        forest = ExtraTreesRegressor(
            settings.trees,
            min_samples_leaf=settings.leaf,
            max_features=settings.columns,
            random_state=settings.seed,
            n_jobs=1,
        ).fit(rows, change)
        edges = _edges(change, settings.bins)
        place = np.searchsorted(edges, change)
        tables = []
        for reached in forest.apply(rows).T:
            leaves, number = np.unique(reached, return_inverse=True)
            counts = np.bincount(number * len(edges) + place, minlength=len(leaves) * len(edges))
            by_leaf = counts.reshape(len(leaves), len(edges))
            tables.append((leaves, by_leaf / by_leaf.sum(axis=1, keepdims=True)))
        return cls(forest, edges, tables)

    def changes(self, rows: Values) -> Values:
        """Levels of the change, of shape (len(rows), len(CHANCES)); the first is below all."""
        shares = np.zeros((len(rows), len(self.edges)))
        for reached, (leaves, by_leaf) in zip(self.forest.apply(rows).T, self.tables, strict=True):
            shares += by_leaf[np.searchsorted(leaves, reached)]
        reached = np.cumsum(shares, axis=1) / len(self.tables)
        chosen = [self.edges[np.argmax(reached >= 1.0 - chance - 1e-9, axis=1)] for chance in _WITHIN]
        within = np.stack(chosen, axis=1)
        middle = within[:, _WITHIN.index(0.5), None]
        beyond = middle + np.array(_BEYOND) * (within[:, -1:] - middle)
        return np.concatenate([np.full((len(rows), 1), -np.inf), within, beyond], axis=1)


def _edges(change: Values, bins: int) -> Values:
    """Upper edges of bins: quantiles, and each of the greatest changes."""
    ordered = np.sort(change)
    single = min(len(ordered), bins // 4)
    return np.unique(np.concatenate([np.quantile(ordered, np.linspace(0, 1, bins - single + 1)[1:], method="higher"), ordered[-single:]]))  # fmt: skip


def bounded(series: DemandSeries, found: Values, settings: LevelSettings) -> Values:
    """The first level is no demand. No level below zero or far beyond what is usual; without a node count no demand exceeds 100 %."""
    found[:, 0] = np.where(np.isnan(found[:, 1]), np.nan, 0.0)
    usual = np.fmax(carried(series.demand), reached_twice(series.demand, series.steps_per_day, settings.history_days))
    highest = settings.beyond_greatest * usual
    if series.node_count is None:
        highest = np.minimum(highest, 100.0)
    return np.asarray(np.clip(found, 0.0, highest[:, None]))


def reached_twice(demand: Values, day: int, days: int) -> Values:
    """The highest demand that was reached on two of the last `days` days, at each step; NaN where there is none.

    Days begin with the series. What happened once, however high, is no size to insure against.
    """
    twice = np.full(len(demand), np.nan)
    peaks: list[float] = []
    for begin in range(0, len(demand), day):
        today = np.fmax.accumulate(demand[begin : begin + day])
        first, second = ([np.nan, np.nan] + sorted(peak for peak in peaks[-days:] if peak == peak))[-2:][::-1]
        twice[begin : begin + day] = np.fmax(np.minimum(today, first), second)
        peaks.append(float(today[-1]))
    return twice
