"""Hours and months as partitions: the definitions that all hourly assets share, and the hours of a run.

Partitions begin with the first hour that a raw object holds, so that Dagster's pages show the hours that there are; a
file of the home keeps it, since a code location is loaded without a look at the lake.

Assets whose files hold months have a partition a month, since Dagster stores an event for each partition and asset. The
hours that a run makes of its months are in a tag of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.core.asset_specs import key_of
from platform_assets.core.files import write_atomically
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_FORMAT, Interval, Table, parse_hour

MONTH_FORMAT = "%Y-%m"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
FIRST_HOUR, LAST_HOUR = "weir/first_hour", "weir/last_hour"
EARLIEST = "2009-01-01-00"
"""The first partition where no object is known yet, and of objects that name an earlier hour."""


def first_hour_of(settings: Settings) -> str:
    """The first hour that can be a partition: WEIR_FIRST_HOUR, else the first of the data."""
    return settings.first_hour or _noted(settings) or EARLIEST


def note_first_hour(settings: Settings, hour: str | None) -> None:
    """Keep the first hour of a ledger, where it is earlier than the one that the home has."""
    if hour is not None and (hour < (_noted(settings) or "9999")):
        write_atomically(_file(settings), f"{max(hour, EARLIEST)}\n")


def _noted(settings: Settings) -> str:
    try:
        text = _file(settings).read_text(encoding="utf-8").strip()
        parse_hour(text)
    except (OSError, ValueError):
        return ""
    return text


def _file(settings: Settings) -> Path:
    return settings.home / "first_hour"


def hours_before(graph: Any, keys: Sequence[str], hours: Sequence[str]) -> list[str]:
    """Hours before the first partition of the assets: of objects that came since the definitions were loaded."""
    start = getattr(graph.get(key_of(keys[0])).partitions_def, "start", None) if keys else None
    return [hour for hour in hours if start is not None and parse_hour(hour) < start.astimezone(UTC)]


def hourly(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Every UTC hour since the first one, including the current one; keys are formatted as CloudFront's hours."""
    return dg.HourlyPartitionsDefinition(
        start_date=parse_hour(first_hour_of(settings)), fmt=HOUR_FORMAT, timezone="UTC", end_offset=1
    )


def monthly(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """Every month since that of the first hour, including the current one; keys such as 2026-11."""
    start = parse_hour(first_hour_of(settings)).replace(day=1, hour=0)
    return dg.MonthlyPartitionsDefinition(start_date=start, fmt=MONTH_FORMAT, timezone="UTC", end_offset=1)


def partitions_of(settings: Settings, table: Table) -> dg.TimeWindowPartitionsDefinition:
    """The partitions of an hourly table."""
    return monthly(settings) if table.is_by_month else hourly(settings)


def format_of(graph: Any, key: str) -> str:
    """The format of the partition keys of an asset; empty if it has no partitions. `graph`: Dagster's asset graph."""
    return str(getattr(graph.get(key_of(key)).partitions_def, "fmt", ""))


def tags_of_hours(graph: Any, keys: Sequence[str], first: str, last: str) -> dict[str, str]:
    """The tags of a run over the hours from `first` to `last`; the assets have partitions of the same format."""
    key_format = format_of(graph, keys[0])
    start, end = (parse_hour(hour).strftime(key_format) for hour in (first, last))
    tags = {RANGE_START: start, RANGE_END: end}
    return tags if key_format == HOUR_FORMAT else {**tags, FIRST_HOUR: first, LAST_HOUR: last}


def interval_of(context: dg.AssetExecutionContext) -> Interval:
    """The hours of this run: those of its tags, else all of its partitions."""
    first, last = (context.run.tags.get(tag) for tag in (FIRST_HOUR, LAST_HOUR))
    if first and last:
        return Interval.spanning(first, last)
    window = context.partition_time_window
    return Interval(window.start, window.end)
