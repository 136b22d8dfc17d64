"""The table scaling/audit: its rows, the one way to add to them and to read them, and which clusters an undo holds."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from platform_assets.clients.caller import caller
from platform_assets.domains.scaling.errors import ScalingRequestError
from platform_assets.domains.scaling.tables import SCALING_AUDIT
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

APPLY, UNDO, OVERRIDE = "apply", "undo", "override"
LONGEST_REASON = 300


@dataclass(frozen=True)
class Act:
    """One row; the fields are the table's columns, in order."""

    audit_id: str
    acted_at: datetime
    actor: str
    command: str
    subject: str
    reason: str
    expires_at: datetime | None = None
    target: str | None = None
    nodes_before: int | None = None
    nodes_after: int | None = None
    details: str = ""

    @classmethod
    def make(cls, at: datetime, actor: str, command: str, subject: str, reason: str, **values: Any) -> Act:
        text = "\n".join((at.isoformat(), actor, command, subject, reason))
        return cls(hashlib.sha256(text.encode()).hexdigest()[:24], at, actor, command, subject, reason, **values)

    @property
    def by_whom(self) -> str:
        return f"by {self.actor} at {self.acted_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}: {self.reason}"


def append(lake: Lake, acts: Iterable[Act]) -> None:
    """Add rows; whoever adds at the same time loses nothing."""
    import pyarrow as pa

    rows = [{**asdict(act), HOUR_COLUMN: format_hour(act.acted_at)} for act in acts]
    if rows:
        lake.append_arrow(pa.Table.from_pylist(rows, schema=arrow_schema(SCALING_AUDIT, with_hour=True)), SCALING_AUDIT)


def read(lake: Lake) -> list[Act]:
    """All rows, in the order in which they were done."""
    names = [field.name for field in fields(Act)]
    acts = [Act(**{name: row[name] for name in names}) for row in lake.read_arrow(SCALING_AUDIT).to_pylist()]
    return sorted(acts, key=lambda act: (act.acted_at, act.audit_id))


def held(acts: Iterable[Act], at: datetime) -> dict[str, str]:
    """Cluster -> why it is held at a time: the last undo of it, as long as that holds."""
    undone = {act.subject: act for act in acts if act.command == UNDO and act.acted_at <= at}
    return {
        cluster: f"an undo holds it until {act.expires_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}, {act.by_whom}"
        for cluster, act in undone.items()
        if act.expires_at is not None and act.expires_at > at
    }


def overrides_of(lake: Lake, audit_ids: Collection[str]) -> dict[str, str]:
    """Check -> why it does not count in the run that names these rows."""
    if not audit_ids:
        return {}
    return {act.subject: act.by_whom for act in read(lake) if act.audit_id in audit_ids}


def reason_of(text: str) -> str:
    """A person's reason as it is recorded; ScalingRequestError without one."""
    said = " ".join(text.split())
    if not said or len(said) > LONGEST_REASON or not said.isprintable():
        raise ScalingRequestError(
            f"A reason of 1 to {LONGEST_REASON} printable characters is needed; give it with --reason."
        )
    return said


def who(settings: Settings) -> str:
    """The system's user and, where targets are named, the caller that AWS knows."""
    return caller(settings.aws_region, asks_aws=bool(settings.scaling.file))
