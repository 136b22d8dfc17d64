"""What the evaluation of request_attack measures: figures beside the naive rule's, tables by class and family, plots."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models import calibration, detector_metrics
from weir_models.contract import Evaluation
from weir_models.request_attack.spec import NAIVE_WORDS

NAIVE_FIELDS = ("uri_path", "uri_query", "referer", "user_agent")


def naive_rule(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """The rule to beat: any of a short list of the usual words."""
    found = np.zeros(len(frame), dtype=bool)
    for column in NAIVE_FIELDS:
        texts = frame[column].fillna("").map(lambda text: unquote_plus(text).lower())
        found |= texts.map(lambda text: any(word in text for word in NAIVE_WORDS)).to_numpy(dtype=bool)
    return found


def evaluate(examples: pd.DataFrame, scores: pd.DataFrame, threshold: float) -> Evaluation:
    """Figures, tables and plots of scores on labelled examples that the model was not fitted on."""
    truth = examples["is_attack"].to_numpy(dtype=bool)
    probability = scores["attack_probability"].to_numpy(dtype=float)
    flagged = scores["is_attack"].to_numpy(dtype=bool)
    naive = naive_rule(examples)
    attacks = examples["attack_class"].where(examples["is_attack"])

    figures = detector_metrics.detector_figures(truth, probability, threshold)
    figures["macro_tpr"] = detector_metrics.macro_rate(flagged[truth], attacks[truth])
    named = (scores["attack_class"].to_numpy() == attacks.to_numpy())[truth & flagged]
    figures |= detector_metrics.rate_figures("class_agreement", named)
    figures |= detector_metrics.rate_figures("naive_tpr", naive[truth]) | detector_metrics.rate_figures(
        "naive_fpr", naive[~truth]
    )
    figures["naive_macro_tpr"] = detector_metrics.macro_rate(naive[truth], attacks[truth])
    figures["naive_pr_auc"] = detector_metrics.pr_auc(truth, naive.astype(float))
    figures |= {"threshold": threshold, "n_attacks": float(truth.sum()), "n_benign": float((~truth).sum())}

    by_class = detector_metrics.rates_by_group(flagged[truth], attacks[truth])
    naive_rates = detector_metrics.rates_by_group(naive[truth], attacks[truth])["rate"]
    tables = {
        "by_class": by_class.assign(naive_rate=naive_rates).rename(columns={"group": "attack_class", "rate": "tpr"}),
        "by_family": detector_metrics.rates_by_group(flagged, examples["family"]).rename(
            columns={"group": "family", "rate": "flagged"}
        ),
        "reliability": calibration.reliability_table(truth, probability),
    }
    return Evaluation(figures, tables, plots(truth, probability, attacks, naive, threshold))


def plots(
    truth: NDArray[np.bool_],
    probability: NDArray[np.float64],
    attacks: pd.Series,
    naive: NDArray[np.bool_],
    threshold: float,
) -> dict[str, Any]:
    """Precision and recall, scores by class, and whether the probabilities mean what they say."""
    return {
        "precision_recall": _precision_recall(truth, probability, naive, threshold),
        "scores_by_class": _scores_by_class(probability, attacks, threshold),
        "reliability": _reliability(truth, probability),
    }


def _precision_recall(
    truth: NDArray[np.bool_], probability: NDArray[np.float64], naive: NDArray[np.bool_], threshold: float
) -> Any:
    from matplotlib.figure import Figure
    from sklearn.metrics import precision_recall_curve

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    precision, recall, _ = precision_recall_curve(truth, probability)
    axes.plot(recall, precision, label="model")
    for flagged, mark, name in (
        (probability >= threshold, "o", f"threshold {threshold:.3f}"),
        (naive, "x", "naive rule"),
    ):
        axes.plot(detector_metrics.rate(flagged[truth]), detector_metrics.rate(truth[flagged]), mark, label=name)
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall on held-out families")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower left")
    return figure


def _scores_by_class(probability: NDArray[np.float64], attacks: pd.Series, threshold: float) -> Any:
    """A row a class, each with its own scale: stacked on one scale, a class of few hides behind one of many."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    groups = attacks.fillna("benign")
    names = ["benign", *sorted(set(groups) - {"benign"})]
    figure = Figure(figsize=(7, 0.5 + 0.65 * len(names)), layout="constrained")
    rows = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(rows, names, strict=True):
        own = probability[(groups == name).to_numpy()]
        color = "tab:blue" if name == "benign" else "tab:red"
        axes.hist(own, bins=50, range=(0.0, 1.0), color=color, log=True)
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1)
        axes.set_ylabel(f"{name}\nn = {len(own):,}", rotation=0, ha="right", va="center", fontsize="x-small")
        axes.set_ylim(bottom=0.7)
        axes.yaxis.set_major_locator(LogLocator(numticks=3))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.tick_params(labelsize="x-small")
    rows[0].set_title(f"Requests by score, a row a class (threshold {threshold:.3f} dashed)", fontsize="medium")
    rows[-1].set_xlabel("attack probability")
    return figure


def _reliability(truth: NDArray[np.bool_], probability: NDArray[np.float64]) -> Any:
    """With 95 % intervals, for some bins hold a handful."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    table = calibration.reliability_table(truth, probability)
    share, count = table["positive_rate"].to_numpy(), table["n"].to_numpy()
    bounds = np.array(
        [detector_metrics.wilson_interval(round(s * n), int(n)) for s, n in zip(share, count, strict=True)]
    )
    below, above = np.clip(share - bounds[:, 0], 0, None), np.clip(bounds[:, 1] - share, 0, None)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.errorbar(table["mean_probability"], share, yerr=(below, above), fmt="o", capsize=3)
    for x, y, n in zip(table["mean_probability"], share, count, strict=True):
        axes.annotate(
            f"{n:,}", (x, y), xytext=(6, -10 if y > 0.5 else 6), textcoords="offset points", fontsize="x-small"
        )
    axes.set(xlabel="mean probability of the bin", ylabel="share of attacks", xlim=(-0.03, 1.08), ylim=(-0.05, 1.05))
    axes.set_title("Reliability on held-out families (number of requests)", fontsize="medium")
    return figure
