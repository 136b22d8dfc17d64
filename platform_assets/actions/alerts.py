"""The alert that is raised when a check stops a plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from platform_assets.actions.checks import CheckResult
from platform_assets.clients.notifier import Alert


def stopped_alert(kind: str, unchanged: str, failed: Sequence[CheckResult], planned_at: datetime) -> Alert:
    """`unchanged`: a clause that names what stays as it was. Alerts about the same checks in one hour are one alert."""
    return Alert(
        kind=kind,
        severity="critical",
        summary=f"{unchanged}: {failed[0].sentence}",
        at=planned_at,
        details={result.name: result.sentence for result in failed},
        key=f"{kind}:{','.join(result.name for result in failed)}:{planned_at:%Y-%m-%dT%H}",
    )
