"""Many addresses of different networks that send a request or three each, in the same manner: one campaign.

Each member alone shows little, and no network holds enough of them. What they have in common is the program: method, user agent
(also none) and TLS; and most of what they ask for are attacks or pages that do not exist. Members are decided on with the
campaign as the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from platform_assets.domains.waf.decide.echo import EchoHours
from platform_assets.domains.waf.decide.reading import Rows, is_in
from platform_assets.domains.waf.decide.window import RequestHours
from platform_assets.domains.waf.decisions import rank
from platform_assets.domains.waf.networks import counted_network
from platform_assets.domains.waf.rulebook import Campaigns, Rules, up_to_challenge
from spark_jobs.contract import parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

MANNER = ("method", "user_agent", "tls_cipher", "protocol_version")
"""Columns of requests that tell programs apart."""
COLUMNS = ("request_id", "client_ip", "status", "uri_path", "cookie_hash", *MANNER)
MISSING_STATUSES = (404, 405, 410)
"""What a site answers that does not have it; a program whose token has expired gets 401 and 403."""
ATTACKING_SHARE = 0.5
"""Of a campaign's requests, the attacks from which on its members are attackers; below, they are only counted."""


@dataclass(frozen=True)
class Campaign:
    """Addresses (as clients) that did the same in an hour, and what they sent."""

    members: Sequence[str]
    network_count: int
    request_count: int
    attack_count: int
    missing_count: int
    """Of the others, those for what does not exist."""

    @property
    def share(self) -> float:
        """Of its requests, those that speak against it."""
        return (self.attack_count + self.missing_count) / self.request_count

    @property
    def is_attacking(self) -> bool:
        return self.attack_count >= ATTACKING_SHARE * self.request_count

    @property
    def sentence(self) -> str:
        """For a reason."""
        return (
            f"one of {len(self.members):,} addresses in {counted(self.network_count, 'network')} that sent "
            f"{counted(self.request_count, 'request')} in the hour, a few each, with the same method, user agent and TLS: {counted(self.attack_count, 'attack')} and "
            f"{self.missing_count:,} others for what does not exist"
        )


def campaigns_of(kept: RequestHours, hour: str, echo: EchoHours, rules: Rules) -> list[Campaign]:
    """The campaigns of an hour, without members whose requests are an echo of our own block."""
    bounds = rules.campaigns
    if rank(bounds.at_most) == 0:
        return []
    rows = kept.lake.read_arrow(REQUESTS, [hour], columns=list(COLUMNS))
    found = campaigns_among(rows, kept.attack_ids(hour), bounds)
    start = parse_hour(hour)
    return [replace(one, members=[member for member in one.members if not echo.has(member, start)]) for one in found]


def campaigns_among(rows: Any, attack_ids: Any, bounds: Campaigns) -> list[Campaign]:
    """The campaigns among requests (an Arrow table with `COLUMNS`); `attack_ids`: those that are attacks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from spark_jobs.sources.cloudfront.clients import address_cidr

    per_address = rows.group_by("client_ip").aggregate([([], "count_all")])
    few = per_address.filter(pc.less_equal(per_address["count_all"], bounds.max_requests))["client_ip"]
    if len(few) < bounds.min_networks:
        return []
    status = pc.fill_null(rows["status"], 0).combine_chunks()
    is_attack = pc.is_in(rows["request_id"], attack_ids).combine_chunks()
    is_missing = pc.and_(pc.is_in(status, pa.array(MISSING_STATUSES, status.type)), pc.invert(is_attack))
    marked = rows.select(["client_ip", "uri_path", *MANNER])
    for name, marks in (
        ("attacks", is_attack),
        ("missing", is_missing),
        ("others", pc.invert(pc.or_(is_attack, is_missing))),
        ("cookies", rows["cookie_hash"].is_valid()),
        ("few", pc.is_in(rows["client_ip"], few.combine_chunks())),
    ):
        marked = marked.append_column(name, pc.cast(marks, pa.int64()))
    sums = [(name, "sum") for name in ("attacks", "missing", "others", "cookies", "few")]
    programs = marked.group_by(list(MANNER)).aggregate([([], "count_all"), *sums])
    # Whoever else uses the same program must do no better: else it is an ordinary one.
    most_others = pc.multiply(pc.cast(programs["count_all"], pa.float64()), 1.0 - bounds.min_share)
    is_suspicious = pc.and_(
        pc.and_(pc.greater_equal(programs["few_sum"], bounds.min_networks), pc.equal(programs["cookies_sum"], 0)),
        pc.less_equal(pc.cast(programs["others_sum"], pa.float64()), most_others),
    )
    found = []
    sent_by_few = marked.filter(pc.equal(marked["few"], 1))
    for manner in programs.filter(is_suspicious).select(list(MANNER)).to_pylist():
        sent = sent_by_few
        for name, value in manner.items():
            sent = sent.filter(pc.is_null(sent[name]) if value is None else pc.equal(sent[name], value))
        addresses = sent["client_ip"].unique().to_pylist()
        networks = {counted_network(address_cidr(address)) for address in addresses}
        campaign = Campaign(
            sorted(map(address_cidr, addresses)),
            len(networks),
            sent.num_rows,
            pc.sum(sent["attacks"]).as_py(),
            pc.sum(sent["missing"]).as_py(),
        )
        is_varied = campaign.is_attacking or len(sent["uri_path"].unique()) >= bounds.min_paths
        if len(networks) >= bounds.min_networks and campaign.share >= bounds.min_share and is_varied:
            found.append(campaign)
    return sorted(found, key=lambda one: (-len(one.members), *one.members[:1]))


def inputs_of_campaigns(lake: Lake, hour: str, campaigns: Sequence[Campaign]) -> tuple[Rows, Rows, Rows]:
    """Rows of client_scores, client_daily and client_attacks of the members, as the campaign has them judged."""
    members = {member for one in campaigns for member in one.members}
    if not members:
        return [], [], []
    scores, daily, attacks = (
        lake.read_arrow(table, [hour], filter=is_in("client", members)).to_pylist()
        for table in (CLIENT_SCORES, CLIENT_DAILY, CLIENT_ATTACKS)
    )
    return judged_by_campaign(scores, campaigns), daily, attacks


def judged_by_campaign(scores: Rows, campaigns: Sequence[Campaign]) -> Rows:
    """Rows of client_scores of members, as their campaign (the larger of two) has them judged; of others none."""
    campaign_of = {member: one for one in reversed(campaigns) for member in one.members}
    found = [(row, campaign_of[row["client"]]) for row in scores if row["client"] in campaign_of]
    return [
        {
            **row,
            "abuse_probability": one.share,
            "is_abuse": True,
            "abuse_kind": "prober" if one.is_attacking else "scanner",
            "reason": "",
            "campaign": one.sentence,
        }
        for row, one in found
    ]


def rules_of_campaigns(rules: Rules) -> Rules:
    """The rules with the steps of a campaign's members: counted, or challenged where they attacked themselves."""
    bounds = rules.campaigns
    return up_to_challenge(rules, bounds.at_most, bounds.min_share, bounds.min_share, min_attack_requests=1)
