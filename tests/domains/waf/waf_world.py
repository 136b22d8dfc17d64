"""Rows, decisions and a clock for the tests of WAF; no test and no fixture of pytest here."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.actions.protocol import NO_OVERRIDES, apply_pending
from platform_assets.domains.waf.apply.applied import Applied, AppliedStore
from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.decisions import Decision, DueEntry, decision_id
from platform_assets.domains.waf.plan import plan as planning
from platform_assets.domains.waf.plan.values import LiveSet, Plan
from platform_assets.domains.waf.planning import WafChange
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake
from tests.domains.waf.memory_store import MemoryAppliedStore

HOUR = datetime(2026, 11, 20, 13, tzinfo=UTC)
NOW = HOUR + timedelta(hours=2)


class Clock:
    """A wall clock that only sleeping moves."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def score(client: str, *, hour: datetime = HOUR, **values: Any) -> dict[str, Any]:
    """A row of client_scores that earns a block unless told otherwise."""
    row = {
        "client": client,
        "client_kind": "address",
        "hour_at": hour,
        "abuse_probability": 0.97,
        "is_abuse": True,
        "abuse_kind": "prober",
        "reason": "distinct paths 211 (usual 6)",
        "request_count": 41,
        "evidence_request_ids": [f"{hour:%d%H}-{number}" for number in range(12)],
        "model_name": "client_abuse",
        "model_version": "7",
        "request_model_version": "3",
    }
    return {**row, **values}


def behavior(client: str, *, hour: datetime = HOUR, **values: Any) -> dict[str, Any]:
    """A row of client_daily: one program at one address."""
    row = {
        "client": client,
        "hour_at": hour,
        "request_count": 41,
        "address_count": 1,
        "distinct_user_agent_count": 1,
        "cookie_request_count": 0,
        "asset_request_count": 0,
        "declared_bot_count": 0,
    }
    return {**row, **values}


def attacks(client: str, count: int, *, hour: datetime = HOUR) -> dict[str, Any]:
    """A row of client_attacks."""
    return {"client": client, "hour_at": hour, "day_attack_request_count": count}


def decision(
    address: str, action: str = "block", *, decided_at: datetime = HOUR, hours: int = 24, **values: Any
) -> Decision:
    version = values.get("model_version", "7")
    fields: dict[str, Any] = {
        "address": address,
        "action": action,
        "reason": f"{action} for a reason",
        "decided_at": decided_at,
        "expires_at": decided_at + timedelta(hours=hours),
        "model_name": "client_abuse",
        "model_version": version,
        "decision_id": decision_id(address, action, decided_at, "client_abuse", version),
        "score": 0.97,
        "abuse_kind": "prober",
        "client_kind": "address",
        "request_count": 41,
        "attack_request_count": 12,
        "evidence_count": 1,
        "evidence_request_ids": (f"old-{decided_at:%d%H}",),
        "repetition": 0,
    }
    return Decision(**{**fields, **values})


def due(address: str, action: str = "block", **values: Any) -> DueEntry:
    """An entry that is wanted until the next day."""
    fields: dict[str, Any] = {
        "address": address,
        "action": action,
        "reason": f"{action} for a reason",
        "decision_id": decision_id(address, action, HOUR, "client_abuse", "7"),
        "expires_at": NOW + timedelta(days=1),
        "score": 0.97,
        "request_count": 41,
        "evidence_count": 12,
        "repetition": 0,
        "abuse_kind": "prober",
        "model_name": "client_abuse",
        "model_version": "7",
    }
    return DueEntry(**{**fields, **values})


def v4(number: int) -> str:
    """The n-th of 65,536 public addresses."""
    return f"45.83.{number // 256}.{number % 256}/32"


def target_on(client: Any, clock: Clock, store: AppliedStore | None = None, **options: Any) -> IpSetTarget:
    """A target whose waiting costs no time."""
    calls = Calls(client, sleep=clock.sleep, clock=clock, jitter=random.Random(7))
    return IpSetTarget(client, store or MemoryAppliedStore(), calls=calls, **options)


def plan(
    wanted: Iterable[DueEntry], live: Mapping[str, LiveSet], last: Applied, *, now: datetime, **options: Any
) -> Plan:
    """The plan with options by name."""
    return planning.plan(wanted, live, last, now=now, options=planning.PlanOptions(**options))


def planned(target: IpSetTarget, entries: list[DueEntry], **options: Any) -> Plan:
    return plan(entries, target.read_sets(), target.last_applied(), now=NOW, scope=target.scope, **options)


def applied(target: IpSetTarget, entries: list[DueEntry], **options: Any) -> Any:
    return target.apply(planned(target, entries, **options))


def applying_with(home: Settings, folder: Path, checks: str) -> Settings:
    """Settings that apply plans, under a policy with these bounds of checks."""
    policy = folder / "policy.yaml"
    policy.write_text(f"checks: {{{checks}}}\n")
    return home.model_copy(update={"policy_file": str(policy), "waf_apply": True})


def live_addresses(target: IpSetTarget) -> dict[str, set[str]]:
    return {name: set(one.addresses) for name, one in target.read_sets().items()}


def edit_by_hand(
    client: Any, name: str, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = (), scope: str = "CLOUDFRONT"
) -> None:
    """What a person does in the console: no ownership is written down."""
    summary = next(one for one in client.list_ip_sets(Scope=scope)["IPSets"] if one["Name"] == name)
    found = client.get_ip_set(Name=name, Scope=scope, Id=summary["Id"])
    addresses = sorted((set(found["IPSet"]["Addresses"]) | set(add)) - set(remove))
    client.update_ip_set(Name=name, Scope=scope, Id=summary["Id"], Addresses=addresses, LockToken=found["LockToken"])


def plan_and_apply(
    settings: Settings, lake: Lake, targets: Sequence[Any], overrides: Mapping[str, str] = NO_OVERRIDES
) -> Any:
    """What a run that applies does, on these targets."""
    return apply_pending(WafChange(settings, lake, targets), overrides)
