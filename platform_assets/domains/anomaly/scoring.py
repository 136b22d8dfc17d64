"""Steps of clusters -> scores and alarms, by the version of the model that each hour is pinned to. No asset here.

A score rests on the whole series from its beginning on: on which row fits stand, and what alarms there were before. So
every hour has its series begin at the Monday, UTC, that lies between two and three weeks before it. Two weeks, since
the second week is the first that knows the weekly season; a Monday, since hours of a week so share one beginning, and an
hour gets the same scores to the bit whether it is made alone or with others. No later row changes anything (the model's
own promise), so an hour that is made again changes only where its past did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from platform_assets.domains.anomaly.tables import ANOMALY_SCORES, HISTORY_DAYS
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour, parse_hour
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

if TYPE_CHECKING:
    import pandas as pd

MODEL = "anomaly_detection"
STEPS = tables()["features/metrics/cluster_5min"]


def beginning(hour: str) -> datetime:
    """When the series begin that an hour is judged by."""
    at = parse_hour(hour).replace(hour=0)
    return at - timedelta(days=HISTORY_DAYS + at.weekday())


def score_hours(
    lake: Lake, hours: Sequence[str], versions: Mapping[str, str], loaded: Callable[[str], Any]
) -> tuple[int, pd.DataFrame | None]:
    """Make the hours of predictions/anomaly_scores anew; returns their rows, and the last series with their scores.

    `versions`: hour -> version; `loaded` gives the model of a version.
    """
    import pandas as pd
    import pyarrow as pa

    schema = arrow_schema(ANOMALY_SCORES, with_hour=True)
    parts, scored_series = [schema.empty_table()], None
    for version, span in _spans(hours, versions):
        frame = _series(lake, span)
        if frame.empty:
            continue
        scored = loaded(version).predict(frame[_inputs()])
        scored_series = pd.concat([frame, scored], axis=1)
        rows = scored_series[scored_series[HOUR_COLUMN].isin(span)].assign(model_name=MODEL, model_version=version)
        parts.append(pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False))
    data = pa.concat_tables(parts)
    lake.overwrite_arrow(data, ANOMALY_SCORES, hours)
    return data.num_rows, scored_series


def _inputs() -> list[str]:
    from weir_models import registry

    return list(registry.spec(MODEL).inputs[STEPS.key])


def _spans(hours: Sequence[str], versions: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Consecutive hours that begin alike and have one version: a detector runs once over each."""
    span: list[str] = []
    for hour in sorted(hours):
        if span and (beginning(span[0]), versions[span[0]]) != (beginning(hour), versions[hour]):
            yield versions[span[0]], span
            span = []
        span.append(hour)
    if span:
        yield versions[span[0]], span


def _series(lake: Lake, span: Sequence[str]) -> pd.DataFrame:
    """Steps of the clusters that have rows in the span, from their beginning to the end of the span."""
    window = Interval.spanning(format_hour(beginning(span[0])), span[-1]).hours
    rows = lake.read_arrow(STEPS, window, [*_inputs(), HOUR_COLUMN]).to_pandas()
    clusters = rows.loc[rows[HOUR_COLUMN].isin(span), "cluster_id"].unique()
    rows = rows[rows["cluster_id"].isin(clusters)]
    return rows.sort_values(["cluster_id", "event_at"], ignore_index=True)
