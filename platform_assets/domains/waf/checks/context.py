"""What the checks look at besides the plan; inputs.py reads it. Standard library only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ScoreShift:
    """The newest hour against those before: its newcomers, those of a usual hour, and feature -> stability index."""

    hour: str
    client_count: int
    usual_client_count: float
    indices: Mapping[str, float]


@dataclass(frozen=True)
class CheckInputs:
    """What the checks look at besides the plan. A count of None is unknown, and its check says so and passes."""

    allow_list: tuple[str, ...] = ()
    act_on_special: tuple[str, ...] = ()
    models_without_gate: tuple[str, ...] = ()
    """`name version` of the models behind the decisions that have not passed their gate."""
    lines_present: int | None = None
    lines_rejected: int | None = None
    request_count: int | None = None
    """Requests of the newest hours."""
    usual_request_count: float | None = None
    """What is usual for as many hours, such as the median of the days before."""
    newest_hour_at: datetime | None = None
    """Start of the newest hour that has lines."""
    missing_hours: Mapping[str, float | None] = field(default_factory=dict)
    """Hours of the newest 24 without a line, in order -> the lines that are usual then; None where nothing tells."""
    score_shift: ScoreShift | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Check name -> why it does not count in this run."""
    requested_removals: Collection[tuple[str, str]] = ()
    """(address, action) whose removal people requested: no reason for a warning."""
