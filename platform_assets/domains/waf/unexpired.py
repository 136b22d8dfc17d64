"""The unexpired decisions in the lake, now or as of an earlier time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.tables import EARLY_DECISIONS, WAF_DECISIONS
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.storage.lake import Lake


def unexpired(lake: Lake, now: datetime, policy: Policy, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """Rows of decisions that have not expired at `now`; `as_of`: in the version of the table at that time."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    oldest = format_hour(now - timedelta(hours=policy.rules.repetition.max_ttl_hours + 1))
    is_unexpired = ds.field("expires_at") > pa.scalar(now, pa.timestamp("us", tz="UTC"))
    is_recent = ds.field(HOUR_COLUMN) >= oldest  # skips whole files
    rows: list[dict[str, Any]] = lake.read_arrow(
        WAF_DECISIONS, filter=is_recent & is_unexpired, as_of=as_of
    ).to_pylist()
    early = lake.read_arrow(EARLY_DECISIONS, filter=is_unexpired, as_of=as_of).to_pylist()
    return rows + not_taken_over(lake, early)


def not_taken_over(lake: Lake, early: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Early decisions of hours that are not decided yet, as rows of decisions."""
    if not early:
        return []
    from spark_jobs.incremental.lineage import recorded

    decided = recorded(lake).get(WAF_DECISIONS.key, {}).keys()
    names = (*WAF_DECISIONS.column_names, HOUR_COLUMN)
    return [{name: row[name] for name in names} for row in early if row[HOUR_COLUMN] not in decided]
