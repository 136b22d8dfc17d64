"""The values between a score and an IP set: Decision (a row of the table) and DueEntry (an entry that is due now).

No rules and no policy. Standard library only.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from platform_assets.core.times import as_utc, instant

ACTIONS = ("count", "challenge", "block")
"""From weakest to strongest."""

Row = Mapping[str, Any]

STRICT = {"extra": "forbid", "allow_inf_nan": False}
"""For pydantic, which reads files and stored plans: an unknown key is an error, and so is what is no finite number."""


def require(holds: bool, sentence: str) -> None:
    """ValueError with the sentence unless `holds`; pydantic shows it with the key of the value."""
    if not holds:
        raise ValueError(sentence)


def rank(action: str) -> int:
    """How strong an action is: none 0, count 1, challenge 2, block 3."""
    return 0 if action == "none" else ACTIONS.index(action) + 1


def whole(value: Any) -> int:
    """A count from a table row; missing values (None, NaN) and infinite ones, which are no counts, are 0."""
    return int(value) if value is not None and math.isfinite(value) else 0


MANUAL = "manual"
"""Abuse kind and model name of manual blocks."""


@dataclass(frozen=True)
class Decision:
    """One row of `decisions/waf_decisions`; the fields are its columns, in order."""

    address: str
    action: str
    reason: str
    decided_at: datetime
    expires_at: datetime
    model_name: str
    model_version: str
    decision_id: str
    score: float
    abuse_kind: str | None
    client_kind: str
    request_count: int
    attack_request_count: int
    evidence_count: int
    evidence_request_ids: tuple[str, ...]
    repetition: int

    def row(self) -> dict[str, Any]:
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        row["evidence_request_ids"] = list(self.evidence_request_ids)
        return row

    @classmethod
    def from_row(cls, row: Row) -> Decision:
        values = {field.name: row[field.name] for field in fields(cls)}
        for name in ("decided_at", "expires_at"):
            values[name] = as_utc(values[name])
        for name in ("request_count", "attack_request_count", "evidence_count", "repetition"):
            values[name] = whole(values[name])
        ids = values["evidence_request_ids"]
        values["evidence_request_ids"] = () if ids is None else tuple(str(request_id) for request_id in ids)
        kind = values["abuse_kind"]
        values["abuse_kind"] = str(kind) if isinstance(kind, str) and kind else None
        values["score"] = float(values["score"])
        return cls(**values)


@dataclass(frozen=True)
class DueEntry:
    """An entry due at this moment: the strongest unexpired decision on its address, and the ids of all of them."""

    __pydantic_config__ = STRICT

    address: str
    action: str
    reason: str
    decision_id: str
    expires_at: datetime
    score: float
    request_count: int
    evidence_count: int
    repetition: int
    abuse_kind: str | None
    model_name: str
    model_version: str
    attack_request_count: int = 0
    causes: tuple[str, ...] = ()
    """Ids of all unexpired decisions on the address, strongest first; withdrawing all of them removes the entry."""

    @property
    def harm(self) -> float:
        """Expected number of malicious requests a day that the entry stops; the entries with the most get the slots of a full set."""
        return self.score * max(self.request_count, 1)


def decision_id(address: str, action: str, decided_at: datetime, model_name: str, model_version: str) -> str:
    """A deterministic id: 24 hex digits of a hash of the arguments."""
    text = "\n".join((address, action, instant(decided_at), model_name, model_version))
    return hashlib.sha256(text.encode()).hexdigest()[:24]
