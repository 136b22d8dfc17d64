"""Node groups and Auto Scaling groups (moto): a plan reaches them, an undo goes back, and each fault is one sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from platform_assets.actions.errors import IncompleteApplyError
from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling import audit, forecasting
from platform_assets.domains.scaling.assets import make_forecasts
from platform_assets.domains.scaling.config import load_rules
from platform_assets.domains.scaling.errors import ScalingError
from platform_assets.domains.scaling.plan_values import HOLD
from platform_assets.domains.scaling.planning import make_plan, make_undo
from platform_assets.domains.scaling.targets import Clients, GroupTarget, NodegroupTarget, target_of
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN
from spark_jobs.storage.schema import arrow_schema
from tests.domains.scaling.scaled_groups import scaled_groups
from tests.domains.scaling.scaling_world import apply_undo, plan_and_apply


def now() -> datetime:
    """Of the call: what is fresh when the tests are collected need not be when they run."""
    return datetime.now(UTC).replace(microsecond=0)


def row(cluster: str, target: int, counted: int | None = 4) -> dict[str, Any]:
    action = "maintain" if target == counted else "scale_up" if target > (counted or 1) else "scale_down"
    return {
        "cluster_id": cluster,
        "made_at": now() - timedelta(minutes=6),
        "target_at": now() + timedelta(minutes=24),
        "confidence": 0.9,
        "node_count": counted,
        "action": action,
        "target_nodes": target,
        "urgency": "medium",
        "reasoning": f"{target} nodes are needed",
        "model_name": "naive",
        "model_version": "persistence",
        "forecast_at": now(),
    }


@pytest.fixture
def scaled(home: Settings, moto_endpoint: str) -> Settings:
    """Two clusters in AWS that are to grow from 4 nodes, one of them beyond its group's own maximum."""
    clusters = "\n".join(f"  {name}: {{target: '{text}'}}" for name, text in scaled_groups().items())
    path = home.home / "targets.yaml"
    path.write_text(f"clusters:\n{clusters}\n", encoding="utf-8")
    settings = home.model_copy(update={"scaling_apply": True, "scaling_file": str(path)})
    forecasting.write(lake_of(settings), [row("ads", 6), row("shop", 12)], 28)
    return settings


def sizes() -> dict[str, int]:
    (group,) = boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    nodes = boto3.client("eks").describe_nodegroup(clusterName="shop", nodegroupName="workers")["nodegroup"]
    return {"ads": group["DesiredCapacity"], "shop": nodes["scalingConfig"]["desiredSize"]}


@pytest.mark.slow
def test_a_plan_reaches_both_kinds_of_groups(scaled: Settings) -> None:
    lake = lake_of(scaled)
    plan_and_apply(scaled, lake)
    assert sizes() == {"ads": 6, "shop": 8}
    kept = boto3.client("eks").describe_nodegroup(clusterName="shop", nodegroupName="workers")["nodegroup"]
    assert kept["scalingConfig"] == {"minSize": 1, "maxSize": 8, "desiredSize": 8}, "bounds are left alone"
    assert not make_plan(scaled, lake)[0].changes
    assert audit.AUDIT.read(lake)[0].actor.endswith("as arn:aws:sts::123456789012:user/moto")
    apply_undo(scaled, lake, make_undo(scaled), "too early", timedelta(hours=1))
    assert sizes() == {"ads": 4, "shop": 4}
    assert {entry.operation for entry in make_plan(scaled, lake)[0].entries} == {HOLD}


@pytest.mark.slow
def test_a_missing_group_holds_back_no_other(scaled: Settings) -> None:
    eks, lake = boto3.client("eks"), lake_of(scaled)
    eks.delete_nodegroup(clusterName="shop", nodegroupName="workers")
    with pytest.raises(
        IncompleteApplyError,
        match=r"shop: There is no node group shop/workers in us-east-1; correct .*Changed: ads -> 6",
    ):
        plan_and_apply(scaled, lake)


@pytest.mark.slow
def test_the_groups_size_counts_where_nodes_are_uncounted(scaled: Settings) -> None:
    import pyarrow as pa

    start = now().replace(minute=0, second=0) - timedelta(hours=2)
    nothing = dict.fromkeys(CLUSTER_5MIN.column_names)
    flags = {column.name: False for column in CLUSTER_5MIN.columns if column.name.startswith("is_")}
    steps: list[dict[str, Any]] = [
        {**nothing, **flags, "gap_metrics": [], "sample_count": 1, "cpu_sample_count": 1, "cluster_id": name}
        | {"event_at": at, "cpu_utilization": 90.0, HOUR_COLUMN: format_hour(at)}
        for name in ("ads", "shop")
        for at in (start + timedelta(minutes=5 * step) for step in range(40))
    ]
    lake = lake_of(scaled)
    lake.overwrite_arrow(pa.Table.from_pylist(steps, schema=arrow_schema(CLUSTER_5MIN, with_hour=True)), CLUSTER_5MIN)
    assert make_forecasts(scaled, lake)["model"] == "naive persistence"
    found = {one["cluster_id"]: one for one in forecasting.newest_forecasts(lake)}
    assert (found["ads"]["node_count"], found["ads"]["target_nodes"]) == (4, 6), "90 % of 4 nodes is 70 % of 6"
    assert found["ads"]["made_at"] + timedelta(minutes=5) <= datetime.now(UTC), "only of steps that are complete"


@pytest.mark.slow
def test_what_is_no_group_is_one_sentence(moto_endpoint: str, home: Settings) -> None:
    for text, said in (
        ("asg: ads@us-east-1", "There is no Auto Scaling group ads in us-east-1"),
        ("eks: shop/workers@us-east-1", "There is no node group shop/workers in us-east-1"),
    ):
        with pytest.raises(ScalingError) as raised:
            target_of(text, "shop", home.home, Clients()).read()
        assert str(raised.value).startswith(said) and str(raised.value).endswith(".")


class Answering(Clients):
    """Clients that answer every call with one error of AWS."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__()
        self.error = ClientError({"Error": {"Code": code, "Message": message}}, "Call")

    def client(self, service: str, region: str) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            raise self.error

        return call


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "ScalingActivityInProgress",
            "The Auto Scaling group ads in us-east-1 is still scaling or cooling down; the next run",
        ),
        (
            "ValidationError",
            "AWS refuses the size for the Auto Scaling group ads in us-east-1 (too many); correct the bounds",
        ),
        ("AccessDenied", "allow autoscaling:SetDesiredCapacity to these credentials"),
        ("ExpiredToken", "renew or correct them"),
    ],
)
def test_what_aws_refuses_is_one_sentence(code: str, said: str) -> None:
    with pytest.raises(ScalingError) as raised:
        GroupTarget("ads", "us-east-1", Answering(code, "too many")).write(5, "a reason")
    assert said in str(raised.value) and str(raised.value).endswith(".")


def test_an_updating_node_group_waits_a_run() -> None:
    group = NodegroupTarget("shop", "workers", "us-east-1", Answering("ResourceInUseException"))
    with pytest.raises(ScalingError, match=r"^The node group shop/workers in us-east-1 is being updated; the next run"):
        group.write(5, "a reason")


def test_a_targets_file_is_read_from_the_setting(home: Settings) -> None:
    assert str(load_rules(home).of("any").target) == f"file:{home.home.resolve() / 'scaling' / 'desired.json'}"  # type: ignore[union-attr]
