"""From the counts of a client's day to what can be judged: shares, rates and volumes, each with its direction.

A share is drawn towards zero by a few requests that nobody made (`DOUBT`), so that one request of one does not weigh as
much as forty of forty, and nothing is ever divided by zero. Only the row itself is looked at: the same row gives the
same values in any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.client_abuse.spec import ATTACKS, DAILY

Values = NDArray[np.float64]

DOUBT = 4.0
"""Requests that nobody made, added to the whole of a share."""


PAGE_BYTES = 4096.0
"""What a page weighs at least, compressed and with its headers; answers of an API are lighter."""


FORGIVEN, FORGIVEN_TO_ALL = 10.0, 0.3
"""Attacks that are held to be a mistake of the request model where nothing else speaks for an attack, and the share of
them for a client without the manners of a browser."""

EXCUSED, EXCUSED_A_DAY = 3.0, 200.0
"""Refused sign-ins and POSTs that one answered request of a program excuses, and how many of a day at most."""


class Counts:
    """The numeric columns of a frame as arrays, fetched once; what is missing in a row counts as zero."""

    def __init__(self, frame: pd.DataFrame) -> None:
        missing = [name for name in INPUTS if name not in frame.columns]
        if missing:
            raise ValueError(f"client_abuse needs the columns {', '.join(missing)}: give it rows of client_examples")
        self._frame = frame
        self._held: dict[str, Values] = {}
        self.size = len(frame)

    def __getitem__(self, name: str) -> Values:
        held = self._held.get(name)
        if held is None:
            read = pd.to_numeric(self._frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=0.0)
            held = self._held[name] = np.maximum(np.nan_to_num(read, nan=0.0, posinf=1e15, neginf=0.0), 0.0)
        return held

    def is_network(self) -> NDArray[np.bool_]:
        return np.asarray(self._frame["client_kind"].to_numpy() == "network", dtype=bool)


def ratio(part: Values, whole: Values) -> Values:
    """part / whole, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def doubted(part: Values, whole: Values, doubt: float = DOUBT) -> Values:
    """A share of few requests is drawn towards zero."""
    return np.minimum(part, whole) / (whole + doubt)


def pages(c: Counts) -> Values:
    """Requests of the day that are not for assets."""
    return np.maximum(c["day_request_count"] - c["day_asset_request_count"], 0.0)


def attacks_an_agent(c: Counts) -> Values:
    """Pages that carry attacks, an address or user agent; where a page is one, so are its assets, by their referer."""
    return shown_attacks(c) * ratio(pages(c), c["day_request_count"]) / heads(c)


def attacks(c: Counts) -> Values:
    """Requests that carry attacks, each with its probability: one that barely is an attack barely counts.

    A few are forgiven to who met few errors, more of them to who keeps cookies or comes from page to page: the link of
    a campaign that reads like an attack is one mistake of the request model, but the visitor's assets repeat it as
    their referer. One stale link among twenty such requests changes little; an error for every third of them does.
    """
    found = np.minimum(c["day_attack_request_count"], c["day_attack_probability_sum"])
    errors = c["day_client_error_count"] + c["day_server_error_count"]
    followed = np.maximum(c["day_request_count"] - c["day_no_referer_count"], c["day_cookie_request_count"])
    manners = np.maximum(np.minimum(ratio(followed, c["day_request_count"]), 1.0), FORGIVEN_TO_ALL)
    trust = np.maximum(1.0 / (1.0 + errors), 1.0 - 3.0 * ratio(errors, found))
    return np.maximum(found - FORGIVEN * manners * trust, 0.0)


def shown_attacks(c: Counts) -> Values:
    """Attacks, no more than there are requests in which one can show: a query, a POST, a probe, an error.

    What remains was told by a header of an ordinary page that was answered: a user agent, a referer.
    """
    queries = c["day_query_request_count"] + c["day_post_request_count"] + c["day_probe_path_request_count"]
    return np.minimum(attacks(c), queries + c["day_client_error_count"] + c["day_unusual_method_request_count"])


def header_attacks(c: Counts) -> Values:
    """The other attacks."""
    return attacks(c) - shown_attacks(c)


def plain_attacks(c: Counts) -> Values:
    """Attacks that even then remain when every asset was one by its referer."""
    return np.maximum(shown_attacks(c) - c["day_asset_request_count"], 0.0)


def failed_attacks(c: Counts) -> Values:
    """Attacks that may have met an error; what only looks like an attack is answered like any other request."""
    return np.minimum(attacks(c), c["day_client_error_count"] + c["day_server_error_count"])


def missing_pages(c: Counts) -> Values:
    """Pages not found, where different ones were asked for.

    Fewer than the requests not found by all assets, for a broken page makes its visitors ask for assets that are not
    there; and by the sameness of the paths, for a link or a program that is out of date asks for one page all day.
    """
    variety = np.minimum(c["day_path_entropy_bits"] / 2.0, 1.0)
    return variety * np.maximum(c["day_not_found_count"] - c["day_asset_request_count"], 0.0)


def let_in(c: Counts) -> Values:
    """Answered requests with a query of one program that fetches no page: who keeps asking an API and is served.

    Nothing where the user agent changes, and no request that carries an attack.
    """
    asked = c["day_query_request_count"] - c["day_asset_request_count"] - c["day_attack_request_count"]
    answered = np.minimum(asked, c["day_ok_count"] - c["day_asset_request_count"])
    return np.where(c["day_distinct_user_agent_count"] <= 1.0, np.maximum(answered, 0.0), 0.0)


def excused(c: Counts) -> Values:
    """Refusals of a program that is let in all the same: its token has run out and it tries the same one again.

    Who tries out a list of passwords asks for nothing else in between, or for the form, which has no query.
    """
    return np.minimum(EXCUSED * let_in(c), EXCUSED_A_DAY)


def failed_sign_ins(c: Counts) -> Values:
    """Failed sign-ins beyond the excused ones."""
    return np.maximum(c["day_sign_in_failure_count"] - excused(c), 0.0)


def sign_ins(c: Counts) -> Values:
    """Sign-ins beyond the excused ones."""
    return np.maximum(c["day_sign_in_request_count"] - excused(c), 0.0)


def unauthorised(c: Counts) -> Values:
    """401 and 403 that are not failed sign-ins."""
    return np.maximum(c["day_unauthorised_count"] - c["day_sign_in_failure_count"], 0.0)


def malformed(c: Counts) -> Values:
    """4xx that are neither not found nor unauthorised nor failed sign-ins: bad requests, methods, lengths, limits."""
    refused = c["day_client_error_count"] - c["day_not_found_count"] - c["day_unauthorised_count"]
    return np.maximum(
        np.minimum(refused, c["day_client_error_count"] - c["day_not_found_count"] - c["day_sign_in_failure_count"]),
        0.0,
    )


def failed_probes(c: Counts) -> Values:
    """Probes that may have failed: whoever works in the admin console gets it."""
    return np.minimum(c["day_probe_path_request_count"], c["day_client_error_count"] + c["day_redirect_count"])


def refused_methods(c: Counts) -> Values:
    """Methods other than GET, HEAD, POST and OPTIONS that may have been refused; programs of partners PUT and DELETE."""
    return np.minimum(
        c["day_unusual_method_request_count"],
        c["day_client_error_count"] - np.minimum(c["day_not_found_count"], c["day_client_error_count"]),
    )


def refused_posts(c: Counts) -> Values:
    """POSTs that may have been answered with 4xx, wherever they went, beyond the excused."""
    refused = c["day_client_error_count"] - c["day_not_found_count"]
    return np.maximum(np.minimum(c["day_post_request_count"], refused) - excused(c), 0.0)


def writes(c: Counts) -> Values:
    """POST, PUT, DELETE … beside sign-ins, neither refused nor redirected: who may write has been let in."""
    sent = c["day_post_request_count"] + c["day_unusual_method_request_count"] - c["day_sign_in_request_count"]
    refused = c["day_client_error_count"] - c["day_not_found_count"] - c["day_sign_in_failure_count"]
    return np.maximum(sent - np.maximum(refused, 0.0) - c["day_redirect_count"], 0.0)


def tries_an_agent(c: Counts) -> Values:
    """Failed sign-ins, or POSTs refused beyond those let in, an address or user agent.

    A person gives up or asks for a new password after a few; a site's sign-in need not lie where sign-ins usually lie.
    0 for a network: where one of its addresses tries so often, that address is judged by its own row.
    """
    tries = np.maximum(failed_sign_ins(c), refused_posts(c) - writes(c)) / heads(c)
    return np.where(c.is_network(), 0.0, tries)


def pages_read(c: Counts) -> Values:
    """Pages that were read: answered, not written to, and as many as the bytes sent can have been."""
    sent = c["day_post_request_count"] + c["day_unusual_method_request_count"] + c["day_head_request_count"]
    answered = np.maximum(c["day_ok_count"] - c["day_asset_request_count"] - sent, 0.0)
    return np.minimum(answered, c["day_bytes_sent"] / PAGE_BYTES)


def bare_share(c: Counts) -> Values:
    """Pages read for which no asset was fetched, no cookie sent and no bot gave its name, of all requests.

    Squared, for where half is bare two sorts of clients share an address, and the other half is not to blame.
    """
    dressed = np.maximum(c["day_asset_request_count"], c["day_cookie_request_count"]) + c["day_declared_bot_count"]
    return ratio(np.maximum(pages_read(c) - dressed, 0.0), c["day_request_count"]) ** 2


def breadth(c: Counts) -> Values:
    """Different paths beyond the first of each hour, as many as the entropy of the hours says."""
    hours = np.maximum(c["day_active_hour_count"], c["day_address_count"])
    return hours * (np.exp2(np.minimum(c["day_path_entropy_bits"], 40.0)) - 1.0)


def bare_breadth(c: Counts) -> Values:
    """Of the breadth, what falls to bare pages."""
    return breadth(c) * bare_share(c)


def heads(c: Counts) -> Values:
    """How many there are at least: addresses or user agents, whichever are more."""
    return np.maximum(np.maximum(c["day_address_count"], c["day_distinct_user_agent_count"]), 1.0)


def sleepless_hours(c: Counts) -> Values:
    """Hours of the day in which bare pages were asked for, and different ones."""
    return c["day_active_hour_count"] * bare_share(c) * np.minimum(c["day_path_entropy_bits"], 1.0)


def busiest_hour_an_agent(c: Counts) -> Values:
    """Requests of the busiest hour, an address or user agent."""
    return c["day_peak_hour_request_count"] / heads(c)


def missing_addresses(c: Counts) -> Values:
    """How many addresses a network lacks to be ten; 0 for an address.

    Two or three neighbours are judged by their own rows, and the innocent one is not blamed for the other.
    """
    return np.where(c.is_network(), np.maximum(10.0 - c["day_address_count"], 0.0), 0.0)


def innocent_neighbours(c: Counts) -> Values:
    """The share of a network's addresses that attacked nothing, where attacks are most of what it is accused of.

    One scanner makes as many attacks as a rotating hundred, but its neighbours have nothing to do with it, and it is
    judged by its own row. 0 for an address.
    """
    innocent = 1.0 - np.minimum(ratio(c["day_attack_address_count"], c["day_address_count"]), 1.0)
    accused = np.minimum(ratio(c["day_attack_request_count"], 0.3 * c["day_request_count"]), 1.0)
    return np.where(c.is_network(), innocent * accused, 0.0)


def company(c: Counts) -> Values:
    """User agents beyond the first that keep cookies and do not change from request to request: people who share it."""
    steady = np.maximum(1.0 - 20.0 * ratio(further_agents(c), c["day_request_count"]), 0.0)
    return further_agents(c) * steady * np.minimum(ratio(c["day_cookie_request_count"], c["day_request_count"]), 1.0)


def further_agents(c: Counts) -> Values:
    """User agents of an address beyond the first."""
    return np.maximum(c["day_distinct_user_agent_count"] - 1.0, 0.0)


@dataclass(frozen=True)
class Behaviour:
    """One thing that speaks for or against abuse."""

    name: str
    leaning: str
    """What it makes the client look like: scanner, prober, credential_stuffing, scraper; or manner, visitor."""
    direction: int
    """1: more is never less suspicious; -1: more is never more suspicious; 0: the examples decide."""
    knots: tuple[float, ...]
    """Where its line may bend; it is level outside of them."""
    value: Callable[[Counts], Values]
    worth: tuple[float, ...]
    """Log odds at the knots before any example; the examples move them. An attacker of a new sort is judged by these."""
    words: str
    """For the reason, after the number."""
    part: Callable[[Counts], Values] | None = None
    """Where it is a share: of what."""
    whole: Callable[[Counts], Values] | None = None
    trust: float = 1.0
    """How freely the examples may make it steep: low where another site may well differ from those of the examples."""

    def shown(self, counts: Counts) -> Values:
        """The number that a person reads: without doubt, without logarithm."""
        part = self.part(counts) if self.part is not None else self.value(counts)
        return ratio(part, self.whole(counts)) if self.whole is not None else part


def _column(name: str) -> Callable[[Counts], Values]:
    return lambda counts: counts[name]


_REQUESTS = _column("day_request_count")
Line = tuple[tuple[float, float], ...]
"""Knots with their worth."""


def _share(
    name: str,
    leaning: str,
    part: Callable[[Counts], Values] | str,
    line: Line,
    words: str,
    whole: Callable[[Counts], Values] = _REQUESTS,
    trust: float = 1.0,
) -> Behaviour:
    of = _column(part) if isinstance(part, str) else part
    knots, worth = zip(*line, strict=True)
    direction = 1 if worth[-1] > 0 else -1
    return Behaviour(
        name, leaning, direction, knots, lambda c: doubted(of(c), whole(c)), worth, words, of, whole, trust
    )


def _volume(
    name: str, leaning: str, of: Callable[[Counts], Values], line: Line, words: str, trust: float = 1.0
) -> Behaviour:
    counts, worth = zip(*line, strict=True)
    knots = tuple(float(np.log1p(count)) for count in counts)
    direction = 1 if worth[-1] > 0 else -1
    return Behaviour(name, leaning, direction, knots, lambda c: np.log1p(of(c)), worth, words, of, None, trust)


BEHAVIOURS = (
    _share("attack_share", "prober", shown_attacks, ((0.03, 0), (0.15, 0.7), (0.3, 1.7), (0.5, 2.5), (0.8, 3)), "requests carry attacks", trust=0.5),
    _share("plain_attack_share", "prober", plain_attacks, ((0.05, 0), (0.3, 0.5), (0.8, 1.5)), "requests carry attacks in themselves", trust=0.3),
    _volume("attacks", "prober", attacks_an_agent, ((2, 0), (5, 0.5), (12, 1), (30, 2)), "pages with attacks a user agent", trust=0.3),
    _share("failed_attack_share", "prober", failed_attacks, ((0.02, 0), (0.08, 1), (0.25, 2), (0.6, 3)), "requests are attacks that met an error", trust=0.5),
    _share("header_attack_share", "prober", header_attacks, ((0.1, 0), (0.5, 1), (0.9, 1.5)), "requests carry attacks in a header", trust=0.3),
    _share("probe_share", "scanner", failed_probes, ((0.02, 0), (0.1, 1.5), (0.3, 3), (0.6, 4)), "requests are for paths that only scanners ask for"),
    _share("missing_share", "scanner", missing_pages, ((0.05, 0), (0.2, 1.5), (0.5, 3.5), (0.9, 5)), "pages were not found", pages),
    _share("unauthorised_share", "manner", unauthorised, ((0.05, 0), (0.15, 0.5), (0.3, 1), (0.6, 2)), "requests were not allowed (401, 403)", trust=0.3),
    _share("malformed_share", "manner", malformed, ((0.03, 0), (0.15, 0.7), (0.3, 1.5), (0.6, 3)), "requests were refused (other 4xx)", trust=0.5),
    _share("redirect_share", "manner", "day_redirect_count", ((0.2, 0), (0.5, 1), (0.9, 2)), "requests were redirected", trust=0.3),
    _share("refused_method_share", "scanner", refused_methods, ((0.05, 0), (0.2, 1), (0.5, 2)), "requests use methods that were refused", trust=0.5),
    _share("no_user_agent_share", "manner", "day_no_user_agent_count", ((0.05, 0), (0.5, 1)), "requests have no user agent", trust=0.3),
    _share("agent_turnover", "manner", further_agents, ((0.05, 0), (0.1, 1), (0.3, 2)), "requests change the user agent"),
    _share("sign_in_failure_share", "credential_stuffing", failed_sign_ins, ((0.1, 0), (0.25, 1.5), (0.5, 3), (0.9, 4)), "requests are failed sign-ins"),
    _share("sign_in_share", "credential_stuffing", sign_ins, ((0.15, 0), (0.3, 1.5), (0.6, 3)), "requests are sign-ins"),
    _share("refused_post_share", "credential_stuffing", refused_posts, ((0.1, 0), (0.25, 1), (0.5, 2), (0.9, 3)), "requests are POSTs that were refused"),
    _volume("tries", "credential_stuffing", tries_an_agent, ((6, 0), (12, 1.5), (30, 4), (100, 5.5)), "failed sign-ins or refused POSTs a user agent", trust=0.3),
    _volume("bare_breadth", "scraper", bare_breadth, ((15, 0), (40, 2), (100, 5), (300, 6.5)), "different pages without their assets"),
    _volume("sleepless_hours", "scraper", sleepless_hours, ((11, 0), (16, 1.5), (22, 3)), "hours with different pages without their assets"),
    _volume("busiest_hour", "scraper", busiest_hour_an_agent, ((100, 0), (250, 2.5), (500, 5), (1500, 6.5)), "requests an hour and user agent"),
    _share("no_referer_share", "manner", "day_no_referer_count", ((0.1, 0), (0.9, 1)), "requests have no referer", trust=0.2),
    _share("asset_share", "visitor", "day_asset_request_count", ((0.0, 0), (0.1, -0.3), (0.3, -0.7), (0.6, -1)), "requests are for page assets"),
    _share("cookie_share", "visitor", "day_cookie_request_count", ((0.0, 0), (0.2, -0.3), (0.5, -0.7), (0.9, -1)), "requests carry a cookie"),
    _share("write_share", "visitor", writes, ((0.1, 0), (0.25, -1), (0.5, -2)), "requests write and are let in", trust=0.3),
    _share("declared_bot_share", "visitor", "day_declared_bot_count", ((0.2, 0), (0.9, -2)), "requests come from a bot that gives its name"),
    _volume("company", "visitor", company, ((1, 0), (3, -1.5), (8, -3.5), (20, -5)), "further people at the address", trust=0.3),
    Behaviour("missing_addresses", "visitor", -1, (0.0, 4.0, 6.0, 7.0), missing_addresses, (0.0, -2.0, -6.0, -30.0), "addresses fewer than ten", trust=0.01),
    Behaviour("innocent_neighbours", "visitor", -1, (0.4, 0.6, 0.8), innocent_neighbours, (0.0, -8.0, -30.0), "of its addresses attacked nothing", trust=0.01),
    _share("tool_share", "manner", "day_tool_user_agent_count", ((0.2, 0), (0.9, 0.3)), "requests come from a tool or library", trust=0.3),
    _volume("peak_minute", "manner", _column("day_peak_minute_request_count"), ((60, 0), (150, 0.5), (600, 1.5)), "requests in the busiest minute", trust=0.3),
)  # fmt: skip
"""What the model looks at, in the order of its attributes. A name is for ever: a fitted model refers to it."""

BY_NAME = {behaviour.name: behaviour for behaviour in BEHAVIOURS}

INPUTS = ("client_kind", *(f"day_{name}" for name in DAILY[1:]), *ATTACKS)
"""Columns of client_examples that prediction reads."""


def values(counts: Counts, names: Iterable[str]) -> list[Values]:
    """What each behaviour measures in each row."""
    return [BY_NAME[name].value(counts) for name in names]
