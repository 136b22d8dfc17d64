"""CloudFront's part of the ledger of log objects: the hour in a name, the hours in an object, parse options.

The ledger itself is `spark_jobs/incremental/ledger.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.incremental.ledger import RawObject
from spark_jobs.sources.cloudfront.layouts import headerless_fields, name_hour
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.storage.objects import Limits, Storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AHEAD_SECONDS = 300
"""How far a request may be dated after the wall clock: a later one comes from a clock that is wrong."""
__all__ = ["name_hour", "observed_hours", "parse_options"]


def observed_hours(
    engine: Callable[[], SparkSession],
    storage: Storage,
    objects: Sequence[RawObject],
    values: Mapping[str, Any],
    tasks: int,
) -> dict[str, list[str]]:
    """Hours of the events of objects whose names do not tell; `values` are the parameters of the parse job."""
    from spark_jobs.sources.cloudfront import requests  # which needs pyspark, as nothing else here does

    return requests.observed_hours(engine(), storage, objects, parse_options(values), tasks)


def parse_options(values: Mapping[str, Any]) -> ParseOptions:
    """Parse options of a job's parameters: fields of ParseOptions, or `headerless_layout`, the setting's text. LayoutError.

    Requests after the wall clock are out of range.
    """
    values = {k: v for k, v in values.items() if k in (*ParseOptions.__dataclass_fields__, "headerless_layout")}
    layout = values.pop("headerless_layout", None)
    fields = headerless_fields(layout) if layout is not None else tuple(values.pop("headerless_fields", ()))
    values.setdefault("latest_event", int(time.time()) + AHEAD_SECONDS)
    return ParseOptions(**{**values, "headerless_fields": fields, "limits": Limits(**values.get("limits", {}))})
