"""UTC times and their text. Standard library only."""

from __future__ import annotations

from datetime import UTC, datetime


def as_utc(at: datetime) -> datetime:
    """`at` as an aware UTC datetime of the standard library; a naive one is UTC, as in the lake."""
    utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return datetime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=UTC)


def instant(at: datetime) -> str:
    """`2026-11-20T14:00:00Z`."""
    return as_utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")
