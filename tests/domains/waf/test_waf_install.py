"""Installing: IP sets and one rule group, shown first, in count mode, web ACLs untouched, people's rules kept."""

from __future__ import annotations

import random
from typing import Any

import pytest

from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.install import apply_install, plan_install
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.plan.plan import set_names
from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.test_waf_apply import Around
from tests.domains.waf.waf_world import Clock, applied, due, live_addresses, target_on, v4

SEEN = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "theirs"}


def calls_on(client: Any, clock: Clock) -> Calls:
    return Calls(client, sleep=clock.sleep, clock=clock, jitter=random.Random(3))


def group_of(client: Any) -> dict[str, Any]:
    summary = client.list_rule_groups(Scope="CLOUDFRONT")["RuleGroups"][0]
    return client.get_rule_group(Name=summary["Name"], Scope="CLOUDFRONT", Id=summary["Id"])


def actions_of(client: Any) -> dict[str, str]:
    return {rule["Name"]: next(iter(rule["Action"])) for rule in group_of(client)["RuleGroup"]["Rules"]}


@pytest.fixture(params=["twin", "moto"])
def client(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("strict_twin" if request.param == "twin" else "moto_client")


def test_installing_makes_sets_and_counting_group_once(client: Any, clock: Clock) -> None:
    around = Around(client)
    calls = calls_on(around, clock)
    plan = plan_install(calls)
    assert "rule group weir-rules in count mode" in plan.text() and "no web ACL is touched" in plan.text()
    assert calls.writes == 0
    assert apply_install(calls, plan) == (*(name for name, _, _ in set_names("weir")), "weir-rules")
    assert actions_of(client) == {"weir-block": "Count", "weir-challenge": "Count", "weir-count": "Count"}
    referenced = {
        one["IPSetReferenceStatement"]["ARN"]
        for rule in group_of(client)["RuleGroup"]["Rules"]
        for one in rule["Statement"]["OrStatement"]["Statements"]
    }
    assert referenced == {one["ARN"] for one in client.list_ip_sets(Scope="CLOUDFRONT")["IPSets"]}
    again = plan_install(calls)
    assert not again.changes and "Nothing to change." in again.text()
    assert apply_install(calls, again) == ()
    writes = calls.writes
    assert apply_install(calls, plan) == (), "an old plan makes nothing twice"
    assert calls.writes == writes
    assert [name for name in around.called if "web_acl" in name] == []


def test_enforcing_is_asked_for_and_then_kept(twin: WafTwin, clock: Clock) -> None:
    calls = calls_on(twin, clock)
    apply_install(calls, plan_install(calls))
    apply_install(calls, plan_install(calls, mode="enforce"))
    assert actions_of(twin) == {"weir-block": "Block", "weir-challenge": "Challenge", "weir-count": "Count"}
    assert not plan_install(calls).changes, "installing again does not fall back to counting"
    apply_install(calls, plan_install(calls, mode="count"))
    assert set(actions_of(twin).values()) == {"Count"}


def test_rules_that_people_added_stay_where_they_are(twin: WafTwin, clock: Clock) -> None:
    calls = calls_on(twin, clock)
    apply_install(calls, plan_install(calls))
    found = group_of(twin)
    group = found["RuleGroup"]
    theirs = {
        "Name": "theirs",
        "Priority": 1,
        "Statement": {"GeoMatchStatement": {"CountryCodes": ["NL"]}},
        "Action": {"Block": {}},
        "VisibilityConfig": SEEN,
    }
    kept = [rule for rule in group["Rules"] if rule["Name"] != "weir-challenge"]
    bodies = {"sorry": {"ContentType": "TEXT_PLAIN", "Content": "Sorry"}}
    twin.update_rule_group(
        Name=group["Name"], Scope="CLOUDFRONT", Id=group["Id"], LockToken=found["LockToken"],
        Rules=[*kept, theirs], VisibilityConfig=group["VisibilityConfig"], CustomResponseBodies=bodies,
    )  # fmt: skip
    plan = plan_install(calls)
    assert plan.group == "update"
    apply_install(calls, plan)
    after = group_of(twin)["RuleGroup"]
    assert [(rule["Name"], rule["Priority"]) for rule in after["Rules"]] == [
        ("weir-block", 0), ("theirs", 1), ("weir-count", 2), ("weir-challenge", 3),
    ]  # fmt: skip
    assert after["Rules"][1] == theirs
    assert after["CustomResponseBodies"] == bodies


def test_a_rule_group_conflict_is_merged_again(twin: WafTwin, clock: Clock) -> None:
    calls = calls_on(twin, clock)
    apply_install(calls, plan_install(calls))
    plan = plan_install(calls, mode="enforce")
    once = iter([True])

    def somebody_is_faster(name: str) -> None:
        if name == "update_rule_group" and next(once, False):
            found = group_of(twin)
            group = found["RuleGroup"]
            rules = [
                {**rule, "VisibilityConfig": SEEN} if rule["Name"] == "weir-count" else rule for rule in group["Rules"]
            ]
            theirs = {**rules[0], "Name": "theirs", "Priority": 9, "RuleLabels": [{"Name": "theirs"}]}
            twin.update_rule_group(Name=group["Name"], Scope="CLOUDFRONT", Id=group["Id"], LockToken=found["LockToken"], Rules=[*rules, theirs], VisibilityConfig=group["VisibilityConfig"])  # fmt: skip

    assert apply_install(calls_on(Around(twin, before=somebody_is_faster), clock), plan) == ("weir-rules",)
    assert actions_of(twin) == {
        "weir-block": "Block",
        "weir-challenge": "Challenge",
        "weir-count": "Count",
        "theirs": "Count",
    }


def test_endless_rule_group_conflicts_are_given_up(twin: WafTwin, clock: Clock) -> None:
    calls = calls_on(twin, clock)
    apply_install(calls, plan_install(calls))

    def refuse(name: str) -> None:
        if name == "update_rule_group":
            error = twin.exceptions.WAFOptimisticLockException
            raise error({"Error": {"Code": "WAFOptimisticLockException", "Message": "m"}}, "UpdateRuleGroup")

    with pytest.raises(WafError, match="weir-rules was changed by somebody else at each of 10"):
        apply_install(calls_on(Around(twin, before=refuse), clock), plan_install(calls, mode="enforce"))


def test_the_rule_group_keeps_referring_to_sets(strict_twin: WafTwin, clock: Clock) -> None:
    calls = calls_on(strict_twin, clock)
    apply_install(calls, plan_install(calls))
    target = target_on(strict_twin, clock)
    applied(target, [due(v4(1))])
    assert live_addresses(target)["weir-block-v4"] == {v4(1)}
    assert not plan_install(calls).changes
