"""What the evaluation of request_attack measures: figures beside the naive rule's, tables by class and family, plots."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models import metrics
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

    figures = metrics.detector_figures(truth, probability, threshold)
    figures["macro_tpr"] = metrics.macro_rate(flagged[truth], attacks[truth])
    named = (scores["attack_class"].to_numpy() == attacks.to_numpy())[truth & flagged]
    figures |= metrics.rate_figures("class_agreement", named)
    figures |= metrics.rate_figures("naive_tpr", naive[truth]) | metrics.rate_figures("naive_fpr", naive[~truth])
    figures["naive_macro_tpr"] = metrics.macro_rate(naive[truth], attacks[truth])
    figures["naive_pr_auc"] = metrics.pr_auc(truth, naive.astype(float))
    figures |= {"threshold": threshold, "n_attacks": float(truth.sum()), "n_benign": float((~truth).sum())}

    by_class = metrics.rates_by_group(flagged[truth], attacks[truth])
    naive_rates = metrics.rates_by_group(naive[truth], attacks[truth])["rate"]
    tables = {
        "by_class": by_class.assign(naive_rate=naive_rates).rename(columns={"group": "attack_class", "rate": "tpr"}),
        "by_family": metrics.rates_by_group(flagged, examples["family"]).rename(
            columns={"group": "family", "rate": "flagged"}
        ),
        "reliability": metrics.reliability_table(truth, probability),
    }
    return Evaluation(figures, tables, plots(truth, probability, attacks, threshold))


def plots(
    truth: NDArray[np.bool_], probability: NDArray[np.float64], attacks: pd.Series, threshold: float
) -> dict[str, Any]:
    """Precision and recall, scores by class, and whether the probabilities mean what they say."""
    from matplotlib.figure import Figure
    from sklearn.metrics import precision_recall_curve

    curve = Figure(figsize=(6, 5))
    axes = curve.subplots()
    precision, recall, _ = precision_recall_curve(truth, probability)
    axes.plot(recall, precision)
    above = probability >= threshold
    axes.plot(metrics.rate(above[truth]), metrics.rate(truth[above]), "o", label=f"threshold {threshold:.3f}")
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall on held-out families")
    axes.legend()

    histogram = Figure(figsize=(8, 5))
    axes = histogram.subplots()
    groups = attacks.fillna("benign")
    names = sorted(groups.unique())
    axes.hist([probability[(groups == name).to_numpy()] for name in names], bins=25, stacked=True, label=names)
    axes.axvline(threshold, color="black", linestyle="--")
    axes.set(xlabel="attack probability", ylabel="requests", yscale="log", title="Scores by class")
    axes.legend(fontsize="x-small")

    reliability = Figure(figsize=(6, 5))
    axes = reliability.subplots()
    table = metrics.reliability_table(truth, probability)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.plot(table["mean_probability"], table["positive_rate"], "o-")
    axes.set(xlabel="mean probability of the bin", ylabel="share of attacks", title="Reliability")
    return {"precision_recall": curve, "scores_by_class": histogram, "reliability": reliability}
