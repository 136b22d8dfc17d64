"""What was applied last, per IP set: the ownership that distinguishes our entries from entries added by hand.

An entry is written as pending before AWS is asked to take it,
so that a run that dies in between leaves no entry that nobody owns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from platform_assets.actions.state import JsonState


@dataclass(frozen=True)
class Owned:
    """Why an entry is there: the decision behind it."""

    decision_id: str
    expires_at: str
    reason: str = ""
    members: tuple[str, ...] = ()
    """The addresses that a merged entry stands for; empty where it stands for itself."""

    @classmethod
    def of(cls, decision_id: str, expires_at: str, reason: str = "", *members: str) -> Owned:
        """From a line of the store."""
        return cls(decision_id, expires_at, reason, members)


@dataclass(frozen=True)
class AppliedSet:
    """Our entries of one IP set. `set_id` ties them to that very set: one made anew under its name is not ours."""

    set_id: str = ""
    owned: Mapping[str, Owned] = field(default_factory=dict)
    pending: Mapping[str, Owned] = field(default_factory=dict)

    def for_set(self, set_id: str) -> AppliedSet:
        """What of it holds for the set that is live now."""
        is_same = not self.set_id or not set_id or self.set_id == set_id
        return self if is_same else AppliedSet(set_id=set_id)


@dataclass(frozen=True)
class Applied:
    """All sets, and a serial that grows with each change: a plan made on an older one is not applied."""

    serial: int = 0
    sets: Mapping[str, AppliedSet] = field(default_factory=dict)
    planned_at: datetime | None = None
    """When the plan that was applied last, and whole, was made."""

    def of(self, name: str) -> AppliedSet:
        return self.sets.get(name, AppliedSet())

    def with_set(self, name: str, applied: AppliedSet) -> Applied:
        return replace(self, serial=self.serial + 1, sets={**self.sets, name: applied})

    @property
    def entry_count(self) -> int:
        return sum(len(applied_set.owned) for applied_set in self.sets.values())

    def to_json(self) -> dict[str, Any]:
        def entries(owned: Mapping[str, Owned]) -> dict[str, list[str]]:
            return {
                address: [entry.decision_id, entry.expires_at, entry.reason, *entry.members]
                for address, entry in sorted(owned.items())
            }

        sets = {
            name: {
                "set_id": applied_set.set_id,
                "owned": entries(applied_set.owned),
                "pending": entries(applied_set.pending),
            }
            for name, applied_set in sorted(self.sets.items())
        }
        planned_at = self.planned_at and self.planned_at.isoformat()
        return {"format": 1, "serial": self.serial, "planned_at": planned_at, "sets": sets}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Applied:
        """ValueError, KeyError or TypeError where the data is not what `to_json` writes."""
        if not isinstance(data, dict) or data.get("format") != 1:
            raise ValueError("unknown format")

        def entries(entries_data: Mapping[str, Any]) -> dict[str, Owned]:
            return {str(address): Owned.of(*map(str, values)) for address, values in entries_data.items()}

        sets = {
            str(name): AppliedSet(str(values["set_id"]), entries(values["owned"]), entries(values["pending"]))
            for name, values in data["sets"].items()
        }
        planned_at = data.get("planned_at")
        return cls(int(data["serial"]), sets, datetime.fromisoformat(planned_at) if planned_at else None)


class AppliedStore(JsonState[Applied]):
    """Where it is kept: a file of the home for each scope."""

    kind = Applied
    lost = "makes every live entry count as added by hand"
