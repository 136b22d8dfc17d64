"""Times as the lake has them: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HOUR_SECONDS = 3600
EARLIEST_US, LATEST_US = 0, 7_258_118_400_000_000  # 1970 to 2200
EPOCH_UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (float("inf"), 1e-3))
"""Epoch times below the first figure are multiplied by the second to be microseconds: s, ms, µs, ns."""


def micros(at: datetime | int) -> int:
    """Microseconds since 1970 of a time (without zone: UTC)."""
    if isinstance(at, int):
        return at
    delta = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def epoch_micros(value: object) -> int | None:
    """Microseconds since 1970 of ISO 8601 text (no zone: UTC), or of epoch seconds, ms, µs or ns; None for neither."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        return micros(at)
    if number != number or abs(number) > 1e19:
        return None
    factor = next(factor for below, factor in EPOCH_UNITS if abs(number) < below)
    if factor >= 1 and text.lstrip("-").isdigit():
        return int(text) * int(factor)
    return round(number * factor)
