"""Taking a version out, and withdrawing what it caused where its domain can. The domain declares how (training/sets.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from platform_assets.core.domain import load
from platform_assets.releases.record import ROLLBACK, Releases
from platform_assets.releases.standing import BARRED
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets


def roll_back(
    settings: Settings, model: str, reason: str, *, actor: str = "", figures: Mapping[str, Any] | None = None
) -> tuple[str, list[str]]:
    """Take the challenger out, or else the champion; returns the version and what was withdrawn, as sentences. ReleaseError."""
    version = Releases.of(settings).rollback(model, reason, actor=actor, figures=figures)
    return version, withdraw_barred(settings, model)


def withdraw_barred(settings: Settings, model: str) -> list[str]:
    """Withdraw what versions caused that were rolled back; safe to repeat, as after a kill between the two."""
    reference = training_sets()[model].withdraw
    if not reference:
        return []
    withdraw = load(reference)
    releases = Releases.of(settings)
    rows, barred = releases.rows(model), releases.standing(model).barred
    reasons = {row.version: row.reason for row in rows if row.command == ROLLBACK and row.state == BARRED}
    sentences = (withdraw(settings, model, version, reasons[version]) for version in sorted(barred & reasons.keys()))
    return [sentence for sentence in sentences if sentence]
