"""Evaluation of request_attack: figures with those of the naive rule, tables by class and family, plots."""

from __future__ import annotations

from urllib.parse import unquote_plus

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models import calibration, detector_metrics, plots
from weir_models.contract import Evaluation
from weir_models.request_attack.spec import NAIVE_WORDS

NAIVE_FIELDS = ("uri_path", "uri_query", "referer", "user_agent")


def naive_rule(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Flag of each row: whether a field, decoded once, holds one of NAIVE_WORDS."""
    flagged = np.zeros(len(frame), dtype=bool)
    for column in NAIVE_FIELDS:
        texts = frame[column].fillna("").map(lambda text: unquote_plus(text).lower())
        flagged |= texts.map(lambda text: any(word in text for word in NAIVE_WORDS)).to_numpy(dtype=bool)
    return flagged


def evaluate(examples: pd.DataFrame, scores: pd.DataFrame, threshold: float) -> Evaluation:
    """Figures, tables and plots of the scores of labeled examples that the model was not fitted on."""
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
    rule = {"naive rule": naive}
    title = "Precision and recall on held-out families"
    charts = {
        "precision_recall": plots.precision_recall(truth, probability, threshold, rule, title),
        "scores_by_class": plots.scores_by_group(
            probability, attacks, threshold, "Requests by score, a row a class", "attack probability"
        ),
        "reliability": plots.reliability(truth, probability, "Reliability on held-out families (number of requests)"),
    }
    return Evaluation(figures, tables, charts)
