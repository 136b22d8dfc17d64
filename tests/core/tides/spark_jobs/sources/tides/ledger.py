"""What the ledger needs to know of tide files: the hour in the name."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def name_hour(source_object: str) -> str | None:
    """The hour of `tides-2026-11-20-13.csv`."""
    return Path(source_object).stem.removeprefix("tides-")


def observed_hours(*_: Any) -> dict[str, list[str]]:
    """Every name tells its hour."""
    return {}
