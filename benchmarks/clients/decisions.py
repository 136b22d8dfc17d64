"""The platform's decisions about the clients of a simulated day, by the shipped rules and policy, hour after hour.

There is no feedback: simulated clients go on as if nobody had challenged or blocked them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import pandas as pd

from benchmarks.clients.days import Day, day_columns
from platform_assets.domains.waf.decide.alone import Alone, judged_alone
from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.campaigns import judged_by_campaign, rules_of_campaigns
from platform_assets.domains.waf.decide.lone import judged_lone, rules_of_lone
from platform_assets.domains.waf.decide.reading import Rows
from platform_assets.domains.waf.decide.repeats import by_bound, judged_by_repeats, rules_of_repeats
from platform_assets.domains.waf.decide.rescoring import predicted_rows
from platform_assets.domains.waf.decide.rules import ScoredHour, decide, stronger
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
    for hour, of_hour in rows.groupby("hour_at", sort=True):
        start, records = hour.to_pydatetime(), of_hour[of_hour["is_abuse"]].to_dict("records")
        behavior = [day_columns(row) for row in records]
        scored = ScoredHour(start, [_score(row) for row in records], behavior, records, not first_day)
        made = decide(scored, decisions, rules, browsing=day.browsing.get(start, {}))
        alone = day.alone.get(start, {})
        clients = of_hour[of_hour["client"].isin(alone)].to_dict("records")
        judged = _alone({row["client"]: _score(row) for row in clients}, alone, fitted)
        others = decide(
            ScoredHour(start, *judged, not first_day), decisions, rules, browsing=dict.fromkeys(alone, Browsing())
        )
        lone = day.lone.get(start, {})
        scores = {row["client"]: _score(row) for row in of_hour[of_hour["client"].isin(lone)].to_dict("records")}
        hour_lone = ScoredHour(start, *judged_lone(scores, lone, rules), not first_day)
        by_themselves = decide(hour_lone, decisions, rules_of_lone(rules), browsing=dict.fromkeys(lone, Browsing()))
        originals = [_score(row) for row in of_hour.to_dict("records")]
        apart = []
        for scores_apart, steps in (
            (judged_by_campaign(originals, day.campaigns.get(start, ())), rules_of_campaigns(rules)),
            *(
                (judged_by_repeats(originals, same), rules_of_repeats(rules, at_most))
                for same, at_most in by_bound(day.repeats.get(start, ()), rules.repeats)
            ),
        ):
            members = {row["client"] for row in scores_apart}
            member_rows = of_hour[of_hour["client"].isin(members)].to_dict("records")
            behavior_apart = [day_columns(row) for row in member_rows]
            hour_apart = ScoredHour(start, scores_apart, behavior_apart, member_rows, not first_day)
            apart.append(decide(hour_apart, decisions, steps))
        decisions += reduce(stronger, (made, others, by_themselves, *apart))
    return decisions


def _alone(
    originals: dict[str, dict[str, Any]], alone: Mapping[str, Alone], fitted: ClientAbuse
) -> tuple[Rows, Rows, Rows]:
    rows = [dict(alone[client].row) for client in originals]
    return judged_alone(rows, predicted_rows(fitted, rows), originals, alone) if rows else ([], [], [])


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
