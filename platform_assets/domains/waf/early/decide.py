"""What a reached window leads to. Pure; standard library only.

An early decision is made by counts that more requests can only raise, and is short: the hourly decision, which sees the
whole client, takes over. Whoever seems to be many people, and everybody while the lake is young, is challenged at most;
proxies and declared bots are left to the hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.decide.client import looks_shared
from platform_assets.domains.waf.decide.more_than_volume import why_proxy
from platform_assets.domains.waf.decisions import Decision, Row, decision_id, rank, whole
from platform_assets.domains.waf.networks import Network, Ranges, parse_network, special_ranges
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.sources.cloudfront.windows import Reached, Threshold
from spark_jobs.wording import counted

MODEL = "request_attack"
KIND = "prober"
MOST_EVIDENCE = 20
COLUMNS_OF_BOUNDS = tuple(
    """
        client request_count distinct_user_agent_count cookie_request_count asset_request_count proxy_agent_count
        forwarded_client_count declared_bot_count
    """.split()
)
"""Columns of client_daily that bounds look at."""
LEAST = rank("challenge")
"""What is only to be counted waits for its hour."""


@dataclass(frozen=True)
class Bounds:
    """What is known of addresses besides their attacks."""

    daily: Mapping[str, Row] = field(default_factory=dict)
    """CIDR -> its row of client_daily of the newest day that is made; addresses that were not seen have none."""
    has_history: bool = True

    def of(self, network: Network, rules: Rules) -> tuple[str, str]:
        """The strongest early action on an address, and why it is no more, as a clause."""
        row = self.daily.get(str(network), {})
        bounds = [(rules.early.at_most, "")]
        if why := why_proxy(network, row, 0, rules.proxies):
            bounds.append((rules.proxies.at_most, why))
        if whole(row.get("declared_bot_count")):
            bounds.append((rules.declared_bots.at_most, "it calls itself a bot"))
        if looks_shared(row, rules.shared):
            bounds.append((rules.shared.at_most, "many people seem to share the address"))
        if not self.has_history:
            bounds.append((rules.history.at_most, "the lake is too young to tell shared addresses"))
        return min(bounds, key=lambda bound: rank(bound[0]))


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
        most, why_not_more = bounds.of(network, rules)
        if rank(action) > rank(most):
            action, why = most, f"; no more, since {why_not_more}"
        if rank(action) < LEAST:
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
