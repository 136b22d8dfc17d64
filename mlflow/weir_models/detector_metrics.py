"""Metrics of a binary detector: areas under curves, rates at a threshold with Wilson bounds, averages over classes.

Arithmetic on labels and scores only; calibration and plots are modules beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % bounds of a proportion (scipy's `proportion_ci`); (nan, nan) where nothing was counted."""
    if n <= 0:
        return (math.nan, math.nan)
    bounds = binomtest(hits, n).proportion_ci(method="wilson")
    return float(bounds.low), float(bounds.high)


def rate(hits: ArrayLike) -> float:
    """Share of true values; nan where there is none to count."""
    values = np.asarray(hits, dtype=bool)
    return float(values.mean()) if values.size else math.nan


def rate_figures(name: str, hits: ArrayLike) -> dict[str, float]:
    """A rate with its count and 95 % bounds: name, n_name, name_low, name_high."""
    values = np.asarray(hits, dtype=bool)
    low, high = wilson_interval(int(values.sum()), int(values.size))
    return {name: rate(values), f"n_{name}": float(values.size), f"{name}_low": low, f"{name}_high": high}


def pr_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Average precision; nan where only one label occurs."""
    truth = np.asarray(labels, dtype=bool)
    if truth.all() or not truth.any():
        return math.nan
    return float(average_precision_score(truth, np.asarray(scores, dtype=float)))


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve; nan where only one label occurs."""
    truth = np.asarray(labels, dtype=bool)
    if truth.all() or not truth.any():
        return math.nan
    return float(roc_auc_score(truth, np.asarray(scores, dtype=float)))


def threshold_at_false_positive_rate(benign_scores: ArrayLike, share: float) -> float:
    """The lowest threshold at which no more than `share` of the benign scores are at or above it."""
    ordered = np.sort(np.asarray(benign_scores, dtype=float))[::-1]
    if ordered.size == 0:
        return math.nan
    allowed = math.floor(share * ordered.size)
    if allowed >= ordered.size:
        return float(ordered[-1])
    return float(np.nextafter(ordered[allowed], np.inf))


def macro_rate(hits: ArrayLike, groups: Iterable[Hashable]) -> float:
    """Mean over the groups of the share of true values in each; nulls among the groups are left out."""
    frame = pd.DataFrame({"hit": np.asarray(hits, dtype=bool), "group": list(groups)}).dropna(subset=["group"])
    return float(frame.groupby("group")["hit"].mean().mean()) if len(frame) else math.nan


def rates_by_group(hits: ArrayLike, groups: Iterable[Hashable]) -> pd.DataFrame:
    """One row a group: group, n, rate, low, high; ordered by group."""
    frame = pd.DataFrame({"hit": np.asarray(hits, dtype=bool), "group": list(groups)}).dropna(subset=["group"])
    rows = []
    for group, part in frame.groupby("group"):
        low, high = wilson_interval(int(part["hit"].sum()), len(part))
        rows.append({"group": group, "n": len(part), "rate": float(part["hit"].mean()), "low": low, "high": high})
    return pd.DataFrame(rows, columns=["group", "n", "rate", "low", "high"])


def detector_figures(labels: ArrayLike, scores: ArrayLike, threshold: float, *, prefix: str = "") -> dict[str, float]:
    """Areas and, at the threshold, true and false positive rate and precision, with counts and 95 % bounds."""
    truth = np.asarray(labels, dtype=bool)
    values = np.asarray(scores, dtype=float)
    above = values >= threshold
    figures = {"pr_auc": pr_auc(truth, values), "roc_auc": roc_auc(truth, values)}
    figures |= rate_figures("tpr", above[truth])
    figures |= rate_figures("fpr", above[~truth])
    figures |= rate_figures("precision", truth[above])
    return {f"{prefix}{name}": value for name, value in figures.items()}
