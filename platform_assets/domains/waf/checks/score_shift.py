"""Score shift: how far the features of the newest hour are from those of the same hour on earlier days, per feature.

The figure is the population stability index over quantile bins of the hours 24, 48 … before it. Whether one is too high
is bounds.py's to say. Looked at are newcomers, whose 24 hours are this hour alone: of the others most is old. Those beyond
the usual number are taken out where they are too many, so that a campaign or a flash crowd is no shift as long as those
who usually come are there: what counts is who is missing.
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
"""An empty bin counts as half a client, and as this share of them at least: chance cannot outweigh everything."""
FEATURES = tuple(column.name for column in CLIENT_DAILY.columns if column.type in ("int64", "double"))


def newest_score_shift(lake: Lake) -> ScoreShift | None:
    """The score shift of the newest hour of client_daily; None without an hour to compare it with."""
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

    0 where all is as usual; 0.25 is commonly called a shift. Bins are quantiles of the reference.
    """
    import numpy as np

    reference_values = reference[~np.isnan(reference)]
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.append(np.quantile(reference_values, inner), 0.0)) if len(reference_values) else np.zeros(1)

    def counted(values: Any) -> Any:
        """Counts a bin: at or below the first edge, up to the next …, above the last, null; 0 is a bin of its own."""
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
    """Feature -> values of the addresses that the 24 hours see for the first time: what only these hours say of them."""
    import numpy as np
    import pyarrow.dataset as ds

    chosen = (ds.field("client_kind") == "address") & (ds.field("active_hour_count") == 1)
    rows = lake.read_arrow(CLIENT_DAILY, hours, columns=list(FEATURES), filter=chosen)
    return {name: np.asarray(rows[name].cast("float64").to_numpy(zero_copy_only=False)) for name in FEATURES}
