"""The truth: which clients abuse and which requests are attacks, as Parquet beside the logs.

The platform never reads these; evaluation and training do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simulator.web.addresses import sibling_range
from simulator.web.responses import Lines
from simulator.web.stage import Row, Stage

TIME = pa.timestamp("us", "UTC")
CLIENTS = {
    "client": pa.string(), "client_kind": pa.string(), "is_abuse": pa.bool_(), "abuse_kind": pa.string(), "family": pa.string(),
    "never_block": pa.bool_(), "first_at": TIME, "last_at": TIME, "request_count": pa.int64(),
}  # fmt: skip
REQUESTS = {
    "request_id": pa.string(), "is_attack": pa.bool_(), "attack_class": pa.string(), "family": pa.string(), "client_ip": pa.string(),
}  # fmt: skip
NULLABLE = ("abuse_kind", "attack_class")


def _schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name in NULLABLE) for name, kind in columns.items()])


@dataclass
class _Activity:
    first: int
    last: int
    count: int


def write_truth(out: Path, stage: Stage, rows: list[Row], lines: Lines, start: datetime) -> tuple[int, int]:
    """Write both tables; returns the counts of addresses and of abusive ones."""
    requests = {
        "request_id": lines.request_ids,
        "is_attack": [bool(row.attack) for row in rows],
        "attack_class": [row.attack or None for row in rows],
        "family": [row.family.name for row in rows],
        "client_ip": [row.client.address for row in rows],
    }
    pq.write_table(pa.table(requests, schema=_schema(REQUESTS)), out / "truth" / "requests.parquet")
    addresses: dict[str, _Activity] = {}
    for row, second in zip(rows, lines.seconds.tolist(), strict=True):
        activity = addresses.setdefault(row.client.address, _Activity(second, second, 0))
        activity.first, activity.last = min(activity.first, second), max(activity.last, second)
        activity.count += 1
    clients = [_address_row(stage, address, activity, start) for address, activity in addresses.items()]
    clients += _network_rows(stage, addresses, start)
    clients.sort(key=lambda row: (row["first_at"], row["client"]))
    table = pa.Table.from_pylist(clients, schema=_schema(CLIENTS))
    pq.write_table(table, out / "truth" / "clients.parquet")
    return len(addresses), sum(stage.truths[address][1] for address in addresses)


def _address_row(stage: Stage, address: str, activity: _Activity, start: datetime) -> dict[str, object]:
    family, is_abuse = stage.truths[address]
    return {
        "client": f"{address}/{128 if ':' in address else 32}",
        "client_kind": "address",
        "is_abuse": is_abuse,
        "abuse_kind": family.abuse_kind if is_abuse else None,
        "family": family.name,
        "never_block": family.never_block,
        **_span(activity, start),
    }


def _network_rows(stage: Stage, addresses: dict[str, _Activity], start: datetime) -> list[dict[str, object]]:
    """Networks that rotate, and networks of several addresses of which none abuses; mixed ones have no truth."""
    members: dict[str, list[str]] = {}
    for address in addresses:
        members.setdefault(sibling_range(address), []).append(address)
    rows = []
    for network, inside in members.items():
        rotating = stage.networks.get(network)
        if rotating is None and (len(inside) < 2 or any(stage.truths[address][1] for address in inside)):
            continue
        parts = [addresses[address] for address in inside]
        first, last = min(part.first for part in parts), max(part.last for part in parts)
        row = {
            "client": network,
            "client_kind": "network",
            "is_abuse": rotating is not None,
            "abuse_kind": rotating.abuse_kind if rotating else None,
            "family": (rotating or stage.truths[inside[0]][0]).name,
            "never_block": rotating is None and any(stage.truths[address][0].never_block for address in inside),
        }
        rows.append(row | _span(_Activity(first, last, sum(part.count for part in parts)), start))
    return rows


def _span(activity: _Activity, start: datetime) -> dict[str, object]:
    first_at, last_at = (start + timedelta(seconds=second) for second in (activity.first, activity.last))
    return {"first_at": first_at, "last_at": last_at, "request_count": activity.count}
