"""What a replay answers: stored hours decided by two versions of a model, and whose treatment would differ. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

ENTERS, LEAVES, STRONGER, WEAKER = "enters", "leaves", "stronger", "weaker"


@dataclass(frozen=True)
class ReplayedEntry:
    """One entity whose treatment the challenger would change."""

    entry: str
    """An address or network, a cluster, …"""
    before: str
    """What the champion decides; empty: nothing."""
    after: str
    """What the challenger decides; empty: nothing."""
    is_newly_acted_on: bool
    """The challenger alone does what the entity would feel."""
    request_count: int
    """Its requests, or what it is counted by, in the replayed hours."""
    benign_request_count: int
    """Of these, those of benign look: the collateral of acting on it."""
    innocent: str = ""
    """Why it is known to be innocent, as a clause; empty: nobody said so."""
    reason: str = ""
    """Of the decision that is gained or lost."""

    @property
    def change(self) -> str:
        """enters, leaves, stronger or weaker."""
        if not self.before:
            return ENTERS
        if not self.after:
            return LEAVES
        return STRONGER if self.is_newly_acted_on else WEAKER


@dataclass(frozen=True)
class Replayed:
    """Of a challenger beside the champion."""

    start: datetime | None = None
    """Of the first replayed hour; None: there were no hours to replay."""
    end: datetime | None = None
    before_count: int = 0
    """Entries that the champion decides on."""
    after_count: int = 0
    entries: Sequence[ReplayedEntry] = field(default_factory=tuple)

    @property
    def innocent(self) -> list[ReplayedEntry]:
        """Known innocents that would newly be acted upon."""
        return [entry for entry in self.entries if entry.is_newly_acted_on and entry.innocent]
