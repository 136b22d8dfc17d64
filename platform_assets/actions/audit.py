"""The rows of audit tables, which are append-only; audit_table.py reads and writes them.

A domain subclasses AuditRow with the columns that only its table has. Standard library only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from platform_assets.actions.errors import RequestError
from platform_assets.core.times import as_utc
from spark_jobs.contract import Column

OVERRIDE = "override"
MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class AuditRow:
    """One row; its fields are columns of the table."""

    time_format: ClassVar[str] = "%Y-%m-%dT%H:%M:%SZ"

    audit_id: str
    acted_at: datetime
    actor: str
    command: str
    subject: str
    reason: str
    expires_at: datetime | None = None
    details: str = ""

    @classmethod
    def make(cls, at: datetime, actor: str, command: str, subject: str, reason: str, **values: Any) -> Self:
        """A row with its id, a hash of the other values."""
        acted_at = as_utc(at)
        text = "\n".join((acted_at.isoformat(), actor, command, subject, reason))
        return cls(hashlib.sha256(text.encode()).hexdigest()[:24], acted_at, actor, command, subject, reason, **values)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        values = {field.name: row[field.name] for field in fields(cls)}
        values["acted_at"] = as_utc(values["acted_at"])
        values["expires_at"] = None if values["expires_at"] is None else as_utc(values["expires_at"])
        return cls(**values)

    def row(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def by_whom(self) -> str:
        """`by ana at 2026-11-20T14:00:00Z: too many false positives`."""
        return f"by {self.actor} at {self.acted_at.astimezone(UTC):{self.time_format}}: {self.reason}"


def audit_columns(*, command: str, subject: str, expires_at: str, is_personal: bool) -> tuple[Column, ...]:
    """The columns that all audit tables share; the arguments are the meanings of three, and whether subjects are personal."""
    return (
        Column("audit_id", "string", "hash of acted_at, actor, command, subject and reason", nullable=False),
        Column("acted_at", "timestamp", "when it was requested or done (wall clock)", nullable=False),
        Column(
            "actor",
            "string",
            "the system's user and, with AWS as target, the caller's ARN",
            nullable=False,
            personal=True,
        ),
        Column("command", "string", command, nullable=False),
        Column("subject", "string", subject, nullable=False, personal=is_personal),
        Column("reason", "string", "why, in the person's words, or the plan's reason", nullable=False, personal=True),
        Column("expires_at", "timestamp", expires_at),
    )


def reason_of(text: str) -> str:
    """A reason as it is recorded, with single spaces. RequestError if it is empty, too long or unprintable."""
    reason = " ".join(text.split())
    if not reason or len(reason) > MAX_REASON_CHARACTERS or not reason.isprintable():
        raise RequestError(
            f"A reason of 1 to {MAX_REASON_CHARACTERS} printable characters is needed; give it with --reason."
        )
    return reason
