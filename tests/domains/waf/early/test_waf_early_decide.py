"""Early decisions: short, bounded by who may be behind an address, and never on what is protected."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from platform_assets.domains.waf.early.decide import Bounds, early_decisions, thresholds_of
from platform_assets.domains.waf.rulebook import Early, Rules
from spark_jobs.sources.cloudfront.windows import Evidence, Reached

NOW = datetime(2026, 11, 20, 13, 10, tzinfo=UTC)
RULES = Rules()


def reached(action: str = "block", address: str = "198.51.100.7", count: int = 10) -> Reached:
    evidence = tuple(Evidence(1000 + number, f"r{number}", address, "sqli", "3", "") for number in range(count))
    return Reached(action, address, evidence)


def actions(one: Reached, bounds: Bounds = Bounds(), allow: tuple[str, ...] = (), rules: Rules = RULES) -> list[str]:  # noqa: B008
    rules = replace(rules, act_on_special=("documentation",))
    return [decision.action for decision in early_decisions([one], NOW, rules, allow, bounds)]


def test_a_decision_names_its_evidence_and_ends_soon() -> None:
    (decision,) = early_decisions([reached(address="203.0.114.9", count=30)], NOW, RULES, (), Bounds())
    assert decision.address == "203.0.114.9/32" and decision.action == "block"
    assert decision.expires_at - NOW == timedelta(minutes=RULES.early.ttl_minutes)
    assert decision.reason.startswith("early: 30 attacks (sqli) of probability 0.99 and above within 29 s, all refused")
    assert len(decision.evidence_request_ids) == 20 and decision.model_version == "3"


DAY = {"request_count": 1000, "distinct_user_agent_count": 2, "cookie_request_count": 0, "asset_request_count": 0}
SHARED = {**DAY, "distinct_user_agent_count": 40, "cookie_request_count": 900}


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::7"])
def test_who_may_be_many_is_challenged_at_most(address: str) -> None:
    cidr = f"{address}/{128 if ':' in address else 32}"
    assert actions(reached(address=address), Bounds({cidr: SHARED})) == ["challenge"]
    assert actions(reached(address=address), Bounds(has_history=False)) == ["challenge"]
    assert actions(reached(address=address), Bounds({cidr: DAY})) == ["block"]
    assert actions(reached(address=address)) == ["block"]


@pytest.mark.parametrize(
    "shows", [{"forwarded_client_count": 50}, {"proxy_agent_count": 900}, {"declared_bot_count": 1}]
)
def test_proxies_and_declared_bots_wait_for_their_hour(shows: dict[str, int]) -> None:
    assert actions(reached(), Bounds({"198.51.100.7/32": {**DAY, **shows}})) == []


def test_a_delivery_network_is_left_alone_however_young_the_lake() -> None:
    assert early_decisions([reached(address="104.16.1.1")], NOW, RULES, (), Bounds(has_history=False)) == []


def test_what_is_protected_or_special_is_left_alone() -> None:
    assert actions(reached(), allow=("198.51.100.0/24",)) == []
    assert early_decisions([reached(address="10.1.2.3")], NOW, RULES, (), Bounds()) == []


def test_the_policy_bounds_what_is_looked_for() -> None:
    names = lambda **changed: [one.name for one in thresholds_of(replace(RULES, **changed))]  # noqa: E731
    assert names() == ["challenge", "block"]
    assert names(early=Early(at_most="challenge")) == ["challenge"]
    assert names(at_most="count") == names(early=Early(at_most="none")) == []
