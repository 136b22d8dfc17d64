"""Scores of an hour -> decisions. Pure: the same rows give the same decisions, in any order.

Event clock: hour h depends on the scores of hour h and the decisions of earlier hours only. Thresholds are rulebook.py's,
the entries that are due by the wall clock are due.py's. Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.ceiling import ceiling
from platform_assets.domains.waf.decide.client import Client, client_of
from platform_assets.domains.waf.decide.due import by_address
from platform_assets.domains.waf.decide.identity import Identity
from platform_assets.domains.waf.decide.more_than_volume import (
    least_pages,
    reads_many_pages,
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
from platform_assets.domains.waf.rulebook import Rules, Step
from spark_jobs.wording import counted

WINDOW = timedelta(hours=24)
"""The hours that a score covers: decisions within them may rest on the same requests, which is no repetition."""


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
    cookies are believed and no attack is put down to a foreign page or to its method.
    """
    if not hour.scores:
        return []
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
        client = client_of(
            network,
            score,
            behavior_by_client.get(name),
            attack_row,
            past,
            identities.get(name),
            browsing.get(name),
            hour.usual_pages,
        )
        decision = _decide_one(start, client, rules, hour.has_history)
        if decision is not None:
            decisions.append(decision)
    return sorted(decisions, key=lambda decision: address_order(decision.address))


def stronger(decisions: Iterable[Decision], others: Iterable[Decision]) -> list[Decision]:
    """Of two lists of decisions of an hour, the stronger one on each address, ordered by address."""
    chosen = {decision.address: decision for decision in decisions}
    for decision in others:
        former = chosen.get(decision.address)
        if former is None or rank(decision.action) > rank(former.action):
            chosen[decision.address] = decision
    return sorted(chosen.values(), key=lambda decision: address_order(decision.address))


def _decide_one(start: datetime, client: Client, rules: Rules, has_history: bool) -> Decision | None:
    highest, why_not_more = ceiling(client, rules, has_history)
    decided_at = start + timedelta(hours=1)
    earned = [action for action in ACTIONS if _earns(client, rules.step(action), decided_at, rules)]
    allowed = [action for action in earned if rank(action) <= highest]
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


def _earns(client: Client, step: Step, decided_at: datetime, rules: Rules) -> bool:
    """Whether a client's activity justifies an action, with new evidence since earlier decisions."""
    is_abuse = bool(client.score.get("is_abuse")) or not rules.require_is_abuse
    is_certain = client.probability >= step.min_probability
    is_enough = client.request_count >= step.min_requests and len(client.evidence) >= step.min_evidence
    needs_proof = step.min_attack_requests > 0 or step.min_earlier_decisions > 0
    by_attacks = step.min_attack_requests > 0 and client.counted_attacks(rules) >= step.min_attack_requests
    same_window = [decision for decision in client.earlier if decision.decided_at > decided_at - WINDOW]
    is_fresh = _has_fresh_evidence(client)
    independent = len(client.earlier) - (0 if is_fresh else len(same_window))
    # That a client goes on asking for much proves nothing more.
    by_repetition = 0 < step.min_earlier_decisions <= independent and client.does_harm(rules)
    is_proven = not needs_proof or by_attacks or by_repetition
    as_conclusive = [
        decision
        for decision in same_window
        if decision.score >= step.min_probability and decision.request_count >= step.min_requests
    ]
    is_new = is_fresh or not as_conclusive
    return is_abuse and is_certain and is_enough and is_proven and is_new


def _has_fresh_evidence(client: Client) -> bool:
    """Whether there is evidence that no earlier decision rests on."""
    used = {request_id for decision in client.earlier for request_id in decision.evidence_request_ids}
    return any(request_id not in used for request_id in client.evidence)


def _reason(start: datetime, client: Client, action: str, why_not_more: str, repeated: int, rules: Rules) -> str:
    """One line: the score, why this action, the model's own reason."""
    kind = client.score.get("abuse_kind") or "abuse"
    parts = [f"{kind} with probability {client.probability:.3f}, {counted(client.request_count, 'request')} in 24 h"]
    if among := whole(client.score.get("certain_among")):
        parts[0] = (
            f"{kind} with probability {client.probability:.3f} by {counted(client.attack_request_count, 'certain attack')} alone, whatever else it asks for ({counted(among, 'request')} in 24 h)"
        )
    elif told := next(
        (client.score[key] for key in ("lone_attack", "campaign", "repeat") if client.score.get(key)), None
    ):
        parts[0] = str(told)
    elif client.attack_request_count:
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
            parts.append(
                f"it read {counted(bound, 'different page')} or more without what a browser fetches ({source})"
            )
    if client.identity is not None:
        parts.append(client.identity.sentence)
    if uncounted := whole(client.score.get("echo_hour_count")):
        parts.append(f"without {counted(uncounted, 'hour')} for which a block was decided before")
    model_reason = client.score.get("reason")
    if isinstance(model_reason, str) and model_reason:
        parts.append(model_reason)
    return "; ".join(parts)


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
