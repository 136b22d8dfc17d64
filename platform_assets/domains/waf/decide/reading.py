"""Reads clients, their members and their browsing from the lake, for the hours to decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from platform_assets.domains.waf.decide.browsing import Browsing, SeenRequest, browsing_agents, foreign_attacks
from platform_assets.domains.waf.decide.echo import WINDOW_HOURS, EchoHours
from platform_assets.domains.waf.decide.usual import PagesOfDay, pages_of_day
from platform_assets.domains.waf.networks import is_one_address, parse_network
from platform_assets.domains.waf.rulebook import Sessions, Volume
from spark_jobs.contract import HOUR_COLUMN, Interval, parse_hour
from spark_jobs.sources.cloudfront.client_tables import ADDITIVE
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_HOURLY, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

Rows = list[dict[str, Any]]
Loaded = Callable[[str, str], Any]
"""Model name and version -> the model, with `predict`."""

SEEN_COLUMNS = tuple("event_at request_id method status host referer user_agent cookie_hash".split())
"""The first fields of a SeenRequest, as columns of requests."""
FOREIGN_SUMS = tuple(name for name in ADDITIVE if not name.startswith("sign_in_"))
"""Sums that requests of a foreign page are taken out of. Sign-ins stay: a forged referer must not hide guessed passwords."""


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


def browsing_of(
    lake: Lake, hour: str, clients: Sequence[str], echo: EchoHours, sessions: Sessions
) -> dict[str, Browsing]:
    """What the requests of some clients show in the 24 hours that end with `hour`, without hours under our own block."""
    if not clients:
        return {}
    import pyarrow.dataset as ds

    from spark_jobs.sources.cloudfront import client_hourly

    window = Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
    members = members_of(lake, window, clients)
    active = lake.read_arrow(CLIENT_HOURLY, window, columns=["client", HOUR_COLUMN], filter=is_in("client", members))
    is_member = is_in("client_ip", [address.partition("/")[0] for address in members])
    agents: dict[str, int] = defaultdict(int)
    operations: dict[str, int] = defaultdict(int)
    foreign: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FOREIGN_SUMS, 0))
    hours_of: dict[str, list[str]] = defaultdict(list)
    for address, active_hour in zip(active["client"].to_pylist(), active[HOUR_COLUMN].to_pylist(), strict=True):
        if not echo.has(address, parse_hour(active_hour)):
            hours_of[address].append(active_hour)
    hours = sorted({active_hour for hours in hours_of.values() for active_hour in hours})
    is_attack = is_member & (ds.field("is_attack") == ds.scalar(True))
    attacks = lake.read_arrow(REQUEST_SCORES, hours, columns=["request_id", "attack_class"], filter=is_attack)
    classes = dict(zip(attacks["request_id"].to_pylist(), attacks["attack_class"].to_pylist(), strict=True))
    columns = sorted({*SEEN_COLUMNS, "uri_query", *client_hourly.COLUMNS, HOUR_COLUMN})
    rows = lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_member)
    by_address = _seen_requests(rows, classes, hours_of)
    ids = [request_id for requests in by_address.values() for request_id in foreign_attacks(requests, sessions)]
    for address, requests in by_address.items():
        for client in members[address]:
            agents[client] += browsing_agents(requests)
            operations[client] += sum(request.is_operation for request in requests)
    for row in _sums_of(rows, ids):
        for client in members[row["client"]]:
            for name in FOREIGN_SUMS:
                foreign[client][name] += row[name] or 0
    return {client: Browsing(agents[client], foreign.get(client, {}), operations[client]) for client in clients}


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


def _seen_requests(
    rows: Any, attack_classes: Mapping[str, str | None], hours_of: Mapping[str, Sequence[str]]
) -> dict[str, list[SeenRequest]]:
    """Address -> its requests, in any order, of the hours that count. `attack_classes`: by id of the attack requests."""
    import pyarrow.compute as pc

    from spark_jobs.sources.cloudfront.clients import address_cidr
    from spark_jobs.sources.cloudfront.patterns import ASSET_PATH

    is_asset = pc.match_substring_regex(rows["uri_path"], ASSET_PATH).fill_null(False).to_pylist()
    texts = {name: rows[name].to_pylist() for name in SEEN_COLUMNS}
    is_attack = [request_id in attack_classes for request_id in texts["request_id"]]
    has_query = [bool(query) for query in rows["uri_query"].to_pylist()]
    classes = map(attack_classes.get, texts["request_id"])
    values = zip(*texts.values(), is_asset, is_attack, has_query, classes, strict=True)
    by_address: dict[str, list[SeenRequest]] = defaultdict(list)
    for ip, row_hour, value in zip(rows["client_ip"].to_pylist(), rows[HOUR_COLUMN].to_pylist(), values, strict=True):
        address = address_cidr(ip)
        if row_hour in hours_of[address]:
            by_address[address].append(SeenRequest(*value))
    return by_address


def _sums_of(rows: Any, request_ids: Sequence[str]) -> Rows:
    """The rows of client_hourly that some of the requests make."""
    from spark_jobs.sources.cloudfront.client_hourly import COLUMNS, client_hourly_rows

    chosen = rows.filter(is_in("request_id", request_ids)).select(sorted({*COLUMNS}))
    sums = client_hourly_rows(chosen.to_batches())
    return [] if sums is None else list(sums.to_pylist())


def is_in(column: str, values: Iterable[str]) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.field(column).isin(pa.array(list(values), pa.string()))


def rows_to_arrow(rows: Rows, table: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=arrow_schema(table, with_hour=True))
