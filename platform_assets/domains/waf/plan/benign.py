"""Benign addresses in the lake, which limit how slots.py merges entries into networks.

Only the scores of the newest 24 hours count; a client with one abusive hour is not benign.
"""

from __future__ import annotations

from datetime import timedelta

from platform_assets.domains.waf.networks import is_one_address, parse_network
from platform_assets.domains.waf.policy import PlanPolicy
from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_SCORES
from spark_jobs.storage.lake import Lake

HOURS = 24


def benign_addresses(lake: Lake, policy: PlanPolicy) -> dict[str, int]:
    """Address -> its requests within 24 hours; empty where the policy allows no collateral addresses."""
    hours = lake.hours(CLIENT_SCORES)
    if policy.max_collateral_share == 0 or not hours:
        return {}
    oldest = format_hour(parse_hour(hours[-1]) - timedelta(hours=HOURS - 1))
    newest = [hour for hour in hours if hour >= oldest]
    columns = ["client", "is_abuse", "request_count"]
    requests: dict[str, int] = {}
    abusive = set()
    for row in lake.read_arrow(CLIENT_SCORES, newest, columns=columns).to_pylist():
        client = str(row["client"])
        if not _is_address(client):
            continue
        if row["is_abuse"]:
            abusive.add(client)
        requests[client] = max(requests.get(client, 0), int(row["request_count"]))
    return {client: count for client, count in requests.items() if client not in abusive}


def _is_address(client: str) -> bool:
    try:
        return is_one_address(parse_network(client))
    except ValueError:
        return False  # not an address, so no IP set could contain it
