"""Checks of the tables of the tides source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_jobs.sources.tides.tables import LEVELS
from spark_jobs.storage.lake import Lake


def levels_are_plausible(lake: Lake, hours: Sequence[str]) -> tuple[bool, str, dict[str, Any]]:
    """No level is beyond 20 m."""
    levels = lake.read_arrow(LEVELS, hours)["level_meters"].to_pylist()
    return max(levels, default=0.0) <= 20, f"{len(levels)} levels.", {"levels": len(levels)}
