"""The decisions on an address or network, the entries that the latest plan has for it, and why there is no decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from platform_assets.core.times import instant
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.explain.client import Score
from platform_assets.domains.waf.explain.rows import TABLES, newest_first, overlapping, rows_where
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import InForce
from platform_assets.domains.waf.networks import SPECIAL, Network, Ranges, parse_network, special_ranges
from platform_assets.domains.waf.rulebook import Rules
from platform_assets.domains.waf.unexpired import not_taken_over
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted


@dataclass(frozen=True)
class RelatedDecision:
    """A decision on the subject, on a network around it, or on an address in it."""

    relation: str
    is_in_force: bool
    decision: Decision
    is_early: bool = False
    """Made of a stream, before its hour was over."""


def decisions_on(
    lake: Lake, network: Network, now: datetime, rolled_back: Collection[Decision]
) -> tuple[RelatedDecision, ...]:
    """Decisions in force first, the strongest of these first; then those on exactly this network, the latest first.

    The decisions of a rollback may have left the table since, or changed in it: they count as they were.
    """
    ids, ranges = {decision.decision_id for decision in rolled_back}, Ranges.of([str(network)])
    related = [
        _related(decision, network, now) for decision in rolled_back if ranges.overlaps(parse_network(decision.address))
    ]
    related += _early(lake, network, now)
    for block in newest_first(lake.hours(TABLES["waf_decisions"])):
        names = overlapping(lake, "waf_decisions", block, "address", network)
        for row in rows_where(lake, "waf_decisions", block, TABLES["waf_decisions"].column_names, address=names):
            if row["decision_id"] not in ids:
                related.append(_related(Decision.from_row(row), network, now))
        if any(not entry.is_early for entry in related):
            break

    def order(entry: RelatedDecision) -> tuple[Any, ...]:
        strength = rank(entry.decision.action) if entry.is_in_force else 0
        return (strength, entry.relation == "itself", entry.decision.decided_at, entry.decision.decision_id)

    return tuple(sorted(related, key=order, reverse=True))


def _related(decision: Decision, network: Network, now: datetime) -> RelatedDecision:
    other = parse_network(decision.address)
    relation = "within" if other.prefixlen > network.prefixlen else "which holds"
    is_in_force = decision.decided_at <= now < decision.expires_at
    return RelatedDecision("itself" if other == network else relation, is_in_force, decision)


def _early(lake: Lake, network: Network, now: datetime) -> list[RelatedDecision]:
    """Early decisions on the network; once the hour is decided they are in force no more."""
    names = overlapping(lake, "early_decisions", None, "address", network)
    columns = [*TABLES["early_decisions"].column_names, HOUR_COLUMN]
    rows = rows_where(lake, "early_decisions", None, columns, address=names)
    standing = {row["decision_id"] for row in not_taken_over(lake, rows)}
    found = []
    for row in rows:
        related = _related(Decision.from_row(row), network, now)
        is_in_force = related.is_in_force and row["decision_id"] in standing
        found.append(replace(related, is_in_force=is_in_force, is_early=True))
    return found


def rollback_decisions(lake: Lake, state: InForce, now: datetime) -> list[Decision]:
    """The decisions that a rollback in force restores."""
    rows = [] if state.rollback is None else audit_log.rollback_rows(lake, state.rollback, now)
    return [Decision.from_row(row) for row in rows]


def plan_entries(lake: Lake, network: Network) -> tuple[str, ...]:
    """The entries of the latest plan that overlap the network, one sentence each."""
    names = overlapping(lake, "plan", None, "address", network)
    rows = rows_where(lake, "plan", None, TABLES["plan"].column_names, address=names)
    return tuple(
        f"{row['ip_set']}: {row['operation']} {row['address']} (plan of {instant(row['planned_at'])})"
        for row in sorted(rows, key=lambda row: (row["address"] != str(network), row["ip_set"], row["address"]))
    )


def verdict(related: RelatedDecision, subject: str) -> str:
    """One sentence on the decision that counts for the subject."""
    decision = related.decision
    what = subject if related.relation == "itself" else f"{decision.address}, {related.relation} {subject},"
    ends = instant(decision.expires_at)
    if related.is_in_force:
        return f"{decision.action} is decided for {what} from {instant(decision.decided_at)} until {ends}."
    return f"Nothing is in force on {subject}; the last {decision.action} of {decision.address} ended at {ends}."


def manual_notes(
    lake: Lake, network: Network, leading: Decision | None, state: InForce, rolled_back: Collection[Decision]
) -> list[str]:
    """The manual actions in force that concern the network, or the leading decision on it."""
    notes = [
        f"In force by people: {action.text()}."
        for action in (*state.allowed, *state.blocked)
        if Ranges.of([action.subject]).overlaps(network)
    ]
    suspending = (*state.withdrawn, *((state.rollback,) if state.rollback else ()))
    if leading is not None and suspending:
        behind = audit_log.versions_behind(lake, [leading.row()])[leading.decision_id]
        is_left_out = state.rollback is not None and leading not in rolled_back
        if is_left_out or state.withdraws(behind):
            notes.append(f"The decision does not count: {'; '.join(action.text() for action in suspending)}.")
    return notes


def why_none(client: str, score: Score | None, rules: Rules, allow_list: Iterable[str] = ()) -> str:
    """Why the policy makes no decision on a client with this score, as the end of a sentence."""
    network, weakest = parse_network(client), rules.step("count")
    if Ranges.of(allow_list).overlaps(network):
        return f"{client} is on the allow list"
    if special_ranges(rules.act_on_special).overlaps(network):
        kinds = [kind for cidr, kind in SPECIAL if Ranges.of([cidr]).overlaps(network)]
        return f"{client} is in a range that is never acted upon ({kinds[0]})"
    if rules.at_most == "none":
        return "the policy allows no action at all"
    if score is None:
        return f"{client} has no score in its last hour; `weir run edge` makes it"
    probability = f"the abuse_probability of {client} is {score.abuse_probability:.3f}"
    if rules.require_is_abuse and not score.is_abuse:
        return f"{probability}, below the threshold of {score.model_name} {score.model_version}"
    if score.abuse_probability < weakest.min_probability:
        return f"{probability}, and the weakest action takes {weakest.min_probability}"
    if score.request_count < weakest.min_requests:
        return f"{client} made {counted(score.request_count, 'request')}, and the weakest action takes {weakest.min_requests}"
    return f"{probability}, but the policy bounds it (by its kind, as a small network, as a named bot), its requests came in hours for which it was blocked, or the hour is not decided yet"
