"""The inputs of the checks besides the plan; inputs.py reads them. Standard library only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ScoreShift:
    """The newest hour compared with earlier days: newcomers of the hour, usual newcomers, and feature -> stability index."""

    hour: str
    client_count: int
    usual_client_count: float
    indices: Mapping[str, float]


@dataclass(frozen=True)
class CheckInputs:
    """The inputs of the checks besides the plan. None is an unknown count: its check says so and passes."""

    allow_list: tuple[str, ...] = ()
    act_on_special: tuple[str, ...] = ()
    models_without_gate: tuple[str, ...] = ()
    """`name version` of models behind the decisions that have not passed their gate."""
    lines_present: int | None = None
    lines_rejected: int | None = None
    request_count: int | None = None
    """Requests of the newest 24 hours."""
    explained_request_count: int = 0
    """Of these, those of clients that are decided on or ask for more than is usual of all; counted only where it matters."""
    usual_request_count: float | None = None
    """Median requests of the days before."""
    newest_hour_at: datetime | None = None
    """Start of the newest hour that has lines."""
    missing_hours: Mapping[str, float | None] = field(default_factory=dict)
    """Hours of the newest 24 without a line, in order -> the usual lines of that hour; None if unknown."""
    score_shift: ScoreShift | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Check -> why it is overridden in this run."""
    requested_removals: Collection[tuple[str, str]] = ()
    """(address, action) whose removal people requested, which no check counts."""
    waiting: Collection[tuple[str, str]] = ()
    """(address, action) of entries that the last plan left waiting."""
