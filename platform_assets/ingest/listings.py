"""How the raw location is listed: all of it, or, on s3://, what is new; and when all of it was listed last.

How S3 and folders are listed is in objects.py and recent.py; what is done with them in raw.py.
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
from spark_jobs.storage.schema import arrow_schema

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
"""Of the ledger, as far as listing needs it."""


@dataclass(frozen=True)
class Listing:
    """Objects as they are being listed, and whether these are all of the location."""

    objects: Iterable[ListedObject]
    is_full: bool


def location_of(settings: Settings, source: str) -> str:
    """The folder or s3:// URI that holds the raw objects of a source; empty where none is set."""
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
    """Whether an s3:// location is to be listed as a whole; a folder always is, without being noted."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    location = location_of(settings, source)
    if not location.startswith("s3://"):
        return False
    of_location = ds.field("location") == location
    last = pc.max(lake.read_arrow(FULL_LISTINGS, columns=["listed_at"], filter=of_location)["listed_at"]).as_py()
    return last is None or now - last >= timedelta(hours=settings.full_listing_hours)


def record_full(settings: Settings, lake: Lake, now: datetime, object_count: int, source: str) -> None:
    """Note a full listing, after the ledger holds what it showed."""
    import pyarrow as pa

    row = {"location": location_of(settings, source), "listed_at": now, "object_count": object_count}
    lake.append_arrow(pa.Table.from_pylist([row], schema=arrow_schema(FULL_LISTINGS)), FULL_LISTINGS)


def listed(settings: Settings, known: pa.Table, now: datetime, *, in_full: bool, source: str) -> Listing:
    """The objects of the location, on s3:// those that may be new where that is asked for and needs fewer calls.

    `known`: COLUMNS of the ledger. Iterating raises ObjectsError.
    """
    location = location_of(settings, source)
    if not location.startswith("s3://"):
        found = list_objects(location, known=_contents(known))
        return Listing(found, is_full=True)
    where = S3Prefix(location, settings.aws_region, settings.s3_endpoint_url)
    bucket = f"s3://{where.bucket}/"
    names = known["source_object"].to_pylist()
    rows = [
        (name.removeprefix(bucket), hour)
        for name, hour in zip(names, known["name_hour"].to_pylist(), strict=True)
        if name.startswith(bucket + where.prefix)
    ]
    series = [] if in_full else series_of(rows, now)
    if not in_full and is_worthwhile(series, len(rows)):
        return Listing(list_recent(where, series, sorted({name for name, _ in rows})), is_full=False)
    return Listing(where.objects(), is_full=True)


def _contents(known: pa.Table) -> dict[str, tuple[int, int, str]]:
    """What saves reading files again whose size and time are known."""
    import pyarrow as pa

    times = known["modified_at"].cast(pa.int64()).to_pylist()
    columns = (known[name].to_pylist() for name in ("source_object", "size_bytes", "etag"))
    return {name: (size, at, etag) for (name, size, etag), at in zip(zip(*columns, strict=True), times, strict=True)}
