"""The strongest action that a client may get, and the reason for this bound. Pure; standard library only."""

from __future__ import annotations

from platform_assets.domains.waf.decide.client import Client, client_of, looks_like_people, looks_shared
from platform_assets.domains.waf.decide.identity import REFUTED, VERIFIED
from platform_assets.domains.waf.decide.more_than_volume import (
    does_what_no_crawler_does,
    failed_sign_ins,
    is_more_than_volume,
    reads_many_pages,
    why_proxy,
)
from platform_assets.domains.waf.decisions import Decision, Row, rank, whole
from platform_assets.domains.waf.networks import is_one_address, parse_network
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.wording import counted


def ceiling(client: Client, rules: Rules, has_history: bool) -> tuple[int, str]:
    """The strongest action allowed for the client, as a rank (0: none), and the reason for this bound."""
    bounds = [(rules.at_most, f"policy allows {rules.at_most} at most")]
    kind = client.score.get("abuse_kind")
    if isinstance(kind, str) and kind in rules.kinds:
        bounds.append((rules.kinds[kind], f"{kind} gets {rules.kinds[kind]} at most"))
    if why := client.score.get("why_counted"):
        bounds.append(("count", str(why)))
    if not has_history:
        bounds.append(
            (rules.history.at_most, f"the lake has less than {counted(rules.history.min_hours, 'hour')} of history")
        )
    row = client.behavior
    if not is_one_address(client.network):
        bounds.append((rules.networks.at_most, f"a network gets {rules.networks.at_most} at most"))
        if row is not None and whole(row.get("address_count")) < rules.networks.min_addresses:
            bounds.append(("none", "too few of its addresses take part"))
    elif client.score.get("is_shared"):
        bounds.append((rules.shared.at_most, "many people seem to share the address"))
    elif row is None:
        bounds.append((rules.shared.unknown_at_most, "whether people share the address is not known"))
    elif looks_shared(row, rules.shared) and not _is_disguised(client, rules):
        bounds.append((rules.shared.at_most, "many people seem to share the address"))
    bounds += _behavior_bounds(client, rules)
    verdict = None if client.identity is None else client.identity.verdict
    if verdict == VERIFIED:
        bounds.append((rules.verified_bots.at_most, f"a verified bot gets {rules.verified_bots.at_most} at most"))
    if row is not None and client.own_attack_count + failed_sign_ins(row, rules.volume) == 0:
        if looks_like_people(row, rules.sessions):
            bounds.append((rules.sessions.at_most, "it looks like people browsing and has attacked nothing"))
        share = whole(row.get("declared_bot_count")) / max(whole(row.get("request_count")), 1)
        reads_only = client.counted_attacks(rules) == 0 and not does_what_no_crawler_does(row, rules.volume)
        if share >= rules.declared_bots.min_share and verdict != REFUTED and reads_only:
            bounds.append((rules.declared_bots.at_most, "it calls itself a bot and has attacked nothing"))
    action, why = min(bounds, key=_rank_of_bound)
    return rank(action), why


def _rank_of_bound(bound: tuple[str, str]) -> int:
    return rank(bound[0])


def behavior_bound(decision: Decision, row: Row, attacks: Row, rules: Rules) -> tuple[str, str] | None:
    """The strongest action that volume and proxies allow for a decision, by its client's rows, and why; None where all."""
    score = {"abuse_probability": decision.score, "evidence_request_ids": decision.evidence_request_ids}
    attacks = {**attacks, "day_attack_request_count": decision.attack_request_count}
    client = client_of(parse_network(decision.address), score, row, attacks, ())
    bounds = _behavior_bounds(client, rules)
    return min(bounds, key=_rank_of_bound, default=None)


def _behavior_bounds(client: Client, rules: Rules) -> list[tuple[str, str]]:
    """The bounds of clients that only ask for much, and of those that forward the requests of others."""
    row, bounds = client.behavior, []
    shows_more = row is not None and is_more_than_volume(row, rules.volume, client.usual_pages)
    if client.counted_attacks(rules) == 0 and not shows_more:
        bounds.append(_bound_without_harm(client, rules))
    harmful = client.attack_request_count + failed_sign_ins(row, rules.volume)
    if why := why_proxy(client.network, row or {}, harmful, rules.proxies):
        bounds.append((rules.proxies.at_most, f"{why}: {rules.proxies.at_most} at most (proxies in the policy)"))
    return bounds


def _bound_without_harm(client: Client, rules: Rules) -> tuple[str, str]:
    """The bound of a client that no attack of its own, failed sign-in, probing or reading speaks against."""
    if count := client.foreign_attack_count:
        action = rules.foreign_pages.many_at_most if _is_many(client, rules) else rules.foreign_pages.at_most
        stored = 0 if client.browsing is None else client.browsing.stored_attack_count
        causes = [f"a page of another site can have caused {count - stored} of its attacks"] if count > stored else []
        if stored:
            causes.append(f"a page of this site, as others were served it too, can have caused {stored} of its attacks")
        return action, f"{' and '.join(causes)}, in a session of this one"
    attacked = "too few of its requests are attacks" if client.attack_request_count else "it has attacked nothing"
    if client.browsing is not None and client.browsing.own_name_count:
        asked = counted(client.browsing.own_name_count, "request looks", "requests look")
        attacked = f"{asked} like a scanner's by the path alone, which the site serves"
    if client.behavior is not None and reads_many_pages(client.behavior, rules.volume):
        return (
            rules.volume.at_most,
            f"{attacked} and up to {counted(client.usual_pages, 'page is', 'pages are')} usual on this site",
        )
    return rules.volume.at_most, f"{attacked} and otherwise it only asked for much"


def _is_many(client: Client, rules: Rules) -> bool:
    """Whether others can have caused so many of a client's attacks, or new ones so often, that a challenge is in place."""
    pages, browsing = rules.foreign_pages, client.browsing
    days = {decision.decided_at.date() for decision in client.earlier}
    is_spread = browsing is not None and browsing.foreign_hour_count >= pages.many_hours
    return client.foreign_attack_count >= pages.many_requests or is_spread or len(days) >= pages.many_days


def _is_disguised(client: Client, rules: Rules) -> bool:
    """Whether a client that does harm shows many user agents, of which too few browse."""
    browsing = client.browsing
    too_few = browsing is not None and browsing.browsing_agent_count < rules.shared.min_browsing_agents
    return too_few and client.does_harm(rules)
