"""Hours of client scores in the lake -> waf_decisions, hour after hour. The rules themselves are in rules.py.

Each hour is decided on what is left once the echo of earlier blocks is taken out, and on who the clients are that call
themselves a known crawler. Both live on the event clock or are kept as evidence, so an hour decided again is the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from platform_assets.resources.registry import ModelRegistry
from platform_assets.settings import Settings
from platform_assets.waf.audit import Act, in_force, own_blocks
from platform_assets.waf.audit_log import versions_behind, versions_of
from platform_assets.waf.bots import Bot, claimed_bot
from platform_assets.waf.decisions import Decision
from platform_assets.waf.echo import WINDOW_HOURS, EchoHours
from platform_assets.waf.identity import Identifier, Identity, SystemResolver, of_network
from platform_assets.waf.policy import Policy
from platform_assets.waf.ranges import Ranges, address_order, is_one_address, parse_network, special_ranges
from platform_assets.waf.rulebook import DeclaredBots, Rules
from platform_assets.waf.rules import decide
from platform_assets.waf.tables import BOT_IDENTITIES, WAF_DECISIONS
from platform_assets.waf.withdrawals import Withdrawals
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour, parse_hour
from spark_jobs.sources.cloudfront.client_tables import ATTACK_FLOOR, CLIENT_MODEL_INPUTS
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_HOURLY,
    CLIENT_SCORES,
    REQUEST_SCORES,
    REQUESTS,
)
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

Rows = list[dict[str, Any]]
Loaded = Callable[[str, str], Any]
"""Model name and version -> the model, with `predict`."""
NEARLY_ABUSIVE = 0.3
MEMBERS_IDENTIFIED = 3
"""Addresses of a network that are identified for it."""


def decide_hours(
    lake: Lake,
    interval: Interval,
    policy: Policy,
    allow_list: Sequence[str],
    *,
    loaded: Loaded,
    identifier: Identifier,
    acts: Sequence[Act] = (),
) -> tuple[list[str], Rows]:
    """Decide the hours of the interval, then all later hours that have scores, in order; returns hours and rows written.

    Each hour sees the decisions before it, so a late log file ends in the decisions that punctual delivery would have
    given. People's acts count from the moment they were asked for, so an hour before it is decided again as it was: no
    fingerprint of an hour needs them.
    """
    rules, read = policy.rules, lake.pinned()
    blocked_by_people = own_blocks(acts)
    known = read.hours(CLIENT_SCORES)
    scored = [hour for hour in known if hour >= interval.hours[0]]
    hours = sorted({*interval.hours, *scored, *(h for h in read.hours(WAF_DECISIONS) if h >= interval.hours[0])})
    memory = timedelta(hours=rules.repetition.memory_hours + rules.repetition.max_ttl_hours)
    first = format_hour(parse_hour(hours[0]) - memory)
    past = [hour for hour in read.hours(WAF_DECISIONS) if first <= hour < hours[0]]
    earlier = [Decision.from_row(row) for row in read.read_arrow(WAF_DECISIONS, past).to_pylist()]
    withdrawals = Withdrawals.of(acts, parse_hour(first), partial(versions_behind, read))
    kept = _kept_identities(read, scored)
    found: dict[str, dict[str, Identity]] = {}
    rows: Rows = []
    for hour in scored:
        end = parse_hour(hour) + timedelta(hours=1)
        echo = _echo([*withdrawals.followed(earlier), *blocked_by_people], hour, rules)
        allowed = in_force(acts, end).allow_list
        scores, behaviour, attacks = _without_echo(read, hour, _inputs(read, hour), echo, loaded)
        own = {row["client"]: versions_of(row, row["request_model_version"]) for row in scores}
        decided = partial(
            decide,
            parse_hour(hour),
            scores,
            withdrawals.counting(earlier, end, own),
            allow_list=(*allow_list, *allowed),
            behaviour=behaviour,
            attacks=attacks,
            has_history=_has_history(known, hour, rules),
        )
        # Who would be acted upon, if calling oneself a bot did not help; only those are asked who they are.
        unspared = replace(rules, declared_bots=DeclaredBots(at_most="block"))
        asked = [one.address for one in decided(rules=unspared)]
        identities, found[hour] = _identities(read, hour, asked, kept.get(hour, ()), identifier, rules)
        made = decided(rules=rules, identities=identities)
        earlier += made
        rows += [{**one.row(), HOUR_COLUMN: hour} for one in made]
    _keep_identities(lake, kept, found)
    lake.overwrite_arrow(_arrow(rows, WAF_DECISIONS), WAF_DECISIONS, hours)
    return hours, rows


def loader_of(settings: Settings) -> Loaded:
    """Models of the registry, loaded once a run, and only where a score has to be made again."""
    models: dict[tuple[str, str], Any] = {}

    def loaded(name: str, version: str) -> Any:
        if (name, version) not in models:
            models[name, version] = ModelRegistry.of(settings).loaded(name, version)
        return models[name, version]

    return loaded


def identifier_of(settings: Settings, lake: Lake) -> Identifier:
    """What finds out who a client is: published addresses, and DNS where the settings allow it."""

    def recent(since: datetime) -> Iterable[Identity]:
        import pyarrow as pa
        import pyarrow.dataset as ds

        new = ds.field("checked_at") >= pa.scalar(since, pa.timestamp("us", tz="UTC"))
        return [Identity.from_row(row) for row in lake.read_arrow(BOT_IDENTITIES, filter=new).to_pylist()]

    resolver = SystemResolver(settings.bot_dns_timeout_seconds) if settings.bot_dns else None
    return Identifier(datetime.now(UTC), resolver, settings.bot_dns_max_clients, recent)


def without_echo(lake: Lake, examples: Any, rules: Rules) -> Any:
    """Labelled clients (a frame with client and hour_at) but for those whose 24 hours have an echo of our own in them."""
    decisions = [Decision.from_row(row) for row in lake.read_arrow(WAF_DECISIONS).to_pylist()]
    echo = EchoHours.of(decisions, rules.echo)
    pairs = zip(examples["client"], examples["hour_at"], strict=True)
    return examples[[not echo.within(str(client), hour) for client, hour in pairs]]


def decision_checks(
    rows: Sequence[dict[str, Any]], policy: Policy, allow_list: Sequence[str], acts: Sequence[Act]
) -> list[tuple[str, bool, str]]:
    """The checks that WAF_DECISIONS declares: (name, passed, sentence)."""
    special = special_ranges(policy.rules.act_on_special)
    protected = {
        at: Ranges.of((*allow_list, *in_force(acts, at).allow_list)) for at in {row["decided_at"] for row in rows}
    }
    hit = [
        row["address"]
        for row in rows
        if any(ranges.overlaps(parse_network(row["address"])) for ranges in (protected[row["decided_at"]], special))
    ]
    bare = [r["address"] for r in rows if not (r["reason"] and r["model_name"] and r["model_version"])]
    return [
        (
            "nothing_protected_is_decided_on",
            not hit,
            f"{len(hit)} decisions touch protected addresses, {hit[0]} first."
            if hit
            else "No decision touches a protected address.",
        ),
        (
            "every_decision_has_a_reason",
            not bare,
            f"{len(bare)} decisions lack a reason or a model, {bare[0]} first."
            if bare
            else "Every decision has its reason and model.",
        ),
    ]


def _has_history(known: Iterable[str], hour: str, rules: Rules) -> bool:
    """Whether an hour of the lake is old enough, yet of the same stretch of logs."""
    oldest = format_hour(parse_hour(hour) - timedelta(hours=rules.repetition.memory_hours))
    latest = format_hour(parse_hour(hour) - timedelta(hours=rules.history.min_hours))
    return any(oldest <= one <= latest for one in known)


def _inputs(lake: Lake, hour: str) -> tuple[Rows, Rows, Rows]:
    """Rows of the three tables for the clients of an hour that the model calls abusive or nearly so."""
    import pyarrow.dataset as ds

    scores = lake.read_arrow(CLIENT_SCORES, [hour], filter=ds.field("abuse_probability") >= NEARLY_ABUSIVE)
    chosen = _is_in("client", scores["client"].to_pylist())
    found = [lake.read_arrow(table, [hour], filter=chosen).to_pylist() for table in (CLIENT_DAILY, CLIENT_ATTACKS)]
    return scores.to_pylist(), found[0], found[1]


# --- the echo of earlier decisions ----------------------------------------------------------------------------------


def _echo(earlier: Iterable[Decision], hour: str, rules: Rules) -> EchoHours:
    since = parse_hour(hour) - timedelta(hours=WINDOW_HOURS - 1 + rules.echo.slack_hours)
    return EchoHours.of([one for one in earlier if one.expires_at > since], rules.echo)


def _without_echo(
    lake: Lake, hour: str, inputs: tuple[Rows, Rows, Rows], echo: EchoHours, loaded: Loaded
) -> tuple[Rows, Rows, Rows]:
    """The inputs of an hour where clients with an echo in their 24 hours are counted and scored again without it.

    Clients under a block in the hour itself did nothing in it that counts, so they have no score, like clients that
    were not there.
    """
    at = parse_hour(hour)
    touched = {row["client"]: row for row in inputs[0] if echo.within(row["client"], at)}
    if not touched:
        return inputs
    rest = {client: row for client, row in touched.items() if not echo.has(client, at)}
    again = _scored_again(lake, hour, rest, echo, loaded) if rest else ([], [], [])
    kept = [[row for row in rows if row["client"] not in touched] for rows in inputs]
    return kept[0] + again[0], kept[1] + again[1], kept[2] + again[2]


def _scored_again(
    lake: Lake, hour: str, rest: Mapping[str, dict[str, Any]], echo: EchoHours, loaded: Loaded
) -> tuple[Rows, Rows, Rows]:
    """Rows as of client_scores, client_daily and client_attacks, made of the requests outside of our own blocks."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.dataset as ds

    from spark_jobs.sources.cloudfront.clients import address_cidr as cidr
    from spark_jobs.sources.cloudfront.rescoring import client_rows, evidence

    at, window = parse_hour(hour), Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
    members = _members(lake, window, rest)
    hourly = lake.read_arrow(CLIENT_HOURLY, window, filter=_is_in("client", members))
    pairs = list(zip(hourly["client"].to_pylist(), hourly["hour_at"].to_pylist(), strict=True))
    is_echo = [echo.has(client, hour_at) for client, hour_at in pairs]
    uncounted: dict[str, set[datetime]] = defaultdict(set)
    for (address, hour_at), left_out in zip(pairs, is_echo, strict=True):
        if left_out:
            for client in members[address]:
                uncounted[client].add(hour_at)
    counted = hourly.filter(pa.array([not left_out for left_out in is_echo], pa.bool_()))
    addresses = _is_in("client_ip", [member.partition("/")[0] for member in members])
    attacks = lake.read_arrow(
        REQUEST_SCORES, window, filter=addresses & (ds.field("attack_probability") > ATTACK_FLOOR)
    )
    counting = [
        row
        for row in attacks.to_pylist()
        if not echo.has(cidr(row["client_ip"]), row["event_at"].replace(minute=0, second=0, microsecond=0))
    ]
    rows = client_rows(rest, at, counted, counting)
    if not rows:
        return [], [], []
    first = next(iter(rest.values()))  # one model version an hour
    model = loaded(str(first["model_name"]), str(first["model_version"]))
    predicted = model.predict(pd.DataFrame(rows)[list(CLIENT_MODEL_INPUTS)]).to_dict("records")
    requests: dict[str, Rows] = defaultdict(list)
    columns = ["request_id", "event_at", "status", "client_ip"]
    for row in lake.read_arrow(REQUESTS, [hour], columns=columns, filter=addresses).to_pylist():
        if not echo.has(cidr(row["client_ip"]), at):
            for client in members[cidr(row["client_ip"])]:
                requests[client].append(row)
    scores = [
        {
            **rest[row["client"]],
            **{name: values[name] for name in ("abuse_probability", "is_abuse", "abuse_kind", "reason")},
            "request_count": row["day_request_count"],
            "evidence_request_ids": row["attack_request_ids"]
            or (evidence(requests[row["client"]]) if values["is_abuse"] else []),
            "echo_hour_count": len(uncounted[row["client"]]),
        }
        for row, values in zip(rows, predicted, strict=True)
    ]
    behaviour = [
        {"client": row["client"], "hour_at": at}
        | {name.removeprefix("day_"): value for name, value in row.items() if name in _DAY_COLUMNS}
        for row in rows
    ]
    return scores, behaviour, rows


_DAY_COLUMNS = {f"day_{column.name}" for column in CLIENT_DAILY.columns[3:]}


# --- clients that call themselves a bot ------------------------------------------------------------------------------


def _identities(
    lake: Lake, hour: str, asked: Sequence[str], kept: Iterable[Identity], identifier: Identifier, rules: Rules
) -> tuple[dict[str, Identity], dict[str, Identity]]:
    """Who the clients are that call themselves a bot: by client, and by address as it is kept."""
    if not asked:
        return {}, {}
    from spark_jobs.sources.cloudfront.clients import address_cidr as cidr

    members = _members(lake, [hour], asked)
    agents: dict[str, Counter[str]] = defaultdict(Counter)
    columns, chosen = ["client_ip", "user_agent"], _is_in("client_ip", [one.partition("/")[0] for one in members])
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
    found = identifier.identify(claims, kept)
    identities = {}
    for client in asked:
        named, network = [found[one] for one in of_client.get(client, ())], parse_network(client)
        one = next(iter(named), None) if is_one_address(network) else of_network(network, named, identifier.now)
        if one is not None:
            identities[client] = one
    return identities, found


def _kept_identities(lake: Lake, hours: Sequence[str]) -> dict[str, list[Identity]]:
    kept: dict[str, list[Identity]] = defaultdict(list)
    for row in lake.read_arrow(BOT_IDENTITIES, hours).to_pylist():
        kept[row[HOUR_COLUMN]].append(Identity.from_row(row))
    return kept


def _keep_identities(
    lake: Lake, kept: Mapping[str, Sequence[Identity]], found: Mapping[str, Mapping[str, Identity]]
) -> None:
    """Add what is new to the hours; where nothing is, nothing is written."""
    rows: dict[str, Rows] = {}
    for hour, ones in found.items():
        before = {(one.client, one.bot): one for one in kept.get(hour, ())}
        after = {**{(one.client, one.bot): one for one in ones.values()}, **before}
        if len(after) > len(before):
            rows[hour] = [{**one.row(), HOUR_COLUMN: hour} for _, one in sorted(after.items())]
    if rows:
        lake.overwrite_arrow(
            _arrow([row for ones in rows.values() for row in ones], BOT_IDENTITIES), BOT_IDENTITIES, sorted(rows)
        )


# --- reading --------------------------------------------------------------------------------------------------------


def _members(lake: Lake, hours: Sequence[str], clients: Iterable[str]) -> dict[str, list[str]]:
    """Address -> those of the clients that it belongs to: itself, and its network where that is one of them."""
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


def _is_in(column: str, values: Iterable[str]) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.field(column).isin(pa.array(list(values), pa.string()))


def _arrow(rows: Rows, table: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=arrow_schema(table, with_hour=True))
