"""Evaluation of client_abuse: detected and wrongly flagged clients, with those of the naive rules."""

from __future__ import annotations

import math
from ipaddress import ip_network
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models import calibration, detector_metrics, plots
from weir_models.client_abuse.counts import ratio
from weir_models.client_abuse.spec import ERRORS_A_MINUTE, REQUESTS_IN_FIVE_MINUTES
from weir_models.client_abuse.weighting import client_days
from weir_models.contract import Evaluation

RULES = ("aws", "any_attack", "either")
"""The naive rules."""


def naive_rules(frame: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Flags of each naive rule by its name; networks are never flagged."""

    def column(name: str) -> NDArray[np.float64]:
        return frame[name].to_numpy(dtype=np.float64)

    address = (frame["client_kind"] == "address").to_numpy(dtype=bool)
    requests, peak = column("hour_request_count"), column("hour_peak_minute_request_count")
    errors = peak * ratio(column("hour_client_error_count"), requests)
    pace = 5.0 * ratio(requests, column("hour_active_minute_count"))
    flood = (errors >= ERRORS_A_MINUTE) | (np.maximum(pace, peak) >= REQUESTS_IN_FIVE_MINUTES)
    attack = column("hour_attack_request_count") >= 1
    return {"aws": flood & address, "any_attack": attack & address, "either": (flood | attack) & address}


def evaluate(examples: pd.DataFrame, scores: pd.DataFrame, threshold: float) -> Evaluation:
    """Figures, tables and plots of the scores of labeled clients that the model was not fitted on."""
    clients = by_client(examples, scores)
    truth = clients["is_abuse"].to_numpy(dtype=bool)
    flagged = clients["flagged"].to_numpy(dtype=bool)
    figures = detection("", truth, flagged)
    figures["pr_auc"] = detector_metrics.pr_auc(truth, clients["abuse_probability"])
    figures["roc_auc"] = detector_metrics.roc_auc(truth, clients["abuse_probability"])
    for rule in RULES:
        figures |= detection(f"naive_{rule}_", truth, clients[rule].to_numpy(dtype=bool))
    best = max(RULES, key=lambda rule: np.nan_to_num(figures[f"naive_{rule}_f1"]))
    figures |= detection("naive_", truth, clients[best].to_numpy(dtype=bool))
    flagged_itself = clients["flagged_itself"].to_numpy(dtype=bool)
    for kind in ("address", "network"):
        of_kind = (clients["client_kind"] == kind).to_numpy()
        figures |= detection(f"{kind}_", truth[of_kind], flagged_itself[of_kind])
    detected = clients.loc[truth & flagged]
    figures |= detector_metrics.rate_figures(
        "kind_agreement", detected["said_kind"].to_numpy() == detected["abuse_kind"].to_numpy()
    )
    hours = detected["hours_to_detect"]
    figures["hours_to_detect_median"] = float(hours.median()) if len(hours) else math.nan
    figures["hours_to_detect_p90"] = float(hours.quantile(0.9)) if len(hours) else math.nan
    figures |= detector_metrics.rate_figures("detected_in_first_hour", (hours <= 1).to_numpy())
    figures |= {"threshold": threshold, "n_abusive": float(truth.sum()), "n_benign": float((~truth).sum())}

    by_kind = detector_metrics.rates_by_group(flagged[truth], clients["abuse_kind"][truth])
    by_kind = by_kind.rename(columns={"group": "abuse_kind", "rate": "recall"})
    naive = detector_metrics.rates_by_group(clients[best][truth], clients["abuse_kind"][truth])
    by_kind["naive_recall"] = naive["rate"]
    alone = detector_metrics.rates_by_group(clients["flagged_itself"][truth], clients["abuse_kind"][truth])
    by_kind["recall_without_networks"] = alone["rate"]
    by_kind["median_hours"] = by_kind["abuse_kind"].map(detected.groupby("abuse_kind")["hours_to_detect"].median())
    by_family = detector_metrics.rates_by_group(flagged, clients["family"]).rename(
        columns={"group": "family", "rate": "flagged"}
    )
    by_family["is_abuse"] = by_family["family"].map(clients.groupby("family")["is_abuse"].max())
    tables = {
        "by_kind": by_kind,
        "by_family": by_family,
        "reliability": calibration.reliability_table(truth, clients["abuse_probability"]),
    }
    return Evaluation(figures, tables, charts(clients, threshold))


def by_client(examples: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """One row for each client-day: its label, whether and when it was flagged, its highest probability.

    `flagged_itself` is by its own rows, `flagged` also by those of its network: an action on a network reaches all of
    its addresses. Naive rules flag addresses only.
    """
    rows = examples[["client", "client_kind", "hour_at", "is_abuse", "abuse_kind", "family"]].reset_index(drop=True)
    rows["hour_at"] = pd.to_datetime(rows["hour_at"], utc=True)
    rows["own"] = scores["is_abuse"].to_numpy(dtype=bool)
    rows["probability"] = scores["abuse_probability"].to_numpy(dtype=float)
    rows["flagged_at"] = rows["hour_at"].where(rows["own"])
    rows = rows.assign(**naive_rules(examples))
    days = client_days(rows)
    rows["said_kind"] = pd.Series(scores["abuse_kind"].to_numpy(), dtype=object).where(
        rows["probability"] == rows.groupby(days)["probability"].transform("max")
    )
    clients = rows.groupby(days).agg(
        client=("client", "first"),
        client_kind=("client_kind", "first"),
        family=("family", "first"),
        is_abuse=("is_abuse", "max"),
        abuse_kind=("abuse_kind", "first"),
        flagged_itself=("own", "max"),
        abuse_probability=("probability", "max"),
        said_kind=("said_kind", "first"),
        first_at=("hour_at", "min"),
        flagged_at=("flagged_at", "min"),
        **{rule: (rule, "max") for rule in RULES},
    )
    clients["day"] = clients["first_at"].dt.floor("D")
    clients["network"] = [network_of(client) for client in clients["client"]]
    return _with_networks(clients.reset_index(drop=True))


def _with_networks(clients: pd.DataFrame) -> pd.DataFrame:
    """Clients with the flag, time, kind and probability of their network where these are earlier or higher."""
    networks = clients[clients["client_kind"] == "network"].drop_duplicates(["network", "day"])
    networks = networks.set_index(["network", "day"])[["flagged_at", "abuse_probability", "said_kind"]]
    network_rows = networks.reindex(pd.MultiIndex.from_frame(clients[["network", "day"]])).reset_index(drop=True)
    clients["flagged_at"] = (
        clients["flagged_at"]
        .fillna(network_rows["flagged_at"])
        .where(~(network_rows["flagged_at"] < clients["flagged_at"]), network_rows["flagged_at"])
    )
    clients["said_kind"] = network_rows["said_kind"].where(network_rows["said_kind"].notna(), clients["said_kind"])
    clients["abuse_probability"] = np.fmax(clients["abuse_probability"], network_rows["abuse_probability"])
    clients["flagged"] = clients["flagged_at"].notna()
    hours = (clients["flagged_at"] - clients["first_at"]).dt.total_seconds() / 3600 + 1
    clients["hours_to_detect"] = hours.clip(lower=0)
    return clients


def network_of(client: str) -> str:
    """The /24 or /64 of a CIDR."""
    network = ip_network(client, strict=False)
    widest = 24 if network.version == 4 else 64
    return str(network.supernet(new_prefix=widest) if network.prefixlen > widest else network)


def detection(prefix: str, truth: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall and false positive rate over clients with Wilson bounds, and F1."""
    figures = detector_metrics.rate_figures(f"{prefix}precision", truth[flagged])
    figures |= detector_metrics.rate_figures(f"{prefix}recall", flagged[truth])
    figures |= detector_metrics.rate_figures(f"{prefix}fpr", flagged[~truth])
    twice_true_positives = 2.0 * float((truth & flagged).sum())
    total = float(truth.sum() + flagged.sum())
    figures[f"{prefix}f1"] = twice_true_positives / total if total else math.nan
    return figures


def charts(clients: pd.DataFrame, threshold: float) -> dict[str, Any]:
    """Precision and recall, highest probabilities by kind, and the reliability of the probabilities, over clients."""
    truth = clients["is_abuse"].to_numpy(dtype=bool)
    probability = clients["abuse_probability"].to_numpy(dtype=float)
    rules = {"naive: AWS Security Automations": "aws", "naive: any attack request": "any_attack"}
    flagged = {name: clients[rule].to_numpy(dtype=bool) for name, rule in rules.items()}
    kinds = clients["abuse_kind"].where(clients["is_abuse"])
    return {
        "precision_recall": plots.precision_recall(
            truth, probability, threshold, flagged, "Precision and recall over clients"
        ),
        "probabilities_by_kind": plots.scores_by_group(
            probability, kinds, threshold, "Clients by kind", "highest abuse probability of a client"
        ),
        "reliability": plots.reliability(truth, probability, "Reliability (number of clients)"),
    }
