"""Windows of monitoring: whole spans of hours since 1970, which every process cuts alike. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from spark_jobs.contract import Interval, parse_hour

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Window:
    """A span of whole hours."""

    start: datetime
    end: datetime

    @property
    def hours(self) -> tuple[str, ...]:
        return Interval(self.start, self.end).hours

    @property
    def number(self) -> int:
        """Of the windows of this length since 1970."""
        return int((self.start - EPOCH) / (self.end - self.start))


def window_of(hour: str, window_hours: int) -> Window:
    """The window that an hour is in."""
    length = timedelta(hours=window_hours)
    start = EPOCH + (parse_hour(hour) - EPOCH) // length * length
    return Window(start, start + length)


def whole_windows(hours: Sequence[str], window_hours: int) -> Iterator[Window]:
    """The windows with rows that are over, as the newest hour tells: its own window only if that is its last hour."""
    if not hours:
        return
    ends = parse_hour(max(hours)) + timedelta(hours=1)
    seen = sorted({window_of(hour, window_hours) for hour in hours})
    yield from (window for window in seen if window.end <= ends)
