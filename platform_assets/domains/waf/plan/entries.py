"""Entries of a plan, one address of one IP set each; their summary and their lines. Standard library only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from platform_assets.core.times import instant
from spark_jobs.wording import counted

CHANGING = ("add", "restore", "remove")
"""Operations that change the live set; extend and keep change only our own state, the others nothing."""
FULL = "the IP set is full and others are expected to stop more"
NAMED_FILES = 3
"""Late files that a line names; further ones are counted."""
SIGNS = {
    "add": "+",
    "restore": "+",
    "remove": "-",
    "extend": "~",
    "drift": "!",
    "overflow": "!",
    "wait": "!",
    "foreign": " ",
}
TAKEN_UP = "waited since an earlier plan, in which it was one too many"
"""How the reason of an entry begins that waited, and for which there is room now."""
APPLY_WAITING = "weir waf plan --apply --override nothing_waits --reason WHY"
"""The command that applies the entries that wait."""


@dataclass(frozen=True)
class Entry:
    """The planned operation on one address of one IP set; its first fields are columns of `waf/plan`."""

    ip_set: str
    address: str
    operation: str
    action: str
    reason: str
    decision_id: str | None = None
    expires_at: datetime | None = None
    members: tuple[str, ...] = ()
    """The addresses that a merged entry, or a removed merged entry, stands for."""
    late_files: tuple[str, ...] = ()
    """Names of the late log objects that caused the change."""


def summary_of(entries: Sequence[Entry]) -> str:
    """One line: counts of additions and removals, those caused by late files separately, and of the other operations."""
    counts = Counter(entry.operation for entry in entries)
    named = {
        "extend": "extended",
        "keep": "kept",
        "foreign": "added by hand",
        "restore": "of ours restored that somebody removed",
        "drift": "of ours removed by somebody and left out",
        "overflow": "did not fit",
        "wait": f"wait for room or a person (`{APPLY_WAITING}`)",
    }
    parts = _changes(entries)
    taken_up = sum(entry.operation in ("add", "restore") and entry.reason.startswith(TAKEN_UP) for entry in entries)
    parts += [f"{taken_up} of those added had waited"] if taken_up else []
    return ", ".join(
        parts + [f"{counts[operation]} {words}" for operation, words in named.items() if counts[operation]]
    )


def _changes(entries: Sequence[Entry]) -> list[str]:
    counts = Counter(entry.operation for entry in entries)
    added, removed = counts["add"] + counts["restore"], counts["remove"]
    late_files = late_files_of(entries)
    if not late_files:
        return [f"+{added} -{removed}"]
    late = Counter(entry.operation for entry in entries if entry.late_files)
    files = counted(len(late_files), "late file")
    parts = [f"+{late['add']} -{late['remove']} because of {files}"]
    if (others := (added - late["add"], removed - late["remove"])) != (0, 0):
        parts.append(f"+{others[0]} -{others[1]} otherwise")
    return parts


def late_files_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Sorted names of the late files that cause changes."""
    return tuple(sorted({name for entry in entries for name in entry.late_files}))


def named(files: Sequence[str]) -> str:
    """The first three names, and the number of further ones."""
    more = f" and {len(files) - NAMED_FILES} more" if len(files) > NAMED_FILES else ""
    return ", ".join(files[:NAMED_FILES]) + more


def line_of(entry: Entry) -> str:
    until = "" if entry.expires_at is None or entry.operation == "remove" else f" until {instant(entry.expires_at)}"
    return f"  {SIGNS.get(entry.operation, ' ')} {entry.operation:8} {entry.address}{until}: {entry.reason}"
