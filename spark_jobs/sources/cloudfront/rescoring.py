"""Client features of one hour made again for a few clients, from what is left of their 24 hours.

For requests that must not count (those under a block of our own) and that are known only once decisions are made, which
is after the features. Pure Arrow and plain Python, no engine: it is about a handful of clients. With nothing left out it
gives what features.py gives, but for sums of fractions in their last millionths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from spark_jobs.contract import format_hour
from spark_jobs.sources.cloudfront.client_daily import client_daily_rows, network_of
from spark_jobs.sources.cloudfront.tables import (
    ATTACK_FLOOR,
    CLIENT_ATTACKS,
    CLIENT_BEHAVIOUR,
    CLIENT_DAILY,
    EVIDENCE_REQUESTS,
)

Row = Mapping[str, Any]


def client_rows(
    clients: Iterable[str], hour: datetime, hourly: pa.Table, scores: Iterable[Row]
) -> list[dict[str, Any]]:
    """The rows of features.client_frame for some clients and one hour; clients that nothing is left of have none.

    `hourly`: the rows of client_hourly that count, of the 24 hours that end with `hour`, for each client's addresses all
    of them. `scores`: those of request_scores.
    """
    wanted, name = set(clients), format_hour(hour)
    days = [row for row in client_daily_rows(hourly.to_batches(), name, name).to_pylist() if row["client"] in wanted]
    own_hour = _hour_rows(
        hourly.filter(pa.array([at == hour for at in hourly["hour_at"].to_pylist()], pa.bool_())), name
    )
    start, end = hour - timedelta(hours=23), hour + timedelta(hours=1)
    held: dict[str, list[Row]] = {}
    for row in scores:
        if row["attack_probability"] > ATTACK_FLOOR and start <= row["event_at"] < end:
            address = cidr(row["client_ip"])
            for client in {address, network_of(address)} & wanted:
                held.setdefault(client, []).append(row)
    rows = []
    for day in days:
        client = day["client"]
        values = {f"day_{c.name}": day[c.name] for c in CLIENT_DAILY.columns[3:]}
        values |= {f"hour_{c.name}": own_hour[client][c.name] for c in CLIENT_BEHAVIOUR}
        values |= _attacks(held.get(client, ()), hour)
        rows.append({"client": client, "client_kind": day["client_kind"], "hour_at": hour, **values})
    return sorted(rows, key=lambda row: str(row["client"]))


def evidence(requests: Iterable[Row]) -> list[str]:
    """Of a client's requests of the hour, those that are shown where none is an attack: failed ones, then the latest."""
    found = sorted(requests, key=lambda row: str(row["request_id"]))
    found.sort(key=lambda row: ((row["status"] or 0) >= 400, row["event_at"]), reverse=True)
    return [str(row["request_id"]) for row in found[:EVIDENCE_REQUESTS]]


def cidr(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _hour_rows(hourly: pa.Table, name: str) -> dict[str, dict[str, Any]]:
    """Client -> what it did in the one hour, for addresses and for their networks, however many addresses are in one."""
    rows = {row["client"]: row for row in client_daily_rows(hourly.to_batches(), name, name).to_pylist()}
    for client, row in list(rows.items()):
        if row["client_kind"] == "address":
            rows.setdefault(network_of(client), row)
    return rows


def _attacks(scores: Iterable[Row], hour: datetime) -> dict[str, Any]:
    """The columns of client_attacks, zeros where there is nothing; attack_request_ids is None then."""
    day = sorted(scores, key=lambda row: str(row["request_id"]))
    day.sort(key=lambda row: (row["is_attack"], row["attack_probability"], row["event_at"]), reverse=True)
    now = [row for row in day if row["event_at"] >= hour]
    found = [row for row in day if row["is_attack"]]
    values = {
        "hour_attack_request_count": sum(row["is_attack"] for row in now),
        "hour_attack_probability_max": max((row["attack_probability"] for row in now), default=0.0),
        "day_attack_request_count": len(found),
        "day_attack_probability_max": max((row["attack_probability"] for row in day), default=0.0),
        "day_attack_probability_sum": sum(round(row["attack_probability"] * 1e6) for row in day) / 1e6,
        "day_attack_class_count": len({row["attack_class"] for row in found} - {None}),
        "day_attack_hour_count": len({row["event_at"].replace(minute=0, second=0, microsecond=0) for row in found}),
        "day_attack_address_count": len({row["client_ip"] for row in found}),
        "attack_request_ids": [str(row["request_id"]) for row in day[:EVIDENCE_REQUESTS]] or None,
    }
    assert set(values) == set(CLIENT_ATTACKS.column_names[3:])
    return values
