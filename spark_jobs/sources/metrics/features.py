"""The features of a cluster at one step: what they are, declared once, and how one row of them is made in plain Python.

The batch (`windows.py`, numpy inside a Spark task) goes through the same declaration and comes out equal to 1e-9. A window
holds the steps `[t - window, t)`: the row's own step is not in it, steps without a value are not there, and nothing is
filled in. Standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.metrics.cluster_metrics import METRICS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

HOUR_SECONDS = 3600
WINDOWS = {"1h": HOUR_SECONDS, "6h": 6 * HOUR_SECONDS, "24h": 24 * HOUR_SECONDS}
LONGEST_SEARCH_DAYS = 400
"""How far ahead business hours are looked for."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class CalendarError(WeirError, ValueError):
    """A setting of the calendar is wrong; the message says what it is and what to write."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Feature:
    """One feature. `kind`: current (the column itself), calendar, count, mean, max, trend, volatility, ratio, product or
    undefined (whether that ratio or product has no value); `inputs` are columns of cluster_5min."""

    name: str
    type: str
    meaning: str
    kind: str
    inputs: tuple[str, ...] = ()
    window_seconds: int = 0
    is_nullable: bool = True


def _current(metric: str) -> Feature:
    return Feature(metric, "double", "as in cluster_5min", "current", (metric,))


def _windows(prefix: str, metric: str, unit: str) -> tuple[Feature, ...]:
    said = {
        "avg": ("mean", f"mean, {unit}"),
        "max": ("max", f"largest value, {unit}"),
        "trend": ("trend", f"slope of the least-squares line, {unit} an hour; null with fewer than two steps"),
        "volatility": ("volatility", f"sample standard deviation, {unit}; null with fewer than two steps"),
    }
    return tuple(
        Feature(
            f"{prefix}_{name}_{window}", "double", f"{metric} over {window} before: {meaning}", kind, (metric,), seconds
        )
        for window, seconds in WINDOWS.items()
        for name, (kind, meaning) in said.items()
    ) + tuple(
        Feature(
            f"{prefix}_step_count_{window}",
            "int64",
            f"steps with {metric} over {window} before",
            "count",
            (metric,),
            seconds,
            is_nullable=False,
        )
        for window, seconds in WINDOWS.items()
    )


def _derived(name: str, kind: str, inputs: tuple[str, str], meaning: str, why: str) -> tuple[Feature, Feature]:
    return (
        Feature(name, "double", meaning, kind, inputs),
        Feature(f"is_{name}_undefined", "boolean", why, "undefined", (name,), is_nullable=False),
    )


NO_DENOMINATOR = "a figure is missing or the denominator is zero"
FEATURES: tuple[Feature, ...] = (
    Feature("hour_of_day", "int32", "0 to 23, in the calendar's time zone", "calendar", is_nullable=False),
    Feature("day_of_week", "int32", "0 is Monday, in the calendar's time zone", "calendar", is_nullable=False),
    Feature("month", "int32", "1 to 12, in the calendar's time zone", "calendar", is_nullable=False),
    Feature("is_weekend", "boolean", "Saturday or Sunday", "calendar", is_nullable=False),
    Feature("is_business_hour", "boolean", "within business hours of a business day", "calendar", is_nullable=False),
    Feature(
        "time_to_business_hours",
        "double",
        "hours until business hours begin, 0 within them; null without any",
        "calendar",
    ),
    *(_current(metric) for metric in METRICS),
    *_windows("cpu", "cpu_utilization", "percent"),
    Feature(
        "spot_price_volatility",
        "double",
        "spot_price over 24h before: sample standard deviation; null with fewer than two steps",
        "volatility",
        ("spot_price",),
        WINDOWS["24h"],
    ),
    *_derived(
        "cpu_memory_ratio",
        "ratio",
        ("cpu_utilization", "memory_utilization"),
        "cpu_utilization / memory_utilization",
        NO_DENOMINATOR,
    ),
    *_derived("pod_density", "ratio", ("pod_count", "node_count"), "pods a node", NO_DENOMINATOR),
    *_derived("request_per_pod", "ratio", ("request_rate", "pod_count"), "requests a second and pod", NO_DENOMINATOR),
    *_derived(
        "error_impact", "product", ("error_rate", "request_rate"), "error_rate x request_rate", "a figure is missing"
    ),
)
"""All features, in the order of their columns."""

INPUTS = tuple(dict.fromkeys(name for one in FEATURES if one.kind != "undefined" for name in one.inputs))
"""Columns of cluster_5min that features read, besides cluster_id and event_at."""


@dataclass(frozen=True)
class Calendar:
    """When people work: a time zone, days of the week (0 is Monday), the minutes of the day, and days off."""

    time_zone: str = "UTC"
    business_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    business_start_minute: int = 9 * 60
    business_end_minute: int = 17 * 60
    holidays: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
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
            date.fromisoformat(one.strip()) for one in values.get("holidays", "").split(",") if one.strip()
        )
    except ValueError:
        raise CalendarError(f"{values.get('holidays')!r} are no dates; write 2026-12-25,2027-01-01") from None
    return Calendar(zone or "UTC", _days(days if "business_days" in values else "mon-fri"), start, end, holidays)


def _days(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in filter(None, (one.strip().lower() for one in text.split(","))):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise CalendarError(f"{text!r} are no days of the week; write mon-fri or sun,mon,tue")
        begin, count = WEEKDAYS.index(first), (WEEKDAYS.index(last or first) - WEEKDAYS.index(first)) % 7
        found |= {(begin + offset) % 7 for offset in range(count + 1)}
    return tuple(sorted(found))


def _minute(text: str) -> int:
    match = re.fullmatch(r"\s*(\d\d?):(\d\d)\s*", text)
    if not match or not (minute := int(match[1]) * 60 + int(match[2])) <= 24 * 60 or int(match[2]) > 59:
        raise ValueError(text)
    return minute


@lru_cache(maxsize=100_000)
def of_time(calendar: Calendar, at: int) -> dict[str, Any]:
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
    for offset in range(LONGEST_SEARCH_DAYS):
        day = today + timedelta(days=offset)
        if not calendar.is_business_day(day):
            continue
        begins = datetime.combine(day, time(*divmod(calendar.business_start_minute, 60)), zone).astimezone(UTC)
        if begins > utc:
            return (begins - utc).total_seconds() / HOUR_SECONDS
    return None


def micros(at: datetime | int) -> int:
    """Microseconds since 1970 of a time (without zone: UTC)."""
    if isinstance(at, int):
        return at
    delta = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def current_features(
    row: Mapping[str, Any], history: Sequence[Mapping[str, Any]], calendar: Calendar | None = None
) -> dict[str, Any]:
    """The features of one row of cluster_5min, from it and from rows of the same cluster before it, in any order.

    Rows hold event_at (datetime or microseconds) and any of the metrics; absent, None and NaN are no value. Rows of
    `history` at the row's time or later do not count. Of equal times the last row counts.
    """
    at = micros(row["event_at"])
    past = {micros(one["event_at"]): one for one in history}
    times = sorted(time for time in past if time < at)
    found: dict[str, Any] = dict(of_time(calendar or Calendar(), at))
    for one in FEATURES:
        if one.kind == "calendar":
            continue
        if one.kind == "undefined":
            found[one.name] = found[one.inputs[0]] is None
        elif one.window_seconds:
            begins = at - one.window_seconds * 1_000_000
            points = [
                ((time - at) / 1e6 / HOUR_SECONDS, value)
                for time in times
                if time >= begins and (value := _value(past[time], one.inputs[0])) is not None
            ]
            found[one.name] = _AGGREGATES[one.kind](points)
        else:
            found[one.name] = _OF_ROW[one.kind](*(_value(row, name) for name in one.inputs))
    return {one.name: found[one.name] for one in FEATURES}


def _value(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or value != value else float(value)


Points = Sequence[tuple[float, float]]
"""Hours (before the row: negative) and values."""


def _mean(points: Points) -> float | None:
    return math.fsum(value for _, value in points) / len(points) if points else None


def _max(points: Points) -> float | None:
    return max((value for _, value in points), default=None)


def _volatility(points: Points) -> float | None:
    mean = _mean(points)
    if mean is None or len(points) < 2:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for _, value in points) / (len(points) - 1))


def _trend(points: Points) -> float | None:
    mean = _mean(points)
    if mean is None or len(points) < 2:
        return None
    middle = math.fsum(at for at, _ in points) / len(points)
    spread = math.fsum((at - middle) ** 2 for at, _ in points)
    return math.fsum((at - middle) * (value - mean) for at, value in points) / spread


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else _finite(numerator / denominator)


def _product(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else _finite(first * second)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_AGGREGATES: dict[str, Any] = {
    "count": len,
    "mean": _mean,
    "max": _max,
    "volatility": _volatility,
    "trend": _trend,
}
_OF_ROW: dict[str, Any] = {"current": lambda value: value, "ratio": _ratio, "product": _product}
