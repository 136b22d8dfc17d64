"""A lake whose tables are made the long way from requests written by hand, and hours decided from it; no test here.

The client model is two thresholds that WAF's own 403s exceed as easily as attacks do, so that an echo shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from platform_assets.domains.waf.decide.hours import decide_hours
from platform_assets.domains.waf.decide.identity import Identifier
from platform_assets.domains.waf.manual.in_force import ManualAction
from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.rulebook import History
from platform_assets.domains.waf.tables import WAF_DECISIONS
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_HOURLY,
    CLIENT_SCORES,
    REQUEST_SCORES,
    REQUESTS,
)
from spark_jobs.storage.lake import Lake
from tests.spark_jobs import client_oracle as oracle

START = datetime(2026, 11, 20, tzinfo=UTC)
ATTACKER, VISITOR = "45.83.1.2", "45.83.9.9"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
Row = dict[str, Any]


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


class EagerModel:
    """Five attacks or a hundred client errors in 24 hours are abuse."""

    def __init__(self) -> None:
        self.scored = 0

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.scored += len(frame)
        is_abuse = (frame["day_attack_request_count"] >= 5) | (frame["day_client_error_count"] >= 100)
        return pd.DataFrame(
            {
                "abuse_probability": is_abuse.map({True: 0.97, False: 0.35}),
                "is_abuse": is_abuse,
                "abuse_kind": is_abuse.map({True: "scanner", False: None}),
                "reason": [f"client errors {count:.0f}" for count in frame["day_client_error_count"]],
            }
        )


class World:
    """Requests, the tables over them, and decisions. Tables are made of what was delivered by then."""

    def __init__(self, folder: Path, policy: Policy | None = None, *, history_hours: int = 0) -> None:
        self.lake = Lake(str(folder))
        policy = policy or Policy()
        self.policy = replace(policy, rules=replace(policy.rules, history=History(min_hours=history_hours)))
        self.model = EagerModel()
        self.requests: list[Row] = []
        self.attacks: set[str] = set()
        self.attack_class = "scanner_probe"
        self.client_model: dict[int, str] = {}
        """Hour -> version of the client model that serves from then on; 7 before."""

    def visit(
        self,
        hour: int,
        count: int = 1,
        *,
        client: str = ATTACKER,
        status: int = 200,
        is_attack: bool = False,
        **values: Any,
    ) -> list[str]:
        """Requests of one client, spread over an hour; returns their ids."""
        ids = []
        for number in range(count):
            request_id = f"{client}-{hour:03}-{len(self.requests):06}"
            row = {
                **dict.fromkeys(REQUESTS.column_names),
                "request_id": request_id,
                "event_at": at(hour) + timedelta(seconds=int(3599 * number / count)),
                "client_ip": client,
                "method": "GET",
                "uri_path": f"/.env.{number % 9}" if is_attack else f"/shop/{number % 7}",
                "status": status,
                "user_agent": BROWSER,
                "source_object": "raw/a.gz",
                "line_number": len(self.requests) + 1,
            }
            self.requests.append({**row, **values})
            if is_attack:
                self.attacks.add(request_id)
            ids.append(request_id)
        return ids

    def attack(self, hour: int, count: int = 30, **values: Any) -> list[str]:
        return self.visit(hour, count, **{"status": 404, "is_attack": True, **values})

    def retry(self, hours: Iterable[int], count: int = 8, **values: Any) -> None:
        """What a blocked client does: the same attack once an hour and its pages again and again, all answered by WAF."""
        for hour in hours:
            self.visit(hour, count, status=403, **values)
            self.attack(hour, 6, status=403, **values)

    def deliver(self, only: Iterable[int] | None = None) -> None:
        """Make all tables from the requests of some hours (all without), as the jobs do."""
        hours = None if only is None else {at(hour) for hour in only}
        requests = [row for row in self.requests if hours is None or _hour(row["event_at"]) in hours]
        hourly = oracle.client_hourly(requests)
        first, last = min(at for _, at in hourly), max(at for _, at in hourly)
        daily = oracle.client_daily(hourly.values(), first, last)
        scores = [self._request_score(row) for row in requests]
        attacks = oracle.client_attacks(scores, [(r["client"], r["client_kind"], r["hour_at"]) for r in daily.values()])
        clients = [self._client_score(row, attacks.get(key), requests) for key, row in daily.items()]
        self.lake.overwrite_arrow(oracle.to_table(requests, REQUESTS, "event_at"), REQUESTS)
        self.lake.overwrite_arrow(oracle.to_table(scores, REQUEST_SCORES, "event_at"), REQUEST_SCORES)
        for table, rows in (
            (CLIENT_HOURLY, hourly.values()),
            (CLIENT_DAILY, daily.values()),
            (CLIENT_ATTACKS, attacks.values()),
            (CLIENT_SCORES, clients),
        ):
            whole = [{name: _whole(value) for name, value in row.items()} for row in rows]
            self.lake.overwrite_arrow(oracle.to_table(whole, table, "hour_at"), table)

    def decide(
        self,
        first: int,
        last: int,
        *,
        identifier: Identifier | None = None,
        allow_list: Sequence[str] = (),
        acts: Sequence[ManualAction] = (),
    ) -> list[Row]:
        """Decide hours as a run does (with it all later ones), and return all decisions of the lake in order."""
        decide_hours(
            self.lake,
            Interval(at(first), at(last + 1)),
            self.policy,
            allow_list,
            loaded=lambda name, version: self.model,
            identifier=identifier or Identifier(at(100)),
            manual_actions=acts,
        )
        return self.decisions()

    def decisions(self) -> list[Row]:
        rows = self.lake.read_arrow(WAF_DECISIONS).to_pylist()
        return sorted(rows, key=lambda row: (row["decided_at"], row["address"]))

    def of(self, client: str = ATTACKER) -> list[tuple[int, str, int]]:
        """(hour of the decision, action, hours that it lasts) of each decision on a client."""
        return [
            (
                int((row["decided_at"] - START) / timedelta(hours=1)),
                row["action"],
                int((row["expires_at"] - row["decided_at"]) / timedelta(hours=1)),
            )
            for row in self.decisions()
            if row["address"] == (client if "/" in client else f"{client}/32")
        ]

    def _request_score(self, row: Row) -> Row:
        is_attack = row["request_id"] in self.attacks
        return {
            **{name: row[name] for name in ("request_id", "event_at", "client_ip")},
            "attack_probability": 0.99 if is_attack else 0.01,
            "is_attack": is_attack,
            "attack_class": self.attack_class if is_attack else None,
            "reason": None,
            "model_name": "request_attack",
            "model_version": "1",
        }

    def _version(self, hour_at: datetime) -> str:
        since = [hour for hour in self.client_model if at(hour) <= hour_at]
        return self.client_model[max(since)] if since else "7"

    def _client_score(self, day: Row, attacks: Row | None, requests: list[Row]) -> Row:
        frame = pd.DataFrame(
            [
                {
                    "day_attack_request_count": 0 if attacks is None else attacks["day_attack_request_count"],
                    "day_client_error_count": day["client_error_count"],
                }
            ]
        )
        return {
            **{name: day[name] for name in ("client", "client_kind", "hour_at", "request_count")},
            **EagerModel().predict(frame).to_dict("records")[0],
            "evidence_request_ids": [] if attacks is None else attacks["attack_request_ids"],
            "model_name": "client_abuse",
            "model_version": self._version(day["hour_at"]),
            "request_model_version": "1",
            HOUR_COLUMN: format_hour(day["hour_at"]),
        }


def _hour(event_at: datetime) -> datetime:
    return event_at.replace(minute=0, second=0, microsecond=0)


def _whole(value: Any) -> Any:
    """The oracle sums in floating point; tables hold whole numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
