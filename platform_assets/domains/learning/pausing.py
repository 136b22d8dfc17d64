"""Pausing: while a model is paused, nothing is fitted, moved or taken out by itself; windows are looked at all the same."""

from __future__ import annotations

from datetime import UTC, datetime

from platform_assets.actions.audit import AuditRow
from platform_assets.actions.audit_table import AuditTable
from platform_assets.actions.errors import RequestError
from platform_assets.domains.learning.tables import PAUSES
from spark_jobs.storage.lake import Lake

PAUSE, RESUME = "pause", "resume"
AUDIT = AuditTable(PAUSES, AuditRow)


def paused(lake: Lake, model: str) -> bool:
    """Whether a person has paused the model."""
    rows = [row for row in AUDIT.read(lake) if row.subject == model]
    return bool(rows) and rows[-1].command == PAUSE


def set_paused(lake: Lake, model: str, is_paused: bool, reason: str, actor: str) -> None:
    """Pause or resume a model. RequestError where it is so already."""
    if paused(lake, model) == is_paused:
        raise RequestError(f"Learning of {model} is {'paused already' if is_paused else 'not paused'}.")
    command = PAUSE if is_paused else RESUME
    AUDIT.append(lake, [AuditRow.make(datetime.now(UTC), actor, command, model, reason)])
