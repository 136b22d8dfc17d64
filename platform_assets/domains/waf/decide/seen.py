"""The requests of some clients in 24 hours, and what they show: who browses, what others can have caused, what is certain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.domains.waf.decide.browsing import (
    Browsing,
    SeenRequest,
    browsing_agents,
    can_be_stored,
    first_hours,
    foreign_attacks,
    own_files,
    own_paths,
    page_of,
    pages_served,
)
from platform_assets.domains.waf.decide.echo import WINDOW_HOURS, EchoHours
from platform_assets.domains.waf.decide.reading import is_in
from platform_assets.domains.waf.decide.window import FEW_NAMES, SEEN_COLUMNS, RequestHours, Requests
from platform_assets.domains.waf.networks import Network, counted_network
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.contract import Interval, parse_hour
from spark_jobs.sources.cloudfront.client_tables import ADDITIVE

FOREIGN_SUMS = tuple(name for name in ADDITIVE if not name.startswith("sign_in_"))
"""Sums that requests of a foreign page are taken out of. Sign-ins stay: a forged referer must not hide guessed passwords."""
Stored = frozenset[tuple[tuple[str, str], str]]


@dataclass(frozen=True)
class SeenDay:
    """The requests of some clients in 24 hours, without hours under our own block."""

    members: Mapping[str, Sequence[str]]
    """Address -> the clients that it belongs to."""
    requests: Requests
    """What they were served and their attacks, with the columns that client_hourly and client_attacks need."""
    by_address: Mapping[str, Sequence[SeenRequest]]
    earlier: Mapping[str, Sequence[SeenRequest]]
    """Address -> what it asked for in the 24 hours before, of those whose attacks a browser can have sent."""
    foreign: Mapping[str, Sequence[SeenRequest]]
    """Address -> its attacks that a page of somebody else can have caused."""
    stored: Stored
    """What clients of several networks asked for from the same page of the site, and that page."""
    own_names: frozenset[str]
    """Paths that look like probes and that the site serves to ordinary clients."""


def seen_day(kept: RequestHours, hour: str, clients: Iterable[str], echo: EchoHours, rules: Rules) -> SeenDay:
    """What some clients asked for in the 24 hours that end with `hour`."""
    window = Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
    both_days = Interval.of_hour(hour).widened(hours_before=2 * WINDOW_HOURS - 1).hours
    members = kept.members(window, clients)

    def requests_of(hours: Iterable[str], addresses: Collection[str]) -> Requests:
        active = kept.active(hours, addresses).items()
        return kept.requests({at: [one for one in found if not echo.has(one, parse_hour(at))] for at, found in active})

    seen = requests_of(window, members)
    by_address = _seen_requests(seen)
    can_be_others = [address for address, requests in by_address.items() if any(map(_needs_session, requests))]
    earlier = _seen_requests(requests_of(sorted({*both_days} - {*window}), can_be_others))
    everything = [request for requests in by_address.values() for request in requests]
    stored = _stored(kept, window, by_address, earlier, rules)
    own_names = _own_names(kept, window, everything, rules)
    foreign = {
        address: foreign_attacks(by_address[address], rules.sessions, stored, earlier.get(address, ()))
        for address in can_be_others
    }
    return SeenDay(members, seen, by_address, earlier, foreign, stored, own_names)


def _needs_session(request: SeenRequest) -> bool:
    """Whether an attack can be put down to a page of somebody else in a session, which may have begun a day ago."""
    return request.is_attack and request.method in ("GET", "HEAD", "POST") and not request.is_of_a_program


def browsing_of(day: SeenDay, clients: Collection[str], rules: Rules) -> dict[str, Browsing]:
    """What the requests of some of its clients show."""
    requests, foreign = _by_client(day.by_address, day.members), _by_client(day.foreign, day.members)
    earlier = _by_client(day.earlier, day.members)
    names = {
        client: day.own_names | own_paths([*earlier.get(client, ()), *requests[client]], rules) for client in clients
    }
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FOREIGN_SUMS, 0))
    for row in hourly_of(
        day.requests.rows, [request.request_id for found in day.foreign.values() for request in found]
    ):
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
            own_name_count=sum(_is_own_name(request, names[client]) for request in requests[client]),
            own_file_count=len(
                own_files(request for request in requests[client] if not _is_own_name(request, names[client]))
            ),
        )
        for client in clients
    }


def _is_own_name(request: SeenRequest, names: Collection[str]) -> bool:
    return request.is_probe and request.path in names


def hourly_of(rows: Any, request_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of client_hourly that some of the requests make."""
    table = hourly_table(rows, request_ids)
    return [] if table is None else list(table.to_pylist())


def hourly_table(rows: Any, request_ids: Sequence[str]) -> Any:
    """The same as a table; None without any."""
    from spark_jobs.sources.cloudfront.client_hourly import COLUMNS, client_hourly_rows

    return client_hourly_rows(rows.filter(is_in("request_id", request_ids)).select(sorted({*COLUMNS})).to_batches())


def frame_alone(hour: str, day: SeenDay, ids_of: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The client model's frame of the hour as if some addresses had sent these requests alone; `ids_of`: their request_id."""
    from spark_jobs.sources.cloudfront.rescoring import client_rows

    ids = [request_id for found in ids_of.values() for request_id in found]
    hourly = hourly_table(day.requests.rows, ids)
    if hourly is None:
        return []
    scores = day.requests.attacks.filter(is_in("request_id", ids)).to_pylist()
    return client_rows(ids_of, parse_hour(hour), hourly, scores)


def _by_client(
    by_address: Mapping[str, Sequence[SeenRequest]], members: Mapping[str, Sequence[str]]
) -> dict[str, list[SeenRequest]]:
    by_client: dict[str, list[SeenRequest]] = defaultdict(list)
    for address, requests in by_address.items():
        for client in members[address]:
            by_client[client] += requests
    return by_client


def _stored(
    kept: RequestHours,
    hours: Sequence[str],
    by_address: Mapping[str, Sequence[SeenRequest]],
    earlier: Mapping[str, Sequence[SeenRequest]],
    rules: Rules,
) -> Stored:
    """What clients of several networks asked for from the same page of the site, of what these attacks ask for, and that page.

    Only where it matters: a browser that was served assets and the page can have sent the attack.
    """
    own: list[SeenRequest] = []
    for address, requests in by_address.items():
        candidates = [request for request in requests if can_be_stored(request) and not request.is_of_a_program]
        if not candidates:
            continue
        assets = Counter(request.user_agent for request in requests if request.is_asset and request.is_served)
        browsers = {agent for agent, count in assets.items() if count >= rules.sessions.min_assets}
        pages = pages_served([*earlier.get(address, ()), *requests])
        own += [
            request
            for request in candidates
            if request.user_agent in browsers and (request.user_agent, page_of(request.referer)) in pages
        ]
    if not own:
        return frozenset()
    wanted = {(request.text, page_of(request.referer)) for request in own}
    referers = {request.referer for request in own if request.referer}
    networks: dict[tuple[tuple[str, str], str], set[Network]] = defaultdict(set)
    for address, path, query, referer in kept.alike(hours, [text for text, _ in wanted], referers):
        key = ((path or "", query or ""), page_of(referer))
        if key in wanted:
            networks[key].add(counted_network(address))
    return frozenset(key for key, found in networks.items() if len(found) >= rules.foreign_pages.min_networks)


def _own_names(
    kept: RequestHours, hours: Sequence[str], requests: Iterable[SeenRequest], rules: Rules
) -> frozenset[str]:
    """Of the paths that look like probes and were served, those that clients of several networks who ask for few are served.

    Their requests are called attacks too, so it is the path that makes them look so.
    """
    paths: Collection[str] = {request.path for request in requests if request.is_probe and request.is_served}
    if not paths:
        return frozenset()
    names = kept.names(hours)
    asked: dict[str, set[str]] = defaultdict(set)
    for of_hour in names:
        for address, path in zip(*of_hour.of_few.to_pydict().values(), strict=True):
            asked[address].add(path)
    many = {address for of_hour in names for address in of_hour.many.to_pylist()}
    few = {address: found for address, found in asked.items() if len(found) <= FEW_NAMES and address not in many}
    needed = rules.certain_attacks.min_ordinary_networks
    pairs = ((address, path) for address, found in few.items() for path in found.intersection(paths))
    if not (paths := _of_networks(pairs, needed)):
        return frozenset()
    served = kept.served(hours, paths, few)
    return _of_networks(((address, path) for address, path in served if path in few[address]), needed)


def _of_networks(pairs: Iterable[tuple[str, str]], needed: int) -> frozenset[str]:
    """Of pairs of an address and a path, the paths of at least so many networks."""
    networks: dict[str, set[Network]] = defaultdict(set)
    for address, path in pairs:
        networks[path].add(counted_network(address))
    return frozenset(path for path, found in networks.items() if len(found) >= needed)


def _seen_requests(requests: Requests) -> dict[str, list[SeenRequest]]:
    """Address -> its requests, in any order."""
    import pyarrow.compute as pc

    from spark_jobs.sources.cloudfront.clients import address_cidr
    from spark_jobs.sources.cloudfront.patterns import ASSET_PATH

    rows, judged = requests
    columns = (judged[name].to_pylist() for name in ("request_id", "attack_class", "attack_probability"))
    attacks = {request_id: values for request_id, *values in zip(*columns, strict=True)}
    is_asset = pc.match_substring_regex(rows["uri_path"], ASSET_PATH).fill_null(False).to_pylist()
    values = zip(*(_values(rows[name]) for name in SEEN_COLUMNS), is_asset, strict=True)
    texts = zip(*(rows[name].fill_null("").to_pylist() for name in ("uri_path", "uri_query")), strict=True)
    by_address: dict[str, list[SeenRequest]] = defaultdict(list)
    for ip, value, (path, query) in zip(rows["client_ip"].to_pylist(), values, texts, strict=True):
        attack = attacks.get(value[1])
        attack_class, probability = attack or (None, 0.0)
        seen = (*value, attack is not None, bool(query), attack_class, path, query, probability)
        by_address[address_cidr(ip)].append(SeenRequest._make(seen))
    return by_address


def _values(column: Any) -> list[Any]:
    """A column as Python values; equal texts of a dictionary are one object."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    values: list[Any] = []
    for chunk in column.chunks:
        texts = [*chunk.dictionary.to_pylist(), None]
        values += [texts[code] for code in chunk.indices.fill_null(-1).to_pylist()]
    return values
