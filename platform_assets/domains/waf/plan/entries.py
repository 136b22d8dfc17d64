"""Entries of a plan: one address of one IP set each, and how entries read in sum and line by line. Standard library only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from platform_assets.core.times import instant

CHANGING = ("add", "restore", "remove")
"""Operations that change the live set; extend and keep change only what we remember, the others nothing."""
FULL = "the IP set is full and others are expected to stop more"
NAMED_FILES = 3
"""Late files that a line of text names; the others are counted."""
SIGNS = {"add": "+", "restore": "+", "remove": "-", "extend": "~", "drift": "!", "overflow": "!", "foreign": " "}


@dataclass(frozen=True)
class Entry:
    """One address of one IP set and what is to happen to it; its first fields are columns of `waf/plan`."""

    ip_set: str
    address: str
    operation: str
    action: str
    reason: str
    decision_id: str | None = None
    expires_at: datetime | None = None
    members: tuple[str, ...] = ()
    """The addresses that a merged entry stands for; of a removed one, those that it stood for."""
    late_files: tuple[str, ...] = ()
    """Names of the log objects that came late and are why it changes."""


def summary_of(entries: Sequence[Entry]) -> str:
    """One line: how many are added and removed, apart what late files are the cause of, and the others by operation."""
    counts = Counter(entry.operation for entry in entries)
    named = {
        "extend": "extended",
        "keep": "kept",
        "foreign": "added by hand",
        "restore": "of ours restored that somebody removed",
        "drift": "of ours removed by somebody and left out",
        "overflow": "did not fit",
    }
    parts = counted_changes(entries)
    return ", ".join(
        parts + [f"{counts[operation]} {words}" for operation, words in named.items() if counts[operation]]
    )


def counted_changes(entries: Sequence[Entry]) -> list[str]:
    counts = Counter(entry.operation for entry in entries)
    added, removed = counts["add"] + counts["restore"], counts["remove"]
    late_files = late_files_of(entries)
    if not late_files:
        return [f"+{added} -{removed}"]
    late = Counter(entry.operation for entry in entries if entry.late_files)
    files = "1 late file" if len(late_files) == 1 else f"{len(late_files)} late files"
    parts = [f"+{late['add']} -{late['remove']} because of {files}"]
    if (others := (added - late["add"], removed - late["remove"])) != (0, 0):
        parts.append(f"+{others[0]} -{others[1]} otherwise")
    return parts


def late_files_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Names of the late files that are the cause of changes, in order."""
    return tuple(sorted({name for entry in entries for name in entry.late_files}))


def named(files: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(files) - NAMED_FILES} more" if len(files) > NAMED_FILES else ""
    return ", ".join(files[:NAMED_FILES]) + more


def line_of(entry: Entry) -> str:
    until = "" if entry.expires_at is None or entry.operation == "remove" else f" until {instant(entry.expires_at)}"
    return f"  {SIGNS.get(entry.operation, ' ')} {entry.operation:8} {entry.address}{until}: {entry.reason}"
