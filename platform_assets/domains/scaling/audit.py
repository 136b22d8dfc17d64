"""The table scaling/audit, and the clusters that an undo holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from platform_assets.actions.audit import AuditRow
from platform_assets.actions.audit_table import AuditTable
from platform_assets.clients.caller import caller
from platform_assets.domains.scaling.tables import SCALING_AUDIT
from platform_assets.settings import Settings

APPLY, UNDO = "apply", "undo"


@dataclass(frozen=True)
class SizeChange(AuditRow):
    """One row: a change of a cluster's nodes, or an override."""

    time_format: ClassVar[str] = "%Y-%m-%dT%H:%MZ"

    target: str | None = None
    nodes_before: int | None = None
    nodes_after: int | None = None


AUDIT = AuditTable(SCALING_AUDIT, SizeChange)


def undo_holds(changes: Iterable[SizeChange], at: datetime) -> dict[str, str]:
    """Cluster -> why it is held at a time: its last undo, unless that has expired."""
    undone = {change.subject: change for change in changes if change.command == UNDO and change.acted_at <= at}
    return {
        cluster: f"an undo holds it until {change.expires_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}, {change.by_whom}"
        for cluster, change in undone.items()
        if change.expires_at is not None and change.expires_at > at
    }


def who(settings: Settings) -> str:
    """The operating system's user and, with a file of targets, the caller's ARN."""
    return caller(settings.aws_region, asks_aws=bool(settings.scaling.file))
