"""The behaviors that client_abuse judges: each measure as a share or a volume, with its direction, knots and prior weight.

A behavior is one term of an additive model with monotone piecewise-linear terms; model.py fits the terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from weir_models.client_abuse.counts import (
    Counts,
    Values,
    active_bare_hours,
    attacks_per_agent,
    bare_breadth,
    busiest_hour_per_agent,
    co_located_clients,
    failed_attacks,
    failed_probes,
    failed_sign_ins,
    further_agents,
    header_attacks,
    innocent_neighbors,
    malformed,
    missing_addresses,
    missing_pages,
    pages,
    plain_attacks,
    ratio,
    refused_methods,
    refused_posts,
    shown_attacks,
    shrunk,
    sign_ins,
    tries_per_agent,
    unauthorized,
    with_cookies,
    with_referers,
    without_referer,
    writes,
)


@dataclass(frozen=True)
class Behavior:
    """One term of the model: evidence for or against abuse."""

    name: str
    leaning: str
    """The kind of abuse that it suggests: scanner, prober, credential_stuffing, scraper; or manner, visitor."""
    direction: int
    """1: more never lowers the score; -1: more never raises it."""
    knots: tuple[float, ...]
    """Where the term may bend; it is constant outside of them."""
    value: Callable[[Counts], Values]
    worth: tuple[float, ...]
    """Prior log odds at the knots; examples move them, and kinds of abuse without examples are judged by these."""
    words: str
    """What a reason says: counts of the row by the names of client_daily, `part` and `whole` of the behavior, and `typical`.

    Where the model judges an estimate, which nobody can look up, the counts that it comes from.
    """
    part: Callable[[Counts], Values] | None = None
    """Numerator and denominator of a share; None for a volume. Nothing is known of a share of nothing, such as what a log cannot show."""
    whole: Callable[[Counts], Values] | None = None
    trust: float = 1.0
    """How far examples may move the term: low where sites differ."""

    def shown(self, counts: Counts) -> Values:
        """The value as a person reads it: neither shrunk nor logarithmic."""
        part = self.part(counts) if self.part is not None else self.value(counts)
        return ratio(part, self.whole(counts)) if self.whole is not None else part


def _column(name: str) -> Callable[[Counts], Values]:
    return lambda counts: counts[name]


_REQUESTS = _column("day_request_count")
Line = tuple[tuple[float, float], ...]
"""(knot, prior log odds) pairs."""


def _share(
    name: str,
    leaning: str,
    part: Callable[[Counts], Values] | str,
    line: Line,
    words: str,
    whole: Callable[[Counts], Values] = _REQUESTS,
    trust: float = 1.0,
) -> Behavior:
    of = _column(part) if isinstance(part, str) else part
    knots, worth = zip(*line, strict=True)
    direction = 1 if worth[-1] > 0 else -1
    return Behavior(name, leaning, direction, knots, lambda c: shrunk(of(c), whole(c)), worth, words, of, whole, trust)


def _volume(
    name: str, leaning: str, of: Callable[[Counts], Values], line: Line, words: str, trust: float = 1.0
) -> Behavior:
    counts, worth = zip(*line, strict=True)
    knots = tuple(float(np.log1p(count)) for count in counts)
    direction = 1 if worth[-1] > 0 else -1
    return Behavior(name, leaning, direction, knots, lambda c: np.log1p(of(c)), worth, words, of, None, trust)


BEHAVIORS = (
    _share("attack_share", "prober", shown_attacks, ((0.03, 0), (0.15, 0.7), (0.3, 1.7), (0.5, 2.5), (0.8, 3)), "{attack_request_count} of {request_count} requests carry attacks{typical}", trust=0.5),
    _share("plain_attack_share", "prober", plain_attacks, ((0.05, 0), (0.3, 0.5), (0.8, 1.5)), "{attack_request_count} of {request_count} requests carry attacks", trust=0.3),
    _volume("attacks", "prober", attacks_per_agent, ((2, 0), (5, 0.5), (12, 1), (30, 2)), "{attack_request_count} attacks (user agents: {distinct_user_agent_count})", trust=0.3),
    _share("failed_attack_share", "prober", failed_attacks, ((0.02, 0), (0.08, 1), (0.25, 2), (0.6, 3)), "{attack_request_count} attacks in {request_count} requests, of which {client_error_count} met a client error and {server_error_count} a server error", trust=0.5),
    _share("header_attack_share", "prober", header_attacks, ((0.1, 0), (0.5, 1), (0.9, 1.5)), "{attack_request_count} of {request_count} requests carry attacks", trust=0.3),
    _share("probe_share", "scanner", failed_probes, ((0.02, 0), (0.1, 1.5), (0.3, 3), (0.6, 4)), "{probe_path_request_count} of {request_count} requests are for paths that only scanners ask for{typical}"),
    _share("missing_share", "scanner", missing_pages, ((0.05, 0), (0.2, 1.5), (0.5, 3.5), (0.9, 5)), "{not_found_count} of {request_count} requests were not found", pages),
    _share("unauthorised_share", "manner", unauthorized, ((0.05, 0), (0.15, 0.5), (0.3, 1), (0.6, 2)), "{unauthorised_count} of {request_count} requests were not allowed (401, 403){typical}", trust=0.3),
    _share("malformed_share", "manner", malformed, ((0.03, 0), (0.15, 0.7), (0.3, 1.5), (0.6, 3)), "{client_error_count} of {request_count} requests met a client error", trust=0.5),
    _share("redirect_share", "manner", "day_redirect_count", ((0.2, 0), (0.5, 1), (0.9, 2)), "{part} of {whole} requests were redirected{typical}", trust=0.3),
    _share("refused_method_share", "scanner", refused_methods, ((0.05, 0), (0.2, 1), (0.5, 2)), "{unusual_method_request_count} of {request_count} requests use methods other than GET, HEAD and POST", trust=0.5),
    _share("no_user_agent_share", "manner", "day_no_user_agent_count", ((0.05, 0), (0.5, 1)), "{part} of {whole} requests have no user agent{typical}", trust=0.3),
    _share("agent_turnover", "manner", further_agents, ((0.05, 0), (0.1, 1), (0.3, 2)), "user agents: {distinct_user_agent_count} in {request_count} requests"),
    _share("sign_in_failure_share", "credential_stuffing", failed_sign_ins, ((0.1, 0), (0.25, 1.5), (0.5, 3), (0.9, 4)), "{sign_in_failure_count} of {request_count} requests are failed sign-ins{typical}"),
    _share("sign_in_share", "credential_stuffing", sign_ins, ((0.15, 0), (0.3, 1.5), (0.6, 3)), "{sign_in_request_count} of {request_count} requests are sign-ins{typical}"),
    _share("refused_post_share", "credential_stuffing", refused_posts, ((0.1, 0), (0.25, 1), (0.5, 2), (0.9, 3)), "{post_request_count} of {request_count} requests are POSTs, {client_error_count} met a client error"),
    _volume("tries", "credential_stuffing", tries_per_agent, ((6, 0), (12, 1.5), (30, 4), (100, 5.5)), "{sign_in_failure_count} failed sign-ins, {post_request_count} POSTs and {client_error_count} client errors (user agents: {distinct_user_agent_count})", trust=0.3),
    _volume("bare_breadth", "scraper", bare_breadth, ((15, 0), (40, 2), (100, 5), (300, 6.5)), "{ok_count} requests were served at changing paths, {asset_request_count} of all {request_count} for page assets"),
    _volume("sleepless_hours", "scraper", active_bare_hours, ((11, 0), (16, 1.5), (22, 3)), "active in {active_hour_count} of 24 hours"),
    _volume("busiest_hour", "scraper", busiest_hour_per_agent, ((100, 0), (250, 2.5), (500, 5), (1500, 6.5)), "{peak_hour_request_count} requests in the busiest hour (user agents: {distinct_user_agent_count})"),
    _share("no_referer_share", "manner", without_referer, ((0.1, 0), (0.9, 1)), "{part} of {whole} requests have no referer{typical}", with_referers, trust=0.2),
    _share("asset_share", "visitor", "day_asset_request_count", ((0.0, 0), (0.1, -0.3), (0.3, -0.7), (0.6, -1)), "{part} of {whole} requests are for page assets{typical}"),
    _share("cookie_share", "visitor", "day_cookie_request_count", ((0.0, 0), (0.2, -0.3), (0.5, -0.7), (0.9, -1)), "{part} of {whole} requests carry a cookie{typical}", with_cookies),
    _share("write_share", "visitor", writes, ((0.1, 0), (0.25, -1), (0.5, -2)), "{part} of {whole} requests write and are let in{typical}", trust=0.3),
    _share("declared_bot_share", "visitor", "day_declared_bot_count", ((0.2, 0), (0.9, -2)), "{part} of {whole} requests come from a bot that gives its name{typical}"),
    _volume("company", "visitor", co_located_clients, ((1, 0), (3, -1.5), (8, -3.5), (20, -5)), "{part} further people at the address{typical}", trust=0.3),
    Behavior("missing_addresses", "visitor", -1, (0.0, 4.0, 6.0, 7.0), missing_addresses, (0.0, -2.0, -6.0, -30.0), "{part} addresses fewer than ten{typical}", trust=0.01),
    Behavior("innocent_neighbours", "visitor", -1, (0.4, 0.6, 0.8), innocent_neighbors, (0.0, -8.0, -30.0), "{part} of its addresses attacked nothing{typical}", trust=0.01),
    _share("tool_share", "manner", "day_tool_user_agent_count", ((0.2, 0), (0.9, 0.3)), "{part} of {whole} requests come from a tool or library{typical}", trust=0.3),
    _volume("peak_minute", "manner", _column("day_peak_minute_request_count"), ((60, 0), (150, 0.5), (600, 1.5)), "{part} requests in the busiest minute{typical}", trust=0.3),
)  # fmt: skip
"""In the order of a fitted model's attributes, which refer to them by name: names never change."""

BY_NAME = {behavior.name: behavior for behavior in BEHAVIORS}
