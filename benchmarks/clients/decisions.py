"""The platform's decisions about the clients of a simulated day, by the shipped rules and policy, hour after hour.

There is no feedback: simulated clients go on as if nobody had challenged or blocked them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmarks.clients.days import Day, day_columns
from platform_assets.domains.waf.decide.rules import ScoredHour, decide
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.policy import load_policy
from spark_jobs.sources.cloudfront.client_tables import EVIDENCE_REQUESTS
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.model import ClientAbuse

ACTIONS = ("nothing", "count", "challenge", "block")
SCORE_COLUMNS = "client client_kind hour_at abuse_probability is_abuse abuse_kind reason".split()


def decisions_of(day: Day, fitted: ClientAbuse, first_day: bool = False) -> list[Decision]:
    """Every decision of the day by the default policy, or of its warm-up, which begins with an empty lake."""
    rules = load_policy().rules
    rows = day.rows[day.is_warm_up == first_day].reset_index(drop=True)
    rows = pd.concat([rows, fitted.predict(rows)], axis=1)
    decisions: list[Decision] = []
    for hour, of_hour in rows[rows["is_abuse"]].groupby("hour_at", sort=True):
        records = of_hour.to_dict("records")
        behavior = [day_columns(row) for row in records]
        scores = [_score(row) for row in records]
        decisions += decide(
            ScoredHour(hour.to_pydatetime(), scores, behavior=behavior, attacks=records, has_history=not first_day),
            decisions,
            rules,
            browsing=day.browsing.get(hour.to_pydatetime(), {}),
        )
    return decisions


def _score(row: dict[str, Any]) -> dict[str, Any]:
    """The row of client_scores; where no request is an attack, requests of the hour are the evidence."""
    ids = row["attack_request_ids"]
    if ids is None or not len(ids):
        count = min(int(row["hour_request_count"]), EVIDENCE_REQUESTS)
        ids = [f"{row['client']} {row['hour_at']} {number}" for number in range(count)]
    model = {"model_name": "client_abuse", "model_version": "0"}
    figures = {"request_count": row["day_request_count"], "evidence_request_ids": list(ids)}
    return {**{name: row[name] for name in SCORE_COLUMNS}, **figures, **model}


def outcomes(days: Sequence[Day], fitted: ClientAbuse, first_day: bool = False) -> pd.DataFrame:
    """Address of the truth -> the strongest decision about it or its network, and the reason."""
    parts = []
    for day in days:
        strongest: dict[str, Decision] = {}
        active = set(day.rows.loc[day.is_warm_up == first_day, "client"])
        for decision in decisions_of(day, fitted, first_day):
            former = strongest.get(decision.address)
            if former is None or rank(decision.action) > rank(former.action):
                strongest[decision.address] = decision
        clients = day.truth[(day.truth["client_kind"] == "address") & day.truth["client"].isin(active)]
        results = []
        for client in clients["client"]:
            candidates = [strongest[name] for name in (client, evaluation.network_of(client)) if name in strongest]
            final = max(candidates, key=lambda decision: rank(decision.action), default=None)
            results.append((final.action, final.reason) if final else (ACTIONS[0], ""))
        parts.append(clients[["client", "family", "is_abuse", "never_block"]].assign(seed=day.seed))
        parts[-1][["action", "reason"]] = results
    return pd.concat(parts, ignore_index=True)
