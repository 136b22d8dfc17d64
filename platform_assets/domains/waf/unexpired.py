"""The unexpired decisions in the lake, now or as of an earlier time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.tables import WAF_DECISIONS
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
    return rows
