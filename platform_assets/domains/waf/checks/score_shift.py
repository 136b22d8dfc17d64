"""Score shift: how far the features of the newest hour are from those of the same hour on earlier days, per feature.

The figure is the population stability index over quantile bins of the hours 24, 48 … before it; bounds.py has the bound.
Only newcomers count, whose 24 hours are this hour alone: the features of other clients are mostly old. A surplus over the
usual number of newcomers is removed first, so that a campaign or flash crowd is no shift as long as the usual clients are
there too: only missing clients count.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from platform_assets.domains.waf.checks.context import ScoreShift
from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY
from spark_jobs.storage.lake import Lake

DAYS = 7
BINS = 10
LEAST_COUNT, LEAST_SHARE = 0.5, 0.001
"""An empty bin counts as half a client and at least this share, so that a chance gap cannot dominate the index."""
FEATURES = tuple(
    column.name for column in CLIENT_DAILY.columns if column.type in ("int64", "double") and not column.nullable
)


def newest_score_shift(lake: Lake) -> ScoreShift | None:
    """The score shift of the newest hour of client_daily; None without earlier hours to compare with."""
    hours = lake.hours(CLIENT_DAILY)
    newest = hours[-1] if hours else ""
    usual = [format_hour(parse_hour(newest) - timedelta(days=day)) for day in range(1, DAYS + 1)] if hours else []
    usual = sorted({*usual} & {*hours})
    if not usual:
        return None
    newest_values, reference = _features(lake, [newest]), _features(lake, usual)
    indices = {
        name: stability_index(newest_values[name], reference[name], len(usual))
        for name in FEATURES
        if len(reference[name])
    }
    counts = len(newest_values[FEATURES[0]]), len(reference[FEATURES[0]]) / len(usual)
    return ScoreShift(newest, *counts, indices)


def stability_index(values: Any, reference: Any, hours: int) -> float:
    """The population stability index of an hour's values against those of `hours` hours; nulls (NaN) are a bin.

    0 is no shift; 0.25 is commonly called a shift. Bins are quantiles of the reference.
    """
    import numpy as np

    reference_values = reference[~np.isnan(reference)]
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.append(np.quantile(reference_values, inner), 0.0)) if len(reference_values) else np.zeros(1)

    def counted(values: Any) -> Any:
        """Counts per bin: at or below the first edge, up to the next, …, above the last, null; 0 is its own bin."""
        is_null = np.isnan(values)
        places = np.searchsorted(edges, values[~is_null], side="left")
        return np.append(np.bincount(places, minlength=len(edges) + 1), is_null.sum()).astype(float)

    usual = counted(reference) / hours
    now = _without_surplus(counted(values), usual)
    if not now.sum() or not usual.sum():
        return 0.0
    is_share, was_share = (
        np.maximum(counts / counts.sum(), max(LEAST_COUNT / size, LEAST_SHARE))
        for counts, size in ((now, len(values)), (usual, len(reference)))
    )
    return float(np.sum((is_share - was_share) * np.log(is_share / was_share)))


def _without_surplus(now: Any, usual: Any) -> Any:
    """The counts without clients beyond the usual number, taken from bins with more than usual."""
    import numpy as np

    surplus, excess = now.sum() - usual.sum(), np.maximum(now - usual, 0.0)
    return now - excess * surplus / excess.sum() if surplus > 0 else now


def _features(lake: Lake, hours: list[str]) -> dict[str, Any]:
    """Feature -> values of newcomers: addresses with a single active hour in their 24 hours."""
    import numpy as np
    import pyarrow.dataset as ds

    is_newcomer = (ds.field("client_kind") == "address") & (ds.field("active_hour_count") == 1)
    rows = lake.read_arrow(CLIENT_DAILY, hours, columns=list(FEATURES), filter=is_newcomer)
    return {name: np.asarray(rows[name].cast("float64").to_numpy(zero_copy_only=False)) for name in FEATURES}
