"""Scores of an hour -> decisions. Pure: the same rows give the same decisions, in any order.

Event clock: hour h depends on the scores of hour h and the decisions of earlier hours only. Thresholds are rulebook.py's,
the entries that are due by the wall clock are due.py's. Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.due import by_address
from platform_assets.domains.waf.decide.identity import REFUTED, VERIFIED, Identity
from platform_assets.domains.waf.decide.more_than_volume import (
    counted_attacks,
    does_harm,
    does_what_no_crawler_does,
    failed_sign_ins,
    is_more_than_volume,
    least_pages,
    reads_many_pages,
    why_proxy,
    without_foreign,
)
from platform_assets.domains.waf.decisions import ACTIONS, Decision, Row, decision_id, rank, whole
from platform_assets.domains.waf.networks import (
    Network,
    Ranges,
    address_order,
    is_one_address,
    parse_network,
    special_ranges,
)
from platform_assets.domains.waf.rulebook import Rules, Sessions, Shared, Step

WINDOW = timedelta(hours=24)
"""The hours that a score covers: decisions within them may rest on the same requests, which is no repetition."""


@dataclass(frozen=True)
class _Client:
    """One client at the end of one hour."""

    network: Network
    score: Row
    probability: float
    request_count: int
    attack_request_count: int
    evidence: tuple[str, ...]
    behavior: Row | None
    """Without the requests that a foreign page can have caused."""
    earlier: tuple[Decision, ...]
    identity: Identity | None = None
    browsing: Browsing | None = None
    usual_pages: int = 0
    attack_class_count: int = 0

    @property
    def foreign_attack_count(self) -> int:
        return 0 if self.browsing is None else self.browsing.foreign_attack_count

    @property
    def own_attack_count(self) -> int:
        """Attack requests that no foreign page can have caused."""
        return max(self.attack_request_count - self.foreign_attack_count, 0)

    def counted_attacks(self, rules: Rules) -> int:
        """Attack requests and failed sign-ins that count as attacks under the rules."""
        attacks = counted_attacks(self.behavior, self.own_attack_count, rules.volume, self.attack_class_count)
        return attacks + failed_sign_ins(self.behavior, rules.volume)

    def does_harm(self, rules: Rules) -> bool:
        """Whether attacks, failed sign-ins or probing speak against it."""
        return self.counted_attacks(rules) > 0 or (self.behavior is not None and does_harm(self.behavior, rules.volume))


@dataclass(frozen=True)
class ScoredHour:
    """The scores of the hour that begins at `start`, and the rows of the same hour and clients that the rules need with them.

    Rows of other hours are ignored.
    """

    start: datetime
    scores: Collection[Row]
    """Rows of client_scores."""
    behavior: Collection[Row] = ()
    """Rows of client_daily; without them shared addresses cannot be told."""
    attacks: Collection[Row] | None = None
    """Rows of client_attacks; where None, evidence_request_ids count as the attack requests."""
    has_history: bool = True
    """Whether the lake is as old as `rules.history` requires."""
    usual_pages: int = 0
    """Different pages that clients of this site usually read in 24 hours; 0 where that is not known."""


def decide(
    hour: ScoredHour,
    earlier: Iterable[Decision | Row],
    rules: Rules,
    allow_list: Iterable[str] = (),
    identities: Mapping[str, Identity] = MappingProxyType({}),
    browsing: Mapping[str, Browsing] = MappingProxyType({}),
) -> list[Decision]:
    """The decisions of an hour, ordered by address.

    `earlier`: waf_decisions of at least the last `rules.repetition.memory_hours`; those made after the start of the hour
    are ignored, so that deciding an hour again changes nothing. `identities`: of clients that claim to be a known crawler
    or monitor, by client. `browsing`: what the requests of clients show, by client; where it is missing, user agents and
    cookies are believed and no attack is put down to a foreign page.
    """
    start = as_utc(hour.start)
    protected = Ranges.of(allow_list)
    special = special_ranges(rules.act_on_special)
    history = by_address(_remembered(earlier, start, rules))
    behavior_by_client = _of_hour(hour.behavior, start)
    attacks_by_client = None if hour.attacks is None else _of_hour(hour.attacks, start)
    decisions = []
    for name, score in _of_hour(hour.scores, start).items():
        network = _actionable(name, rules, special, protected)
        if network is None:
            continue
        past = tuple(history.get(str(network), ()))
        attack_row = None if attacks_by_client is None else attacks_by_client.get(name, {})
        client = _client(
            network, score, behavior_by_client.get(name), attack_row, past, identities.get(name), browsing.get(name)
        )
        client = replace(client, usual_pages=hour.usual_pages)
        decision = _decide_one(start, client, rules, hour.has_history)
        if decision is not None:
            decisions.append(decision)
    return sorted(decisions, key=lambda decision: address_order(decision.address))


def _decide_one(start: datetime, client: _Client, rules: Rules, has_history: bool) -> Decision | None:
    ceiling, why_not_more = _ceiling(client, rules, has_history)
    decided_at = start + timedelta(hours=1)
    earned = [action for action in ACTIONS if _earns(client, rules.step(action), decided_at, rules)]
    allowed = [action for action in earned if rank(action) <= ceiling]
    if not allowed:
        return None
    action = allowed[-1]
    as_strong = [decision for decision in client.earlier if rank(decision.action) >= rank(action)]
    # Requests under the same or a stronger action are partly an echo of it, so they renew nothing.
    if any(decision.expires_at > start for decision in as_strong):
        return None
    hours = min(
        rules.step(action).ttl_hours * rules.repetition.factor ** min(len(as_strong), 64),
        rules.repetition.max_ttl_hours,
    )
    score = client.score
    model_name, model_version = str(score["model_name"]), str(score["model_version"])
    kind = score.get("abuse_kind")
    return Decision(
        address=str(client.network),
        action=action,
        reason=_reason(start, client, action, why_not_more if earned[-1] != action else "", len(as_strong), rules),
        decided_at=decided_at,
        expires_at=decided_at + timedelta(hours=hours),
        model_name=model_name,
        model_version=model_version,
        decision_id=decision_id(str(client.network), action, decided_at, model_name, model_version),
        score=client.probability,
        abuse_kind=kind if isinstance(kind, str) and kind else None,
        client_kind="address" if is_one_address(client.network) else "network",
        request_count=client.request_count,
        attack_request_count=client.attack_request_count,
        evidence_count=len(client.evidence),
        evidence_request_ids=client.evidence,
        repetition=len(as_strong),
    )


def _earns(client: _Client, step: Step, decided_at: datetime, rules: Rules) -> bool:
    """Whether a client's activity justifies an action, with new evidence since earlier decisions."""
    is_abuse = bool(client.score.get("is_abuse")) or not rules.require_is_abuse
    is_certain = client.probability >= step.min_probability
    is_enough = client.request_count >= step.min_requests and len(client.evidence) >= step.min_evidence
    needs_proof = step.min_attack_requests > 0 or step.min_earlier_decisions > 0
    by_attacks = step.min_attack_requests > 0 and client.counted_attacks(rules) >= step.min_attack_requests
    same_window = [decision for decision in client.earlier if decision.decided_at > decided_at - WINDOW]
    is_fresh = _has_fresh_evidence(client)
    independent = len(client.earlier) - (0 if is_fresh else len(same_window))
    by_repetition = 0 < step.min_earlier_decisions <= independent and not _is_volume_alone(client, rules)
    is_proven = not needs_proof or by_attacks or by_repetition
    as_conclusive = [
        decision
        for decision in same_window
        if decision.score >= step.min_probability and decision.request_count >= step.min_requests
    ]
    is_new = is_fresh or not as_conclusive
    return is_abuse and is_certain and is_enough and is_proven and is_new


def _is_volume_alone(client: _Client, rules: Rules) -> bool:
    """Whether nothing but how much it asks for speaks against the client: that it goes on asking proves nothing more."""
    return not client.does_harm(rules)


def _has_fresh_evidence(client: _Client) -> bool:
    """Whether there is evidence that no earlier decision rests on."""
    used = {request_id for decision in client.earlier for request_id in decision.evidence_request_ids}
    return any(request_id not in used for request_id in client.evidence)


def _ceiling(client: _Client, rules: Rules, has_history: bool) -> tuple[int, str]:
    """The strongest action allowed for the client, as a rank (0: none), and the reason for this bound."""
    bounds = [(rules.at_most, f"policy allows {rules.at_most} at most")]
    kind = client.score.get("abuse_kind")
    if isinstance(kind, str) and kind in rules.kinds:
        bounds.append((rules.kinds[kind], f"{kind} gets {rules.kinds[kind]} at most"))
    if not has_history:
        bounds.append((rules.history.at_most, f"the lake has less than {rules.history.min_hours} hours of history"))
    row = client.behavior
    if not is_one_address(client.network):
        bounds.append((rules.networks.at_most, f"a network gets {rules.networks.at_most} at most"))
        if row is not None and whole(row.get("address_count")) < rules.networks.min_addresses:
            bounds.append(("none", "too few of its addresses take part"))
    elif row is None:
        bounds.append((rules.shared.unknown_at_most, "whether people share the address is not known"))
    elif _looks_shared(row, rules.shared) and not _is_disguised(client, rules):
        bounds.append((rules.shared.at_most, "many people seem to share the address"))
    bounds += _behavior_bounds(client, rules)
    verdict = None if client.identity is None else client.identity.verdict
    if verdict == VERIFIED:
        bounds.append((rules.verified_bots.at_most, f"a verified bot gets {rules.verified_bots.at_most} at most"))
    if row is not None and client.own_attack_count + failed_sign_ins(row, rules.volume) == 0:
        if _looks_like_people(row, rules.sessions):
            bounds.append((rules.sessions.at_most, "it looks like people browsing and has attacked nothing"))
        share = whole(row.get("declared_bot_count")) / max(whole(row.get("request_count")), 1)
        reads_only = client.counted_attacks(rules) == 0 and not does_what_no_crawler_does(row, rules.volume)
        if share >= rules.declared_bots.min_share and verdict != REFUTED and reads_only:
            bounds.append((rules.declared_bots.at_most, "it calls itself a bot and has attacked nothing"))
    action, why = min(bounds, key=lambda bound: 0 if bound[0] == "none" else rank(bound[0]))
    return (0 if action == "none" else rank(action)), why


def behavior_bound(decision: Decision, row: Row, attacks: Row, rules: Rules) -> tuple[str, str] | None:
    """The strongest action that volume and proxies allow for a decision, by its client's rows, and why; None where all."""
    score = {"abuse_probability": decision.score, "evidence_request_ids": decision.evidence_request_ids}
    attacks = {**attacks, "day_attack_request_count": decision.attack_request_count}
    client = _client(parse_network(decision.address), score, row, attacks, (), None, None)
    bounds = _behavior_bounds(client, rules)
    return min(bounds, key=lambda bound: 0 if bound[0] == "none" else rank(bound[0]), default=None)


def _behavior_bounds(client: _Client, rules: Rules) -> list[tuple[str, str]]:
    """The bounds of clients that only ask for much, and of those that forward the requests of others."""
    row, bounds = client.behavior, []
    shows_more = row is not None and is_more_than_volume(row, rules.volume, client.usual_pages)
    if client.counted_attacks(rules) == 0 and not shows_more:
        bounds.append(_bound_without_harm(client, rules))
    if why := why_proxy(client.network, row or {}, client.attack_request_count, rules.proxies):
        bounds.append((rules.proxies.at_most, f"{why}: {rules.proxies.at_most} at most (proxies in the policy)"))
    return bounds


def _bound_without_harm(client: _Client, rules: Rules) -> tuple[str, str]:
    """The bound of a client that no attack of its own, failed sign-in, probing or reading speaks against."""
    if count := client.foreign_attack_count:
        is_many = count >= rules.foreign_pages.many_requests
        action = rules.foreign_pages.many_at_most if is_many else rules.foreign_pages.at_most
        return action, f"a page of another site can have caused {count} of its attacks, in a session of this one"
    attacked = "too few of its requests are attacks" if client.attack_request_count else "it has attacked nothing"
    if client.behavior is not None and reads_many_pages(client.behavior, rules.volume):
        return rules.volume.at_most, f"{attacked} and up to {client.usual_pages} pages are usual on this site"
    return rules.volume.at_most, f"{attacked} and otherwise it only asked for much"


def _is_disguised(client: _Client, rules: Rules) -> bool:
    """Whether a client that does harm shows many user agents, of which too few browse."""
    browsing = client.browsing
    too_few = browsing is not None and browsing.browsing_agent_count < rules.shared.min_browsing_agents
    return too_few and client.does_harm(rules)


def _looks_shared(row: Row, shared: Shared) -> bool:
    requests = max(whole(row.get("request_count")), 1)
    many_agents = whole(row.get("distinct_user_agent_count")) >= shared.min_user_agents
    sessions = whole(row.get("cookie_request_count")) / requests >= shared.min_cookie_share
    pages = whole(row.get("asset_request_count")) / requests >= shared.min_asset_share
    return many_agents and (sessions or pages)


def may_browse(row: Row, attack_request_count: int, rules: Rules) -> bool:
    """Whether the requests behind a row of client_daily can change a decision: by a session, or by user agents that browse."""
    assets, cookies = whole(row.get("asset_request_count")), whole(row.get("cookie_request_count"))
    if attack_request_count and cookies and assets >= rules.sessions.min_assets:
        return True
    does_more = attack_request_count > 0 or does_harm(row, rules.volume)
    return does_more and whole(row.get("address_count")) <= 1 and _looks_shared(row, rules.shared)


def _looks_like_people(row: Row, sessions: Sessions) -> bool:
    requests = max(whole(row.get("request_count")), 1)
    has_cookies = whole(row.get("cookie_request_count")) / requests >= sessions.min_cookie_share
    return has_cookies and whole(row.get("asset_request_count")) / requests >= sessions.min_asset_share


def _reason(start: datetime, client: _Client, action: str, why_not_more: str, repeated: int, rules: Rules) -> str:
    """One line: the score, why this action, the model's own reason."""
    kind = client.score.get("abuse_kind") or "abuse"
    parts = [f"{kind} with probability {client.probability:.3f}, {client.request_count} requests in 24 h"]
    if client.attack_request_count:
        parts[0] += f", {client.attack_request_count} of them attacks"
    weaker = [
        decision for decision in client.earlier if decision.expires_at > start and rank(decision.action) < rank(action)
    ]
    if weaker:
        parts.append(f"escalated from {weaker[-1].action} {weaker[-1].decision_id}")
    if repeated:
        parts.append(f"repetition {repeated} within {rules.repetition.memory_hours} h")
    if why_not_more:
        parts.append(why_not_more)
    elif client.behavior is not None and not client.does_harm(rules):
        bound, source = least_pages(rules.volume, client.usual_pages)
        if reads_many_pages(client.behavior, rules.volume, client.usual_pages):
            parts.append(f"it read {bound} different pages or more without what a browser fetches ({source})")
    if client.identity is not None:
        parts.append(client.identity.sentence)
    if uncounted := whole(client.score.get("echo_hour_count")):
        parts.append(f"without {uncounted} hours under our own block")
    model_reason = client.score.get("reason")
    if isinstance(model_reason, str) and model_reason:
        parts.append(model_reason)
    return "; ".join(parts)


def _client(
    network: Network,
    score: Row,
    behavior: Row | None,
    attacks: Row | None,
    past: tuple[Decision, ...],
    identity: Identity | None,
    browsing: Browsing | None,
) -> _Client:
    ids = score.get("evidence_request_ids")
    evidence = () if ids is None else tuple(str(request_id) for request_id in ids)[:20]
    probability = float(score["abuse_probability"])
    return _Client(
        network=network,
        score=score,
        probability=probability if 0 <= probability <= 1 else 0.0,  # NaN and invalid values lead to no decision
        request_count=whole(score.get("request_count")),
        attack_request_count=len(evidence) if attacks is None else whole(attacks.get("day_attack_request_count")),
        evidence=evidence,
        behavior=without_foreign(behavior, {} if browsing is None else browsing.foreign),
        earlier=past,
        identity=identity,
        browsing=browsing,
        attack_class_count=whole((attacks or {}).get("day_attack_class_count")),
    )


def _actionable(client: str, rules: Rules, special: Ranges, protected: Ranges) -> Network | None:
    """The client as a network; None where it must never be acted upon."""
    try:
        network = parse_network(client)
    except ValueError:
        return None  # not an address, so no IP set could contain it
    widest = rules.networks.widest_v4 if network.version == 4 else rules.networks.widest_v6
    forbidden = network.prefixlen < widest or special.overlaps(network) or protected.overlaps(network)
    return None if forbidden else network


def _of_hour(rows: Iterable[Row], start: datetime) -> dict[str, Row]:
    """Client -> its row of the hour; of several rows, the most severe."""
    rows_by_client: dict[str, Row] = {}
    for row in rows:
        if as_utc(row["hour_at"]) != start:
            continue
        client = str(row["client"])
        if client not in rows_by_client or _severity(row) > _severity(rows_by_client[client]):
            rows_by_client[client] = row
    return rows_by_client


def _severity(row: Row) -> tuple[float, int, str]:
    probability = float(row.get("abuse_probability") or 0.0)
    return (probability, whole(row.get("request_count")), repr(sorted((k, str(v)) for k, v in row.items())))


def _remembered(earlier: Iterable[Decision | Row], start: datetime, rules: Rules) -> list[Decision]:
    """Decisions made by `start` that are within the memory or still in force."""
    oldest = start - timedelta(hours=rules.repetition.memory_hours)
    decisions = (row if isinstance(row, Decision) else Decision.from_row(row) for row in earlier)
    return [
        decision
        for decision in decisions
        if decision.decided_at <= start and (decision.decided_at > oldest or decision.expires_at > start)
    ]
