"""Applying and undoing on files: what is last_applied, what one failing target leaves, and a process that dies in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.actions.errors import IncompleteApplyError, PlanStoppedError, RequestError, StalePlanError
from platform_assets.actions.state import StateError
from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling import audit, forecasting
from platform_assets.domains.scaling.applied import Applied, AppliedStore
from platform_assets.domains.scaling.apply import CUT_SHORT, Origin, apply
from platform_assets.domains.scaling.config import load_rules
from platform_assets.domains.scaling.errors import ScalingError, ScalingFileError
from platform_assets.domains.scaling.plan_values import HOLD, LastApplied, LiveSize
from platform_assets.domains.scaling.planning import make_plan, make_undo
from platform_assets.domains.scaling.targets import Clients, FileTarget, GroupTarget, NodegroupTarget, target_of
from platform_assets.settings import Settings
from tests.domains.scaling.scaling_world import apply_undo, plan_and_apply, record_overrides

NOW = datetime.now(UTC).replace(microsecond=0)
CLUSTERS = ("ads", "blog", "shop")


def row(cluster: str, target: int, **values: Any) -> dict[str, Any]:
    return {
        "cluster_id": cluster,
        "made_at": NOW - timedelta(minutes=6),
        "target_at": NOW + timedelta(minutes=24),
        "predicted_cpu_utilization": 85.0,
        "lower_90": 80.0,
        "upper_90": 90.0,
        "confidence": 0.9,
        "current_cpu_utilization": 70.0,
        "node_count": 4,
        "action": "scale_up" if target > 4 else "scale_down" if target < 4 else "maintain",
        "target_nodes": target,
        "urgency": "medium",
        "reasoning": f"{target} nodes are needed",
        "model_name": "naive",
        "model_version": "persistence",
        "forecast_at": NOW,
        **values,
    }


@pytest.fixture
def scaled(home: Settings) -> Settings:
    """A home in which three clusters are to grow from 4 to 6, with everything allowed."""
    settings = home.model_copy(update={"scaling_apply": True})
    forecasting.write(lake_of(settings), [row(name, 6) for name in CLUSTERS], 28)
    return settings


def sizes(settings: Settings) -> dict[str, int]:
    path = settings.home / "scaling" / "desired.json"
    return {name: entry["nodes"] for name, entry in json.loads(path.read_text(encoding="utf-8")).items()}


def write_sizes(settings: Settings, nodes: Mapping[str, int]) -> None:
    for name, count in nodes.items():
        FileTarget(settings.home / "scaling" / "desired.json", name).write(count, "by hand")


def acts(settings: Settings) -> list[tuple[str, str, int | None, int | None, str]]:
    return [
        (act.command, act.subject, act.nodes_before, act.nodes_after, act.details)
        for act in sorted(audit.AUDIT.read(lake_of(settings)), key=lambda act: (act.acted_at, act.subject))
    ]


def forecast_anew(settings: Settings, target: int, **values: Any) -> None:
    forecasting.write(lake_of(settings), [row(name, target, **values) for name in CLUSTERS], 28)


def test_a_plan_is_applied_once_and_recorded(scaled: Settings) -> None:
    lake = lake_of(scaled)
    report = plan_and_apply(scaled, lake)
    assert sizes(scaled) == dict.fromkeys(CLUSTERS, 6) and len(report.changed) == 3
    assert acts(scaled) == [("apply", name, None, 6, "") for name in CLUSTERS]
    assert audit.AUDIT.read(lake)[0].reason == "6 nodes are needed"
    again = plan_and_apply(scaled, lake)
    assert not again.changed and again.text() == "No cluster changed" and len(acts(scaled)) == 3


def test_a_dry_run_replays_metrics_that_applying_refuses(home: Settings) -> None:
    scaled, lake = home.model_copy(update={"scaling_apply": True}), lake_of(home)
    forecast_anew(scaled, 7, made_at=NOW - timedelta(days=400))
    made, results = make_plan(home, lake)
    assert len(made.changes) == 3 and all(one.passed for one in results)
    with pytest.raises(PlanStoppedError, match=r"metrics_are_fresh stops it now, sizes stay .* minutes old"):
        plan_and_apply(scaled, lake)
    assert not (scaled.home / "scaling" / "desired.json").exists()
    plan_and_apply(scaled, lake, {"metrics_are_fresh": "a replay"})
    assert sizes(scaled) == dict.fromkeys(CLUSTERS, 7)
    assert '"kind": "scaling_stopped"' in (scaled.home / "alerts.jsonl").read_text(encoding="utf-8")


def test_a_plan_that_another_run_overtook_is_refused(scaled: Settings) -> None:
    lake = lake_of(scaled)
    made, _ = make_plan(scaled, lake)
    plan_and_apply(scaled, lake)
    targets = {name: FileTarget(scaled.home / "scaling" / "desired.json", name) for name in CLUSTERS}
    with pytest.raises(StalePlanError, match="Another run has scaled"):
        apply(made, targets, AppliedStore.of(scaled), lake, Origin("ana", NOW))


class Refusing:
    """A target that fails."""

    is_file = True

    def __init__(self, live: int | None) -> None:
        self.live = live

    def read(self) -> LiveSize:
        return LiveSize(self.live)

    def write(self, nodes: int, reason: str) -> None:
        raise ScalingError("The group is still scaling; the next run goes on from there.")


def test_a_failing_target_holds_back_no_other(scaled: Settings) -> None:
    lake, path = lake_of(scaled), scaled.home / "scaling" / "desired.json"
    made, _ = make_plan(scaled, lake)
    targets: dict[str, Any] = {"ads": Refusing(None), "blog": FileTarget(path, "blog"), "shop": Refusing(5)}
    with pytest.raises(IncompleteApplyError) as raised:
        apply(made, targets, AppliedStore.of(scaled), lake, Origin("ana", NOW))
    assert str(raised.value).startswith("ads: The group is still scaling; the next run goes on from there; shop: ")
    assert "went from none to 5 since the plan was made" in str(raised.value)
    assert str(raised.value).endswith("Changed: blog -> 6.")
    assert sizes(scaled) == {"blog": 6}
    assert [details.partition(":")[0] for *_, details in acts(scaled)] == ["failed", "", "failed"]


DYING = """
import os, sys
from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling.targets import FileTarget
from platform_assets.actions.protocol import apply_pending
from platform_assets.domains.scaling.planning import ScalingChange
from platform_assets.settings import load_settings
write, left = FileTarget.write, [int(sys.argv[2])]
def dying(self, nodes, reason):
    if not left[0]:
        os._exit(9)
    left[0] -= 1
    write(self, nodes, reason)
    if sys.argv[3] == "after" and not left[0]:
        os._exit(9)
FileTarget.write = dying
settings = load_settings(sys.argv[1], scaling_apply=True)
apply_pending(ScalingChange(settings, lake_of(settings)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("writes", "when"), [(1, "before"), (1, "after"), (2, "after"), (3, "after")])
def test_a_killed_run_converges_on_the_next(scaled: Settings, writes: int, when: str) -> None:
    write_sizes(scaled, dict.fromkeys(CLUSTERS, 4))
    command = [sys.executable, "-c", DYING, str(scaled.home), str(writes), when]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 9, done.stderr
    arrived = CLUSTERS[:writes]
    assert sizes(scaled) == {name: 6 if name in arrived else 4 for name in CLUSTERS}
    _, results = make_plan(scaled, lake_of(scaled))
    assert all(one.passed for one in results), "what arrived is ours, not somebody else's"
    plan_and_apply(scaled, lake_of(scaled))
    assert sizes(scaled) == dict.fromkeys(CLUSTERS, 6)
    assert not make_plan(scaled, lake_of(scaled))[0].changes
    unconfirmed = [name for command, name, *_, details in acts(scaled) if details == CUT_SHORT]
    confirmed = arrived if when == "before" else arrived[:-1]
    assert unconfirmed == [name for name in arrived if name not in confirmed]
    assert all(known.pending is None for _, known in AppliedStore.of(scaled).load().clusters.values())


def test_an_undo_goes_back_holds_and_ends(scaled: Settings) -> None:
    write_sizes(scaled, {"ads": 4, "blog": 4, "shop": 4})
    lake = lake_of(scaled)
    plan_and_apply(scaled, lake)
    write_sizes(scaled, {"shop": 7})
    made = make_undo(scaled)
    with pytest.raises(RequestError, match="A reason of 1 to 300"):
        apply_undo(scaled, lake, made, " ", timedelta(hours=1))
    report = apply_undo(scaled, lake, made, "too  early", timedelta(hours=1))
    assert [entry.cluster_id for entry in report.changed] == ["ads", "blog"]
    assert sizes(scaled) == {"ads": 4, "blog": 4, "shop": 7}
    held, _ = make_plan(scaled, lake)
    of = {entry.cluster_id: entry for entry in held.entries}
    assert of["ads"].operation == HOLD and "an undo holds it until" in of["ads"].reason
    assert of["ads"].reason.endswith(": too early") and of["shop"].operation != HOLD
    later = audit.undo_holds(audit.AUDIT.read(lake), datetime.now(UTC) + timedelta(hours=2))
    assert not later


def test_an_unreached_undo_can_be_repeated(scaled: Settings) -> None:
    write_sizes(scaled, dict.fromkeys(CLUSTERS, 4))
    lake, path = lake_of(scaled), scaled.home / "scaling" / "desired.json"
    plan_and_apply(scaled, lake)
    targets: dict[str, Any] = {name: FileTarget(path, name) for name in CLUSTERS} | {"blog": Refusing(6)}
    by = Origin("ana", NOW, audit.UNDO, "too early", NOW + timedelta(hours=1))
    with pytest.raises(IncompleteApplyError):
        apply(make_undo(scaled), targets, AppliedStore.of(scaled), lake, by)
    assert sizes(scaled) == {"ads": 4, "blog": 6, "shop": 4}
    apply_undo(scaled, lake, make_undo(scaled), "again", timedelta(hours=1))
    assert sizes(scaled) == dict.fromkeys(CLUSTERS, 4)
    with pytest.raises(RequestError, match="Nothing was applied that could be undone"):
        make_undo(scaled)


def test_an_external_change_stops_the_plan_until_overridden(scaled: Settings) -> None:
    lake = lake_of(scaled)
    plan_and_apply(scaled, lake)
    write_sizes(scaled, {"shop": 3})
    forecast_anew(scaled, 8, current_cpu_utilization=95.0)
    with pytest.raises(PlanStoppedError, match="nobody_else_scaled stops it now"):
        plan_and_apply(scaled, lake)
    ids = record_overrides(scaled, lake, ["nobody_else_scaled"], "it was me", "weir scaling apply")
    plan_and_apply(scaled, lake, audit.AUDIT.overrides_of(lake, ids))
    assert sizes(scaled) == dict.fromkeys(CLUSTERS, 8)
    with pytest.raises(RequestError, match="There is no check 'x'"):
        record_overrides(scaled, lake, ["x"], "why", "weir scaling apply")


def test_state_belongs_to_its_target_damage_is_named(scaled: Settings) -> None:
    known = Applied().with_cluster("shop", "file:a", LastApplied(4))
    assert known.of("shop", "file:a").nodes == 4 and known.of("shop", "file:b").nodes is None
    at = LastApplied(4, 5, NOW, NOW, NOW)
    store, state = (
        AppliedStore.of(scaled),
        replace(known.with_cluster("shop", "file:a", at), last={"shop": (None, 4)}),
    )
    store.save(state)
    assert store.load() == state
    store.path.write_text("{", encoding="utf-8")
    with pytest.raises(StateError, match="does not hold what was applied last; restore it, or delete it"):
        make_plan(scaled, lake_of(scaled))


# The file of targets


def rules_of(home: Settings, text: str) -> Any:
    path = home.home / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(home.model_copy(update={"scaling_file": str(path)}))


def test_the_file_names_targets_bounds_and_defaults(home: Settings) -> None:
    rules = rules_of(
        home,
        """
clusters:
  shop: {target: "eks: shop/workers@eu-west-1", minimum_nodes: 3, cooldown_up_seconds: 60, allow_drift: true}
  ads: {target: "asg: ads-1@us-east-1"}
  "*": {target: "file: sizes.json"}
checks: {max_total_change: 7}
""",
    )
    shop = rules.of("shop")
    assert shop.target == NodegroupTarget("shop", "workers", "eu-west-1") and shop.allow_external_change
    assert (shop.policy.minimum_nodes, shop.policy.cooldown_up_seconds) == (3, 60)
    assert rules.of("ads").target == GroupTarget("ads-1", "us-east-1")
    assert rules.of("new").target == FileTarget(home.home.resolve() / "sizes.json", "new")
    assert rules.bounds.max_total_change == 7 and rules.named == ("shop", "ads")
    assert rules_of(home, "clusters: {shop: {target: 'file: x'}}").of("new") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters: [", "cannot be read"),
        ("shop: {target: 'file: x'}", "needs `clusters:`"),
        ("clusters: {}", "needs `clusters:`"),
        ("clusters: {shop: {minimum_nodes: 1}}", "shop has no target"),
        ("clusters: {shop: {target: 'ec2: x'}}", "The target 'ec2: x' of shop is none"),
        ("clusters: {shop: {target: 'eks: x@eu-west-1'}}", "is none; write"),
        ("clusters: {shop: {target: 'file: x', nodes: 1}}", "the key 'nodes', which is not known"),
        ("clusters: {shop: {target: 'file: x', minimum_nodes: 1.5}}", "minimum_nodes of shop is 1.5"),
        ("clusters: {shop: {target: 'file: x', maximum_nodes: -1}}", "maximum_nodes of shop is -1"),
        ("clusters: {shop: {target: 'file: x', allow_drift: 1}}", "allow_drift of shop is 1"),
        ("clusters: {shop: {target: 'file: x', preset: cheap}}", "preset of shop is 'cheap'"),
        ("clusters: {shop: {target: 'file: x', violation_budget: -1}}", "violation_budget of shop is -1"),
        ("clusters: {shop: {target: 'file: x', maximum_nodes: 1}}", "minimum_nodes of shop is above"),
        ("clusters: {shop: {target: 'file: x'}}\nchecks: {min_confidence: 2}", "wrong at checks"),
        ("clusters: {shop: {target: 'file: x'}}\nchecks: {nonsense: 2}", "wrong at checks"),
    ],
)
def test_a_wrong_file_is_one_sentence(home: Settings, text: str, said: str) -> None:
    with pytest.raises(ScalingFileError) as raised:
        rules_of(home, text)
    assert said in str(raised.value) and str(raised.value).endswith(".") and "\n" not in str(raised.value)


def test_a_damaged_file_of_sizes_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "sizes.json"
    for text in ("[]", "{", '{"shop": 4}', '{"shop": {"nodes": "4"}}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ScalingError, match="does not hold sizes of clusters"):
            FileTarget(path, "shop").read()
    assert target_of("file: sizes.json", "shop", tmp_path, Clients()) == FileTarget(path, "shop")


# The table of forecasts


def test_a_days_first_forecasts_prune_the_table(home: Settings) -> None:
    lake, table = lake_of(home), forecasting.SCALING_FORECASTS
    for day in (-40, -2, -1, 0):
        at = NOW + timedelta(days=day)
        forecasting.write(lake, [row("shop", 4, made_at=at, forecast_at=at)], 28)
    assert sorted(lake.read_arrow(table)["made_at"].to_pylist()) == [NOW + timedelta(days=d) for d in (-2, -1, 0)]
    forecasting.write(lake, [row("shop", 9, made_at=NOW)], 28)
    newest = forecasting.newest_forecasts(lake)
    assert [one["target_nodes"] for one in newest] == [9], "made anew, it replaces the one of the same step"
    assert lake.read_arrow(table).num_rows == 3
