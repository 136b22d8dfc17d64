"""When people work, and what the calendar says of a time. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.times import EPOCH, HOUR_SECONDS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MAX_SEARCH_DAYS = 400
"""How far ahead business hours are looked for."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class CalendarError(WeirError, ValueError):
    """A setting of the calendar is wrong; the message says what it is and what to write."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Calendar:
    """When people work: a time zone, days of the week (0 is Monday), the minutes of the day, and days off."""

    time_zone: str = "UTC"
    business_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    business_start_minute: int = 9 * 60
    business_end_minute: int = 17 * 60
    holidays: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        """Whether people work on the day."""
        return day.weekday() in self.business_days and day not in self.holidays


def calendar_of(values: Mapping[str, str]) -> Calendar:
    """The calendar of texts: time_zone, business_days (`mon-fri`, `sun,mon`), business_hours (`09:00-17:00`), holidays
    (ISO dates, comma-separated). CalendarError."""
    from zoneinfo import ZoneInfo  # it loads the build's configuration, which no declaration of a table needs

    zone, days, hours = (values.get(name, "") for name in ("time_zone", "business_days", "business_hours"))
    try:
        ZoneInfo(zone or "UTC")
    except (OSError, ValueError, LookupError):
        raise CalendarError(f"{zone!r} is no time zone; write a name such as Europe/Berlin") from None
    try:
        start, end = (_minute(text) for text in (hours or "09:00-17:00").split("-"))
        if end <= start:
            raise ValueError
    except ValueError:
        raise CalendarError(f"{hours!r} are no business hours; write 09:00-17:00") from None
    try:
        holidays = frozenset(
            date.fromisoformat(day.strip()) for day in values.get("holidays", "").split(",") if day.strip()
        )
    except ValueError:
        raise CalendarError(f"{values.get('holidays')!r} are no dates; write 2026-12-25,2027-01-01") from None
    return Calendar(zone or "UTC", _days(days if "business_days" in values else "mon-fri"), start, end, holidays)


def _days(text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in filter(None, (part.strip().lower() for part in text.split(","))):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise CalendarError(f"{text!r} are no days of the week; write mon-fri or sun,mon,tue")
        begin, count = WEEKDAYS.index(first), (WEEKDAYS.index(last or first) - WEEKDAYS.index(first)) % 7
        days |= {(begin + offset) % 7 for offset in range(count + 1)}
    return tuple(sorted(days))


def _minute(text: str) -> int:
    match = re.fullmatch(r"\s*(\d\d?):(\d\d)\s*", text)
    if not match or not (minute := int(match[1]) * 60 + int(match[2])) <= 24 * 60 or int(match[2]) > 59:
        raise ValueError(text)
    return minute


@lru_cache(maxsize=100_000)
def calendar_features(calendar: Calendar, at: int) -> dict[str, Any]:
    """The calendar features of a time in microseconds since 1970."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(calendar.time_zone)
    utc = EPOCH + timedelta(microseconds=at)
    local = utc.astimezone(zone)
    minute = local.hour * 60 + local.minute
    in_hours = calendar.business_start_minute <= minute < calendar.business_end_minute
    is_business_hour = in_hours and calendar.is_business_day(local.date())
    return {
        "hour_of_day": local.hour,
        "day_of_week": local.weekday(),
        "month": local.month,
        "is_weekend": local.weekday() >= 5,
        "is_business_hour": is_business_hour,
        "time_to_business_hours": 0.0 if is_business_hour else _hours_until(calendar, zone, utc),
    }


def _hours_until(calendar: Calendar, zone: ZoneInfo, utc: datetime) -> float | None:
    today = utc.astimezone(zone).date()
    for offset in range(MAX_SEARCH_DAYS):
        day = today + timedelta(days=offset)
        if not calendar.is_business_day(day):
            continue
        begins = datetime.combine(day, time(*divmod(calendar.business_start_minute, 60)), zone).astimezone(UTC)
        if begins > utc:
            return (begins - utc).total_seconds() / HOUR_SECONDS
    return None
