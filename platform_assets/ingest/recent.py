"""What is new under an s3:// prefix, without listing all of it: names of log objects go on where they ended.

Knows the order of names and how dates stand in them; which objects are known is the ledger's, and what was listed in
full is in listings.py. What is not found here is left to the next full listing: objects later than LATE, rewritten
ones of earlier hours, and further ones beside names without an hour.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_assets.ingest.objects import ListedObject, S3Prefix
from spark_jobs.contract import format_hour, parse_hour

PAGE_KEYS = 1000
"""The most that one call of ListObjectsV2 answers."""
LATE = timedelta(hours=48)
"""Before the newest hour of a series; CloudFront delivers up to 24 hours late, rarely later."""
SILENT = timedelta(days=31)
"""A series whose newest hour is older than this, against the newest of all, is not asked for."""
LAYOUTS = ("%Y-%m-%d-%H", "%Y-%m-%d", "%Y/%m/%d", "%Y/month=%m/day=%d")
"""How an hour stands in a name or its folders. All begin with the year, so names are in the order of time behind it."""
DELIMITER = "."
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, order=True)
class Series:
    """Names that are alike up to where their first date stands, such as `logs/E1.` or `logs/E1/year=`."""

    prefix: str
    start_after: str
    """New names come after it."""

    @property
    def end(self) -> str:
        """Behind all names in which a digit follows the prefix."""
        return f"{self.prefix}:"

    def holds(self, name: str) -> bool:
        return f"{self.prefix}0" <= name < self.end


def series_of(known: Iterable[tuple[str, str | None]], now: datetime) -> list[Series]:
    """The series of known names, each with the hour in it, in order, without silent ones."""
    newest: dict[tuple[str, str], str] = {}
    written: dict[str, list[tuple[str, str]]] = {}
    for name, hour in known:
        if hour is None:
            continue
        if hour not in written:
            written[hour] = [(layout, parse_hour(hour).strftime(layout)) for layout in LAYOUTS]
        places = [(name.find(date), layout) for layout, date in written[hour] if date in name]
        first = min(place for place, _ in places)
        key = (name[:first], next(layout for place, layout in places if place == first))
        newest[key] = max(hour, newest.get(key, hour))
    present = format_hour(now)
    capped = {key: parse_hour(min(hour, present)) for key, hour in newest.items()}  # nothing is logged ahead of time
    youngest = max(capped.values(), default=now)
    kept = sorted(
        Series(prefix, prefix + (hour - LATE).strftime(layout))
        for (prefix, layout), hour in capped.items()
        if hour >= youngest - SILENT
    )
    return [one for one in kept if not any(other.holds(one.prefix) for other in kept)]


def is_worthwhile(series: Sequence[Series], known: int) -> bool:
    """Whether asking for each series needs fewer calls than listing as many objects as are known."""
    return len(series) + 1 < known / PAGE_KEYS


def list_recent(where: S3Prefix, series: Sequence[Series], names: Sequence[str]) -> Iterator[ListedObject]:
    """What came to the series, and everything under names that nothing known begins like; some of it may be known.

    `series` and the sorted `names` hold keys of the bucket, without `s3://`. Raises ObjectsError while being iterated.
    """
    for one in series:
        yield from _listed(where, max(where.prefix, one.prefix, key=len), one.start_after, one.end)
    if not any(one.holds(where.prefix) for one in series):  # else the location lies in one series
        yield from _explored(where, where.prefix, series, names)


def _explored(where: S3Prefix, prefix: str, series: Sequence[Series], names: Sequence[str]) -> Iterator[ListedObject]:
    """Objects directly at the prefix, and those of groups (names up to the next dot) that are new."""
    new: list[str] = []
    start_after, is_last = "", False
    while not is_last:
        page = where.page(prefix, start_after, PAGE_KEYS, DELIMITER)
        is_last = page.is_last
        yield from page.objects
        start_after = page.last + LAST_CHARACTER * (page.last in page.groups)
        for group in page.groups:
            holder = next((one for one in series if one.prefix == group or one.holds(group)), None)
            is_above = any(one.prefix.startswith(group) for one in series)
            if holder is None and not is_above:
                new += [] if _is_known(group, names) else [group]
                continue
            yield from _listed_groups(where, prefix, new)
            new = []
            if holder is None:
                yield from _explored(where, group, series, names)
            elif holder.prefix != group:  # all that follows within it is known too
                start_after = max(start_after, holder.end)
    yield from _listed_groups(where, prefix, new)


def _is_known(group: str, names: Sequence[str]) -> bool:
    place = bisect_left(names, group)
    return place < len(names) and names[place].startswith(group)


def _listed_groups(where: S3Prefix, prefix: str, groups: Sequence[str]) -> Iterator[ListedObject]:
    """All objects from the first to the last of the groups, which have no series between them: one range, few calls."""
    if groups:
        before = groups[0][:-1] + chr(ord(DELIMITER) - 1) + LAST_CHARACTER
        yield from _listed(where, prefix if len(groups) > 1 else groups[0], before, groups[-1] + LAST_CHARACTER)


def _listed(where: S3Prefix, prefix: str, start_after: str, end: str) -> Iterator[ListedObject]:
    is_last = False
    while not is_last:
        page = where.page(prefix, start_after, PAGE_KEYS)
        start_after = page.last
        is_last = page.is_last or start_after >= end
        yield from page.objects
