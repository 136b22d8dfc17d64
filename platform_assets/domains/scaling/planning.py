"""Forecasts, targets and the last apply -> the plan and its checks; and how it is stored, applied and undone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from platform_assets.actions.audit import reason_of
from platform_assets.actions.checks import CheckResult
from platform_assets.actions.errors import ActionError, RequestError
from platform_assets.actions.pending import PendingPlanFile
from platform_assets.actions.protocol import NO_OVERRIDES, Change, CheckedPlan
from platform_assets.domains.scaling import audit
from platform_assets.domains.scaling.applied import AppliedStore
from platform_assets.domains.scaling.apply import Origin, Report, apply
from platform_assets.domains.scaling.checks import run_checks
from platform_assets.domains.scaling.config import Rule, Rules, load_rules
from platform_assets.domains.scaling.errors import ScalingError
from platform_assets.domains.scaling.forecasting import newest_forecasts
from platform_assets.domains.scaling.plan import plan, undo
from platform_assets.domains.scaling.plan_values import STEP, Forecast, Limits, LiveSize, Plan, Subject
from platform_assets.domains.scaling.tables import SCALING_AUDIT, SCALING_FORECASTS, SCALING_PLAN
from platform_assets.domains.scaling.targets import NodeTarget
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake

PLAN = TypeAdapter(Plan)


class ScalingChange(Change[Plan, Report]):
    """The change of cluster sizes; its only part is all clusters."""

    table = SCALING_PLAN
    alert_kind = "scaling_stopped"
    unchanged = "sizes stay as they are"
    unchanged_alert = "Clusters keep their sizes"
    parts = ("clusters",)

    @property
    def pending(self) -> PendingPlanFile:
        return PendingPlanFile(self.settings.home / "scaling" / "plan.json")

    def basis(self) -> dict[str, Any]:
        return {
            "file": self.settings.scaling.file,
            "applies": self.settings.scaling.apply,  # a dry run replays old metrics
            "serial": AppliedStore.of(self.settings).load().serial,
            "versions": {table.key: self.lake.version(table) for table in (SCALING_FORECASTS, SCALING_AUDIT)},
        }

    def make(
        self, overrides: Mapping[str, str] = NO_OVERRIDES, parts: Sequence[Hashable] | None = None
    ) -> CheckedPlan[Plan]:
        return CheckedPlan(*make_plan(self.settings, self.lake, overrides))

    def to_document(self, plan: Plan) -> Any:
        return PLAN.dump_python(plan, mode="json")

    def from_document(self, document: Any) -> Plan:
        return PLAN.validate_python(document)

    def apply(self, plan: Plan) -> tuple[dict[Any, Report], dict[Any, ActionError]]:
        (part,) = self.parts
        try:
            return {part: self._apply(plan, Origin(audit.who(self.settings), plan.planned_at))}, {}
        except ActionError as error:
            return {}, {part: error}

    def join(self, reports: Mapping[Any, Report]) -> Report:
        return next(iter(reports.values()))

    def plan_undo(self) -> Plan:
        return make_undo(self.settings)

    def apply_undo(self, plan: Plan, reason: str, lasting: timedelta) -> Report:
        """Restore the sizes before the last apply, and hold the clusters for a time."""
        at = plan.planned_at
        return self._apply(plan, Origin(audit.who(self.settings), at, audit.UNDO, reason_of(reason), at + lasting))

    def _apply(self, plan: Plan, origin: Origin) -> Report:
        rules = _rules_of(load_rules(self.settings), [entry.cluster_id for entry in plan.entries])
        targets = {name: rule.target for name, rule in rules.items()}
        return apply(plan, targets, AppliedStore.of(self.settings), self.lake, origin)


def make_plan(
    settings: Settings, lake: Lake, overrides: Mapping[str, str] = NO_OVERRIDES
) -> tuple[Plan, list[CheckResult]]:
    """The plan of this moment and the results of its checks; targets that cannot be read are in the plan's `missing`.

    In a dry run, metrics of file targets are judged by their own newest time, so that old metrics can be replayed.
    """
    rules, now = load_rules(settings), datetime.now(UTC)
    rows = {row["cluster_id"]: row for row in newest_forecasts(lake)}
    newest = max((row["made_at"] for row in rows.values()), default=now) + STEP
    by_cluster = _rules_of(rules, (*rows, *rules.named))
    live, missing = _live_sizes({name: rule.target for name, rule in by_cluster.items()})
    state, holds = AppliedStore.of(settings).load(), audit.undo_holds(audit.AUDIT.read(lake), now)
    subjects = [
        Subject(
            name,
            str(rule.target),
            live[name],
            forecast_of(rows.get(name)),
            now if settings.scaling.apply or not rule.target.is_file else min(now, newest),
            rule.target.is_file,
            state.of(name, str(rule.target)),
            rule.policy,
            rule.allow_external_change,
            holds.get(name, ""),
        )
        for name, rule in by_cluster.items()
        if name in live
    ]
    limits = _limits(settings, rules, overrides)
    planned = plan(subjects, limits, now, state.serial, missing)
    return planned, run_checks(planned, rules.bounds, overrides)


def make_undo(settings: Settings) -> Plan:
    """The plan that undoes the last apply. RequestError where there is nothing to undo."""
    state, rules = AppliedStore.of(settings).load(), load_rules(settings)
    if not state.last:
        raise RequestError("Nothing was applied that could be undone; see `weir sql` and the table scaling/audit.")
    targets = {
        name: rule.target
        for name, rule in _rules_of(rules, tuple(state.last)).items()
        if str(rule.target) == state.clusters[name][0]
    }
    live, missing = _live_sizes(targets)
    changed_target = "it has another target now; correct the file of targets"
    missing |= {name: changed_target for name in state.last if name not in targets}
    names = {name: str(target) for name, target in targets.items()}
    return undo(state.last, live, names, datetime.now(UTC), state.serial, missing)


def _limits(settings: Settings, rules: Rules, overrides: Mapping[str, str]) -> Limits:
    """The limits of single clusters; an overridden check lifts its limit."""
    any_age, any_forecast = "metrics_are_fresh" in overrides, "forecasts_held" in overrides
    return Limits(
        timedelta.max if any_age else timedelta(minutes=settings.scaling.max_age_minutes),
        0.0 if any_forecast else rules.bounds.min_confidence,
    )


def _rules_of(rules: Rules, names: Sequence[str]) -> dict[str, Rule]:
    return {name: rule for name in names if (rule := rules.of(name)) is not None}


def _live_sizes(targets: Mapping[str, NodeTarget]) -> tuple[dict[str, LiveSize], dict[str, str]]:
    live, missing = {}, {}
    for name, target in targets.items():
        try:
            live[name] = target.read()
        except ScalingError as error:
            missing[name] = str(error)
    return live, missing


def forecast_of(row: Mapping[str, Any] | None) -> Forecast | None:
    if row is None:
        return None
    return Forecast(**{name: row[name] for name in Forecast.__dataclass_fields__})
