"""Decisions, manual actions and live IP sets -> the checked plan of all scopes; and how it is stored and applied.

The same path for the assets, `weir waf` and `weir run edge`. The protocol in platform_assets/actions/ orders the steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from platform_assets.actions.checks import CheckResult
from platform_assets.actions.errors import (
    ActionError,
    IncompleteApplyError,
    PlanStoppedError,
    StalePlanError,
)
from platform_assets.actions.pending import PendingPlanFile
from platform_assets.actions.protocol import NO_OVERRIDES, Change, CheckedPlan
from platform_assets.domains.waf.apply.calls import for_each_scope
from platform_assets.domains.waf.apply.ip_sets import IpSetTarget
from platform_assets.domains.waf.apply.report import ApplyReport, ApplyReports
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.checks.checks import run_checks
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.checks.inputs import check_inputs
from platform_assets.domains.waf.checks.waiting import within_bounds
from platform_assets.domains.waf.decide.due import due_entries
from platform_assets.domains.waf.decide.former import present_bounds
from platform_assets.domains.waf.decisions import Decision, DueEntry, Row
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import (
    ManualAction,
    RequestedRemovals,
    as_decision,
    in_force,
    requested_removals,
    with_requested_removals,
)
from platform_assets.domains.waf.plan.benign import benign_addresses
from platform_assets.domains.waf.plan.late_files import with_late_files
from platform_assets.domains.waf.plan.plan import PlanOptions, plan
from platform_assets.domains.waf.plan.plans import Plans, of_all_scopes
from platform_assets.domains.waf.plan.slots import Exemptions
from platform_assets.domains.waf.plan.values import Plan
from platform_assets.domains.waf.policy import Policy, load_allow_list, load_policy
from platform_assets.domains.waf.scopes import Scope, format_by_scope, parse_scopes
from platform_assets.domains.waf.tables import EARLY_DECISIONS, WAF_AUDIT, WAF_DECISIONS, WAF_PLAN
from platform_assets.domains.waf.unexpired import unexpired
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake

PLANS = TypeAdapter(tuple[Plan, ...])


class WafChange(Change[Plans, ApplyReport]):
    """The change of the IP sets of all scopes; a part is a scope."""

    table = WAF_PLAN
    alert_kind = "plan_stopped"
    unchanged = "WAF stays as it is"
    unchanged_alert = "WAF stays as it is"

    def __init__(self, settings: Settings, lake: Lake, targets: Sequence[IpSetTarget] | None = None) -> None:
        super().__init__(settings, lake)
        self.targets = waf_targets(settings) if targets is None else tuple(targets)

    @property
    def pending(self) -> PendingPlanFile:
        return PendingPlanFile(self.settings.home / "waf" / "plan.json")

    @property
    def parts(self) -> Sequence[Scope]:
        return [target.scope for target in self.targets]

    def basis(self) -> dict[str, Any]:
        settings = self.settings
        serials, _ = for_each_scope({target.scope: partial(_serial, target) for target in self.targets})
        return {
            "target": settings.waf.target,
            "prefix": settings.waf.prefix,
            "serials": {str(target.scope): serials.get(target.scope) for target in self.targets},
            "versions": {table.key: self.lake.version(table) for table in (WAF_DECISIONS, EARLY_DECISIONS, WAF_AUDIT)},
        }

    def make(
        self, overrides: Mapping[str, str] = NO_OVERRIDES, parts: Sequence[Hashable] | None = None
    ) -> CheckedPlan[Plans]:
        """The checked plan; scopes that cannot be read are in its `missing`. WafError if none can be read."""
        targets = [target for target in self.targets if parts is None or target.scope in parts]
        return CheckedPlan(*make_plan(self.settings, self.lake, targets, overrides))

    def to_document(self, plan: Plans) -> Any:
        missing = {str(scope): sentence for scope, sentence in plan.missing.items()}
        return {"plans": PLANS.dump_python(plan.plans, mode="json"), "missing": missing}

    def from_document(self, document: Any) -> Plans:
        missing = {scope: sentence for text, sentence in document["missing"].items() for scope in parse_scopes(text)}
        return Plans(PLANS.validate_python(document["plans"]), missing)

    def apply(self, plan: Plans) -> tuple[dict[Scope, ApplyReport], dict[Scope, ActionError]]:
        targets = {target.scope: target for target in self.targets}
        work = {scope_plan.scope: partial(targets[scope_plan.scope].apply, scope_plan) for scope_plan in plan.plans}
        reports, errors = for_each_scope(work)
        return reports, errors | {scope: WafError(why) for scope, why in plan.missing.items()}

    def join(self, reports: Mapping[Scope, ApplyReport]) -> ApplyReports:
        return ApplyReports(tuple(reports.values()))

    def incomplete(self, reports: Mapping[Scope, ApplyReport], errors: Mapping[Scope, ActionError]) -> ActionError:
        """One error for all failed scopes, with what was applied in the others; of their class if they share one."""
        message = format_by_scope({scope: str(error) for scope, error in errors.items()}, (*reports, *errors))
        if reports:
            applied = (f"{scope} +{report.added} -{report.removed}" for scope, report in reports.items())
            message += f" Applied: {', '.join(applied)}."
        parts = [
            report for error in errors.values() if isinstance(error, IncompleteApplyError) for report in error.reports
        ]
        kinds = {type(error) for error in errors.values()}
        if len(kinds) == 1 and kinds <= {StalePlanError, PlanStoppedError}:
            return kinds.pop()(message)
        return IncompleteApplyError(message, *reports.values(), *parts)


def _serial(target: IpSetTarget) -> int:
    return target.last_applied().serial


@dataclass(frozen=True)
class Due:
    """The entries due in every scope, and what is needed to explain and check them."""

    entries: Sequence[DueEntry]
    decisions: Sequence[dict[str, Any]]
    requested: RequestedRemovals
    manual_actions: Sequence[ManualAction]
    exempt: Sequence[str]
    """The allow list, and the addresses that people allowed."""


def make_plan(
    settings: Settings,
    lake: Lake,
    targets: Sequence[IpSetTarget],
    overrides: Mapping[str, str] = NO_OVERRIDES,
) -> tuple[Plans, list[CheckResult]]:
    """The plan of this moment and the results of its checks; nothing is stored.

    `overrides`: check -> why it is overridden. WafError if no scope can be read.
    """
    policy, now = load_policy(settings.waf.policy_file), datetime.now(UTC)
    due = _due(settings, lake, policy, now)
    exemptions = Exemptions.of(due.exempt, policy.rules.act_on_special, benign_addresses(lake, policy.plan))
    decided = [entry.address for entry in due.entries]
    inputs = replace(check_inputs(settings, lake, due.decisions, policy, due.exempt, decided), overrides=overrides)
    waiting = _waiting(lake)
    work = {
        target.scope: partial(
            _in_scope,
            lake,
            target,
            due,
            policy,
            PlanOptions(target.prefix, target.scope, policy.plan.restore_drift, policy.plan, exemptions),
            replace(inputs, waiting=waiting.get(str(target.scope), ())),
            now,
        )
        for target in targets
    }
    plans, errors = for_each_scope(work)
    missing = {scope: str(error) for scope, error in errors.items()}
    if not plans:
        raise WafError(format_by_scope(missing, missing)) from next(iter(errors.values()))
    results = {
        scope: run_checks(plan, replace(inputs, requested_removals=removals.keys()), policy.checks)
        for scope, (plan, removals) in plans.items()
    }
    return Plans(tuple(plan for plan, _ in plans.values()), missing), of_all_scopes(results)


def _due(settings: Settings, lake: Lake, policy: Policy, now: datetime) -> Due:
    """Unexpired decisions, or those of a rollback, without withdrawn models and exempt addresses, plus manual blocks."""
    allow_list, rules = load_allow_list(settings.waf.allow_list), policy.rules
    actions = audit_log.AUDIT.read(lake)
    state = in_force(actions, now)
    unexpired_rows = unexpired(lake, now, policy)
    kept = unexpired_rows if state.rollback is None else audit_log.rollback_rows(lake, state.rollback, now)
    # Only a withdrawal needs the models behind decisions, which have to be looked up in the scores.
    behind = audit_log.versions_behind(lake, [*unexpired_rows, *kept]) if state.withdrawn else {}
    decisions = [row for row in kept if not state.withdraws(behind.get(row["decision_id"], ()))]
    exempt = (*allow_list, *state.allow_list)
    candidates: list[Decision | Row] = [*decisions, *state.blocks()]
    bounds = present_bounds(lake, [*unexpired_rows, *decisions], rules)
    due_now = due_entries(candidates, now, exempt, rules=rules, bounds=bounds)
    without_people: list[Decision | Row] = [*unexpired_rows, *map(as_decision, state.blocked)]
    before = due_entries(without_people, now, allow_list, rules=rules, bounds=bounds)
    return Due(due_now, decisions, requested_removals(before, due_now, state, behind), actions, exempt)


def _waiting(lake: Lake) -> dict[str, set[tuple[str, str]]]:
    """Scope -> (address, action) of the entries that the last plan left waiting."""
    import pyarrow.dataset as ds

    waiting: dict[str, set[tuple[str, str]]] = {}
    for row in lake.read_arrow(WAF_PLAN, filter=ds.field("operation") == "wait").to_pylist():
        waiting.setdefault(row["scope"], set()).add((row["address"], row["action"]))
    return waiting


def _in_scope(
    lake: Lake, target: IpSetTarget, due: Due, policy: Policy, options: PlanOptions, inputs: CheckInputs, now: datetime
) -> tuple[Plan, RequestedRemovals]:
    """The plan of one scope within the bounds on additions, and the removals that people requested there."""
    live, last_applied = target.read_sets(), target.last_applied()

    def planned(entries: Sequence[DueEntry]) -> tuple[Plan, RequestedRemovals]:
        difference = plan(entries, live, last_applied, now=now, options=options)
        return with_requested_removals(difference, due.requested, due.manual_actions)

    bounded, removals = within_bounds(due.entries, planned, inputs, policy.checks)
    return with_late_files(lake, bounded, last_applied.planned_at), removals
