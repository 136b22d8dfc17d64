"""The requests of some clients in 24 hours, and what they show: who browses, what others can have caused, what is certain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.domains.waf.decide.browsing import (
    PROBE_CLASS,
    Browsing,
    SeenRequest,
    browsing_agents,
    can_be_stored,
    first_hours,
    foreign_attacks,
    page_of,
)
from platform_assets.domains.waf.decide.echo import WINDOW_HOURS, EchoHours
from platform_assets.domains.waf.decide.reading import is_in, members_of
from platform_assets.domains.waf.networks import Network, counted_network
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.contract import HOUR_COLUMN, Interval, parse_hour
from spark_jobs.sources.cloudfront.client_tables import ADDITIVE
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake

SEEN_COLUMNS = tuple("event_at request_id method status host referer user_agent cookie_hash".split())
"""The first fields of a SeenRequest, as columns of requests."""
FOREIGN_SUMS = tuple(name for name in ADDITIVE if not name.startswith("sign_in_"))
"""Sums that requests of a foreign page are taken out of. Sign-ins stay: a forged referer must not hide guessed passwords."""
FEW_NAMES = 2
"""Paths that look like probes and that an ordinary client asks for at most."""

Stored = frozenset[tuple[tuple[str, str], str]]


@dataclass(frozen=True)
class SeenDay:
    """The requests of some clients in 24 hours, without hours under our own block."""

    members: Mapping[str, Sequence[str]]
    """Address -> the clients that it belongs to."""
    rows: Any
    """The requests as a table, those of the day before among them, with the columns that client_hourly needs."""
    by_address: Mapping[str, Sequence[SeenRequest]]
    foreign: Mapping[str, Sequence[SeenRequest]]
    """Address -> its attacks that a page of somebody else can have caused."""
    stored: Stored
    """What clients of several networks asked for from the same page of the site, and that page."""
    own_names: frozenset[str]
    """Paths that look like probes and that the site serves to ordinary clients."""


def seen_day(lake: Lake, hour: str, clients: Iterable[str], echo: EchoHours, rules: Rules) -> SeenDay:
    """What some clients asked for in the 24 hours that end with `hour`."""
    import pyarrow.dataset as ds

    from spark_jobs.sources.cloudfront import client_hourly

    window = Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
    both_days = Interval.of_hour(hour).widened(hours_before=2 * WINDOW_HOURS - 1).hours
    members = members_of(lake, window, clients)
    active = lake.read_arrow(CLIENT_HOURLY, both_days, columns=["client", HOUR_COLUMN], filter=is_in("client", members))
    is_member = is_in("client_ip", [address.partition("/")[0] for address in members])
    hours_of: dict[str, list[str]] = defaultdict(list)
    for address, active_hour in zip(active["client"].to_pylist(), active[HOUR_COLUMN].to_pylist(), strict=True):
        if not echo.has(address, parse_hour(active_hour)):
            hours_of[address].append(active_hour)
    hours = sorted({active_hour for hours in hours_of.values() for active_hour in hours})
    is_attack = is_member & (ds.field("is_attack") == ds.scalar(True))
    columns = ["request_id", "attack_class", "attack_probability"]
    attacks = lake.read_arrow(REQUEST_SCORES, hours, columns=columns, filter=is_attack).to_pylist()
    columns = sorted({*SEEN_COLUMNS, "uri_path", "uri_query", *client_hourly.COLUMNS, HOUR_COLUMN})
    rows = lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_member)
    attack_of = {row["request_id"]: row for row in attacks}
    by_address = _seen_requests(rows, attack_of, hours_of, window)
    earlier = _seen_requests(rows, attack_of, hours_of, sorted({*both_days} - {*window}))
    everything = [request for requests in by_address.values() for request in requests]
    stored, own_names = _stored(lake, window, by_address, rules), _own_names(lake, window, everything, rules)
    foreign = {
        address: foreign_attacks(seen, rules.sessions, stored, earlier.get(address, ()))
        for address, seen in by_address.items()
    }
    return SeenDay(members, rows, by_address, foreign, stored, own_names)


def browsing_of(day: SeenDay, clients: Iterable[str]) -> dict[str, Browsing]:
    """What the requests of some of its clients show."""
    requests, foreign = _by_client(day.by_address, day.members), _by_client(day.foreign, day.members)
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FOREIGN_SUMS, 0))
    for row in hourly_of(day.rows, [request.request_id for found in day.foreign.values() for request in found]):
        for client in day.members[row["client"]]:
            for name in FOREIGN_SUMS:
                sums[client][name] += row[name] or 0
    agents: dict[str, int] = defaultdict(int)
    for address, seen in day.by_address.items():
        for client in day.members[address]:
            agents[client] += browsing_agents(seen)
    return {
        client: Browsing(
            browsing_agent_count=agents[client],
            foreign=sums.get(client, {}),
            foreign_hour_count=first_hours(foreign[client]),
            stored_attack_count=sum(
                (request.text, page_of(request.referer)) in day.stored for request in foreign[client]
            ),
            operation_count=sum(request.is_operation for request in requests[client]),
            own_name_count=sum(request.is_probe and request.path in day.own_names for request in requests[client]),
        )
        for client in clients
    }


def hourly_of(rows: Any, request_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of client_hourly that some of the requests make."""
    table = hourly_table(rows, request_ids)
    return [] if table is None else list(table.to_pylist())


def hourly_table(rows: Any, request_ids: Sequence[str]) -> Any:
    """The same as a table; None without any."""
    from spark_jobs.sources.cloudfront.client_hourly import COLUMNS, client_hourly_rows

    return client_hourly_rows(rows.filter(is_in("request_id", request_ids)).select(sorted({*COLUMNS})).to_batches())


def _by_client(
    by_address: Mapping[str, Sequence[SeenRequest]], members: Mapping[str, Sequence[str]]
) -> dict[str, list[SeenRequest]]:
    by_client: dict[str, list[SeenRequest]] = defaultdict(list)
    for address, requests in by_address.items():
        for client in members[address]:
            by_client[client] += requests
    return by_client


def _stored(lake: Lake, hours: Sequence[str], by_address: Mapping[str, Sequence[SeenRequest]], rules: Rules) -> Stored:
    """What clients of several networks asked for from the same page of the site, of what these attacks ask for, and that page."""
    own: list[SeenRequest] = []
    for requests in by_address.values():
        assets = Counter(request.user_agent for request in requests if request.is_asset and request.is_served)
        browsers = {agent for agent, count in assets.items() if count >= rules.sessions.min_assets}
        own += [request for request in requests if request.user_agent in browsers and can_be_stored(request)]
    if not own:
        return frozenset()
    wanted = {(request.text, page_of(request.referer)) for request in own}
    columns = ["client_ip", "uri_path", "uri_query", "referer"]
    alike = is_in("uri_path", {r.path for r in own}) & is_in("referer", {r.referer for r in own if r.referer})
    networks: dict[tuple[tuple[str, str], str], set[Network]] = defaultdict(set)
    for row in lake.read_arrow(REQUESTS, hours, columns=columns, filter=alike).to_pylist():
        key = ((row["uri_path"] or "", row["uri_query"] or ""), page_of(row["referer"]))
        if key in wanted:
            networks[key].add(counted_network(row["client_ip"]))
    return frozenset(key for key, found in networks.items() if len(found) >= rules.foreign_pages.min_networks)


def _own_names(lake: Lake, hours: Sequence[str], requests: Iterable[SeenRequest], rules: Rules) -> frozenset[str]:
    """Of the paths that look like probes and were served, those that clients of several networks who ask for few are served.

    Their requests are called attacks too, so it is the path that makes them look so.
    """
    import pyarrow.dataset as ds

    paths = {request.path for request in requests if request.is_probe and request.is_served}
    if not paths:
        return frozenset()
    is_served = is_in("uri_path", paths) & (ds.field("method") == "GET")
    is_served &= (ds.field("status") >= 200) & (ds.field("status") <= 299)
    columns = ["request_id", "client_ip", "uri_path"]
    served = lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_served).to_pylist()
    needed = rules.certain_attacks.min_ordinary_networks
    if len({row["client_ip"] for row in served}) < needed:
        return frozenset()
    is_probe = (ds.field("is_attack") == ds.scalar(True)) & (ds.field("attack_class") == ds.scalar(PROBE_CLASS))
    is_probe &= is_in("client_ip", {row["client_ip"] for row in served})
    probes = lake.read_arrow(REQUEST_SCORES, hours, columns=["request_id"], filter=is_probe)["request_id"].to_pylist()
    names: dict[str, set[str]] = defaultdict(set)
    for row in lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_in("request_id", probes)).to_pylist():
        names[row["client_ip"]].add(row["uri_path"])
    networks: dict[str, set[Network]] = defaultdict(set)
    for row in served:
        asked = names[row["client_ip"]]
        if row["uri_path"] in asked and len(asked) <= FEW_NAMES:
            networks[row["uri_path"]].add(counted_network(row["client_ip"]))
    return frozenset(path for path, found in networks.items() if len(found) >= needed)


def _seen_requests(
    rows: Any,
    attacks: Mapping[str, Mapping[str, Any]],
    hours_of: Mapping[str, Sequence[str]],
    hours: Sequence[str],
) -> dict[str, list[SeenRequest]]:
    """Address -> its requests of `hours`, in any order, as far as these count. `attacks`: rows of request_scores by id."""
    import pyarrow.compute as pc

    from spark_jobs.sources.cloudfront.clients import address_cidr
    from spark_jobs.sources.cloudfront.patterns import ASSET_PATH

    rows = rows.filter(is_in(HOUR_COLUMN, hours))
    is_asset = pc.match_substring_regex(rows["uri_path"], ASSET_PATH).fill_null(False).to_pylist()
    values = zip(*(rows[name].to_pylist() for name in SEEN_COLUMNS), is_asset, strict=True)
    texts = zip(*(rows[name].fill_null("").to_pylist() for name in ("uri_path", "uri_query")), strict=True)
    by_address: dict[str, list[SeenRequest]] = defaultdict(list)
    for ip, row_hour, value, (path, query) in zip(
        rows["client_ip"].to_pylist(), rows[HOUR_COLUMN].to_pylist(), values, texts, strict=True
    ):
        address = address_cidr(ip)
        if row_hour in hours_of[address]:
            attack = attacks.get(value[1])
            judged = (None, 0.0) if attack is None else (attack["attack_class"], attack["attack_probability"])
            seen = (*value, attack is not None, bool(query), judged[0], path, query, judged[1])
            by_address[address].append(SeenRequest._make(seen))
    return by_address
