"""Appends rows to audit tables and reads them; overrides of checks are such rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from platform_assets.actions.audit import OVERRIDE, AuditRow, reason_of
from platform_assets.actions.checks import check_overridable
from platform_assets.clients.engine import lake_of
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Check, Table, format_hour
from spark_jobs.storage.lake import Lake

Row = TypeVar("Row", bound=AuditRow)


@dataclass(frozen=True)
class AuditTable(Generic[Row]):
    """An audit table and the class of its rows."""

    table: Table
    row: type[Row]

    def append(self, lake: Lake, rows: Iterable[Row]) -> None:
        """Append rows in one transaction; concurrent appends are kept."""
        values = [{**row.row(), HOUR_COLUMN: format_hour(row.acted_at)} for row in rows]
        lake.append_rows(self.table, values)

    def read(self, lake: Lake) -> list[Row]:
        """All rows, by time."""
        rows = [self.row.from_row(row) for row in lake.read_arrow(self.table).to_pylist()]
        return sorted(rows, key=lambda row: (row.acted_at, row.audit_id))

    def overrides_of(self, lake: Lake, audit_ids: Collection[str]) -> dict[str, str]:
        """Check -> why it is overridden, of the rows with these ids."""
        if not audit_ids:
            return {}
        return {row.subject: row.by_whom for row in self.read(lake) if row.audit_id in audit_ids}

    def record_overrides(
        self,
        lake: Lake,
        declared: Sequence[Check],
        names: Sequence[str],
        *,
        actor: str,
        at: datetime,
        reason: str,
        details: str,
    ) -> list[Row]:
        """Record overrides of checks; a run uses them by naming the rows. RequestError for an unknown check."""
        check_overridable(names, declared)
        recorded_reason = reason_of(reason)
        rows = [
            self.row.make(at, actor, OVERRIDE, name, recorded_reason, details=details) for name in dict.fromkeys(names)
        ]
        self.append(lake, rows)
        return rows

    def override_for_run(
        self,
        settings: Settings,
        declared: Sequence[Check],
        names: Sequence[str] | None,
        *,
        who: Callable[[Settings], str],
        reason: str,
        details: str,
    ) -> list[str]:
        """Record overrides given on the command line; returns the audit ids that the run has to name. RequestError."""
        if not names:
            return []
        settings.home.mkdir(parents=True, exist_ok=True)
        at, actor, lake = datetime.now(UTC), who(settings), lake_of(settings)
        rows = self.record_overrides(lake, declared, names, actor=actor, at=at, reason=reason, details=details)
        return [row.audit_id for row in rows]
