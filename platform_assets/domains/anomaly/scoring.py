"""Steps of clusters -> scores and alarms, by the pinned model version of each hour.

A score depends on the whole series since its start: on the rows that fits begin with, and on earlier alarms. So the
series of every hour starts on the Monday, UTC, between two and three weeks before it. Two weeks, because the second week
is the first with a weekly season; a Monday, so that all hours of a week share one start, and an hour gets bit-identical
scores alone or with others. Later rows change nothing (the model guarantees it), so scoring an hour again changes its
scores only if its past changed.
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


def series_start(hour: str) -> datetime:
    """The start of the series that an hour is scored with."""
    at = parse_hour(hour).replace(hour=0)
    return at - timedelta(days=HISTORY_DAYS + at.weekday())


def score_hours(
    lake: Lake, hours: Sequence[str], versions: Mapping[str, str], loaded: Callable[[str], Any]
) -> tuple[int, pd.DataFrame | None]:
    """Replace hours of predictions/anomaly_scores; returns the number of rows, and the last series with its scores.

    `versions`: hour -> model version; `loaded`: version -> model.
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
    """Model version and consecutive hours with the same version and series start: a detector runs once for each span."""
    span: list[str] = []
    for hour in sorted(hours):
        if span and (series_start(span[0]), versions[span[0]]) != (series_start(hour), versions[hour]):
            yield versions[span[0]], span
            span = []
        span.append(hour)
    if span:
        yield versions[span[0]], span


def _series(lake: Lake, span: Sequence[str]) -> pd.DataFrame:
    """Steps of the clusters that have rows in the span, from the series start to the end of the span."""
    window = Interval.spanning(format_hour(series_start(span[0])), span[-1]).hours
    rows = lake.read_arrow(STEPS, window, [*_inputs(), HOUR_COLUMN]).to_pandas()
    clusters = rows.loc[rows[HOUR_COLUMN].isin(span), "cluster_id"].unique()
    rows = rows[rows["cluster_id"].isin(clusters)]
    return rows.sort_values(["cluster_id", "event_at"], ignore_index=True)
