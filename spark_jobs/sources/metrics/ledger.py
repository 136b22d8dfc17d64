"""The metrics source's part of the ledger of files: the hour in a name, the hours in a file, parse options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import parse_hour
from spark_jobs.incremental.ledger import RawObject
from spark_jobs.sources.metrics.mapping import MAPPING, overridden
from spark_jobs.sources.metrics.parse import ParseOptions, parse
from spark_jobs.sources.metrics.times import latest_micros
from spark_jobs.storage.objects import Storage
from spark_jobs.storage.schema import hour_names

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

POLLED = re.compile(r"cloudwatch-\d{8}T\d{6}Z-from-(\d{4}-\d\d-\d\d-\d\d)-[0-9a-f]+\.jsonl(\.gz)?$")
"""Names of the poller's files; the hour is that of their first period."""


def name_hour(source_object: str) -> str | None:
    """The first hour of a file of the poller; None for other names."""
    match = POLLED.search(source_object)
    if match is None:
        return None
    try:
        parse_hour(match[1])
    except ValueError:
        return None
    return match[1]


def parse_options(values: Mapping[str, Any]) -> ParseOptions:
    """Parse options of a job's parameters; times after the wall clock are out of range."""
    mapping = overridden(values["mapping"]) if values.get("mapping") else MAPPING
    max_bytes = values.get("max_object_bytes", ParseOptions.max_object_bytes)
    return ParseOptions(mapping, max_bytes, latest_micros(datetime.now(UTC)))


def observed_hours(
    engine: Callable[[], SparkSession],
    storage: Storage,
    objects: Sequence[RawObject],
    values: Mapping[str, Any],
    tasks: int,
) -> dict[str, list[str]]:
    """Hours of the samples of files, read in this process; [] where no sample has a time."""
    options = parse_options(values)
    observed: dict[str, list[str]] = {}
    for raw in objects:
        try:
            stream = storage.opened(raw.source_object)
        except FileNotFoundError:
            continue
        except Exception:  # of this file alone; parsing it says so
            observed[raw.source_object] = []
            continue
        with stream:
            observed[raw.source_object] = hours_of(parse(stream, raw.source_object, options).samples)
    return observed


def hours_of(samples: pa.Table) -> list[str]:
    """Hours that any of the samples lies in."""
    import pyarrow.compute as pc

    hours: list[str] = pc.unique(hour_names(samples["event_at"])).to_pylist()
    return sorted(hours)
