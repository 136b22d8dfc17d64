"""From decisions in the lake to IP sets: a plan that another run overtakes is made and checked once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.actions.errors import PlanStoppedError, StalePlanError
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.apply.report import ApplyReport
from platform_assets.domains.waf.plan.benign import benign_addresses
from platform_assets.domains.waf.planning import make_plan
from platform_assets.domains.waf.policy import PlanPolicy
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.errors import exit_code_of
from spark_jobs.sources.cloudfront.tables import CLIENT_SCORES
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.waf_world import (
    Clock,
    applied,
    decision,
    due,
    live_addresses,
    plan_and_apply,
    score,
    target_on,
    v4,
)

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
OURS, THEIRS = v4(1), v4(2)


@pytest.fixture
def settings(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that wants one block; its policy is a file that a test can change."""
    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    (tmp_path / "policy.yaml").write_text("checks: {max_new_blocks: 5}\n")
    made = home.model_copy(update={"policy_file": str(tmp_path / "policy.yaml"), "waf_apply": True})
    row = {**decision(OURS, decided_at=HOUR).row(), HOUR_COLUMN: format_hour(HOUR - timedelta(hours=1))}
    data = pa.Table.from_pylist([row], schema=arrow_schema(WAF_DECISIONS, with_hour=True))
    lake_of(made).overwrite_arrow(data, WAF_DECISIONS)
    return made


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return lake_of(settings)


class Overtaken:
    """A target to which another run applies its plan each time that we are about to, as often as it is told."""

    def __init__(self, target: IpSetTarget, times: int, also: Callable[[], Any] = lambda: None) -> None:
        self.target, self.times, self.also, self.tried = target, times, also, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def apply(self, plan: Any) -> ApplyReport:
        self.tried += 1
        if self.tried <= self.times:
            applied(self.target, [due(THEIRS), due(v4(100 + self.tried))])
            self.also()
        return self.target.apply(plan)


@pytest.fixture
def target(twin: WafTwin, clock: Clock, tmp_path: Path) -> IpSetTarget:
    return target_on(twin, clock, store=AppliedStore(tmp_path / "applied.json"))


def test_an_overtaken_plan_is_made_again_and_applied(settings: Settings, lake: Lake, target: IpSetTarget) -> None:
    overtaken = Overtaken(target, times=1)
    report = plan_and_apply(settings, lake, [overtaken])
    assert overtaken.tried == 2
    assert (report.added, live_addresses(target)) == (1, {"weir-block-v4": {OURS}})


def test_a_plan_overtaken_again_is_given_up(settings: Settings, lake: Lake, target: IpSetTarget) -> None:
    overtaken = Overtaken(target, times=9)
    with pytest.raises(StalePlanError, match="Another run has applied a plan") as caught:
        plan_and_apply(settings, lake, [overtaken])
    assert (overtaken.tried, exit_code_of(caught.value)) == (2, 4)
    assert OURS not in live_addresses(target)["weir-block-v4"]


def test_a_plan_made_again_is_checked_again(
    settings: Settings, lake: Lake, target: IpSetTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid() -> None:
        monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: False)

    overtaken = Overtaken(target, times=1, also=forbid)
    with pytest.raises(PlanStoppedError, match=r"models_passed_their_gate stops it .* not passed their gate") as caught:
        plan_and_apply(settings, lake, [overtaken])
    assert (overtaken.tried, exit_code_of(caught.value)) == (1, 4)
    assert live_addresses(target) == {"weir-block-v4": {THEIRS, v4(101)}}, "what the other run applied, nothing else"
    (alert,) = [json.loads(line) for line in (settings.home / "alerts.jsonl").read_text().splitlines()]
    assert alert["kind"] == "plan_stopped"


def test_widening_passes_addresses_with_good_scores(settings: Settings, lake: Lake, twin: WafTwin, clock: Clock) -> Any:
    hour = format_hour(HOUR)

    def scored(client: str, is_abuse: bool, **values: Any) -> dict[str, Any]:
        names = arrow_schema(CLIENT_SCORES, with_hour=True).names
        row = dict.fromkeys(names) | score(client, hour=HOUR, is_abuse=is_abuse, client_kind="address")
        return {name: value for name, value in (row | values | {HOUR_COLUMN: hour}).items() if name in names}

    rows = [
        scored(v4(2), False, request_count=7),
        scored(v4(3), True),
        scored("45.83.0.0/24", False, client_kind="network"),
        scored("unknown", False),
    ]
    data = pa.Table.from_pylist(rows, schema=arrow_schema(CLIENT_SCORES, with_hour=True))
    lake.overwrite_arrow(data, CLIENT_SCORES)
    assert benign_addresses(lake, PlanPolicy(max_collateral_share=0.5)) == {v4(2): 7}
    assert benign_addresses(lake, PlanPolicy()) == {}, "the policy covers nobody else: there is nothing to ask"


def test_the_plan_keeps_budget_and_allow_list(settings: Settings, lake: Lake, twin: WafTwin, clock: Clock) -> None:
    decided = [v4(n) for n in (4, 5, 6, 8, 9, 10)]
    rows = [
        {**decision(one, decided_at=HOUR).row(), HOUR_COLUMN: format_hour(HOUR - timedelta(hours=1))} for one in decided
    ]
    lake.overwrite_arrow(pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True)), WAF_DECISIONS)
    policy, allowed = Path(settings.waf.policy_file), Path(settings.waf.policy_file).with_name("allow.txt")
    policy.write_text("plan: {capacity: 3, max_collateral_share: 0.5}\n")
    allowed.write_text(f"{v4(7)}\n")
    made, _ = make_plan(settings.model_copy(update={"allow_list": str(allowed)}), lake, [target_on(twin, clock)])
    assert made.plans[0].sets[0].addresses == ("45.83.0.4/31", v4(6), "45.83.0.8/30")
