"""Reads clients and their members from the lake, for the hours to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from platform_assets.domains.waf.networks import is_one_address, parse_network
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_HOURLY,
)
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

Rows = list[dict[str, Any]]
Loaded = Callable[[str, str], Any]
"""Model name and version -> the model, with `predict`."""


def members_of(lake: Lake, hours: Sequence[str], clients: Iterable[str]) -> dict[str, list[str]]:
    """Address -> the clients that it belongs to: itself and its network, if they are among `clients`."""
    from spark_jobs.sources.cloudfront.clients import network_of

    members: dict[str, list[str]] = {}
    networks = set()
    for client in clients:
        if is_one_address(parse_network(client)):
            members.setdefault(client, []).append(client)
        else:
            networks.add(client)
    if networks:
        for address in lake.read_arrow(CLIENT_HOURLY, hours, columns=["client"])["client"].unique().to_pylist():
            if (network := network_of(address)) in networks:
                members.setdefault(address, []).append(network)
    return members


def is_in(column: str, values: Iterable[str]) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.field(column).isin(pa.array(list(values), pa.string()))


def rows_to_arrow(rows: Rows, table: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=arrow_schema(table, with_hour=True))
