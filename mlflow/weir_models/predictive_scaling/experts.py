"""The experts: each predicts the change of demand until the target from the past alone.

Fitted experts are refitted at the first step of a UTC day on what was known then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from weir_models.predictive_scaling.features import Features, lagged
from weir_models.predictive_scaling.series import DAY_SECONDS, DemandSeries, Values

EXPERTS = ("persistence", "yesterday", "last_week", "ridge", "ridge_lags", "trees", "forest")
Predictor = Callable[[slice], Values]


@dataclass(frozen=True)
class ExpertSettings:
    """Names and hyperparameters of the experts. Rows are steps with a known target."""

    names: tuple[str, ...] = EXPERTS
    history_days: int = 28
    ridge_penalty: float = 1.0
    ridge_least_rows: int = 96
    tree_count: int = 60
    tree_leaves: int = 15
    tree_rate: float = 0.08
    tree_bins: int = 63
    tree_columns: float = 0.3
    """Share of the features that each split may choose from."""
    tree_least_rows: int = 288
    tree_refit_days: int = 1
    forest_refit_days: int = 14
    forest_trees: int = 200
    forest_depth: int = 15
    forest_split: int = 10
    forest_leaf: int = 5
    forest_rows: int = 1_000
    """Rows sampled for each tree; all rows would take four times as long."""
    seed: int = 42


def changes(
    name: str, series: DemandSeries, inputs: Features, horizon: int, first: int, settings: ExpertSettings
) -> Values:
    """The predicted change of demand for every step from `first` on; NaN where the expert has no forecast."""
    day = series.steps_per_day
    if name == "persistence":
        return np.where(np.isnan(inputs.base), np.nan, 0.0)[first:]
    if name in ("yesterday", "last_week"):
        back = day if name == "yesterday" else 7 * day
        return (lagged(series.demand, back - horizon) - inputs.base)[first:]
    fit, days, least = {
        "ridge": (_ridge, 1, settings.ridge_least_rows),
        "ridge_lags": (_ridge_lags, 1, settings.ridge_least_rows),
        "trees": (_trees, settings.tree_refit_days, settings.tree_least_rows),
        "forest": (_forest, settings.forest_refit_days, settings.tree_least_rows),
    }[name]
    predicted = np.full(len(series), np.nan)
    is_known = ~np.isnan(inputs.change)
    for rows in stretches(series, first, days):
        last = rows.start - horizon + 1
        begin = max(0, rows.start - settings.history_days * day)
        past = begin + np.flatnonzero(is_known[begin : max(begin, last)])
        if len(past) >= least:
            predicted[rows] = fit(inputs, past, settings)(rows)
    predicted[np.isnan(inputs.base)] = np.nan
    return predicted[first:]


def stretches(series: DemandSeries, first: int, days: int) -> Iterator[slice]:
    """Slices of steps between refits, which are at `first` and at the start of every UTC day divisible by `days`."""
    number = series.seconds // DAY_SECONDS
    starts = np.flatnonzero((np.diff(number, prepend=number[:1]) > 0) & (number % days == 0))
    bounds = [first, *(int(at) for at in starts if at > first), len(series)]
    for begin, end in pairwise(bounds):
        if begin < end:
            yield slice(begin, end)


def ridge_weights(inputs: Values, target: Values, penalty: float) -> Values:
    """Coefficients of a ridge regression on columns of similar scale; the intercept is last and not penalized."""
    wide = np.column_stack([inputs, np.ones(len(inputs))])
    gram = wide.T @ wide
    scale = np.trace(gram[:-1, :-1]) / max(1, inputs.shape[1])
    gram[np.arange(inputs.shape[1]), np.arange(inputs.shape[1])] += penalty * 1e-4 * scale + 1e-9
    return np.asarray(np.linalg.solve(gram, wide.T @ target))


def linear(inputs: Values, weights: Values) -> Values:
    """Predictions without the intercept; not by @, whose sums depend on the number of rows."""
    return np.asarray(np.einsum("ij,j->i", inputs, weights[:-1]))


def _ridge(features: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """Ridge on the last values and the same time of yesterday and last week; the intercept makes the median error zero."""
    columns = np.concatenate([features.lags, features.seasonal], axis=1)
    weights = ridge_weights(columns[past], features.change[past], settings.ridge_penalty)
    shift = np.median(features.change[past] - linear(columns[past], weights))
    return lambda rows: linear(columns[rows], weights) + shift


def _ridge_lags(features: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """Ridge on the last values, the same as the rival of the backtest."""
    weights = ridge_weights(features.lags[past], features.change[past], settings.ridge_penalty)
    return lambda rows: linear(features.lags[rows], weights) + weights[-1]


def _trees(features: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """Gradient boosted trees of the change with absolute error (the conditional median)."""
    predict = fitted_trees(features.rows[past], features.change[past], settings)
    return lambda rows: predict(features.rows[rows])


def fitted_trees(rows: Values, change: Values, settings: ExpertSettings) -> Callable[[Values], Values]:
    """Rows of features -> changes, by boosted trees on the columns that have values."""
    columns = np.flatnonzero(np.isfinite(rows).any(axis=0))
    trees = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=settings.tree_rate,
        max_iter=settings.tree_count,
        max_leaf_nodes=settings.tree_leaves,
        max_bins=settings.tree_bins,
        max_features=settings.tree_columns,
        early_stopping=False,
        random_state=settings.seed,
    ).fit(rows[:, columns], change)
    return lambda now: trees.predict(now[:, columns])


def _forest(features: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """The default forest, on the change, since trees cannot extrapolate a level."""
    columns = [features.names.index(name) for name in FOREST_INPUTS]
    predict = fitted_forest(features.rows[past][:, columns], features.change[past], settings)
    return lambda rows: predict(features.rows[rows][:, columns])


def fitted_forest(rows: Values, change: Values, settings: ExpertSettings) -> Callable[[Values], Values]:
    """Rows of FOREST_INPUTS -> changes, by the default forest."""
    forest = RandomForestRegressor(
        n_estimators=settings.forest_trees,
        max_depth=settings.forest_depth,
        min_samples_split=settings.forest_split,
        min_samples_leaf=settings.forest_leaf,
        max_samples=min(settings.forest_rows, len(rows)),
        random_state=settings.seed,
        n_jobs=1,
    ).fit(rows, change)
    return lambda now: forest.predict(now)


FOREST_INPUTS = (
    "base", "second_of_day", "day_of_week", "is_weekend",
    "trend_1h", "trend_6h", "trend_24h", "avg_1h", "max_1h", "volatility_1h",
)  # fmt: skip
"""Features of the default forest that a CPU series provides."""
