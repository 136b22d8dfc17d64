"""Planning, applying and undoing the sizes of a home as the commands do. No test here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from platform_assets.actions.protocol import NO_OVERRIDES, apply_pending
from platform_assets.domains.scaling import audit
from platform_assets.domains.scaling.apply import Report
from platform_assets.domains.scaling.plan_values import Plan
from platform_assets.domains.scaling.planning import ScalingChange
from platform_assets.domains.scaling.tables import SCALING_PLAN
from platform_assets.settings import Settings
from spark_jobs.storage.lake import Lake


def plan_and_apply(settings: Settings, lake: Lake, overrides: Mapping[str, str] = NO_OVERRIDES) -> Report:
    report: Report = apply_pending(ScalingChange(settings, lake), overrides)
    return report


def apply_undo(settings: Settings, lake: Lake, plan: Plan, reason: str, lasting: timedelta) -> Report:
    return ScalingChange(settings, lake).apply_undo(plan, reason, lasting)


def record_overrides(settings: Settings, lake: Lake, checks: Sequence[str], reason: str, run: str) -> list[str]:
    rows = audit.AUDIT.record_overrides(
        lake, SCALING_PLAN.checks, checks, actor="ana", at=datetime.now(UTC), reason=reason, details=run
    )
    return [row.audit_id for row in rows]
