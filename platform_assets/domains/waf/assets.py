"""Scores -> decisions -> plan with blocking checks -> IP sets, as assets. decide/, planning.py and apply/ do the work."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from platform_assets.actions.assets import ChangeAssets, change_assets
from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_specs import check_specs, key_of, spec_of
from platform_assets.core.partition_metadata import ROWS, add_to_partitions
from platform_assets.core.partitions import hourly, interval_of
from platform_assets.core.staleness import record_made
from platform_assets.domains.waf.decide.claims import identifier_of
from platform_assets.domains.waf.decide.hours import decide_hours, decision_checks
from platform_assets.domains.waf.decide.rescoring import loader_of
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.planning import WafChange
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN

OWNER = "team:edge"


def waf_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """decisions/waf_decisions, waf/plan with its checks, waf/ip_sets."""
    partitions = hourly(settings)

    @dg.multi_asset(
        name="waf_decisions",
        specs=[spec_of(WAF_DECISIONS, OWNER, {"python", "deltalake"}, partitions)],
        check_specs=check_specs(WAF_DECISIONS),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def waf_decisions(context: dg.AssetExecutionContext) -> Any:
        lake, interval = lake_of(settings), interval_of(context)
        policy, allow_list = load_policy(settings.waf.policy_file), load_allow_list(settings.waf.allow_list)
        manual_actions = audit_log.AUDIT.read(lake)
        hours, rows = decide_hours(
            lake,
            interval,
            policy,
            allow_list,
            loaded=loader_of(settings),
            identifier=identifier_of(settings, lake),
            manual_actions=manual_actions,
        )
        key = key_of(WAF_DECISIONS.key)
        made = _metadata_by_hour(hours, rows)
        own = set(interval.hours)
        later = [hour for hour in hours if hour not in own]
        for hour in later:
            # Later hours depend on the hours of this run, so they were decided again: record that on their partitions.
            anew = "decided anew after an earlier hour"
            context.log_event(dg.AssetMaterialization(key, partition=hour, description=anew, metadata=made[hour]))
        add_to_partitions(context, key, {hour: made[hour] for hour in interval.hours})
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "later hours decided anew": len(later),
                "table version": lake.version(WAF_DECISIONS) or 0,
                "path": lake.path(WAF_DECISIONS),
            },
        )
        results = decision_checks(rows, policy, allow_list, manual_actions)
        if all(passed for _, passed, _ in results):
            record_made(lake, [WAF_DECISIONS.key], hours)
        for name, passed, sentence in results:
            yield dg.AssetCheckResult(asset_key=key, check_name=name, passed=passed, description=sentence)

    return [waf_decisions, *change_assets(settings, _declared(settings))]


def _metadata_by_hour(hours: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Hour -> number of its decisions, in all and by action."""
    actions: dict[str, Counter[str]] = {hour: Counter() for hour in hours}
    for row in rows:
        actions[row[HOUR_COLUMN]][row["action"]] += 1
    return {hour: {ROWS: found.total(), "actions": dict(found)} for hour, found in actions.items()}


def _declared(settings: Settings) -> ChangeAssets:
    return ChangeAssets(
        table=WAF_PLAN,
        audit=audit_log.AUDIT,
        owner=OWNER,
        key="waf/ip_sets",
        description="IPv4 and IPv6 sets of WAF as the plan wants them; a dry run unless applying is on.",
        kinds=frozenset({"awswaf" if settings.waf.target == "aws" else "python"}),
        is_on=settings.waf.apply,
        command="weir run edge --apply",
        change=WafChange,
        plan_metadata=lambda plan: {"late files": dg.MetadataValue.json(list(plan.late_files))},
        report_metadata=lambda report: {"added": report.added, "removed": report.removed},
        check_dry_run=lambda plan: plan.check_complete(),
    )
