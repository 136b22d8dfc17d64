"""What a group really has (AWS's answers by botocore's stub), and what a plan makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_assets.domains.scaling.checks import Bounds, run_checks
from platform_assets.domains.scaling.groups import live_of_group
from platform_assets.domains.scaling.plan import entry_of
from platform_assets.domains.scaling.plan_values import (
    DOWN,
    HOLD,
    STAY,
    UP,
    Entry,
    Forecast,
    Limits,
    LiveSize,
    Plan,
    Subject,
)
from platform_assets.domains.scaling.targets import GroupTarget, NodegroupTarget
from tests.domains.scaling.scaled_groups import REGION, StubbedClients, described_group

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEIGHTS = (1, 2, 1, 2, 1, 2, 1)
FORECAST = Forecast(NOW - timedelta(minutes=5), UP, 9, "medium", "Predicted CPU (85.0%) exceeds 80%", 0.9, 70.0, 7)


def read_group(**values: Any) -> LiveSize:
    answer = {"AutoScalingGroups": [described_group(**values)]}
    clients = StubbedClients(("autoscaling", "describe_auto_scaling_groups", answer))
    return GroupTarget("shop-workers", REGION, clients).read()


def entry(live: LiveSize, **values: Any) -> Entry:
    forecast = None if values.pop("silent", False) else replace(FORECAST, **values)
    subject = Subject("shop", f"asg: shop-workers@{REGION}", live, forecast, NOW, is_file=False)
    return entry_of(subject, Limits(timedelta(minutes=15), 0.6))


def test_a_weighted_group_is_planned_in_its_units() -> None:
    live = read_group(serving=WEIGHTS, starting=(2, 1, 2), suspended=("Launch", "AZRebalance"))
    assert (live.nodes, live.in_service, live.starting, live.missing) == (12, 7, 3, 0)
    assert live.units_per_node == pytest.approx(10 / 7) and live.suspended == ("launches",)
    plan = entry(live)
    assert (plan.operation, plan.nodes_before, plan.nodes_after) == (UP, 12, 13), "nine nodes at 10/7 units"
    assert "in capacity units, 1.43 a node, 7 nodes in service" in plan.reason
    assert "3 nodes are starting" in plan.reason
    assert "launches are suspended in its group, so none takes place until they are resumed" in plan.reason


def test_a_plain_group_has_no_remarks() -> None:
    live = read_group(serving=(0,) * 7, desired=7)
    assert (live.counted, live.units_per_node, live.missing) == (7, 1.0, 0)
    assert entry(live).reason == FORECAST.reasoning


def test_bounds_and_steps_are_in_units_too() -> None:
    live = read_group(serving=(4, 4, 4), desired=12)
    assert entry(live, target_nodes=9, node_count=3).nodes_after == 36
    assert entry(replace(live, maximum=None), target_nodes=60, node_count=3).nodes_after == 52, "a step of ten nodes"
    down = entry(live, action=DOWN, target_nodes=1, node_count=3)
    assert (down.nodes_after, down.minimum) == (8, 8), "the least are two nodes"


def test_launches_that_fail_are_named() -> None:
    live = read_group(serving=(0,) * 4, starting=(0,), desired=9)
    assert live.missing == 4 and live.counted == 4
    assert "4 of 9 have not been launched: look at the scaling activities of the group" in entry(live).reason


def test_suspended_terminations_are_named() -> None:
    live = read_group(serving=(0,) * 7, desired=7, suspended=("Terminate",))
    assert "terminations are suspended" in entry(live, action=DOWN, target_nodes=5).reason


def test_several_groups_share_a_cluster() -> None:
    live = read_group(serving=(0,) * 4, desired=4)
    up = entry(live, node_count=10, target_nodes=13)
    assert (up.operation, up.nodes_after) == (UP, 7) and "6 of its 10 nodes are not of this group" in up.reason
    down = entry(live, node_count=10, action=DOWN, target_nodes=9)
    assert (down.operation, down.nodes_after) == (DOWN, 3)
    assert entry(live, node_count=10, action=STAY, target_nodes=10).nodes_after == 4
    assert entry(live, node_count=3, target_nodes=6).nodes_after == 6, "a count that lags behind takes nothing away"


@pytest.mark.parametrize("values", [{}, {"silent": True}, {"node_count": None}])
def test_what_is_scaled_to_zero_stays_there(values: dict[str, Any]) -> None:
    plan = entry(read_group(serving=(), desired=0), **values)
    assert (plan.operation, plan.nodes_after, plan.is_change) == (STAY, 0, False)
    assert plan.reason == "It is scaled to zero: nothing to scale from"
    results = {one.name: one.passed for one in run_checks(Plan((plan,), NOW), Bounds(), {})}
    assert results["metrics_are_fresh"], "it has no metrics to be fresh"


def test_an_uncounted_group_without_nodes_waits() -> None:
    plan = entry(read_group(serving=(), starting=(0, 0), desired=2), node_count=None)
    assert plan.operation == HOLD and plan.reason.startswith("None of its nodes is in service yet")


def test_a_node_group_has_the_instances_of_its_group() -> None:
    nodegroup = {
        "status": "DEGRADED",
        "scalingConfig": {"minSize": 1, "maxSize": 20, "desiredSize": 9},
        "resources": {"autoScalingGroups": [{"name": "eks-workers"}]},
        "health": {"issues": [{"code": "AsgInstanceLaunchFailures", "message": "No capacity."}]},
    }
    group = described_group(serving=(0,) * 7, desired=9, suspended=("Launch",), name="eks-workers")
    clients = StubbedClients(
        ("eks", "describe_nodegroup", {"nodegroup": nodegroup}),
        ("autoscaling", "describe_auto_scaling_groups", {"AutoScalingGroups": [group]}),
    )
    live = NodegroupTarget("shop", "workers", REGION, clients).read()
    assert (live.nodes, live.minimum, live.maximum, live.in_service, live.missing) == (9, 1, 20, 7, 2)
    reason = entry(live).reason
    assert (
        "its node group reports AsgInstanceLaunchFailures (No capacity)" in reason
        and "launches are suspended" in reason
    )


def test_a_node_group_is_read_without_rights_to_its_group() -> None:
    nodegroup = {
        "status": "ACTIVE",
        "scalingConfig": {"minSize": 1, "maxSize": 20, "desiredSize": 9},
        "resources": {"autoScalingGroups": [{"name": "eks-workers"}]},
    }
    clients = StubbedClients(
        ("eks", "describe_nodegroup", {"nodegroup": nodegroup}),
        ("autoscaling", "describe_auto_scaling_groups", "AccessDenied"),
    )
    live = NodegroupTarget("shop", "workers", REGION, clients).read()
    assert (live.nodes, live.in_service, live.counted) == (9, None, 9)


def test_the_change_of_all_may_grow_with_the_estate() -> None:
    live = LiveSize(30)
    entries = [replace(entry(live, node_count=30, target_nodes=40), cluster_id=str(number)) for number in range(12)]
    total = {len(part): run(part)["changes_are_bounded"] for part in (entries, entries[:5], entries[:6])}
    assert total == {12: False, 5: True, 6: False}, "120 of 360 nodes; 50; 60 of 180"
    calm = [replace(entry(LiveSize(400), node_count=400, action=STAY, target_nodes=400), cluster_id="calm")]
    assert run([*entries, *calm])["changes_are_bounded"], "120 of 760"
    assert not run([*entries, *calm], Bounds(max_total_change=100))["changes_are_bounded"]


def run(entries: list[Entry], bounds: Bounds | None = None) -> dict[str, bool]:
    return {one.name: one.passed for one in run_checks(Plan(tuple(entries), NOW), bounds or Bounds(), {})}


def test_instances_in_other_states_do_not_count() -> None:
    group = described_group(serving=(0, 0, 0), desired=3)
    group["Instances"][0]["LifecycleState"] = "Standby"
    group["Instances"][1]["LifecycleState"] = "Terminating:Wait"
    assert (live_of_group(group).in_service, live_of_group(group).missing) == (1, 2)
