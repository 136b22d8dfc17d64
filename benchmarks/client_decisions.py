"""What the platform would do about the clients of a simulated day: the shipped rules and policy, hour after hour.

Nothing of a decision is fed back: simulated clients go on as if nobody had challenged or blocked them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmarks.clients.days import Day
from platform_assets.domains.waf.decide.rules import decide
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.policy import load_policy
from spark_jobs.sources.cloudfront.client_tables import EVIDENCE_REQUESTS
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.model import ClientAbuse

DONE = ("nothing", "count", "challenge", "block")
BEHAVIOUR = ("request_count", "address_count", "distinct_user_agent_count", "cookie_request_count", "asset_request_count", "declared_bot_count")  # fmt: skip


def decisions_of(day: Day, fitted: ClientAbuse, first_day: bool = False) -> list[Decision]:
    """Every decision of the day by the default policy, or of the one before it, which begins with an empty lake."""
    rules = load_policy().rules
    of_first = day.rows["hour_at"] < day.examples["hour_at"].min().floor("D")
    rows = day.rows[of_first == first_day].reset_index(drop=True)
    rows = pd.concat([rows, fitted.predict(rows)], axis=1)
    rows = rows[rows["is_abuse"]]
    made: list[Decision] = []
    for hour, of_hour in rows.groupby("hour_at", sort=True):
        given = of_hour.to_dict("records")
        made += decide(
            hour.to_pydatetime(),
            [_score(row) for row in given],
            made,
            rules,
            behaviour=[
                {"client": row["client"], "hour_at": row["hour_at"], **{name: row[f"day_{name}"] for name in BEHAVIOUR}}
                for row in given
            ],
            attacks=given,
            has_history=not first_day,
        )
    return made


def _score(row: dict[str, Any]) -> dict[str, Any]:
    """The row of client_scores; where no request is an attack, requests of the hour are the evidence."""
    ids = row["attack_request_ids"]
    if ids is None or not len(ids):
        shown = min(int(row["hour_request_count"]), EVIDENCE_REQUESTS)
        ids = [f"{row['client']} {row['hour_at']} {number}" for number in range(shown)]
    return {
        **{name: row[name] for name in ("client", "client_kind", "hour_at", "abuse_probability", "is_abuse")},
        "abuse_kind": row["abuse_kind"],
        "reason": row["reason"],
        "request_count": row["day_request_count"],
        "evidence_request_ids": list(ids),
        "model_name": "client_abuse",
        "model_version": "0",
    }


def outcomes(days: Sequence[Day], fitted: ClientAbuse, first_day: bool = False) -> pd.DataFrame:
    """Address of the truth -> the strongest thing that was decided about it or its network, and the reason."""
    parts = []
    for day in days:
        strongest: dict[str, Decision] = {}
        is_first = day.rows["hour_at"] < day.examples["hour_at"].min().floor("D")
        active = set(day.rows.loc[is_first == first_day, "client"])
        for one in decisions_of(day, fitted, first_day):
            if one.address not in strongest or rank(one.action) > rank(strongest[one.address].action):
                strongest[one.address] = one
        seen = day.truth[day.truth["client_kind"] == "address"]
        seen = seen[seen["client"].isin(active)]
        found = [
            max(
                (strongest[name] for name in (client, evaluation.network_of(client)) if name in strongest),
                key=lambda one: rank(one.action),
                default=None,
            )
            for client in seen["client"]
        ]
        parts.append(
            seen[["client", "family", "is_abuse", "never_block"]].assign(
                seed=day.seed,
                action=[DONE[0] if one is None else one.action for one in found],
                reason=["" if one is None else one.reason for one in found],
            )
        )
    return pd.concat(parts, ignore_index=True)
