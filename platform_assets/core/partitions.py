"""Hours as partitions: the definition that all hourly assets share, and a run's interval."""

from __future__ import annotations

import dagster as dg

from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_FORMAT, Interval, parse_hour


def hourly(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Every UTC hour since WEIR_FIRST_HOUR, including the current one; keys are formatted as CloudFront's hours."""
    return dg.HourlyPartitionsDefinition(
        start_date=parse_hour(settings.first_hour), fmt=HOUR_FORMAT, timezone="UTC", end_offset=1
    )


def interval_of(context: dg.AssetExecutionContext) -> Interval:
    """The hours of this run: one partition, or a range of them in a single run."""
    window = context.partition_time_window
    return Interval(window.start, window.end)
