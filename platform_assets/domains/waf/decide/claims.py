"""Clients that call themselves a known crawler or monitor: their identities, and how these are stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from platform_assets.domains.waf.decide.bots import Bot, claimed_bot
from platform_assets.domains.waf.decide.identity import Identifier, Identity, SystemResolver, of_network
from platform_assets.domains.waf.decide.reading import Rows, is_in, members_of
from platform_assets.domains.waf.networks import address_order, is_one_address, parse_network
from platform_assets.domains.waf.rulebook import Rules
from platform_assets.domains.waf.tables import BOT_IDENTITIES
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.cloudfront.tables import (
    REQUESTS,
)
from spark_jobs.storage.lake import Lake

MEMBERS_IDENTIFIED = 3
"""Addresses that are identified to identify a network."""


def identifier_of(settings: Settings, lake: Lake) -> Identifier:
    """The identifier of clients: published addresses, and DNS where the settings allow it."""

    def recent(since: datetime) -> Iterable[Identity]:
        import pyarrow as pa
        import pyarrow.dataset as ds

        new = ds.field("checked_at") >= pa.scalar(since, pa.timestamp("us", tz="UTC"))
        return [Identity.from_row(row) for row in lake.read_arrow(BOT_IDENTITIES, filter=new).to_pylist()]

    resolver = SystemResolver(settings.waf.bot_dns_timeout_seconds) if settings.waf.bot_dns else None
    return Identifier(datetime.now(UTC), resolver, settings.waf.bot_dns_max_clients, recent)


def identities_of(
    lake: Lake, hour: str, clients: Sequence[str], stored: Iterable[Identity], identifier: Identifier, rules: Rules
) -> tuple[dict[str, Identity], dict[str, Identity]]:
    """Identities of the clients that call themselves a bot: by client, and by address as they are stored."""
    if not clients:
        return {}, {}
    from spark_jobs.sources.cloudfront.clients import address_cidr as cidr

    members = members_of(lake, [hour], clients)
    agents: dict[str, Counter[str]] = defaultdict(Counter)
    columns, is_member = (
        ["client_ip", "user_agent"],
        is_in("client_ip", [address.partition("/")[0] for address in members]),
    )
    for row in lake.read_arrow(REQUESTS, [hour], columns=columns, filter=is_member).to_pylist():
        for client in members[cidr(row["client_ip"])]:
            agents[client][row["user_agent"] or ""] += 1
    claims: dict[str, Bot] = {}
    addresses: dict[str, list[str]] = {}
    for client in clients:
        bot = claimed_bot(agents[client].items(), rules.verified_bots.min_share)
        if bot is not None:
            own = sorted((address for address, owners in members.items() if client in owners), key=address_order)
            addresses[client] = own[:MEMBERS_IDENTIFIED]
            claims.update(dict.fromkeys(addresses[client], bot))
    identified = identifier.identify(claims, stored)
    identities = {}
    for client in clients:
        network = parse_network(client)
        own_identities = [identified[address] for address in addresses.get(client, ())]
        if is_one_address(network):
            identity = next(iter(own_identities), None)
        else:
            identity = of_network(network, own_identities, identifier.now)
        if identity is not None:
            identities[client] = identity
    return identities, identified


def stored_identities(lake: Lake, hours: Sequence[str]) -> dict[str, list[Identity]]:
    """Hour -> the identities stored for it."""
    stored: dict[str, list[Identity]] = defaultdict(list)
    for row in lake.read_arrow(BOT_IDENTITIES, hours).to_pylist():
        stored[row[HOUR_COLUMN]].append(Identity.from_row(row))
    return stored


def store_identities(
    lake: Lake, stored: Mapping[str, Sequence[Identity]], identified: Mapping[str, Mapping[str, Identity]]
) -> None:
    """Add new identities to their hours; hours without new ones are not written."""
    rows: dict[str, Rows] = {}
    for hour, identities in identified.items():
        before = {(identity.client, identity.bot): identity for identity in stored.get(hour, ())}
        after = {**{(identity.client, identity.bot): identity for identity in identities.values()}, **before}
        if len(after) > len(before):
            rows[hour] = [{**identity.row(), HOUR_COLUMN: hour} for _, identity in sorted(after.items())]
    if rows:
        data = [row for rows_of_hour in rows.values() for row in rows_of_hour]
        lake.overwrite_rows(BOT_IDENTITIES, data, sorted(rows))
