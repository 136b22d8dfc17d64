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
    return c["day_attack_request_count"] * ratio(pages(c), c["day_request_count"]) / heads(c)


def plain_attacks(c: Counts) -> Values:
    """Attacks that even then remain when every asset was one by its referer."""
    return np.maximum(c["day_attack_request_count"] - c["day_asset_request_count"], 0.0)


def missing_pages(c: Counts) -> Values:
    """Not found, even if every asset was: a broken page makes its visitors ask for assets that are not there."""
    return np.maximum(c["day_not_found_count"] - c["day_asset_request_count"], 0.0)


def unauthorised(c: Counts) -> Values:
    """401 and 403 that are not failed sign-ins."""
    return np.maximum(c["day_unauthorised_count"] - c["day_sign_in_failure_count"], 0.0)


def malformed(c: Counts) -> Values:
    """4xx that are neither not found nor unauthorised nor failed sign-ins: bad requests, methods, lengths, limits."""
    refused = c["day_client_error_count"] - c["day_not_found_count"] - c["day_unauthorised_count"]
    return np.maximum(np.minimum(refused, c["day_client_error_count"] - c["day_not_found_count"] - c["day_sign_in_failure_count"]), 0.0)


def failed_probes(c: Counts) -> Values:
    """Probes that may have failed: whoever works in the admin console gets it."""
    return np.minimum(c["day_probe_path_request_count"], c["day_client_error_count"] + c["day_redirect_count"])


def refused_posts(c: Counts) -> Values:
    """POSTs that may have been answered with 4xx, wherever they went."""
    return np.minimum(c["day_post_request_count"], np.maximum(c["day_client_error_count"] - c["day_not_found_count"], 0.0))


def bare_pages(c: Counts) -> Values:
    """Pages for which no asset was fetched and no bot gave its name."""
    named = np.minimum(c["day_declared_bot_count"], pages(c))
    return np.maximum(pages(c) - c["day_asset_request_count"] - named, 0.0)


def breadth(c: Counts) -> Values:
    """Different paths beyond the first of each hour, as many as the entropy of the hours says."""
    hours = np.maximum(c["day_active_hour_count"], c["day_address_count"])
    return hours * (np.exp2(np.minimum(c["day_path_entropy_bits"], 40.0)) - 1.0)


def bare_breadth(c: Counts) -> Values:
    """Of the breadth, what falls to bare pages."""
    return breadth(c) * ratio(bare_pages(c), c["day_request_count"])


def heads(c: Counts) -> Values:
    """How many there are at least: addresses or user agents, whichever are more."""
    return np.maximum(np.maximum(c["day_address_count"], c["day_distinct_user_agent_count"]), 1.0)


def busiest_hour_an_agent(c: Counts) -> Values:
    """Requests of the busiest hour, an address or user agent."""
    return c["day_peak_hour_request_count"] / heads(c)


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
SHARE_KNOTS = (0.0, 0.05, 0.2, 0.5, 0.9)


def _share(name: str, leaning: str, direction: int, part: Callable[[Counts], Values] | str, words: str, knots: tuple[float, ...] = SHARE_KNOTS, whole: Callable[[Counts], Values] = _REQUESTS, trust: float = 1.0) -> Behaviour:
    of = _column(part) if isinstance(part, str) else part
    return Behaviour(name, leaning, direction, knots, lambda c: doubted(of(c), whole(c)), words, of, whole, trust)


def _volume(name: str, leaning: str, of: Callable[[Counts], Values], words: str, counts: tuple[float, ...], trust: float = 1.0) -> Behaviour:
    knots = tuple(float(np.log1p(count)) for count in counts)
    return Behaviour(name, leaning, 1, knots, lambda c: np.log1p(of(c)), words, of, None, trust)


BEHAVIOURS = (
    _share("attack_share", "prober", 1, "day_attack_request_count", "requests carry attacks", (0.0, 0.05, 0.15, 0.3, 0.5, 0.8)),
    _share("plain_attack_share", "prober", 1, plain_attacks, "requests carry attacks in themselves", (0.0, 0.1, 0.3, 0.5, 0.8)),
    _volume("attacks", "prober", attacks_an_agent, "pages with attacks a user agent", (1, 3, 8, 20)),
    _share("probe_share", "scanner", 1, failed_probes, "requests are for paths that only scanners ask for"),
    _share("missing_share", "scanner", 1, missing_pages, "pages were not found", SHARE_KNOTS, pages),
    _share("unauthorised_share", "scanner", 1, unauthorised, "requests were not allowed (401, 403)", (0.05, 0.15, 0.3, 0.6), trust=0.3),
    _share("malformed_share", "scanner", 1, malformed, "requests were refused (other 4xx)", (0.03, 0.15, 0.3, 0.6), trust=0.5),
    _share("unusual_method_share", "scanner", 1, "day_unusual_method_request_count", "requests use unusual methods", (0.05, 0.2, 0.5), trust=0.5),
    _share("no_user_agent_share", "scanner", 1, "day_no_user_agent_count", "requests have no user agent", trust=0.5),
    _share("agent_turnover", "scanner", 1, further_agents, "requests change the user agent", (0.02, 0.1, 0.3)),
    _share("sign_in_failure_share", "credential_stuffing", 1, "day_sign_in_failure_count", "requests are failed sign-ins", (0.05, 0.2, 0.5, 0.9)),
    _share("refused_post_share", "credential_stuffing", 1, refused_posts, "requests are POSTs that were refused", (0.05, 0.2, 0.5, 0.9)),
    _volume("sign_in_failures", "credential_stuffing", _column("day_sign_in_failure_count"), "failed sign-ins", (2, 8, 30, 120)),
    _volume("bare_breadth", "scraper", bare_breadth, "different pages without their assets", (5, 15, 40, 100, 300)),
    _volume("busiest_hour", "scraper", busiest_hour_an_agent, "requests an hour and user agent", (100, 250, 600, 1500)),
    _share("no_referer_share", "scraper", 1, "day_no_referer_count", "requests have no referer", (0.1, 0.9), trust=0.5),
    _share("asset_share", "visitor", -1, "day_asset_request_count", "requests are for page assets", (0.0, 0.1, 0.3, 0.6)),
    _share("cookie_share", "visitor", -1, "day_cookie_request_count", "requests carry a cookie", (0.0, 0.2, 0.5, 0.9)),
    _share("declared_bot_share", "visitor", -1, "day_declared_bot_count", "requests come from a bot that gives its name", (0.2, 0.9)),
    _share("tool_share", "manner", 1, "day_tool_user_agent_count", "requests come from a tool or library", (0.2, 0.9), trust=0.5),
    _volume("peak_minute", "manner", _column("day_peak_minute_request_count"), "requests in the busiest minute", (40, 100, 300), trust=0.5),
)  # fmt: skip
"""What the model looks at, in the order of its attributes. A name is for ever: a fitted model refers to it."""

BY_NAME = {behaviour.name: behaviour for behaviour in BEHAVIOURS}

INPUTS = ("client_kind", *(f"day_{name}" for name in DAILY[1:]), *ATTACKS)
"""Columns of client_examples that prediction reads."""


def values(counts: Counts, names: Iterable[str]) -> list[Values]:
    """What each behaviour measures in each row."""
    return [BY_NAME[name].value(counts) for name in names]
