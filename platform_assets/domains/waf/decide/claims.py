"""Clients that call themselves a known crawler or monitor: who they are, and the evidence that is kept of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from platform_assets.domains.waf.decide.bots import Bot, claimed_bot
from platform_assets.domains.waf.decide.identity import Identifier, Identity, SystemResolver, of_network
from platform_assets.domains.waf.decide.reading import Rows, is_in, members_of, rows_to_arrow
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
"""Addresses of a network that are identified for it."""


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
    lake: Lake, hour: str, asked: Sequence[str], stored: Iterable[Identity], identifier: Identifier, rules: Rules
) -> tuple[dict[str, Identity], dict[str, Identity]]:
    """Who the clients are that call themselves a bot: by client, and by address as it is kept."""
    if not asked:
        return {}, {}
    from spark_jobs.sources.cloudfront.clients import address_cidr as cidr

    members = members_of(lake, [hour], asked)
    agents: dict[str, Counter[str]] = defaultdict(Counter)
    columns, chosen = ["client_ip", "user_agent"], is_in("client_ip", [one.partition("/")[0] for one in members])
    for row in lake.read_arrow(REQUESTS, [hour], columns=columns, filter=chosen).to_pylist():
        for client in members[cidr(row["client_ip"])]:
            agents[client][row["user_agent"] or ""] += 1
    claims: dict[str, Bot] = {}
    of_client: dict[str, list[str]] = {}
    for client in asked:
        bot = claimed_bot(agents[client].items(), rules.verified_bots.min_share)
        if bot is not None:
            own = sorted((one for one, clients in members.items() if client in clients), key=address_order)
            of_client[client] = own[:MEMBERS_IDENTIFIED]
            claims.update(dict.fromkeys(of_client[client], bot))
    identified = identifier.identify(claims, stored)
    identities = {}
    for client in asked:
        named, network = [identified[one] for one in of_client.get(client, ())], parse_network(client)
        one = next(iter(named), None) if is_one_address(network) else of_network(network, named, identifier.now)
        if one is not None:
            identities[client] = one
    return identities, identified


def kept_identities(lake: Lake, hours: Sequence[str]) -> dict[str, list[Identity]]:
    stored: dict[str, list[Identity]] = defaultdict(list)
    for row in lake.read_arrow(BOT_IDENTITIES, hours).to_pylist():
        stored[row[HOUR_COLUMN]].append(Identity.from_row(row))
    return stored


def keep_identities(
    lake: Lake, stored: Mapping[str, Sequence[Identity]], identified: Mapping[str, Mapping[str, Identity]]
) -> None:
    """Add what is new to the hours; where nothing is, nothing is written."""
    rows: dict[str, Rows] = {}
    for hour, ones in identified.items():
        before = {(one.client, one.bot): one for one in stored.get(hour, ())}
        after = {**{(one.client, one.bot): one for one in ones.values()}, **before}
        if len(after) > len(before):
            rows[hour] = [{**one.row(), HOUR_COLUMN: hour} for _, one in sorted(after.items())]
    if rows:
        lake.overwrite_arrow(
            rows_to_arrow([row for ones in rows.values() for row in ones], BOT_IDENTITIES), BOT_IDENTITIES, sorted(rows)
        )
