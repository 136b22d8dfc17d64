"""One fit for many clusters: forecasts and levels from a sample of the past of all of them.

What the fits cost does not grow with the number of clusters. Demand is divided by each cluster's usual change, so that large
and small ones are alike. Fits are at the start of the newest UTC day and every few days before it, on what was known then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from weir_models.predictive_scaling.experts import FOREST_INPUTS, ExpertSettings, fitted_forest, fitted_trees
from weir_models.predictive_scaling.features import CLOCK, Features, features
from weir_models.predictive_scaling.levels import CHANCES, Leaves, LevelSettings, bounded, highest_change
from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values

Predict = Callable[[Values], Values]
"""Rows in units of the usual change -> changes in that unit."""
POOLED = ("trees", "forest")
"""Experts that a pool has."""
LEAST_SCALE_SHARE = 1e-3
"""Floor of the usual change, relative to the usual demand."""


@dataclass(frozen=True)
class PoolSettings:
    """Size of the sample, and of the fits."""

    above: int = 8
    """So many clusters are each fitted by themselves."""
    rows: int = 30_000
    """Rows of a sample for forecasts, of all clusters together."""
    level_rows: int = 100_000
    """Rows of a sample for levels, whose tails need more."""
    most_rows: int = 1_200
    """Rows of one cluster."""
    refit_days: int = 4
    """Days between two fits; where all clusters are young, a quarter of their age."""
    tree_count: int = 120
    tree_leaves: int = 31
    forest_rows: int = 3_000
    level_trees: int = 20
    level_leaf: int = 20


@dataclass(frozen=True)
class Sample:
    """Rows of all clusters before one time, and the usual change of each cluster."""

    rows: Values
    change: Values
    scales: dict[str, float]
    """Cluster -> its usual change; a cluster with too short a past is absent."""


class Pool:
    """Clusters that are fitted together. `first` and later are the seconds at which forecasts will be asked for."""

    def __init__(
        self,
        series: Sequence[DemandSeries],
        first: int,
        experts: ExpertSettings,
        settings: PoolSettings | None = None,
    ) -> None:
        self.series, self.settings = series, settings or PoolSettings()
        self.experts = replace(
            experts,
            tree_count=self.settings.tree_count,
            tree_leaves=self.settings.tree_leaves,
            forest_rows=self.settings.forest_rows,
        )
        last = max(int(single.seconds[-1]) for single in series) // DAY_SECONDS
        days = max(len(single) // single.steps_per_day for single in series)
        period = min(self.settings.refit_days, max(1, days // 4))
        before = -(-(last - first // DAY_SECONDS) // period)
        self.starts = range((last - before * period) * DAY_SECONDS, (last + 1) * DAY_SECONDS, period * DAY_SECONDS)
        self.samples, self.leaves = cache(self._samples), cache(self._leaves)
        self.trees, self.forest = cache(self._trees), cache(self._forest)

    def changes(self, name: str, series: DemandSeries, inputs: Features, horizon: int, first: int) -> Values:
        """As experts.changes, for the experts trees and forest."""
        predicted = np.full(len(series), np.nan)
        for rows, start in self._stretches(series, first):
            scale = self.samples("target", horizon)[start].scales.get(series.cluster_id)
            if scale is not None:
                predict = self.trees(horizon, start) if name == "trees" else self.forest(horizon, start)
                predicted[rows] = scale * predict(_scaled(inputs, rows, scale))
        predicted[np.isnan(inputs.base)] = np.nan
        return predicted[first:]

    def levels(self, series: DemandSeries, first: int, lead: int) -> Values:
        """As levels.levels."""
        inputs = features(series, lead)
        found = np.full((len(series), len(CHANCES)), np.nan)
        for rows, start in self._stretches(series, first):
            scale = self.samples("highest", lead)[start].scales.get(series.cluster_id)
            if scale is not None:
                changes = self.leaves(lead, start).changes(np.nan_to_num(_scaled(inputs, rows, scale)))
                found[rows] = inputs.base[rows, None] + scale * changes
        return bounded(series, found, LevelSettings())[first:]

    def _stretches(self, series: DemandSeries, first: int) -> Iterator[tuple[slice, int]]:
        """Steps from `first` on, with the time of the fit that forecasts them."""
        seconds = series.seconds
        for start in self.starts:
            rows = slice(*(int(at) for at in np.searchsorted(seconds, (start, start + self.starts.step))))
            if rows.stop > max(rows.start, first):
                yield slice(max(rows.start, first), rows.stop), start

    def _samples(self, target: str, ahead: int) -> dict[int, Sample]:
        """Start -> the sample before it; all are drawn in one pass."""
        random = np.random.default_rng(self.experts.seed)
        rows = self.settings.rows if target == "target" else self.settings.level_rows
        each = max(1, min(self.settings.most_rows, rows // len(self.series)))
        parts: dict[int, list[tuple[Values, Values]]] = {start: [] for start in self.starts}
        scales: dict[int, dict[str, float]] = {start: {} for start in self.starts}
        for series in self.series:
            inputs = features(series, ahead)
            change = inputs.change if target == "target" else highest_change(series.demand, inputs.base, ahead)
            for start in self.starts:
                end = int(np.searchsorted(series.seconds, start)) - ahead + 1
                begin = max(0, end - self.experts.history_days * series.steps_per_day)
                past = begin + np.flatnonzero(~np.isnan(change[begin : max(begin, end)]))
                if len(past) < self.experts.tree_least_rows:
                    continue
                usual = np.abs(change[past]).mean(), LEAST_SCALE_SHARE * np.abs(inputs.base[past]).mean(), 1e-6
                scales[start][series.cluster_id] = scale = float(max(usual))
                drawn = np.sort(random.choice(past, min(each, len(past)), replace=False))
                parts[start].append((_scaled(inputs, drawn, scale), change[drawn] / scale))
        return {
            start: Sample(
                np.concatenate([rows for rows, _ in found]) if found else np.empty((0, 0)),
                np.concatenate([change for _, change in found]) if found else np.empty(0),
                scales[start],
            )
            for start, found in parts.items()
        }

    def _trees(self, horizon: int, start: int) -> Predict:
        sample = self.samples("target", horizon)[start]
        return fitted_trees(sample.rows, sample.change, self.experts)

    def _forest(self, horizon: int, start: int) -> Predict:
        sample, names = self.samples("target", horizon)[start], features(self.series[0], 1).names
        columns = [names.index(column) for column in FOREST_INPUTS]
        predict = fitted_forest(sample.rows[:, columns], sample.change, self.experts)
        return lambda rows: predict(rows[:, columns])

    def _leaves(self, lead: int, start: int) -> Leaves:
        sample, settings = self.samples("highest", lead)[start], self.settings
        options = LevelSettings(trees=settings.level_trees, leaf=settings.level_leaf)
        return Leaves.fit(np.nan_to_num(sample.rows), sample.change, options)


def _scaled(inputs: Features, rows: slice | Values, scale: float) -> Values:
    """Rows in units of the usual change; the clock stays as it is."""
    scaled = inputs.rows[rows] / np.float32(scale)
    clock = [inputs.names.index(name) for name in CLOCK]
    scaled[:, clock] = inputs.rows[rows][:, clock]
    return scaled
