"""Decisions -> plan -> blocking checks -> IP sets, as assets. What is decided and planned is in deciding.py and plan.py."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

import dagster as dg

from platform_assets.actions.checks import OVERRIDES_TAG, CheckResult, failures
from platform_assets.clients.engine import lake_of
from platform_assets.clients.notifier import Alert, notify
from platform_assets.core.automation import check_results, check_specs, follows_upstream, key_of, spec_of
from platform_assets.core.partitions import hourly, interval_of
from platform_assets.core.staleness import record_made
from platform_assets.domains.waf.apply.calls import in_each
from platform_assets.domains.waf.apply.client import ApplyReport, ApplyReports
from platform_assets.domains.waf.apply.ip_sets import IncompleteApplyError, IpSetTarget, StalePlanError
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.checks.checks import run_checks
from platform_assets.domains.waf.checks.inputs import check_inputs
from platform_assets.domains.waf.decide.hours import decide_hours, decision_checks, identifier_of, loader_of
from platform_assets.domains.waf.decide.rules import wanted
from platform_assets.domains.waf.decisions import Decision, Row
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import Asked, as_decision, asked_for, explained, in_force
from platform_assets.domains.waf.plan.benign import benign_addresses
from platform_assets.domains.waf.plan.late_files import with_late_files
from platform_assets.domains.waf.plan.plan import Plan, plan
from platform_assets.domains.waf.plan.plans import Plans, of_all_scopes
from platform_assets.domains.waf.plan.slots import Spared
from platform_assets.domains.waf.policy import Policy, load_allow_list, load_policy
from platform_assets.domains.waf.scopes import Scope, told
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table, format_hour
from spark_jobs.errors import ExitCode
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

OWNER = "team:edge"
IP_SETS_KEY = dg.AssetKey(["waf", "ip_sets"])


class PlanStoppedError(WafError):
    """A blocking check stops a plan that was made anew for applying."""

    exit_code = ExitCode.STOPPED


def waf_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """decisions/waf_decisions, waf/plan with its checks, waf/ip_sets."""
    hourly_keys = frozenset(table.key for table in tables().values() if table.hourly)
    partitions = hourly(settings)

    @dg.multi_asset(
        name="waf_decisions",
        specs=[spec_of(WAF_DECISIONS, OWNER, {"python", "deltalake"}, hourly_keys, partitions, follows_upstream())],
        check_specs=check_specs(WAF_DECISIONS),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def waf_decisions(context: dg.AssetExecutionContext) -> Any:
        lake, interval = lake_of(settings), interval_of(context)
        policy, allow_list = load_policy(settings.waf.policy_file), load_allow_list(settings.waf.allow_list)
        acts = audit_log.read(lake)
        hours, rows = decide_hours(
            lake,
            interval,
            policy,
            allow_list,
            loaded=loader_of(settings),
            identifier=identifier_of(settings, lake),
            acts=acts,
        )
        key = key_of(WAF_DECISIONS.key)
        later = [hour for hour in hours if hour not in set(interval.hours)]
        for hour in later:
            # Hours after the run's own were decided anew because they rest on these: say so on their partitions.
            context.log_event(
                dg.AssetMaterialization(key, partition=hour, description="decided anew after an earlier hour")
            )
        actions: dict[str, int] = {}
        for row in rows:
            actions[row["action"]] = actions.get(row["action"], 0) + 1
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": len(rows),
                "actions": dg.MetadataValue.json(actions),
                "later hours decided anew": len(later),
                "table version": lake.version(WAF_DECISIONS) or 0,
            },
        )
        results = decision_checks(rows, policy, allow_list, acts)
        if all(passed for _, passed, _ in results):
            record_made(lake, [WAF_DECISIONS.key], hours)
        for name, passed, sentence in results:
            yield dg.AssetCheckResult(asset_key=key, check_name=name, passed=passed, description=sentence)

    @dg.multi_asset(
        name="waf_plan",
        specs=[spec_of(WAF_PLAN, OWNER, {"python", "deltalake"}, hourly_keys, None, follows_upstream())],
        check_specs=check_specs(WAF_PLAN),
    )
    def waf_plan(context: dg.AssetExecutionContext) -> Any:
        lake, key = lake_of(settings), key_of(WAF_PLAN.key)
        made, results = make_plan(settings, lake, waf_targets(settings), _overrides(context, lake))
        _write_plan(lake, made)
        context.log.info(made.text())
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": len(made.entries),
                "summary": made.summary(),
                "late files": dg.MetadataValue.json(list(made.late_files)),
                "plan": dg.MetadataValue.md(f"```\n{made.text()}\n```"),
                "table version": lake.version(WAF_PLAN) or 0,
            },
        )
        if stopped := failures(results):
            notify(settings, _stopped(stopped, made))
        yield from check_results(WAF_PLAN, results)

    @dg.multi_asset(
        name="waf_ip_sets",
        specs=[
            dg.AssetSpec(
                IP_SETS_KEY,
                deps=[key_of(WAF_PLAN.key)],
                description="IPv4 and IPv6 sets of WAF as the plan wants them; a dry run unless applying is on.",
                group_name="waf",
                kinds={"awswaf" if settings.waf.target == "aws" else "python"},
                owners=[OWNER],
                automation_condition=follows_upstream(),
            )
        ],
    )
    def waf_ip_sets(context: dg.AssetExecutionContext) -> Any:
        lake, targets = lake_of(settings), waf_targets(settings)
        if not settings.waf.apply:
            made, _ = make_plan(settings, lake, targets)
            made.check_complete()
            context.log.info("Dry run; nothing is changed. %s", made.summary())
            metadata: dict[str, Any] = {
                "applied": False,
                "summary": made.summary(),
                "to apply": "weir run edge --apply",
            }
        else:
            try:
                report = plan_and_apply(settings, lake, targets, _overrides(context, lake))
            except IncompleteApplyError as error:
                context.log.error(ApplyReports(error.reports).text())
                raise
            context.log.info(report.text())
            metadata = {"applied": True, "summary": report.text(), "added": report.added, "removed": report.removed}
        yield dg.MaterializeResult(asset_key=IP_SETS_KEY, metadata=metadata)

    return [waf_decisions, waf_plan, waf_ip_sets]


def make_plan(
    settings: Settings,
    lake: Lake,
    targets: Sequence[IpSetTarget],
    overrides: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Plans, list[CheckResult]]:
    """What applying would do now, and whether it may; `overrides`: check -> why it does not count this time.

    WafError where no scope can be read; where some cannot, they are among the plans' `missing`.
    """
    policy, allow_list = load_policy(settings.waf.policy_file), load_allow_list(settings.waf.allow_list)
    now, acts = datetime.now(UTC), audit_log.read(lake)
    state = in_force(acts, now)
    special = policy.rules.act_on_special
    decided = unexpired(lake, now, policy)
    chosen = decided if state.rollback is None else audit_log.gone_back_to(lake, state.rollback, now)
    # Which models are behind decisions takes a look at their scores; only a withdrawal asks.
    behind = audit_log.versions_behind(lake, [*decided, *chosen]) if state.withdrawn else {}
    decisions = [row for row in chosen if not state.withdraws(behind.get(row["decision_id"], ()))]
    spared = (*allow_list, *state.allow_list)
    standing: list[Decision | Row] = [*decisions, *state.blocks()]
    due = wanted(standing, now, spared, act_on_special=special)
    without_people: list[Decision | Row] = [*decided, *map(as_decision, state.blocked)]
    asked = asked_for(wanted(without_people, now, allow_list, act_on_special=special), due, state, behind)
    widening = Spared.of(spared, special, benign_addresses(lake, policy.plan))

    def in_scope(target: IpSetTarget) -> tuple[Plan, Asked]:
        live, last_applied = target.read_sets(), target.last_applied()
        made = plan(
            due,
            live,
            last_applied,
            now=now,
            prefix=target.prefix,
            scope=target.scope,
            restore_drift=policy.plan.restore_drift,
            budget=policy.plan,
            spared=widening,
        )
        made, taken_out = explained(made, asked, acts)
        return with_late_files(lake, made, last_applied.planned_at), taken_out

    found, failed = in_each({one.scope: partial(in_scope, one) for one in targets})
    missing = {scope: str(error) for scope, error in failed.items()}
    if not found:
        raise WafError(told(missing, missing)) from next(iter(failed.values()))
    inputs = replace(check_inputs(settings, lake, decisions, policy, spared), overrides=overrides)
    results = {
        scope: run_checks(made, replace(inputs, asked_for=taken_out.keys()), policy.checks)
        for scope, (made, taken_out) in found.items()
    }
    return Plans(tuple(made for made, _ in found.values()), missing), of_all_scopes(results)


def plan_and_apply(
    settings: Settings,
    lake: Lake,
    targets: Sequence[IpSetTarget],
    overrides: Mapping[str, str] = MappingProxyType({}),
) -> ApplyReports:
    """Make the plan that was checked again from the same decisions, check it again, apply it scope by scope.

    What changed in WAF since the first plan is so merged. Where another run applies in between, its entries are looked
    at once more, by the checks too; where that happens again, the two runs are left to a person. A scope that fails
    holds back no other; what was done and what failed is in the one error at the end.
    """
    done, failed = _apply(_checked_plan(settings, lake, targets, overrides), targets)
    if stale := [one for one in targets if isinstance(failed.get(one.scope), StalePlanError)]:
        try:
            again, failed_again = _apply(_checked_plan(settings, lake, stale, overrides), stale)
        except WafError as error:
            if len(stale) == len(targets):
                raise
            again, failed_again = {}, {one.scope: error for one in stale}
        failed = {scope: error for scope, error in failed.items() if scope not in again} | failed_again
        done |= again
    if failed:
        raise _incomplete(done, failed) from next(iter(failed.values()))
    return ApplyReports(tuple(done.values()))


def _apply(made: Plans, targets: Sequence[IpSetTarget]) -> tuple[dict[Scope, ApplyReport], dict[Scope, WafError]]:
    """What was done, and why it was not, by scope."""
    of_scope = {one.scope: one for one in targets}
    done, failed = in_each({one.scope: partial(of_scope[one.scope].apply, one) for one in made.plans})
    return done, failed | {scope: WafError(why) for scope, why in made.missing.items()}


def _incomplete(done: Mapping[Scope, ApplyReport], failed: Mapping[Scope, WafError]) -> WafError:
    """One error for all scopes that failed, with what was done in others. It is of their kind where they have one."""
    said = told({scope: str(error) for scope, error in failed.items()}, (*done, *failed))
    if done:
        said += f" Applied: {', '.join(f'{scope} +{one.added} -{one.removed}' for scope, one in done.items())}."
    parts = [report for error in failed.values() if isinstance(error, IncompleteApplyError) for report in error.reports]
    kinds = {type(error) for error in failed.values()}
    if len(kinds) == 1 and kinds <= {StalePlanError, PlanStoppedError}:
        return kinds.pop()(said)
    return IncompleteApplyError(said, *done.values(), *parts)


def _checked_plan(
    settings: Settings, lake: Lake, targets: Sequence[IpSetTarget], overrides: Mapping[str, str]
) -> Plans:
    made, results = make_plan(settings, lake, targets, overrides)
    if stopped := failures(results):
        notify(settings, _stopped(stopped, made))
        raise PlanStoppedError(
            f"The plan changed since it was checked and {stopped[0].name} stops it now, WAF stays as it is: {stopped[0].sentence}"
        )
    return made


def _overrides(context: dg.AssetExecutionContext, lake: Lake) -> dict[str, str]:
    """Those of this run: its tag names their rows of the audit."""
    return audit_log.overrides_of(lake, context.run.tags.get(OVERRIDES_TAG, "").split())


def unexpired(lake: Lake, now: datetime, policy: Policy, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """Decisions that have not expired; with `as_of` those that the table held then."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    oldest = format_hour(now - timedelta(hours=policy.rules.repetition.max_ttl_hours + 1))
    alive = ds.field("expires_at") > pa.scalar(now, pa.timestamp("us", tz="UTC"))
    recent = ds.field(HOUR_COLUMN) >= oldest  # whole files are left out by it
    rows: list[dict[str, Any]] = lake.read_arrow(WAF_DECISIONS, filter=recent & alive, as_of=as_of).to_pylist()
    return rows


def _write_plan(lake: Lake, made: Plans) -> None:
    lake.overwrite_arrow(_arrow(made.rows(), WAF_PLAN), WAF_PLAN)


def _arrow(rows: Sequence[dict[str, Any]], table: Table) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=arrow_schema(table, with_hour=True))


def _stopped(results: Sequence[CheckResult], made: Plans) -> Alert:
    return Alert(
        kind="plan_stopped",
        severity="critical",
        summary=f"WAF stays as it is: {results[0].sentence}",
        at=made.planned_at,
        details={one.name: one.sentence for one in results},
        key=f"plan_stopped:{','.join(one.name for one in results)}:{made.planned_at:%Y-%m-%dT%H}",
    )
