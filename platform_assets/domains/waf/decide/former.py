"""Bounds of the present rules on decisions already made, by what the row of their client shows.

A decision of an earlier version or policy may rest on volume alone. What the rules would not do now is not kept up for the
days that it has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from platform_assets.domains.waf.decide.ceiling import behavior_bound
from platform_assets.domains.waf.decide.reading import is_in
from platform_assets.domains.waf.decisions import Decision, rank, whole
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.contract import format_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY
from spark_jobs.storage.lake import Lake

BEHAVIOR_COLUMNS = tuple(
    """
        client hour_at request_count cookie_request_count address_count active_minute_count active_hour_count peak_minute_request_count
        distinct_path_count distinct_page_count path_entropy_bits asset_request_count query_request_count
        sign_in_request_count sign_in_failure_count probe_path_request_count redirect_count
        unauthorised_count not_found_count client_error_count proxy_agent_count forwarded_client_count
    """.split()
)
"""Columns of client_daily that the bounds of volume and proxies look at."""


def present_bounds(lake: Lake, rows: Iterable[Mapping[str, Any]], rules: Rules) -> dict[str, tuple[str, str]]:
    """Decision id -> the strongest action that `rules.volume` and `rules.proxies` allow, and why, where that is less.

    A decision whose row is gone or has other requests than it was made from, as without our own echo, is left as it is.
    """
    weakest = min(rank(rules.volume.at_most), rank(rules.proxies.at_most))
    decisions = [decision for row in rows if rank((decision := Decision.from_row(row)).action) > weakest]
    if not decisions:
        return {}
    hours = sorted({format_hour(decision.decided_at - timedelta(hours=1)) for decision in decisions})
    is_decided = is_in("client", {decision.address for decision in decisions})
    daily = lake.read_arrow(CLIENT_DAILY, hours, columns=list(BEHAVIOR_COLUMNS), filter=is_decided).to_pylist()
    columns = ["client", "hour_at", "day_attack_class_count"]
    classes = lake.read_arrow(CLIENT_ATTACKS, hours, columns=columns, filter=is_decided).to_pylist()
    behavior, attacks = (
        {(row["client"], row["hour_at"] + timedelta(hours=1)): row for row in rows_of_table}
        for rows_of_table in (daily, classes)
    )
    bounds = {}
    for decision in decisions:
        key = (decision.address, decision.decided_at)
        row = behavior.get(key)
        if row is not None and whole(row["request_count"]) == decision.request_count:
            bound = behavior_bound(decision, row, attacks.get(key, {}), rules)
            if bound is not None:
                bounds[decision.decision_id] = bound
    return bounds
