"""Landed objects of a stream in the ledger of its source, so that batch makes closed hours from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from platform_assets.settings import Settings, value_of
from spark_jobs.contract import Source
from spark_jobs.storage.lake import Lake
from spark_jobs.streaming.landed import LandedObject, Landing

LANDED_FOLDER = "_landed"
"""Folder of the lake beside its tables."""


@dataclass(frozen=True)
class Registered:
    """A landed object with the hours of its events."""

    landed: LandedObject
    event_hours: tuple[str, ...]


def stream_of(settings: Settings, source: Source) -> str:
    """The name of the data stream that brings a source; empty: none does."""
    return "" if source.stream is None else str(value_of(settings, source.stream.setting))


def landing_of(settings: Settings, lake: Lake, source: Source) -> Landing:
    """Where the stream of a source lands."""
    folder = f"{settings.lake_root.rstrip('/')}/{LANDED_FOLDER}/{source.name}/{stream_of(settings, source)}"
    return Landing(folder, lake.storage)


def registered_number(lake: Lake, source: Source, landing: Landing) -> int:
    """The number of the newest landed object in the ledger; 0: none."""
    import pyarrow.dataset as ds

    may_be_landed = ds.field("source_object") >= landing.uri(0)
    rows = lake.read_arrow(source.objects, columns=["source_object"], filter=may_be_landed)
    return max((landing.number_of(name) or 0 for name in rows["source_object"].to_pylist()), default=0)


def register(lake: Lake, source: Source, objects: Sequence[Registered]) -> int:
    """Append landed objects to the ledger, in one transaction; returns how many. None may be there already."""
    now = datetime.now(UTC)
    rows = (
        {
            "source_object": item.landed.source_object,
            "etag": item.landed.etag,
            "size_bytes": item.landed.size_bytes,
            "modified_at": item.landed.modified_at,
            "first_seen_at": now,
            "name_hour": None,
            "event_hours": list(item.event_hours),
            "duplicate_of": None,
            "retry_at": None,
        }
        for item in objects
    )
    return lake.append_rows(source.objects, rows)
