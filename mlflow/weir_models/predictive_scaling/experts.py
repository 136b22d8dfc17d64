"""The experts: each says from the past alone how demand will have changed at the target.

Fitted experts are refitted at the first step of a UTC day, on what was known then. No blending and no intervals here.
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
    """Who takes part and how they are fitted. Rows are steps with a known target."""

    names: tuple[str, ...] = EXPERTS
    history_days: int = 28
    ridge_penalty: float = 1.0
    ridge_least_rows: int = 96
    tree_count: int = 60
    tree_leaves: int = 15
    tree_rate: float = 0.08
    tree_bins: int = 63
    tree_columns: float = 0.3
    """Part of the features that each split may choose from."""
    tree_least_rows: int = 288
    tree_refit_days: int = 1
    forest_refit_days: int = 14
    forest_trees: int = 200
    forest_depth: int = 15
    forest_split: int = 10
    forest_leaf: int = 5
    forest_rows: int = 1_000
    """Rows drawn for each tree of the forest; all of them would take four times as long."""
    seed: int = 42


def changes(
    name: str, series: DemandSeries, seen: Features, horizon: int, first: int, settings: ExpertSettings
) -> Values:
    """The expert's change of demand for every step from `first` on; NaN where it has nothing to say."""
    day = series.steps_per_day
    if name == "persistence":
        return np.where(np.isnan(seen.base), np.nan, 0.0)[first:]
    if name in ("yesterday", "last_week"):
        back = day if name == "yesterday" else 7 * day
        return (lagged(series.demand, back - horizon) - seen.base)[first:]
    fit, days, least = {
        "ridge": (_ridge, 1, settings.ridge_least_rows),
        "ridge_lags": (_ridge_lags, 1, settings.ridge_least_rows),
        "trees": (_trees, settings.tree_refit_days, settings.tree_least_rows),
        "forest": (_forest, settings.forest_refit_days, settings.tree_least_rows),
    }[name]
    found = np.full(len(series), np.nan)
    known = ~np.isnan(seen.change)
    for rows in _stretches(series, first, days):
        last = rows.start - horizon + 1
        begin = max(0, rows.start - settings.history_days * day)
        past = begin + np.flatnonzero(known[begin : max(begin, last)])
        if len(past) >= least:
            found[rows] = fit(seen, past, settings)(rows)
    found[np.isnan(seen.base)] = np.nan
    return found[first:]


def _stretches(series: DemandSeries, first: int, days: int) -> Iterator[slice]:
    """Steps between two refits: a refit at `first` and at the start of every UTC day that `days` divides."""
    number = series.seconds // DAY_SECONDS
    starts = np.flatnonzero((np.diff(number, prepend=number[:1]) > 0) & (number % days == 0))
    bounds = [first, *(int(at) for at in starts if at > first), len(series)]
    for begin, end in pairwise(bounds):
        if begin < end:
            yield slice(begin, end)


def ridge_weights(inputs: Values, target: Values, penalty: float) -> Values:
    """Coefficients of a ridge regression on columns of like scale, the intercept last and free."""
    wide = np.column_stack([inputs, np.ones(len(inputs))])
    gram = wide.T @ wide
    scale = np.trace(gram[:-1, :-1]) / max(1, inputs.shape[1])
    gram[np.arange(inputs.shape[1]), np.arange(inputs.shape[1])] += penalty * 1e-4 * scale + 1e-9
    return np.asarray(np.linalg.solve(gram, wide.T @ target))


def linear(inputs: Values, weights: Values) -> Values:
    """The rows' values without the intercept; not by @, whose sums depend on how many rows come together."""
    return np.asarray(np.einsum("ij,j->i", inputs, weights[:-1]))


def _ridge(seen: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """Linear in the last values and in the same time of yesterday and last week; the intercept leaves the median error zero."""
    inputs = np.concatenate([seen.lags, seen.seasonal], axis=1)
    weights = ridge_weights(inputs[past], seen.change[past], settings.ridge_penalty)
    shift = np.median(seen.change[past] - linear(inputs[past], weights))
    return lambda rows: linear(inputs[rows], weights) + shift


def _ridge_lags(seen: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """The plain ridge on the last values, as the rival of the backtest is, so that the blend stays near it."""
    weights = ridge_weights(seen.lags[past], seen.change[past], settings.ridge_penalty)
    return lambda rows: linear(seen.lags[rows], weights) + weights[-1]


def _trees(seen: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """Boosted trees on the change, for the absolute error: the conditional median."""
    columns = np.flatnonzero(np.isfinite(seen.rows[past]).any(axis=0))
    trees = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=settings.tree_rate,
        max_iter=settings.tree_count,
        max_leaf_nodes=settings.tree_leaves,
        max_bins=settings.tree_bins,
        max_features=settings.tree_columns,
        early_stopping=False,
        random_state=settings.seed,
    ).fit(seen.rows[past][:, columns], seen.change[past])
    return lambda rows: trees.predict(seen.rows[rows][:, columns])


def _forest(seen: Features, past: Values, settings: ExpertSettings) -> Predictor:
    """The seed's forest, on the seed's features and on the change, since trees cannot follow a level."""
    columns = [seen.names.index(name) for name in FOREST_INPUTS]
    forest = RandomForestRegressor(
        n_estimators=settings.forest_trees,
        max_depth=settings.forest_depth,
        min_samples_split=settings.forest_split,
        min_samples_leaf=settings.forest_leaf,
        max_samples=min(settings.forest_rows, len(past)),
        random_state=settings.seed,
        n_jobs=1,
    ).fit(seen.rows[past][:, columns], seen.change[past])
    return lambda rows: forest.predict(seen.rows[rows][:, columns])


FOREST_INPUTS = (
    "base", "second_of_day", "day_of_week", "is_weekend",
    "trend_1h", "trend_6h", "trend_24h", "avg_1h", "max_1h", "volatility_1h",
)  # fmt: skip
"""The seed's features that a CPU series alone can give."""
