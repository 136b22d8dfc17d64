"""Hours of client scores in the lake -> waf_decisions, hour by hour. The rules are in rules.py.

Inputs of an hour are scores without the echo of earlier blocks, and identities of clients that claim to be a crawler.
Both follow from the event clock or are stored as evidence, so deciding an hour again gives the same decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial, reduce
from typing import Any

from platform_assets.domains.waf.decide.alone import attacks_alone, diluted, inputs_alone
from platform_assets.domains.waf.decide.browsing import Browsing
from platform_assets.domains.waf.decide.campaigns import campaigns_of, inputs_of_campaigns, rules_of_campaigns
from platform_assets.domains.waf.decide.claims import identities_of, store_identities, stored_identities
from platform_assets.domains.waf.decide.client import may_browse
from platform_assets.domains.waf.decide.identity import Identifier, Identity
from platform_assets.domains.waf.decide.lone import attackers, inputs_lone, lone_of, rules_of_lone
from platform_assets.domains.waf.decide.more_than_volume import reads_many_pages
from platform_assets.domains.waf.decide.pages import PagesRead
from platform_assets.domains.waf.decide.reading import Loaded, PastDays, Rows, is_in
from platform_assets.domains.waf.decide.repeats import by_bound, inputs_of_repeats, repeats_of, rules_of_repeats
from platform_assets.domains.waf.decide.rescoring import echo_of, inputs_without_echo
from platform_assets.domains.waf.decide.rules import ScoredHour, decide, stronger
from platform_assets.domains.waf.decide.seen import browsing_of, seen_day
from platform_assets.domains.waf.decide.usual import USUAL_DAYS, usual_pages
from platform_assets.domains.waf.decide.window import RequestHours
from platform_assets.domains.waf.decide.withdrawals import Withdrawals
from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.manual.audit_log import versions_behind, versions_of
from platform_assets.domains.waf.manual.in_force import ManualAction, in_force, manual_blocks
from platform_assets.domains.waf.networks import Ranges, address_order, parse_network, special_ranges
from platform_assets.domains.waf.policy import Policy
from platform_assets.domains.waf.rulebook import DeclaredBots, Rules
from platform_assets.domains.waf.tables import WAF_DECISIONS
from spark_jobs.contract import HOUR_COLUMN, Interval, format_hour, parse_hour
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_SCORES,
)
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

NEARLY_ABUSIVE = 0.3
Apart = tuple[tuple[Rows, Rows, Rows], Callable[[Rules], Rules], Mapping[str, Browsing]]


def decide_hours(
    lake: Lake,
    interval: Interval,
    policy: Policy,
    allow_list: Sequence[str],
    *,
    loaded: Loaded,
    identifier: Identifier,
    manual_actions: Sequence[ManualAction] = (),
) -> tuple[list[str], Rows]:
    """Decide the hours of the interval, then all later hours that have scores, in order; returns hours and rows written.

    Each hour depends on the decisions before it, so a late log file leads to the same decisions as timely delivery.
    Manual actions count from the time they were recorded, so they do not change earlier hours, and no fingerprint of an
    hour includes them.
    """
    rules, read = policy.rules, lake.pinned()
    blocked = manual_blocks(manual_actions)
    score_hours = read.hours(CLIENT_SCORES)
    scored = [hour for hour in score_hours if hour >= interval.hours[0]]
    hours = sorted(
        {*interval.hours, *scored, *(hour for hour in read.hours(WAF_DECISIONS) if hour >= interval.hours[0])}
    )
    memory = timedelta(hours=rules.repetition.memory_hours + rules.repetition.max_ttl_hours)
    first = format_hour(parse_hour(hours[0]) - memory)
    past = [hour for hour in read.hours(WAF_DECISIONS) if first <= hour < hours[0]]
    earlier = [Decision.from_row(row) for row in read.read_arrow(WAF_DECISIONS, past).to_pylist()]
    withdrawals = Withdrawals.of(manual_actions, parse_hour(first), partial(versions_behind, read))
    stored = stored_identities(read, scored)
    identified: dict[str, dict[str, Identity]] = {}
    rows: Rows = []
    past_days, pages_read = PastDays(read, rules.volume), PagesRead(read, rules.volume)
    # One hour is asked for what it needs alone; several have much in common.
    suspects = partial(may_be_seen, read, rules=rules)
    kept = RequestHours(read, scored, suspects) if len(scored) > 1 else RequestHours(read)
    for hour in scored:
        kept.begin(hour)
        end = parse_hour(hour) + timedelta(hours=1)
        echo = echo_of([*withdrawals.followed(earlier), *blocked], hour, rules)
        allowed = in_force(manual_actions, end).allow_list
        scores, behavior, attacks = inputs_without_echo(kept, hour, _inputs(read, hour), echo, loaded)
        behavior = pages_read.bounded(kept, hour, behavior)
        reads_much = any(reads_many_pages(row, rules.volume) for row in behavior)
        usual = usual_pages(map(past_days.of, days_before(hour)), rules.volume.usual_share) if reads_much else 0
        own_versions = {row["client"]: versions_of(row, row["request_model_version"]) for row in scores}
        is_old = has_history(score_hours, hour, rules)
        scored_hour = ScoredHour(parse_hour(hour), scores, behavior, attacks, is_old, usual)
        counting = withdrawals.counting(earlier, end, own_versions)
        decided = partial(decide, earlier=counting, allow_list=(*allow_list, *allowed))
        # Only clients that would be acted upon without the exemption for declared bots need an identity.
        without_exemption = replace(rules, declared_bots=DeclaredBots(at_most="block"))
        unexempted = decided(scored_hour, rules=without_exemption)
        acted_upon = {decision.address for decision in unexempted}
        attacked = {row["client"]: row["day_attack_request_count"] for row in attacks}
        browsers = [
            row["client"]
            for row in behavior
            if row["client"] in acted_upon and may_browse(row, attacked.get(row["client"], 0), rules)
        ]
        few = diluted(kept, hour, echo, rules)
        attacking = attackers(kept, hour, echo, rules, [*counting, *unexempted])
        browsing, alone, lone = {}, {}, {}
        if browsers or few or attacking:
            day = seen_day(kept, hour, {*browsers, *few, *attacking}, echo, rules)
            browsing, alone = browsing_of(day, browsers, rules), attacks_alone(hour, day, few, rules)
            lone = lone_of(hour, day, attacking, rules)
        campaigns, repeats = campaigns_of(kept, hour, echo, rules), repeats_of(kept, hour, echo, rules)
        # Requests that are judged apart: their rows, their steps, and what their clients show.
        apart: list[Apart] = [
            (inputs_alone(read, hour, alone, loaded), same_rules, dict.fromkeys(alone, Browsing())),
            (inputs_lone(read, hour, lone, rules), rules_of_lone, dict.fromkeys(lone, Browsing())),
            (inputs_of_campaigns(read, hour, campaigns), rules_of_campaigns, {}),
            *(
                (inputs_of_repeats(read, hour, same), partial(rules_of_repeats, at_most=at_most), {})
                for same, at_most in by_bound(repeats, rules.repeats)
            ),
        ]
        parts = [(ScoredHour(parse_hour(hour), *inputs, is_old), steps, shows) for inputs, steps, shows in apart]
        candidates = acted_upon.union(
            decision.address for part, steps, _ in parts for decision in decided(part, rules=steps(without_exemption))
        )
        identities, identified[hour] = identities_of(
            read, hour, sorted(candidates, key=address_order), stored.get(hour, ()), identifier, rules
        )
        new_decisions = reduce(
            stronger,
            [
                decided(part, rules=steps(rules), identities=identities, browsing=shows)
                for part, steps, shows in ((scored_hour, same_rules, browsing), *parts)
            ],
        )
        earlier += new_decisions
        rows += [{**decision.row(), HOUR_COLUMN: hour} for decision in new_decisions]
    store_identities(lake, stored, identified)
    lake.overwrite_rows(WAF_DECISIONS, rows, hours)
    return hours, rows


def same_rules(rules: Rules) -> Rules:
    return rules


def decision_checks(
    rows: Sequence[dict[str, Any]], policy: Policy, allow_list: Sequence[str], manual_actions: Sequence[ManualAction]
) -> list[tuple[str, bool, str]]:
    """The checks that WAF_DECISIONS declares: (name, passed, sentence)."""
    special = special_ranges(policy.rules.act_on_special)
    protected = {
        at: Ranges.of((*allow_list, *in_force(manual_actions, at).allow_list))
        for at in {row["decided_at"] for row in rows}
    }
    protected_addresses = [
        row["address"]
        for row in rows
        if any(ranges.overlaps(parse_network(row["address"])) for ranges in (protected[row["decided_at"]], special))
    ]
    incomplete = [row["address"] for row in rows if not (row["reason"] and row["model_name"] and row["model_version"])]
    return [
        (
            "nothing_protected_is_decided_on",
            not protected_addresses,
            f"{counted(len(protected_addresses), 'decision touches', 'decisions touch')} protected addresses, {protected_addresses[0]} first."
            if protected_addresses
            else "No decision touches a protected address.",
        ),
        (
            "every_decision_has_a_reason",
            not incomplete,
            f"{counted(len(incomplete), 'decision lacks', 'decisions lack')} a reason or a model, {incomplete[0]} first."
            if incomplete
            else "Every decision has its reason and model.",
        ),
    ]


def days_before(hour: str) -> list[str]:
    """The same hour on the days before, whose 24 hours lie before those of the hour."""
    return [format_hour(parse_hour(hour) - timedelta(days=days)) for days in range(1, USUAL_DAYS + 1)]


def has_history(hours_with_scores: Iterable[str], hour: str, rules: Rules) -> bool:
    """Whether the lake has an hour at least `min_hours` and at most `memory_hours` before this one."""
    oldest = format_hour(parse_hour(hour) - timedelta(hours=rules.repetition.memory_hours))
    latest = format_hour(parse_hour(hour) - timedelta(hours=rules.history.min_hours))
    return any(oldest <= other <= latest for other in hours_with_scores)


def may_be_seen(lake: Lake, hour: str, rules: Rules) -> set[str]:
    """Clients whose requests deciding an hour reads, and some more: they attack, and are diluted or `may_browse`."""
    import pyarrow.dataset as ds

    columns = ["client", "day_attack_request_count"]
    has_attacks = ds.field("day_attack_request_count") > 0
    attacked = lake.read_arrow(CLIENT_ATTACKS, [hour], columns=columns, filter=has_attacks).to_pydict()
    counts = dict(zip(*attacked.values(), strict=True))
    is_nearly = ds.field("abuse_probability") >= NEARLY_ABUSIVE
    nearly = {*lake.read_arrow(CLIENT_SCORES, [hour], columns=["client"], filter=is_nearly)["client"].to_pylist()}
    daily = lake.read_arrow(CLIENT_DAILY, [hour], filter=is_in("client", counts)).to_pylist()
    return {
        row["client"]
        for row in daily
        if 2 * counts[row["client"]] < row["request_count"]
        or (row["client"] in nearly and may_browse(row, counts[row["client"]], rules))
    }


def _inputs(lake: Lake, hour: str) -> tuple[Rows, Rows, Rows]:
    """Rows of client_scores, client_daily and client_attacks for the clients of an hour with an abuse probability of at least 0.3."""
    import pyarrow.dataset as ds

    scores = lake.read_arrow(CLIENT_SCORES, [hour], filter=ds.field("abuse_probability") >= NEARLY_ABUSIVE)
    is_candidate = is_in("client", scores["client"].to_pylist())
    daily, attacks = (lake.read_arrow(table, [hour], filter=is_candidate) for table in (CLIENT_DAILY, CLIENT_ATTACKS))
    return scores.to_pylist(), daily.to_pylist(), attacks.to_pylist()
