"""What really happened: who abuses and which requests are attacks, as Parquet beside the logs.

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

CLIENTS = pa.schema(
    [
        pa.field("client", pa.string(), nullable=False),
        pa.field("client_kind", pa.string(), nullable=False),
        pa.field("is_abuse", pa.bool_(), nullable=False),
        pa.field("abuse_kind", pa.string()),
        pa.field("family", pa.string(), nullable=False),
        pa.field("never_block", pa.bool_(), nullable=False),
        pa.field("first_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("last_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("request_count", pa.int64(), nullable=False),
    ]
)

REQUESTS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("is_attack", pa.bool_(), nullable=False),
        pa.field("attack_class", pa.string()),
        pa.field("family", pa.string(), nullable=False),
        pa.field("client_ip", pa.string(), nullable=False),
    ]
)


@dataclass
class _Activity:
    first: int
    last: int
    count: int


def write_truth(out: Path, stage: Stage, rows: list[Row], lines: Lines, start: datetime) -> tuple[int, int]:
    """Write both tables; returns how many addresses there are and how many of them abuse."""
    pq.write_table(
        pa.table(
            {
                "request_id": lines.request_ids,
                "is_attack": [bool(row.attack) for row in rows],
                "attack_class": [row.attack or None for row in rows],
                "family": [row.family.name for row in rows],
                "client_ip": [row.client.address for row in rows],
            },
            schema=REQUESTS,
        ),
        out / "truth" / "requests.parquet",
    )
    addresses: dict[str, _Activity] = {}
    for row, second in zip(rows, lines.seconds.tolist(), strict=True):
        _note(addresses, row.client.address, second)
    clients = [_client_row(stage, address, activity, start) for address, activity in addresses.items()]
    clients += _network_rows(stage, addresses, start)
    clients.sort(key=lambda row: (row["first_at"], row["client"]))
    pq.write_table(pa.Table.from_pylist(clients, schema=CLIENTS), out / "truth" / "clients.parquet")
    return len(addresses), sum(stage.truths[address][1] for address in addresses)


def _note(activities: dict[str, _Activity], client: str, second: int, count: int = 1) -> None:
    known = activities.get(client)
    if known is None:
        activities[client] = _Activity(second, second, count)
    else:
        known.first, known.last, known.count = min(known.first, second), max(known.last, second), known.count + count


def _client_row(stage: Stage, address: str, activity: _Activity, start: datetime) -> dict[str, object]:
    family, abusive = stage.truths[address]
    return {
        "client": f"{address}/{128 if ':' in address else 32}",
        "client_kind": "address",
        "is_abuse": abusive,
        "abuse_kind": family.abuse_kind if abusive else None,
        "family": family.name,
        "never_block": family.never_block,
        **_span(activity, start),
    }


def _network_rows(stage: Stage, addresses: dict[str, _Activity], start: datetime) -> list[dict[str, object]]:
    """Networks that rotate, and networks of several addresses of which none abuses; mixed ones have no truth."""
    members: dict[str, list[str]] = {}
    for address in addresses:
        members.setdefault(sibling_range(address), []).append(address)
    found = []
    for network, inside in members.items():
        rotating = stage.networks.get(network)
        if rotating is None and (len(inside) < 2 or any(stage.truths[address][1] for address in inside)):
            continue
        activity = _Activity(
            min(addresses[a].first for a in inside),
            max(addresses[a].last for a in inside),
            sum(addresses[a].count for a in inside),
        )
        family = rotating or stage.truths[inside[0]][0]
        found.append(
            {
                "client": network,
                "client_kind": "network",
                "is_abuse": rotating is not None,
                "abuse_kind": rotating.abuse_kind if rotating else None,
                "family": family.name,
                "never_block": rotating is None and any(stage.truths[address][0].never_block for address in inside),
                **_span(activity, start),
            }
        )
    return found


def _span(activity: _Activity, start: datetime) -> dict[str, object]:
    return {
        "first_at": start + timedelta(seconds=activity.first),
        "last_at": start + timedelta(seconds=activity.last),
        "request_count": activity.count,
    }
