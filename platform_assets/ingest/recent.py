"""Lists new objects under an s3:// prefix without listing all of it: names contain dates, so new names come last.

The next full listing finds what is missed here: objects later than LATE, rewritten objects of earlier hours, and
objects beside names without an hour.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_assets.ingest.objects import ListedObject, S3Prefix
from spark_jobs.contract import format_hour, parse_hour

PAGE_KEYS = 1000
"""Maximum of one ListObjectsV2 call."""
LATE = timedelta(hours=48)
"""How far before the newest hour of a series new objects are expected; CloudFront is up to 24 hours late, rarely more."""
SILENT = timedelta(days=31)
"""A series whose newest hour is this much older than the newest of all is skipped."""
LAYOUTS = ("%Y-%m-%d-%H", "%Y-%m-%d", "%Y/%m/%d", "%Y/month=%m/day=%d")
"""Formats of an hour in a name or its folders. All begin with the year, so that names sort by time."""
DELIMITER = "."
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, order=True)
class Series:
    """Names with the same prefix before their first date, such as `logs/E1.` or `logs/E1/year=`."""

    prefix: str
    start_after: str
    """New names sort after it."""

    @property
    def end(self) -> str:
        """Sorts after all names in which a digit follows the prefix."""
        return f"{self.prefix}:"

    def holds(self, name: str) -> bool:
        return f"{self.prefix}0" <= name < self.end


def series_of(names: Iterable[tuple[str, str | None]], now: datetime) -> list[Series]:
    """The sorted series of (name, hour) pairs, without silent ones."""
    newest: dict[tuple[str, str], str] = {}
    formatted: dict[str, list[tuple[str, str]]] = {}
    for name, hour in names:
        if hour is None:
            continue
        if hour not in formatted:
            formatted[hour] = [(layout, parse_hour(hour).strftime(layout)) for layout in LAYOUTS]
        positions = [(name.find(date), layout) for layout, date in formatted[hour] if date in name]
        position = min(at for at, _ in positions)
        key = (name[:position], next(layout for at, layout in positions if at == position))
        newest[key] = max(hour, newest.get(key, hour))
    present = format_hour(now)
    capped = {key: parse_hour(min(hour, present)) for key, hour in newest.items()}  # ignores hours in the future
    newest_hour = max(capped.values(), default=now)
    active = sorted(
        Series(prefix, prefix + (hour - LATE).strftime(layout))
        for (prefix, layout), hour in capped.items()
        if hour >= newest_hour - SILENT
    )
    return [item for item in active if not any(larger.holds(item.prefix) for larger in active)]


def is_worthwhile(series: Sequence[Series], object_count: int) -> bool:
    """Whether listing each series needs fewer calls than a full listing of `object_count` objects."""
    return len(series) + 1 < object_count / PAGE_KEYS


def list_recent(location: S3Prefix, series: Sequence[Series], names: Sequence[str]) -> Iterator[ListedObject]:
    """New objects of the series, and everything under prefixes without a known name; may include known objects.

    `series` and the sorted `names` hold keys of the bucket, without `s3://`. Iterating raises ObjectsError.
    """
    for item in series:
        yield from _listed(location, max(location.prefix, item.prefix, key=len), item.start_after, item.end)
    if not any(item.holds(location.prefix) for item in series):  # else the location is within one series
        yield from _explored(location, location.prefix, series, names)


def _explored(
    location: S3Prefix, prefix: str, series: Sequence[Series], names: Sequence[str]
) -> Iterator[ListedObject]:
    """Objects directly at the prefix, and those of new groups (names up to the next dot)."""
    new_groups: list[str] = []
    start_after, is_last = "", False
    while not is_last:
        page = location.page(prefix, start_after, PAGE_KEYS, DELIMITER)
        is_last = page.is_last
        yield from page.objects
        start_after = page.last + LAST_CHARACTER * (page.last in page.groups)
        for group in page.groups:
            owner = next((item for item in series if item.prefix == group or item.holds(group)), None)
            is_above = any(item.prefix.startswith(group) for item in series)
            if owner is None and not is_above:
                new_groups += [] if _is_known(group, names) else [group]
                continue
            yield from _listed_groups(location, prefix, new_groups)
            new_groups = []
            if owner is None:
                yield from _explored(location, group, series, names)
            elif owner.prefix != group:  # the rest of the series is known, too
                start_after = max(start_after, owner.end)
    yield from _listed_groups(location, prefix, new_groups)


def _is_known(group: str, names: Sequence[str]) -> bool:
    at = bisect_left(names, group)
    return at < len(names) and names[at].startswith(group)


def _listed_groups(location: S3Prefix, prefix: str, groups: Sequence[str]) -> Iterator[ListedObject]:
    """All objects from the first to the last group, which have no series between them: one range, few calls."""
    if groups:
        start_after = groups[0][:-1] + chr(ord(DELIMITER) - 1) + LAST_CHARACTER
        yield from _listed(location, prefix if len(groups) > 1 else groups[0], start_after, groups[-1] + LAST_CHARACTER)


def _listed(location: S3Prefix, prefix: str, start_after: str, end: str) -> Iterator[ListedObject]:
    is_last = False
    while not is_last:
        page = location.page(prefix, start_after, PAGE_KEYS)
        start_after = page.last
        is_last = page.is_last or start_after >= end
        yield from page.objects
