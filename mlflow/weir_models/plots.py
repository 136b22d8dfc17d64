"""Plots of a binary detector's evaluation: precision and recall, scores by group, reliability. matplotlib is imported late."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.calibration import reliability_table
from weir_models.detector_metrics import rate, wilson_interval

FULL_DPI = 120
Flags = NDArray[np.bool_]
Values = NDArray[np.float64]
BENIGN = "benign"


def png(plot: Any, dpi: int = FULL_DPI) -> bytes:
    """The PNG image of a matplotlib figure; an image as it is."""
    if isinstance(plot, bytes):
        return plot
    buffer = BytesIO()
    plot.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
    return buffer.getvalue()


def precision_recall(
    truth: Flags, probability: Values, threshold: float, naive_rules: Mapping[str, Flags], title: str
) -> Any:
    """The curve of the probabilities, the point at the threshold, and a cross for each naive rule by its name."""
    from matplotlib.figure import Figure
    from sklearn.metrics import precision_recall_curve

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    if truth.any():
        precision, recall, _ = precision_recall_curve(truth, probability)
        axes.plot(recall, precision, label="model")
    flags = {f"threshold {threshold:.3f}": (probability >= threshold, "o")}
    flags |= {name: (flagged, "x") for name, flagged in naive_rules.items()}
    for name, (flagged, marker) in flags.items():
        axes.plot(rate(flagged[truth]), rate(truth[flagged]), marker, label=name)
    axes.set(xlabel="recall", ylabel="precision", title=title, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower left")
    return figure


def scores_by_group(probability: Values, classes: pd.Series, threshold: float, title: str, label: str) -> Any:
    """A histogram for each class and for benign rows (null), each on its own scale: a rare class stays visible."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    groups = classes.fillna(BENIGN)
    names = [BENIGN, *sorted(set(groups) - {BENIGN})]
    figure = Figure(figsize=(7, 0.5 + 0.65 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        scores = probability[(groups == name).to_numpy()]
        color = "tab:blue" if name == BENIGN else "tab:red"
        axes.hist(scores, bins=50, range=(0.0, 1.0), color=color, log=True)
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1)
        axes.set_ylabel(f"{name}\nn = {len(scores):,}", rotation=0, ha="right", va="center", fontsize="x-small")
        axes.set_ylim(bottom=0.7)
        axes.yaxis.set_major_locator(LogLocator(numticks=3))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.tick_params(labelsize="x-small")
    panels[0].set_title(f"{title} (threshold {threshold:.3f} dashed)", fontsize="medium")
    panels[-1].set_xlabel(label)
    return figure


def reliability(truth: Flags, probability: Values, title: str) -> Any:
    """Share of positives beside the mean probability of each bin, with counts and 95 % intervals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    table = reliability_table(truth, probability)
    share, count = table["positive_rate"].to_numpy(), table["n"].to_numpy()
    bounds = [wilson_interval(round(s * n), int(n)) for s, n in zip(share, count, strict=True)]
    low, high = np.array(bounds).reshape(-1, 2).T
    spread = np.clip(np.stack([share - low, high - share]), 0.0, None)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.errorbar(table["mean_probability"], share, yerr=spread, fmt="o", capsize=3)
    for x, y, n in zip(table["mean_probability"], share, count, strict=True):
        at = (6, -10 if y > 0.5 else 6)
        axes.annotate(f"{n:,}", (x, y), xytext=at, textcoords="offset points", fontsize="x-small")
    axes.set(xlabel="mean probability of the bin", ylabel="share of positives", xlim=(-0.03, 1.08), ylim=(-0.05, 1.05))
    axes.set_title(title, fontsize="medium")
    return figure
