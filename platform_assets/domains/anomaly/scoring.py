"""Steps of clusters -> scores and alarms, by the model versions that serve each hour.

A score depends on the whole series since its start: on the rows that fits begin with, and on earlier alarms. So the
series of every hour starts on the Monday, UTC, between two and three weeks before it. Two weeks, because the second week
is the first with a weekly season; a Monday, so that all hours of a week share one start, and an hour gets bit-identical
scores alone or with others. Later rows change nothing (the model guarantees it), so scoring an hour again changes its
scores only if its past changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from platform_assets.domains.anomaly.tables import ANOMALY_SCORES, HISTORY_DAYS
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour, parse_hour
from spark_jobs.registry import tables
from spark_jobs.runtime.canary import Served
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


def score_span(
    lake: Lake, span: Sequence[str], served: Served, loaded: Mapping[str, Any]
) -> tuple[int, pd.DataFrame | None]:
    """Replace consecutive hours of predictions/anomaly_scores, one of `spans`; returns the number of rows, and the series
    with their scores. `loaded`: version -> model; where two serve, each scores its clusters."""
    import pandas as pd
    import pyarrow as pa

    schema = arrow_schema(ANOMALY_SCORES, with_hour=True)
    frame, data, scored_series = _series(lake, span), schema.empty_table(), None
    if not frame.empty:
        version_of = {name: served.version_of(str(name)) for name in frame["cluster_id"].unique()}
        versions = frame["cluster_id"].map(version_of)
        parts = [
            _scored(frame[versions == version], loaded[version], served.model_name, version)
            for version in sorted(set(version_of.values()))
        ]
        scored_series = pd.concat(parts).sort_values(["cluster_id", "event_at"], ignore_index=True)
        rows = scored_series[scored_series[HOUR_COLUMN].isin(span)]
        data = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    lake.overwrite_arrow(data, ANOMALY_SCORES, span)
    return data.num_rows, scored_series


def _scored(frame: pd.DataFrame, model: Any, name: str, version: str) -> pd.DataFrame:
    import pandas as pd

    from spark_jobs.runtime.scoring import UnusableModelError, first_line

    frame = frame.reset_index(drop=True)
    try:
        predicted = model.predict(frame[_inputs()])
    except MemoryError:
        raise
    except Exception as error:
        raise UnusableModelError.of(name, version, "applied", first_line(error)) from error
    return pd.concat([frame, predicted], axis=1).assign(model_name=name, model_version=version)


def _inputs() -> list[str]:
    from weir_models import registry

    return list(registry.spec(MODEL).inputs[STEPS.key])


def spans(hours: Sequence[str], served: Mapping[str, Served]) -> Iterator[tuple[Served, list[str]]]:
    """Versions and consecutive hours with the same versions and series start: a detector runs once for each span."""
    span: list[str] = []
    for hour in sorted(hours):
        if span and (series_start(span[0]), served[span[0]]) != (series_start(hour), served[hour]):
            yield served[span[0]], span
            span = []
        span.append(hour)
    if span:
        yield served[span[0]], span


def _series(lake: Lake, span: Sequence[str]) -> pd.DataFrame:
    """Steps of the clusters that have rows in the span, from the series start to the end of the span."""
    window = Interval.spanning(format_hour(series_start(span[0])), span[-1]).hours
    rows = lake.read_arrow(STEPS, window, [*_inputs(), HOUR_COLUMN]).to_pandas()
    clusters = rows.loc[rows[HOUR_COLUMN].isin(span), "cluster_id"].unique()
    rows = rows[rows["cluster_id"].isin(clusters)]
    return rows.sort_values(["cluster_id", "event_at"], ignore_index=True)
