"""Client features of one hour computed again for a few clients, from a part of their 24 hours.

For requests that must not count (those under a block of our own) and that are known only once decisions are made, which
is after the features. The same code as that of the tables, in memory and without an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront.client_attacks import ACTIVE_COLUMNS, COLUMNS, client_attacks_rows
from spark_jobs.sources.cloudfront.client_daily import TRAILING_HOURS, client_daily_rows
from spark_jobs.sources.cloudfront.client_scores import client_frame_rows, evidence_of
from spark_jobs.sources.cloudfront.tables import REQUEST_SCORES, REQUESTS
from spark_jobs.storage.schema import columns_schema

Row = Mapping[str, Any]


def client_rows(
    clients: Iterable[str], hour: datetime, hourly: pa.Table, scores: Iterable[Row]
) -> list[dict[str, Any]]:
    """The client model's frame for some clients and one hour, by client; clients without a request in it have no row.

    `hourly`: rows of client_hourly of the 24 hours that end with `hour` (UTC, its start), of all addresses of each client.
    `scores`: rows of request_scores of these addresses; those of other hours and those below the floor do not count.
    """
    hour_name, client_names = format_hour(hour), pa.array(sorted(set(clients)), pa.string())
    daily = client_daily_rows(hourly.to_batches(), hour_name, hour_name)
    daily = daily.filter(pc.is_in(daily["client"], client_names))
    start, end = hour - timedelta(hours=TRAILING_HOURS - 1), hour + timedelta(hours=1)
    recent = [{column: row[column] for column in COLUMNS} for row in scores if start <= row["event_at"] < end]
    schema = columns_schema(REQUEST_SCORES, COLUMNS)
    attacks = client_attacks_rows(
        pa.Table.from_pylist(recent, schema).to_batches(), daily.select(ACTIVE_COLUMNS).to_batches()
    )
    current_hour = hourly.filter(pc.equal(hourly["hour_at"], pa.scalar(hour, hourly.schema.field("hour_at").type)))
    frame = client_frame_rows(current_hour, daily, attacks).drop_columns([HOUR_COLUMN])
    return sorted(frame.to_pylist(), key=lambda row: str(row["client"]))


def evidence(requests: Iterable[Row]) -> list[str]:
    """Of one client's requests of the hour, the ids that are shown where none is an attack: failed ones, then the latest."""
    columns = ("request_id", "event_at", "status")
    rows = [{name: row[name] for name in columns} for row in requests]
    return evidence_of(pa.Table.from_pylist(rows, columns_schema(REQUESTS, columns)))
