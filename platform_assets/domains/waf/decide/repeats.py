"""One request over and over with another value each time: passwords, codes and keys that are guessed, caches that are passed by.

The path says nothing, and often neither does the status, for a sign-in may answer 200 or 404 to a wrong password. What says
something is the form: an address asks for one path and little else, each time with another query or a POST of its own, with
answers of the same size; and, beside it, how often others of the site ask for this path. Counted by default; challenged where
the value that changes is a credential and each is refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median_high
from typing import Any

from platform_assets.domains.waf.decide.echo import EchoHours
from platform_assets.domains.waf.decide.reading import Rows, is_in
from platform_assets.domains.waf.decide.window import RequestHours
from platform_assets.domains.waf.decisions import rank
from platform_assets.domains.waf.networks import counted_network
from platform_assets.domains.waf.rulebook import Repeats, Rules, up_to_challenge
from spark_jobs.contract import parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_HOURLY, CLIENT_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

COLUMNS = ("client_ip", "method", "uri_path", "uri_query", "status", "bytes_sent", "referer")
KEY = ["client_ip", "method", "uri_path"]
GUESSING, PASSING_BY = "guessing", "cache_busting"
"""Kinds of abuse."""
LIKE_SIZES = 0.1
"""Deviation of the answers' sizes, as a share of their mean."""
SAME_STATUS = 0.9
MIN_OTHER_NETWORKS = 3
"""Networks that ask for the path as well, from which on what is usual for it is known."""
SHOWN_PATH = 60
CREDENTIAL = re.compile(
    r"(?i)(?:x[-_])?(?:api|access|auth|client|secret|private|app|subscription|license)?[-_]?"
    r"(?:key|token|secret|password|passwd|pwd|pass|pin|otp|jwt)"
)
"""Names of parameters that hold a credential. A signature is none: that of an honest program changes with each request."""
REFUSED = (401, 403)
MOST_QUERIES = 1_000
"""Queries of a repeat that are taken apart; spread evenly over it."""


@dataclass(frozen=True)
class Repeat:
    """What an address asked for over and over in an hour."""

    client: str
    kind: str
    method: str
    path: str
    count: int
    request_count: int
    """All that it asked for in the hour."""
    query_count: int
    """Different queries."""
    status: int
    status_count: int
    """Answers with this status, the most frequent one."""
    other_networks: int
    usual_of_others: int
    """Requests of an address of the others to this path in the hour: half of them send so many at most."""
    has_like_sizes: bool = False
    """Whether its answers are of nearly the same size."""
    credential: str = ""
    """The parameter with another value each time, where it is one that lets in and each was refused; else empty."""

    @property
    def sentence(self) -> str:
        """For a reason."""
        shown = re.sub(r"[^\w/.~-]", "?", self.path, flags=re.ASCII)[:SHOWN_PATH]
        queries = (
            f" with {counted(self.query_count, 'different query', 'different queries')}" if self.query_count > 1 else ""
        )
        others = (
            f"half of the addresses of {self.other_networks:,} other networks asked for it {counted(self.usual_of_others, 'time')} at most"
            if self.other_networks
            else "nobody else asked for it"
        )
        sizes = " and the like sizes" if self.has_like_sizes else ""
        values = f", another value of {self.credential} each time" if self.credential else ""
        return (
            f"{self.count:,} of {self.request_count:,} requests of the hour are {self.method} {shown}{queries}{values}, "
            f"{self.status_count:,} answered with {self.status}{sizes}; {others}"
        )


def repeats_of(kept: RequestHours, hour: str, echo: EchoHours, rules: Rules) -> list[Repeat]:
    """The repeats of an hour, but for addresses whose requests are an echo of our own block."""
    import pyarrow.dataset as ds

    bounds = rules.repeats
    if rank(bounds.at_most) == rank(bounds.credentials_at_most) == 0:
        return []
    is_candidate = ds.field("post_request_count") >= bounds.min_tries
    is_candidate |= ds.field("query_request_count") >= bounds.min_tries
    clients = kept.lake.read_arrow(CLIENT_HOURLY, [hour], columns=["client"], filter=is_candidate)["client"]
    start = parse_hour(hour)
    chosen = {client for client in clients.to_pylist() if not echo.has(client, start)}
    if not chosen:
        return []
    return repeats_among(kept.lake.read_arrow(REQUESTS, [hour], columns=list(COLUMNS)), chosen, bounds)


def repeats_among(rows: Any, clients: set[str], bounds: Repeats) -> list[Repeat]:
    """The repeats of some clients (addresses as CIDR) among the requests of an hour (an Arrow table with `COLUMNS`)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from spark_jobs.sources.cloudfront.clients import address_cidr

    names = {address: address_cidr(address) for address in rows["client_ip"].unique().to_pylist()}
    own = rows.filter(pc.is_in(rows["client_ip"], pa.array([a for a, name in names.items() if name in clients])))
    totals = dict(zip(*own.group_by("client_ip").aggregate([([], "count_all")]).to_pydict().values(), strict=True))
    asked = own.group_by(KEY).aggregate(
        [([], "count_all"), ("uri_query", "count_distinct"), ("bytes_sent", "stddev"), ("bytes_sent", "mean"), ("referer", "count")]
    )  # fmt: skip
    asked = asked.filter(pc.greater_equal(asked["count_all"], bounds.min_tries)).to_pylist()
    candidates = [row for row in asked if row["count_all"] >= bounds.min_share * totals[row["client_ip"]]]
    repeats = []
    for row in candidates:
        same = rows.filter(
            pc.and_(pc.equal(rows["uri_path"], row["uri_path"]), pc.equal(rows["method"], row["method"]))
        )
        of_client = same.filter(pc.equal(same["client_ip"], row["client_ip"]))
        statuses = pc.value_counts(pc.fill_null(of_client["status"], 0)).to_pylist()
        answer = max(statuses, key=lambda one: (one["counts"], one["values"]))
        network = counted_network(names[row["client_ip"]])
        others = same.group_by("client_ip").aggregate([([], "count_all")]).to_pylist()
        others = [one for one in others if counted_network(names[one["client_ip"]]) != network]
        repeat = Repeat(
            names[row["client_ip"]],
            "",
            row["method"],
            row["uri_path"] or "",
            row["count_all"],
            totals[row["client_ip"]],
            row["uri_query_count_distinct"],
            answer["values"],
            answer["counts"],
            len({counted_network(names[one["client_ip"]]) for one in others}),
            median_high([one["count_all"] for one in others] or [0]),
            row["bytes_sent_stddev"] is not None and row["bytes_sent_stddev"] <= LIKE_SIZES * row["bytes_sent_mean"],
        )
        repeat = replace(repeat, credential=_credential(repeat, of_client["uri_query"].to_pylist()))
        if kind := _kind(repeat, row, bounds):
            repeats.append(replace(repeat, kind=kind))
    return sorted(repeats, key=lambda one: (one.client, -one.count, one.path))


def _credential(repeat: Repeat, queries: Sequence[str | None]) -> str:
    """The parameter that holds a credential, another one in each query, all of them refused; empty where there is none.

    A program whose key is not valid any more sends the same one again, if with another time and signature.
    """
    least = SAME_STATUS * repeat.count
    if repeat.status not in REFUSED or repeat.status_count < least or repeat.query_count < least:
        return ""
    shown = queries[:: -(-len(queries) // MOST_QUERIES)]
    values: dict[str, set[str]] = defaultdict(set)
    for query in shown:
        for part in (query or "").split("&"):
            name, _, value = part.partition("=")
            values[name].add(value)
    changing = {name for name, found in values.items() if len(found) >= SAME_STATUS * len(shown)}
    credentials = [name for name in sorted(changing) if CREDENTIAL.fullmatch(name)]
    return credentials[0] if credentials and not changing - {*credentials} else ""


def _kind(repeat: Repeat, row: dict[str, Any], bounds: Repeats) -> str:
    """The kind of a repeat; empty where it is the business of this path, as far as one can see."""
    is_known = repeat.other_networks >= MIN_OTHER_NETWORKS
    is_unusual = is_known and repeat.count >= bounds.times_of_others * repeat.usual_of_others
    is_refused = 400 <= repeat.status < 500 and repeat.status_count >= SAME_STATUS * repeat.count
    has_like_answers = repeat.status_count >= SAME_STATUS * repeat.count and repeat.has_like_sizes
    is_varied = repeat.query_count >= SAME_STATUS * repeat.count
    if repeat.credential:
        return GUESSING
    if repeat.method == "POST":
        is_guessing = has_like_answers and (is_unusual or (is_refused and is_varied))
        return GUESSING if is_guessing else ""
    if repeat.method not in ("GET", "HEAD") or not is_varied:
        return ""
    if is_refused and has_like_answers and (is_unusual or not repeat.other_networks):
        return GUESSING
    is_bare = row["referer_count"] <= (1 - SAME_STATUS) * repeat.count
    return PASSING_BY if is_bare and is_unusual and repeat.count >= bounds.min_queries else ""


def by_bound(repeats: Sequence[Repeat], bounds: Repeats) -> list[tuple[list[Repeat], str]]:
    """The repeats by the strongest action that they lead to: those of credentials, and the others."""
    credentials = [one for one in repeats if one.credential]
    return [
        (credentials, bounds.credentials_at_most),
        ([one for one in repeats if not one.credential], bounds.at_most),
    ]


def inputs_of_repeats(lake: Lake, hour: str, repeats: Sequence[Repeat]) -> tuple[Rows, Rows, Rows]:
    """Rows of client_scores, client_daily and client_attacks of these addresses, as their repeats have them judged."""
    clients = {one.client for one in repeats}
    if not clients:
        return [], [], []
    scores, daily, attacks = (
        lake.read_arrow(table, [hour], filter=is_in("client", clients)).to_pylist()
        for table in (CLIENT_SCORES, CLIENT_DAILY, CLIENT_ATTACKS)
    )
    return judged_by_repeats(scores, repeats), daily, attacks


def judged_by_repeats(scores: Rows, repeats: Sequence[Repeat]) -> Rows:
    """Rows of client_scores of these addresses, as their repeats have them judged; of others none."""
    repeat_of = {one.client: one for one in reversed(repeats)}
    found = [(row, repeat_of[row["client"]]) for row in scores if row["client"] in repeat_of]
    return [
        {
            **row,
            "abuse_probability": one.count / one.request_count,
            "is_abuse": True,
            "abuse_kind": one.kind,
            "reason": "",
            "repeat": one.sentence,
        }
        for row, one in found
    ]


def rules_of_repeats(rules: Rules, at_most: str) -> Rules:
    """The rules with the steps of repeats that lead to this action at most."""
    bounds = rules.repeats
    steps = up_to_challenge(rules, at_most, bounds.min_share, bounds.min_share)
    return replace(steps, volume=replace(rules.volume, at_most=max(rules.volume.at_most, at_most, key=rank)))
