"""Forecasts, targets and what was applied -> the plan and its checks, made the same way for looking and for applying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from platform_assets.actions.checks import CheckResult, failures, unknown_check
from platform_assets.clients.notifier import Alert, notify
from platform_assets.domains.scaling import audit
from platform_assets.domains.scaling.applied import AppliedStore
from platform_assets.domains.scaling.apply import By, Report, apply
from platform_assets.domains.scaling.checks import run_checks
from platform_assets.domains.scaling.config import Rule, Rules, load_rules
from platform_assets.domains.scaling.errors import ScalingError, ScalingRequestError, ScalingStoppedError
from platform_assets.domains.scaling.forecasting import newest_forecasts
from platform_assets.domains.scaling.plan import STEP, Forecast, Limits, Live, Plan, Subject, plan, undo
from platform_assets.domains.scaling.tables import SCALING_PLAN
from platform_assets.domains.scaling.targets import NodeTarget
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake

NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


def make_plan(
    settings: Settings, lake: Lake, overrides: Mapping[str, str] = NO_OVERRIDES
) -> tuple[Plan, list[CheckResult]]:
    """What applying would do now, and whether it may; targets that cannot be read are among the plan's `missing`.

    Metrics of lines of files are fresh by their own newest time as long as nothing is applied, so that old ones can be replayed.
    """
    rules, now = load_rules(settings), datetime.now(UTC)
    rows = {row["cluster_id"]: row for row in newest_forecasts(lake)}
    newest = max((row["made_at"] for row in rows.values()), default=now) + STEP
    targets = _targets(rules, (*rows, *rules.named))
    live, missing = _read({name: rule.target for name, rule in targets.items()})
    state, held = AppliedStore.of(settings).load(), audit.held(audit.read(lake), now)
    subjects = [
        Subject(
            name,
            str(rule.target),
            live[name],
            _forecast(rows.get(name)),
            now if settings.scaling.apply or not rule.target.is_file else min(now, newest),
            rule.target.is_file,
            state.of(name, str(rule.target)),
            rule.policy,
            rule.allow_drift,
            held.get(name, ""),
        )
        for name, rule in targets.items()
        if name in live
    ]
    limits = _limits(settings, rules, overrides)
    made = plan(subjects, limits, now, state.serial, missing)
    return made, run_checks(made, rules.bounds, overrides)


def plan_and_apply(settings: Settings, lake: Lake, overrides: Mapping[str, str] = NO_OVERRIDES) -> Report:
    """Make the plan that was checked again, check it again, apply it. ScalingStoppedError where a check stops it now."""
    made, results = make_plan(settings, lake, overrides)
    if stopped := failures(results):
        notify(settings, stopped_alert(stopped, made))
        raise ScalingStoppedError(
            f"The plan changed since it was checked and {stopped[0].name} stops it now, sizes stay as they are: {stopped[0].sentence}"
        )
    targets = {name: rule.target for name, rule in _targets(load_rules(settings), _named(made)).items()}
    return apply(made, targets, AppliedStore.of(settings), lake, By(audit.who(settings), made.planned_at))


def make_undo(settings: Settings) -> Plan:
    """What undoing the last apply would do now. ScalingRequestError where nothing is to be undone."""
    state, rules = AppliedStore.of(settings).load(), load_rules(settings)
    if not state.last:
        raise ScalingRequestError(
            "Nothing was applied that could be undone; see `weir sql` and the table scaling/audit."
        )
    targets = {
        name: rule.target
        for name, rule in _targets(rules, tuple(state.last)).items()
        if str(rule.target) == state.clusters[name][0]
    }
    live, missing = _read(targets)
    other = "it has another target now; correct the file of targets"
    missing |= {name: other for name in state.last if name not in targets}
    named = {name: str(target) for name, target in targets.items()}
    return undo(state.last, live, named, datetime.now(UTC), state.serial, missing)


def apply_undo(settings: Settings, lake: Lake, made: Plan, reason: str, lasting: timedelta) -> Report:
    """Go back, and hold the clusters for a time."""
    targets = {name: rule.target for name, rule in _targets(load_rules(settings), _named(made)).items()}
    at = made.planned_at
    by = By(audit.who(settings), at, audit.UNDO, audit.reason_of(reason), at + lasting)
    return apply(made, targets, AppliedStore.of(settings), lake, by)


def record_overrides(settings: Settings, lake: Lake, checks: Sequence[str], reason: str, run: str) -> list[str]:
    """Let checks of the plan not count in one run; the audit_ids of the rows, which it has to name."""
    if said := unknown_check(checks, SCALING_PLAN.checks):
        raise ScalingRequestError(said)
    at, actor, why = datetime.now(UTC), audit.who(settings), audit.reason_of(reason)
    acts = [audit.Act.make(at, actor, audit.OVERRIDE, name, why, details=run) for name in dict.fromkeys(checks)]
    audit.append(lake, acts)
    return [act.audit_id for act in acts]


def stopped_alert(results: list[CheckResult], made: Plan) -> Alert:
    return Alert(
        kind="scaling_stopped",
        severity="critical",
        summary=f"Clusters keep their sizes: {results[0].sentence}",
        at=made.planned_at,
        details={one.name: one.sentence for one in results},
        key=f"scaling_stopped:{','.join(one.name for one in results)}:{made.planned_at:%Y-%m-%dT%H}",
    )


def _limits(settings: Settings, rules: Rules, overrides: Mapping[str, str]) -> Limits:
    """A check that does not count this time holds no single cluster either."""
    any_age, any_forecast = "metrics_are_fresh" in overrides, "forecasts_held" in overrides
    return Limits(
        timedelta.max if any_age else timedelta(minutes=settings.scaling.max_age_minutes),
        0.0 if any_forecast else rules.bounds.min_confidence,
    )


def _named(made: Plan) -> tuple[str, ...]:
    return tuple(entry.cluster_id for entry in made.entries)


def _targets(rules: Rules, names: tuple[str, ...]) -> dict[str, Rule]:
    found = {name: rules.of(name) for name in dict.fromkeys(names)}
    return {name: rule for name, rule in found.items() if rule is not None}


def _read(targets: Mapping[str, NodeTarget]) -> tuple[dict[str, Live], dict[str, str]]:
    live, missing = {}, {}
    for name, target in targets.items():
        try:
            live[name] = target.read()
        except ScalingError as error:
            missing[name] = str(error)
    return live, missing


def _forecast(row: Mapping[str, Any] | None) -> Forecast | None:
    if row is None:
        return None
    return Forecast(**{name: row[name] for name in Forecast.__dataclass_fields__})
