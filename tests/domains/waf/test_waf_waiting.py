"""Bounds that an attacker trips must not protect him: the worst are applied, the rest waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.actions.checks import failures
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.decisions import MANUAL, Decision
from platform_assets.domains.waf.plan.plans import Plans
from platform_assets.domains.waf.planning import WafChange, make_plan
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.domains.waf.twin.client import WafTwin
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.test_waf_check_inputs import NEWEST, ago, delivered, write
from tests.domains.waf.test_waf_interventions import HOUR, on
from tests.domains.waf.waf_world import Clock, applying_with, live_addresses, plan_and_apply, target_on, v4

pytestmark = pytest.mark.attack("bounds that an attacker trips")

BLOCKS, CHALLENGES = "weir-block-v4", "weir-challenge-v4"


def in_one_64(count: int) -> list[Decision]:
    return [on(f"2a00:1450:4001:81b::{n:x}/128") for n in range(1, count + 1)]


def apart(numbers: Iterable[int], action: str = "block", **values: Any) -> list[Decision]:
    """Decisions on addresses of different /24, the later the worse."""
    return [on(v4(256 * n), action, request_count=100 + n, **values) for n in numbers]


class Site:
    """A home whose plan is stored and applied as the assets do it."""

    def __init__(self, settings: Settings, target: IpSetTarget) -> None:
        self.settings, self.target, self.lake = settings, target, lake_of(settings)

    def decide(self, *decisions: Decision) -> None:
        hour = format_hour(HOUR - timedelta(hours=1))
        rows = [{**decision.row(), HOUR_COLUMN: hour} for decision in decisions]
        data = pa.Table.from_pylist(rows, schema=arrow_schema(WAF_DECISIONS, with_hour=True))
        self.lake.overwrite_arrow(data, WAF_DECISIONS, [hour])

    def plan(self, **overrides: str) -> Plans:
        plans, results = make_plan(self.settings, self.lake, [self.target], overrides)
        assert failures(results) == []
        data = pa.Table.from_pylist(plans.rows(), schema=arrow_schema(WAF_PLAN, with_hour=True))
        self.lake.overwrite_arrow(data, WAF_PLAN)
        return plans

    def apply(self, **overrides: str) -> dict[str, set[str]]:
        self.plan(**overrides)
        plan_and_apply(self.settings, self.lake, [self.target], overrides)
        return {name: addresses for name, addresses in live_addresses(self.target).items() if addresses}


@pytest.fixture
def site(home: Settings, twin: WafTwin, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    settings = applying_with(home, tmp_path, "max_new_blocks: 10, min_entries_for_churn: 8, min_entries_for_skew: 8")
    return Site(settings, target_on(twin, clock, store=AppliedStore(tmp_path / "applied.json")))


def addresses(decisions: Iterable[Decision]) -> set[str]:
    return {decision.address for decision in decisions}


def test_a_network_of_attackers_counts_once(site: Site) -> None:
    others = apart(range(9))
    site.decide(*in_one_64(510), *others)
    live = site.apply()
    assert live == {BLOCKS: addresses(others), "weir-block-v6": addresses(in_one_64(510))}


def test_a_customer_of_ipv6_counts_once(site: Site) -> None:
    flood = [on(f"2a00:1450:4001:{n:x}::1/128", request_count=9_000) for n in range(1, 31)]
    others = apart(range(9))
    site.decide(*flood, *others)
    assert site.apply() == {BLOCKS: addresses(others), "weir-block-v6": addresses(flood)}


def test_the_worst_are_applied_and_the_rest_waits(site: Site) -> None:
    site.decide(*apart(range(13)))
    plan = site.plan()
    waiting = {entry.address: entry.reason for entry in plan.entries if entry.operation == "wait"}
    assert waiting.keys() == addresses(apart(range(3)))
    assert "waits for room or a person: the plan may add blocks in 10 networks; block for a reason" in waiting[v4(0)]
    command = "3 wait for room or a person (`weir waf plan --apply --override nothing_waits --reason WHY`)"
    assert command in plan.summary() and command in plan.text() and "! wait     45.83.0.0/32" in plan.text()
    assert site.apply() == {BLOCKS: addresses(apart(range(3, 13)))}


def test_what_waits_is_taken_up_when_there_is_room(site: Site) -> None:
    site.decide(*apart(range(25)))
    assert site.apply() == {BLOCKS: addresses(apart(range(15, 25)))}
    site.decide(*apart(range(27)))
    # Half as many as were applied.
    assert site.apply() == {BLOCKS: addresses(apart(range(12, 27)))}, "the worst first, be they new or not"
    assert site.apply() == {BLOCKS: addresses(apart(range(5, 27)))}
    plan = site.plan()
    told = {entry.address for entry in plan.entries if entry.operation == "add" and "waited since" in entry.reason}
    assert told == addresses(apart(range(5))) and "5 of those added had waited" in plan.summary()
    assert site.apply() == {BLOCKS: addresses(apart(range(27)))}
    plan = site.plan()
    assert plan.count("wait") == 0 and "had waited" not in plan.summary()


def test_what_waits_in_a_dry_run_goes_on_waiting(site: Site) -> None:
    site.decide(*apart(range(13)))
    for _ in range(3):
        plan = site.plan()
        assert {entry.address for entry in plan.entries if entry.operation == "wait"} == addresses(apart(range(3)))


def test_what_waits_ends_with_its_decision(site: Site) -> None:
    site.decide(*apart(range(13)))
    site.apply()
    site.decide(*apart(range(1, 13)))
    assert site.apply() == {BLOCKS: addresses(apart(range(1, 13)))}


def test_what_has_room_again_is_told(site: Site) -> None:
    site.decide(*apart(range(13)))
    site.apply()
    _, results = make_plan(site.settings, site.lake, [site.target])
    (found,) = (result for result in results if result.name == "nothing_waits")
    assert (found.passed, found.sentence) == (True, "No new entry waits; 3 that waited have room now.")


def flood(site: Site) -> None:
    """A hundred times the usual requests in the newest hour, by 1,200 networks that ask for less than is usual of all."""
    delivered(site.lake, dict.fromkeys(range(48), 11) | {0: 24_001})
    hours = {"hour_at": NEWEST, "first_event_at": NEWEST, "last_event_at": NEWEST, HOUR_COLUMN: ago(0)}
    write(site.lake, CLIENT_HOURLY, [{"client": f"60.{n // 256}.{n % 256}.1/32", "request_count": 20, **hours} for n in range(1_200)])  # fmt: skip


def test_a_flood_from_many_networks_protects_nobody(site: Site) -> None:
    attackers = apart(range(4))
    shared = apart(range(10, 12), "challenge", attack_request_count=30)
    crowd = apart(range(20, 26), "challenge", attack_request_count=0)
    site.decide(*attackers, *shared, *crowd)
    flood(site)
    assert site.apply() == {BLOCKS: addresses(attackers), CHALLENGES: addresses(shared)}
    plans, results = make_plan(site.settings, site.lake, [site.target])
    assert {result.name for result in results if not result.passed} == {"volume_did_not_explode", "nothing_waits"}
    waiting = {entry.address: entry.reason for entry in plans.entries if entry.operation == "wait"}
    assert waiting.keys() == addresses(crowd)
    assert "requests exploded, and it attacked nothing" in waiting[crowd[0].address]
    assert site.apply(volume_did_not_explode="by ana: a campaign")[CHALLENGES] == addresses([*shared, *crowd])


@pytest.mark.parametrize("check", ["plan_adds_a_bounded_number", "nothing_waits"])
def test_an_override_lifts_the_bound(site: Site, check: str) -> None:
    site.decide(*apart(range(13)))
    assert site.apply(**{check: "by ana: a campaign"}) == {BLOCKS: addresses(apart(range(13)))}


def test_what_waits_warns_and_stops_nothing(site: Site) -> None:
    site.decide(*apart(range(13)))
    _, results = make_plan(site.settings, site.lake, [site.target])
    assert [(result.name, result.blocking) for result in results if not result.passed] == [("nothing_waits", False)]
    sentence = next(result.sentence for result in results if not result.passed)
    assert (
        "3 new entries are beyond the bounds and wait, 45.83.0.0/32 first; later plans apply them, the worst first"
        in sentence
    )
    assert "weir waf plan --apply --override nothing_waits --reason WHY" in sentence


def test_a_campaign_does_not_hold_up_a_small_list(site: Site) -> None:
    """Churn: ten entries were applied, so that five more are the bound."""
    site.decide(*apart(range(10)))
    site.apply()
    challenged = apart(range(20, 40), "challenge")
    site.decide(*apart(range(10)), on(v4(256 * 50)), *challenged)
    assert site.apply() == {
        BLOCKS: addresses([*apart(range(10)), on(v4(256 * 50))]),
        CHALLENGES: addresses(challenged[-4:]),
    }


def test_a_campaign_of_one_family_stops_no_plan(site: Site) -> None:
    Path(str(site.settings.waf.policy_file)).write_text("checks: {min_entries_for_skew: 8}\n")
    site.decide(*apart(range(10)))
    site.apply()
    many = [on(f"2a00:{n:x}::1/128", request_count=100 + n) for n in range(1, 61)]
    site.decide(*apart(range(10)), on(v4(256 * 50)), *many)
    live = site.apply()
    assert live[BLOCKS] == addresses([*apart(range(10)), on(v4(256 * 50))])
    assert live["weir-block-v6"] == {str(ip_network(address)) for address in addresses(many[-48:])}


def test_a_block_that_waits_leaves_the_challenge(site: Site) -> None:
    challenged = apart(range(3), "challenge")
    site.decide(*challenged)
    site.apply()
    site.decide(*challenged, *apart(range(3)), *apart(range(20, 30)))
    live = site.apply()
    assert live == {BLOCKS: addresses(apart(range(20, 30))), CHALLENGES: addresses(challenged)}
    assert site.apply(nothing_waits="by ana: a campaign") == {
        BLOCKS: addresses([*apart(range(3)), *apart(range(20, 30))])
    }


def test_what_people_block_never_waits(site: Site) -> None:
    mine = [on(v4(256 * n), model_name=MANUAL, request_count=0) for n in range(100, 104)]
    site.decide(*apart(range(13)), *mine)
    assert site.apply() == {BLOCKS: addresses([*mine, *apart(range(7, 13))])}


def test_a_plan_with_what_waits_is_stored_and_read(site: Site) -> None:
    site.decide(*apart(range(13)))
    change = WafChange(site.settings, site.lake, [site.target])
    plan = change.make().plan
    assert change.from_document(change.to_document(plan)) == plan
