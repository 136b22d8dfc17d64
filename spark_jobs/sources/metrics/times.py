"""Times as the lake has them: microseconds since 1970, UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
HOUR_SECONDS = 3600
LARGEST = 1e18
"""A figure beyond it is no measurement; as a whole number, sums of a few still fit into a column."""
EARLIEST_US, LATEST_US = 0, 7_258_118_400_000_000  # 1970 to 2200
AHEAD_SECONDS = 300
"""How far a sample may be dated after the wall clock: a later one comes from a clock that is wrong, and would be taken for now."""
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z|\+0000)$", re.IGNORECASE)
_OTHER_FORMS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S UTC %Y",
    "%a, %d %b %Y %H:%M:%S",
)
_YEAR_FIRST = re.compile(r"(\d{4})/(\d\d?)/(\d\d?)\b")
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
        at = _moment(text)
        return None if at is None else micros(at)
    if number != number or abs(number) > 1e19:
        return None
    factor = next(factor for below, factor in EPOCH_UNITS if abs(number) < below)
    if factor >= 1 and text.lstrip("-").isdigit():
        return int(text) * int(factor)
    return round(number * factor)


def latest_micros(now: datetime) -> int:
    """The first time that is out of range for samples that are read at `now`."""
    return micros(now) + AHEAD_SECONDS * SECOND


def time_problem(at: int, latest: int) -> str:
    """A sentence where a time is before 1970, or not before `latest` (both µs since 1970); empty where it is in range."""
    if EARLIEST_US <= at < latest:
        return ""
    if not EARLIEST_US <= at < LATEST_US:
        return "The time is not between 1970 and 2200."
    day = datetime.fromtimestamp(at / SECOND, UTC)
    return f"The time {day:%Y-%m-%d %H:%M} UTC is after the clock of this machine; correct the clock of the sender."


def _moment(text: str) -> datetime | None:
    """The time that a text tells in ISO 8601, with slashes, with the zone in letters, or as date(1) and RFC 9110 write it."""
    plain = _YEAR_FIRST.sub(lambda match: f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}", text)
    for candidate in (plain, _ZONE.sub("", plain)):
        try:
            return datetime.fromisoformat(candidate)
        except ValueError:
            continue
    for form in _OTHER_FORMS:
        try:
            return datetime.strptime(_ZONE.sub("", plain), form)  # noqa: DTZ007 - without a zone it is UTC
        except ValueError:
            continue
    return None
