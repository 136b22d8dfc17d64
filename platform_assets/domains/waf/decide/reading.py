"""Reads clients, their members and what was usual on past days from the lake, for the hours to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from platform_assets.domains.waf.decide.usual import PagesOfDay, pages_of_day
from platform_assets.domains.waf.networks import is_one_address, parse_network
from platform_assets.domains.waf.rulebook import Volume
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_HOURLY
from spark_jobs.storage.lake import Lake

Rows = list[dict[str, Any]]
Loaded = Callable[[str, str], Any]
"""Model name and version -> the model, with `predict`."""


def members_of(lake: Lake, hours: Sequence[str], clients: Iterable[str]) -> dict[str, list[str]]:
    """Address -> the clients that it belongs to: itself and its network, if they are among `clients`."""

    def active() -> Iterable[str]:
        addresses: list[str] = lake.read_arrow(CLIENT_HOURLY, hours, columns=["client"])["client"].unique().to_pylist()
        return addresses

    return members_among(active, clients)


def members_among(active: Callable[[], Iterable[str]], clients: Iterable[str]) -> dict[str, list[str]]:
    """The same of the addresses that are active, which are asked for only where a client is a network."""
    from spark_jobs.sources.cloudfront.clients import network_of

    members: dict[str, list[str]] = {}
    networks = set()
    for client in clients:
        if is_one_address(parse_network(client)):
            members.setdefault(client, []).append(client)
        else:
            networks.add(client)
    for address in dict.fromkeys(active()) if networks else ():
        if (network := network_of(address)) in networks:
            members.setdefault(address, []).append(network)
    return members


class PastDays:
    """What clients of past hours read in their 24 hours; each hour is read once."""

    def __init__(self, lake: Lake, volume: Volume) -> None:
        self.lake, self.volume = lake, volume
        self._days: dict[str, PagesOfDay] = {}

    def of(self, hour: str) -> PagesOfDay:
        if hour not in self._days:
            self._days[hour] = self._read(hour)
        return self._days[hour]

    def _read(self, hour: str) -> PagesOfDay:
        import pyarrow.compute as pc
        import pyarrow.dataset as ds

        from spark_jobs.sources.cloudfront.clients import networks_of

        is_address = ds.field("client_kind") == "address"
        clients = self.lake.read_arrow(CLIENT_DAILY, [hour], columns=["client"], filter=is_address)["client"]
        has_many = ds.field("distinct_page_count") >= self.volume.min_pages
        rows = self.lake.read_arrow(CLIENT_DAILY, [hour], filter=is_address & has_many).to_pylist()
        is_attacker = is_in("client", (row["client"] for row in rows)) & (ds.field("day_attack_request_count") > 0)
        attackers = self.lake.read_arrow(CLIENT_ATTACKS, [hour], columns=["client"], filter=is_attacker)["client"]
        networks = pc.count_distinct(networks_of(clients.combine_chunks())).as_py()
        return pages_of_day(networks, rows, frozenset(attackers.to_pylist()), self.volume)


def is_in(column: str, values: Iterable[str]) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.field(column).isin(pa.array(list(values), pa.string()))
