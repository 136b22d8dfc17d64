"""A live IP set, the plan of a set, and the plan of a scope. Standard library only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platform_assets.core.times import instant
from platform_assets.domains.waf.apply.applied import Owned
from platform_assets.domains.waf.decisions import DueEntry
from platform_assets.domains.waf.limits import MAX_ADDRESSES, description
from platform_assets.domains.waf.plan.entries import CHANGING, FULL, Entry, late_files_of, line_of, named, summary_of
from platform_assets.domains.waf.plan.slots import Merged
from platform_assets.domains.waf.scopes import Scope
from spark_jobs.wording import counted


@dataclass(frozen=True)
class LiveSet:
    """An IP set as it is in WAF."""

    name: str
    id: str
    arn: str
    family: str
    addresses: tuple[str, ...]
    lock_token: str
    description: str = ""


@dataclass(frozen=True)
class SetSpec:
    """The identity of an IP set, and how it is filled."""

    name: str
    action: str
    family: str
    restore_removed: bool = True
    """Whether entries of ours that somebody removed are restored."""
    capacity: int = MAX_ADDRESSES


@dataclass(frozen=True)
class SetPlan:
    """The plan of one IP set: its entries, the addresses that it will hold, and those that will be ours."""

    name: str
    action: str
    family: str
    set_id: str
    wanted: tuple[DueEntry | Merged, ...]
    entries: tuple[Entry, ...]
    addresses: tuple[str, ...]
    owned: Mapping[str, Owned]
    restore_removed: bool = True
    capacity: int = MAX_ADDRESSES

    @property
    def spec(self) -> SetSpec:
        return SetSpec(self.name, self.action, self.family, self.restore_removed, self.capacity)

    @property
    def exists(self) -> bool:
        return bool(self.set_id)

    @property
    def changes(self) -> bool:
        """Whether the live set has to change."""
        return any(entry.operation in CHANGING for entry in self.entries)

    @property
    def description(self) -> str:
        """The description in WAF: entries by kind of abuse; changes only when the addresses do."""
        kinds = Counter(entry.abuse_kind or "abuse" for entry in self.wanted if entry.address in self.owned)
        named = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items(), key=lambda kv: (-kv[1], kv[0])))
        return description(f"Weir {self.action} {self.family}: {named or 'no entries'}. Entries added by hand stay.")

    @property
    def left_out(self) -> int:
        """The number of due entries without a slot."""
        return sum(entry.reason.startswith(FULL) for entry in self.entries)

    @property
    def merged(self) -> tuple[Merged, ...]:
        """Merged entries that the set will hold."""
        return tuple(entry for entry in self.wanted if isinstance(entry, Merged) and entry.address in self.owned)

    def count(self, operation: str) -> int:
        return sum(entry.operation == operation for entry in self.entries)


@dataclass(frozen=True)
class Plan:
    """The plans of all IP sets of one scope, in stable order, and the serial of the state that they are based on."""

    scope: Scope
    prefix: str
    planned_at: datetime
    serial: int
    sets: tuple[SetPlan, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for set_plan in self.sets for entry in set_plan.entries)

    @property
    def changes(self) -> bool:
        return any(set_plan.changes for set_plan in self.sets)

    def count(self, operation: str) -> int:
        return sum(set_plan.count(operation) for set_plan in self.sets)

    @property
    def owned_count(self) -> int:
        """The number of entries that were ours before the plan."""
        return sum(self.count(operation) for operation in ("keep", "extend", "remove", "restore", "drift"))

    @property
    def late_files(self) -> tuple[str, ...]:
        """Names of the late log objects that cause changes."""
        return late_files_of(self.entries)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the table `waf/plan`."""
        return [
            {
                "scope": str(self.scope),
                "ip_set": entry.ip_set,
                "address": entry.address,
                "operation": entry.operation,
                "action": entry.action,
                "reason": entry.reason,
                "decision_id": entry.decision_id,
                "expires_at": entry.expires_at,
                "planned_at": self.planned_at,
            }
            for entry in self.entries
        ]

    def summary(self) -> str:
        """`+3 -1 because of 2 late files, +10 -4 otherwise, 2 extended, 40 kept, 1 added by hand`."""
        return summary_of(self.entries)

    def text(self, most: int = 50) -> str:
        """For people: each change with its reason, at most `most` lines per set; kept entries are only counted."""
        lines = [f"WAF plan of {instant(self.planned_at)}, scope {self.scope}: {self.summary()}"]
        if self.late_files:
            lines.append(f"Late files: {named(self.late_files)}")
        for set_plan in self.sets:
            listed = [entry for entry in set_plan.entries if entry.operation != "keep"]
            if not listed and not set_plan.exists:
                continue
            state = (
                counted(len(set_plan.addresses), "entry", "entries")
                if set_plan.exists
                else f"{counted(len(set_plan.addresses), 'entry', 'entries')}, to be created"
            )
            if set_plan.merged:
                stands_for = sum(len(entry.members) for entry in set_plan.merged)
                state += f", {len(set_plan.merged)} of them merged from {stands_for} for want of slots"
            lines.append(f"{set_plan.name} ({state})")
            lines += [line_of(entry) for entry in listed[:most]]
            if len(listed) > most:
                lines.append(f"  ... and {len(listed) - most} more")
        if not self.changes:
            lines.append("Nothing to change.")
        return "\n".join(lines)
