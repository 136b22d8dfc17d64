"""The last apply per IP set: which entries are ours, as opposed to added by hand.

An entry is saved as pending before the call that adds it, so that a run that dies in between leaves no entry without an
owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from platform_assets.actions.state import JsonState


@dataclass(frozen=True)
class Owned:
    """An entry of ours: the decision behind it, and its reason."""

    decision_id: str
    expires_at: str
    reason: str = ""
    members: tuple[str, ...] = ()
    """The addresses that a merged entry stands for; empty for other entries."""

    @classmethod
    def of(cls, decision_id: str, expires_at: str, reason: str = "", *members: str) -> Owned:
        """From the values of a JSON array of the store."""
        return cls(decision_id, expires_at, reason, members)


@dataclass(frozen=True)
class AppliedSet:
    """Our entries of one IP set. `set_id` identifies the set: a new set with the same name holds none of ours."""

    set_id: str = ""
    owned: Mapping[str, Owned] = field(default_factory=dict)
    pending: Mapping[str, Owned] = field(default_factory=dict)

    def for_set(self, set_id: str) -> AppliedSet:
        """Our entries of the live set with this id."""
        is_same = not self.set_id or not set_id or self.set_id == set_id
        return self if is_same else AppliedSet(set_id=set_id)


@dataclass(frozen=True)
class Applied:
    """All sets, and a serial that grows with each change: a plan based on an older serial is not applied."""

    serial: int = 0
    sets: Mapping[str, AppliedSet] = field(default_factory=dict)
    planned_at: datetime | None = None
    """When the last completely applied plan was made."""

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
        """ValueError, KeyError or TypeError if the data is not from `to_json`."""
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
    """One file per scope in the home."""

    kind = Applied
    lost = "makes every live entry count as added by hand"
