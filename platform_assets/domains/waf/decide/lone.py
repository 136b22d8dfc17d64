"""What a single attack request of an address leads to, however few it sent and whatever the client model says of it.

The client model looks at shares and sums, in which one request among some is little. A request that is certainly an attack and
met an error is no mistake of a person, so it earns a challenge; one that probably is, a count. It never earns a block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platform_assets.domains.waf.decide.browsing import SeenRequest, lone_attacks
from platform_assets.domains.waf.decide.client import looks_shared
from platform_assets.domains.waf.decide.echo import EchoHours
from platform_assets.domains.waf.decide.more_than_volume import why_proxy
from platform_assets.domains.waf.decide.reading import Rows, is_in
from platform_assets.domains.waf.decide.rescoring import day_columns_of
from platform_assets.domains.waf.decide.seen import SeenDay, frame_alone
from platform_assets.domains.waf.decide.window import RequestHours
from platform_assets.domains.waf.decisions import Decision, Row, rank, whole
from platform_assets.domains.waf.networks import parse_network
from platform_assets.domains.waf.rulebook import Rules, up_to_challenge
from spark_jobs.contract import parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_SCORES
from spark_jobs.storage.lake import Lake

FIRST_ERROR, ASKS_FOR_SIGN_IN = 400, 401


@dataclass(frozen=True)
class Lone:
    """The attack requests of an address that count by themselves."""

    row: Row
    """The row that the client model reads, of these requests alone."""
    requests: Sequence[SeenRequest]
    daily: Row
    """Its row of client_daily, of all its requests."""


def attackers(
    kept: RequestHours, hour: str, echo: EchoHours, rules: Rules, decided: Iterable[Decision]
) -> dict[str, Row]:
    """Addresses of the hour with an attack request that may lead to something alone -> their row of client_daily.

    `decided`: decisions; who is challenged or blocked at the end of the hour is left out, for nothing stronger comes of it.
    """
    import pyarrow.dataset as ds

    lone, start = rules.lone_attacks, parse_hour(hour)
    if rank(lone.at_most) == 0:
        return {}
    is_candidate = (ds.field("client_kind") == "address") & (ds.field("hour_attack_request_count") > 0)
    is_candidate &= ds.field("hour_attack_probability_max") >= lone.count_probability
    found = kept.lake.read_arrow(CLIENT_ATTACKS, [hour], columns=["client"], filter=is_candidate)["client"].to_pylist()
    stopped = {
        decision.address
        for decision in decided
        if rank(decision.action) >= rank("challenge") and decision.expires_at > start
    }
    clients = [client for client in found if client not in stopped and not echo.has(client, start)]
    if not clients:
        return {}
    daily = kept.lake.read_arrow(CLIENT_DAILY, [hour], filter=is_in("client", clients)).to_pylist()
    return {row["client"]: row for row in daily}


def lone_of(hour: str, day: SeenDay, daily: Mapping[str, Row], rules: Rules) -> dict[str, Lone]:
    """Of these addresses, those with attack requests that count by themselves. `day`: what they asked for; `daily`: from `attackers`."""
    found = {
        address: lone_attacks(
            day.by_address.get(address, ()),
            {one.request_id for one in day.foreign.get(address, ())},
            day.own_names,
            rules,
        )
        for address in daily
    }
    chosen = {address: sorted(requests, key=_in_time) for address, requests in found.items() if requests}
    ids_of = {address: [one.request_id for one in requests] for address, requests in chosen.items()}
    return {
        row["client"]: Lone(row, chosen[row["client"]], daily[row["client"]]) for row in frame_alone(hour, day, ids_of)
    }


def inputs_lone(lake: Lake, hour: str, lone: Mapping[str, Lone], rules: Rules) -> tuple[Rows, Rows, Rows]:
    """Rows of client_scores, client_daily and client_attacks for these requests alone, as the request model scores them."""
    if not lone:
        return [], [], []
    originals = lake.read_arrow(CLIENT_SCORES, [hour], filter=is_in("client", lone)).to_pylist()
    return judged_lone({row["client"]: row for row in originals}, lone, rules)


def judged_lone(originals: Mapping[str, Row], lone: Mapping[str, Lone], rules: Rules) -> tuple[Rows, Rows, Rows]:
    """The same from rows of client_scores by client; `rules_of_lone` has the rules that decide them."""
    found = [(row, lone[client]) for client, row in originals.items()]
    rows = [dict(one.row) for _, one in found]
    scores = [{**row, **_judged(one.requests, one.daily, rules)} for row, one in found]
    return scores, [day_columns_of(row) for row in rows], rows


def rules_of_lone(rules: Rules) -> Rules:
    """The rules with the steps of lone attacks."""
    lone = rules.lone_attacks
    return up_to_challenge(rules, lone.at_most, lone.count_probability, lone.challenge_probability)


def _judged(requests: Collection[SeenRequest], daily: Row, rules: Rules) -> dict[str, Any]:
    """What of a row of client_scores the attack requests of an address change."""
    lone, count = rules.lone_attacks, max(whole(daily.get("request_count")), 1)
    worst = max(requests, key=lambda one: (one.probability, one.request_id))
    failed = [one for one in requests if _met_error(one) and one.probability >= lone.challenge_probability]
    why_counted = _why_counted(failed, len(requests) / count, daily, rules)
    is_challenged = why_counted == ""
    shown = max(failed, key=lambda one: (one.probability, one.request_id)) if is_challenged else worst
    are = "is an attack" if len(requests) == 1 else "are attacks"
    answered = "was answered with" if len(requests) == 1 else "were answered with"
    answer = answered if (shown.status or 0) < FIRST_ERROR else "met"
    kind = (shown.attack_class or "attack").replace("_", " ")
    sentence = (
        f"{len(requests)} of {count} requests in 24 h {are} "
        f"({kind}, probability {shown.probability:.3f}), which {answer} status {shown.status or 'none'}"
    )
    return {
        "abuse_probability": shown.probability,
        "why_counted": why_counted,
        "is_abuse": True,
        "abuse_kind": "prober",
        "reason": "",
        "request_count": count,
        "evidence_request_ids": [one.request_id for one in requests],
        "lone_attack": sentence,
    }


def _why_counted(failed: Collection[SeenRequest], share: float, daily: Row, rules: Rules) -> str:
    """Why a certain attack is no more than counted; empty where it is challenged. `share`: of all its requests."""
    if looks_shared(daily, rules.shared):
        return "many people seem to share the address"
    if why := why_proxy(parse_network(str(daily["client"])), daily, 0, rules.proxies):
        return why
    if whole(daily.get("declared_bot_count")) > 0:
        return "it calls itself a bot"
    if share < rules.volume.min_attack_share:
        return "it is a small share of its requests"
    return "" if failed else "a challenge takes one that the site refused"


def _met_error(request: SeenRequest) -> bool:
    """Whether the site refused it; that a page asks for a sign-in (401) says that the site has it."""
    is_own_page = request.is_probe and request.status == ASKS_FOR_SIGN_IN
    return (request.status or 0) >= FIRST_ERROR and not is_own_page


def _in_time(request: SeenRequest) -> tuple[datetime, str]:
    """Sort key: requests come in the order of files, which delivery decides."""
    return request.event_at, request.request_id
