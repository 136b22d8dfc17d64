"""What a reached window leads to. Pure; standard library only.

An early decision is made by counts that more requests can only raise, and is short: the hourly decision, which sees the
whole client, takes over. Whoever seems to be many people, and everybody while the lake is young, is challenged at most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decisions import Decision, decision_id, rank
from platform_assets.domains.waf.networks import Ranges, parse_network, special_ranges
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.sources.cloudfront.windows import Reached, Threshold
from spark_jobs.wording import counted

MODEL = "request_attack"
KIND = "prober"
MOST_EVIDENCE = 20


@dataclass(frozen=True)
class Bounds:
    """What is known of addresses besides their attacks."""

    shared: Collection[str] = ()
    """CIDRs of addresses that many people seem to share."""
    has_history: bool = True


def thresholds_of(rules: Rules) -> tuple[Threshold, ...]:
    """The windows that lead to something, by the name of the action; none where early decisions are off."""
    early, seconds = rules.early, rules.early.window_minutes * 60
    steps = (
        Threshold("challenge", early.challenge_attacks, seconds),
        Threshold("block", early.block_attacks, seconds, programs_alone=True),
    )
    return tuple(step for step in steps if rank(step.name) <= rank(min(early.at_most, rules.at_most, key=rank)))


def early_decisions(
    reached: Iterable[Reached], now: datetime, rules: Rules, allow_list: Iterable[str], bounds: Bounds
) -> list[Decision]:
    """Decisions of this moment; none on protected and special addresses."""
    protected, special = Ranges.of(allow_list), special_ranges(rules.act_on_special)
    decisions = []
    for one in reached:
        network = parse_network(one.address)
        if protected.overlaps(network) or special.overlaps(network):
            continue
        action, why = one.threshold, ""
        if str(network) in bounds.shared and rank(action) > rank(rules.shared.at_most):
            action, why = rules.shared.at_most, "; no more, since many people seem to share the address"
        elif not bounds.has_history and rank(action) > rank(rules.history.at_most):
            action, why = rules.history.at_most, "; no more, since the lake is too young to tell shared addresses"
        if action == "none":
            continue
        decisions.append(_decision(one, str(network), action, why, as_utc(now), rules))
    return decisions


def _decision(one: Reached, address: str, action: str, why: str, now: datetime, rules: Rules) -> Decision:
    evidence, early = one.evidence, rules.early
    classes = sorted({each.attack_class.replace("_", " ") for each in evidence})
    span = max(evidence[-1].at - evidence[0].at, 1)
    version = evidence[-1].model_version
    reason = (
        f"early: {counted(len(evidence), 'attack')} ({', '.join(classes)}) of probability {early.min_probability} and above within "
        f"{span:,} s, all refused by the site{', that no browser sends' if one.threshold == 'block' else ''}{why}; "
        "the decision of the hour takes over"
    )
    return Decision(
        address=address,
        action=action,
        reason=reason,
        decided_at=now,
        expires_at=now + timedelta(minutes=early.ttl_minutes),
        model_name=MODEL,
        model_version=version,
        decision_id=decision_id(address, action, now, MODEL, version),
        score=early.min_probability,
        abuse_kind=KIND,
        client_kind="address",
        request_count=len(evidence),
        attack_request_count=len(evidence),
        evidence_count=min(len(evidence), MOST_EVIDENCE),
        evidence_request_ids=tuple(each.request_id for each in evidence[-MOST_EVIDENCE:]),
        repetition=0,
    )
