"""Lists a raw location in full or, on s3://, only where new objects are expected, and records full listings.

objects.py and recent.py list folders and S3; raw.py puts the objects into the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.ingest.objects import ListedObject, ObjectsError, S3Prefix, list_objects
from platform_assets.ingest.recent import is_worthwhile, list_recent, series_of
from platform_assets.settings import Settings, value_of
from spark_jobs.contract import Column, RawFiles, Table
from spark_jobs.registry import sources
from spark_jobs.storage.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa

FULL_LISTINGS = Table(
    key="housekeeping/full_listings",
    meaning="When an s3:// raw location was listed as a whole and the ledger held what it showed; append-only.",
    grain="one full listing of one location",
    hourly=False,
    retention_days=None,
    columns=(
        Column("location", "string", "the raw location as it was set", nullable=False),
        Column("listed_at", "timestamp", "when the listing began (wall clock)", nullable=False),
        Column("object_count", "int64", "objects that it showed", nullable=False),
    ),
)
COLUMNS = ["source_object", "etag", "size_bytes", "modified_at", "name_hour"]
"""Columns of the ledger that listing needs."""


@dataclass(frozen=True)
class Listing:
    """Objects, listed while iterating, and whether they are all of the location."""

    objects: Iterable[ListedObject]
    is_full: bool


def location_of(settings: Settings, source: str) -> str:
    """The folder or s3:// URI with the raw objects of a source; empty if none is set."""
    raw = sources()[source].raw
    return str(value_of(settings, raw.setting)) if raw else ""


def is_wanted(settings: Settings, raw: RawFiles) -> Callable[[str], bool]:
    """Whether an object of this name is to be read, by the patterns that the settings include and exclude."""
    include, exclude = (
        [pattern.strip() for pattern in str(value_of(settings, name)).split(",") if pattern.strip()] if name else []
        for name in (raw.include_setting, raw.exclude_setting)
    )

    def wanted(name: str) -> bool:
        is_included = not include or any(fnmatchcase(name, pattern) for pattern in include)
        return is_included and not any(fnmatchcase(name, pattern) for pattern in exclude)

    return wanted


def refuse_own_files(settings: Settings, location: str) -> None:
    """ObjectsError where the location holds the home or the lake: their tables and keys would be read as raw files."""
    for own, name in ((str(settings.home), "home"), (settings.lake_root, "lake")):
        if _holds(location, own):
            raise ObjectsError(
                f"The location {location} holds the {name} {own}, whose own files would be read; "
                "name a folder that holds nothing else, or move the home with --home (WEIR_HOME)."
            )


def _holds(location: str, other: str) -> bool:
    """Whether a folder or prefix is another one, or above it."""
    if location.startswith("s3://") != other.startswith("s3://"):
        return False
    if location.startswith("s3://"):
        return f"{other.rstrip('/')}/".startswith(f"{location.rstrip('/')}/")
    outer, inner = (Path(name).expanduser().resolve() for name in (location, other))
    return inner.is_relative_to(outer)


def is_due(settings: Settings, lake: Lake, now: datetime, source: str) -> bool:
    """Whether a full listing of an s3:// location is due; folders are always listed in full."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    location = location_of(settings, source)
    if not location.startswith("s3://"):
        return False
    of_location = ds.field("location") == location
    last_at = pc.max(lake.read_arrow(FULL_LISTINGS, columns=["listed_at"], filter=of_location)["listed_at"]).as_py()
    return last_at is None or now - last_at >= timedelta(hours=settings.full_listing_hours)


def record_full(settings: Settings, lake: Lake, now: datetime, object_count: int, source: str) -> None:
    """Record a full listing, once its objects are in the ledger."""
    row = {"location": location_of(settings, source), "listed_at": now, "object_count": object_count}
    lake.append_rows(FULL_LISTINGS, [row])


def listed(settings: Settings, ledger: pa.Table, now: datetime, *, in_full: bool, source: str) -> Listing:
    """The objects of the location: all of them or, on s3://, those that may be new if that needs fewer calls.

    `ledger`: its COLUMNS. Iterating raises ObjectsError.
    """
    location = location_of(settings, source)
    if not location.startswith("s3://"):
        objects = list_objects(location, known=_contents(ledger))
        return Listing(objects, is_full=True)
    prefix = S3Prefix(location, settings.aws_region, settings.s3_endpoint_url)
    bucket = f"s3://{prefix.bucket}/"
    ledger_names = ledger["source_object"].to_pylist()
    rows = [
        (name.removeprefix(bucket), hour)
        for name, hour in zip(ledger_names, ledger["name_hour"].to_pylist(), strict=True)
        if name.startswith(bucket + prefix.prefix)
    ]
    series = [] if in_full else series_of(rows, now)
    if not in_full and is_worthwhile(series, len(rows)):
        return Listing(list_recent(prefix, series, sorted({name for name, _ in rows})), is_full=False)
    return Listing(prefix.objects(), is_full=True)


def _contents(ledger: pa.Table) -> dict[str, tuple[int, int, str]]:
    """Size, time and etag by name, so that unchanged files are not read again."""
    import pyarrow as pa

    times = ledger["modified_at"].cast(pa.int64()).to_pylist()
    columns = (ledger[name].to_pylist() for name in ("source_object", "size_bytes", "etag"))
    return {name: (size, at, etag) for (name, size, etag), at in zip(zip(*columns, strict=True), times, strict=True)}
