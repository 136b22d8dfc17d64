"""What the settings say to the jobs of a source, as plain JSON values. What a job makes of them is the source's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from platform_assets.settings import Settings
from spark_jobs.contract import PARSED_LAYER, Job, Source


def job_parameters(settings: Settings, source: Source, job: Job) -> dict[str, Any]:
    """Of one job: all of its source's where it parses, else those that are not of parsing."""
    if job.tables[0].layer == PARSED_LAYER:
        return parameters_of(settings, source.name)
    return _BEYOND_PARSING[source.name](settings) if source.name in _BEYOND_PARSING else {}


def parameters_of(settings: Settings, name: str) -> dict[str, Any]:
    """What the job that parses a source is told."""
    return _OF_PARSING[name](settings) if name in _OF_PARSING else {}


def _cloudfront(settings: Settings) -> dict[str, Any]:
    from platform_assets.secrets import hash_key

    return {
        "headerless_layout": settings.headerless_layout,
        "cookies": settings.cookies,
        "hash_query_values": settings.hash_query_values,
        "hash_key": hash_key(settings),
        "limits": {
            "max_line_bytes": settings.max_line_bytes,
            "max_object_bytes": settings.max_object_bytes,
            "max_expansion_ratio": settings.max_expansion_ratio,
        },
    }


def _metrics(settings: Settings) -> dict[str, Any]:
    return {"mapping": settings.metrics_mapping, "max_object_bytes": settings.max_object_bytes}


def _calendar(settings: Settings) -> dict[str, Any]:
    return {
        "calendar": {
            "time_zone": settings.calendar_time_zone,
            "business_days": settings.calendar_business_days,
            "business_hours": settings.calendar_business_hours,
            "holidays": settings.calendar_holidays,
        }
    }


Parameters = Mapping[str, Callable[[Settings], dict[str, Any]]]
_OF_PARSING: Parameters = {"cloudfront": _cloudfront, "metrics": _metrics}
_BEYOND_PARSING: Parameters = {"metrics": _calendar}
