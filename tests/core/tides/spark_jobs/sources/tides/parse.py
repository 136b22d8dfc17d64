"""Lines of a tide file -> measurements."""

from __future__ import annotations

from datetime import datetime


def parse(line: str) -> tuple[datetime, float]:
    """`2026-11-20T13:00:00+00:00,1.5` -> time and level in meters; ValueError for anything else."""
    time, level = line.split(",")
    return datetime.fromisoformat(time), float(level)
