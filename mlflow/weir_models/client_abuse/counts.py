"""Measures of a client's day, computed from its counts: attacks, failures, pages read, how many people there are.

Each function takes the counts of many rows and returns one value a row; no row depends on another one. Behaviors, which
turn measures into shares and volumes with a weight, are declared in behavior.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.client_abuse.spec import ATTACKS, DAILY

Values = NDArray[np.float64]

INPUTS = ("client_kind", *(f"day_{name}" for name in DAILY[1:]), *ATTACKS)
"""Columns of client_examples that prediction reads."""

PRIOR_REQUESTS = 4.0
"""Pseudo-counts added to the denominator of a share: one of one weighs less than forty of forty."""


PAGE_BYTES = 4096.0
"""Minimum size of a page, compressed and with headers; responses of an API are smaller."""


TOLERATED_ATTACKS, LEAST_TOLERATED_SHARE = 10.0, 0.3
"""Attack requests taken for false positives of the request model where nothing else suggests an attack, and the share
of them that is tolerated in a client that does not behave as a browser does."""

FAILURES_PER_SERVED_REQUEST, MOST_TOLERATED_FAILURES = 3.0, 200.0
"""Refused sign-ins and POSTs tolerated for one served API request of the same program, and the most of a day."""


class Counts:
    """Numeric columns of a frame as arrays, each converted once; missing and negative values are zero."""

    def __init__(self, frame: pd.DataFrame) -> None:
        missing = [name for name in INPUTS if name not in frame.columns]
        if missing:
            raise ValueError(f"client_abuse needs the columns {', '.join(missing)}: give it rows of client_examples")
        self._frame = frame
        self._columns: dict[str, Values] = {}
        self.size = len(frame)

    def __getitem__(self, name: str) -> Values:
        column = self._columns.get(name)
        if column is None:
            numbers = pd.to_numeric(self._frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=0.0)
            column = self._columns[name] = np.maximum(np.nan_to_num(numbers, nan=0.0, posinf=1e15, neginf=0.0), 0.0)
        return column

    def is_network(self) -> NDArray[np.bool_]:
        return np.asarray(self._frame["client_kind"].to_numpy() == "network", dtype=bool)


def ratio(part: Values, whole: Values) -> Values:
    """part / whole, 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def shrunk(part: Values, whole: Values, prior: float = PRIOR_REQUESTS) -> Values:
    """part / whole, shrunk towards zero where the whole is small."""
    return np.minimum(part, whole) / (whole + prior)


def pages(c: Counts) -> Values:
    """Requests of the day for anything but assets."""
    return np.maximum(c["day_request_count"] - c["day_asset_request_count"], 0.0)


def with_referers(c: Counts) -> Values:
    """Requests of logs that have referers."""
    return np.maximum(c["day_request_count"] - c["day_unlogged_referer_count"], 0.0)


def without_referer(c: Counts) -> Values:
    """Requests without a referer, in logs that have them."""
    return np.maximum(c["day_no_referer_count"] - c["day_unlogged_referer_count"], 0.0)


def with_cookies(c: Counts) -> Values:
    """Requests of logs that have cookies."""
    return np.maximum(c["day_request_count"] - c["day_unlogged_cookie_count"], 0.0)


def attacks_per_agent(c: Counts) -> Values:
    """Pages with attacks per client; assets of such a page repeat the attack as their referer and do not count."""
    return shown_attacks(c) * ratio(pages(c), c["day_request_count"]) / min_client_count(c)


def attacks(c: Counts) -> Values:
    """Expected number of attack requests, less those that are probably false positives of the request model.

    A few are tolerated in clients with few errors, more in those that keep cookies or follow links: a campaign link that
    looks like an attack is one false positive, but the assets of its page repeat it as their referer. One stale link
    among twenty such requests changes little; an error for every third of them does.
    """
    expected = np.minimum(c["day_attack_request_count"], c["day_attack_probability_sum"])
    errors = c["day_client_error_count"] + c["day_server_error_count"]
    followed = np.maximum(c["day_request_count"] - without_referer(c), c["day_cookie_request_count"])
    manners = np.maximum(np.minimum(ratio(followed, c["day_request_count"]), 1.0), LEAST_TOLERATED_SHARE)
    trust = np.maximum(1.0 / (1.0 + errors), 1.0 - 3.0 * ratio(errors, expected))
    return np.maximum(expected - TOLERATED_ATTACKS * manners * trust, 0.0)


def shown_attacks(c: Counts) -> Values:
    """Attacks in the request itself: at most as many as have a query, a POST body, a probed path or an error.

    The other attacks stand in a header (user agent, referer) of ordinary pages that were served.
    """
    queries = c["day_query_request_count"] + c["day_post_request_count"] + c["day_probe_path_request_count"]
    return np.minimum(attacks(c), queries + c["day_client_error_count"] + c["day_unusual_method_request_count"])


def header_attacks(c: Counts) -> Values:
    """Attacks in a header of an ordinary request."""
    return attacks(c) - shown_attacks(c)


def plain_attacks(c: Counts) -> Values:
    """Attacks that remain if every asset request repeated one as its referer."""
    return np.maximum(shown_attacks(c) - c["day_asset_request_count"], 0.0)


def failed_attacks(c: Counts) -> Values:
    """Attacks that may have met an error; false positives are served like any other request."""
    return np.minimum(attacks(c), c["day_client_error_count"] + c["day_server_error_count"])


def missing_pages(c: Counts) -> Values:
    """Pages not found, weighted by the variety of paths.

    Asset requests are subtracted, since a broken page makes its visitors request assets that do not exist; and a stale
    link or program requests one missing page all day, which has no variety.
    """
    variety = np.minimum(c["day_path_entropy_bits"] / 2.0, 1.0)
    return variety * np.maximum(c["day_not_found_count"] - c["day_asset_request_count"], 0.0)


def served_api_requests(c: Counts) -> Values:
    """Served API requests of one program: requests with a query that are neither assets nor attacks and were answered.

    0 where the user agent changes.
    """
    api_requests = c["day_query_request_count"] - c["day_asset_request_count"] - c["day_attack_request_count"]
    answered = np.minimum(api_requests, c["day_ok_count"] - c["day_asset_request_count"])
    return np.where(c["day_distinct_user_agent_count"] <= 1.0, np.maximum(answered, 0.0), 0.0)


def tolerated_failures(c: Counts) -> Values:
    """Refused sign-ins of a program that an API serves at the same time: its token has expired and it retries.

    Password guessing requests nothing else in between, or only the form, which has no query.
    """
    return np.minimum(FAILURES_PER_SERVED_REQUEST * served_api_requests(c), MOST_TOLERATED_FAILURES)


def failed_sign_ins(c: Counts) -> Values:
    """Failed sign-ins beyond the tolerated ones."""
    return np.maximum(c["day_sign_in_failure_count"] - tolerated_failures(c), 0.0)


def sign_ins(c: Counts) -> Values:
    """Sign-ins beyond the tolerated ones."""
    return np.maximum(c["day_sign_in_request_count"] - tolerated_failures(c), 0.0)


def unauthorized(c: Counts) -> Values:
    """401 and 403 that are not failed sign-ins."""
    return np.maximum(c["day_unauthorised_count"] - c["day_sign_in_failure_count"], 0.0)


def malformed(c: Counts) -> Values:
    """Other 4xx: bad requests, methods, lengths and limits."""
    refused = c["day_client_error_count"] - c["day_not_found_count"] - c["day_unauthorised_count"]
    return np.maximum(
        np.minimum(refused, c["day_client_error_count"] - c["day_not_found_count"] - c["day_sign_in_failure_count"]),
        0.0,
    )


def failed_probes(c: Counts) -> Values:
    """Probed paths that may have failed; people who work in an admin console are served."""
    return np.minimum(c["day_probe_path_request_count"], c["day_client_error_count"] + c["day_redirect_count"])


def refused_methods(c: Counts) -> Values:
    """Methods other than GET, HEAD, POST and OPTIONS that may have been refused; programs of partners PUT and DELETE."""
    return np.minimum(
        c["day_unusual_method_request_count"],
        c["day_client_error_count"] - np.minimum(c["day_not_found_count"], c["day_client_error_count"]),
    )


def refused_posts(c: Counts) -> Values:
    """POSTs that may have been answered with 4xx, to any path, beyond the tolerated failures."""
    refused = c["day_client_error_count"] - c["day_not_found_count"]
    return np.maximum(np.minimum(c["day_post_request_count"], refused) - tolerated_failures(c), 0.0)


def writes(c: Counts) -> Values:
    """Successful writes: POST, PUT, DELETE … other than sign-ins, neither refused nor redirected."""
    write_requests = (
        c["day_post_request_count"] + c["day_unusual_method_request_count"] - c["day_sign_in_request_count"]
    )
    refused = c["day_client_error_count"] - c["day_not_found_count"] - c["day_sign_in_failure_count"]
    return np.maximum(write_requests - np.maximum(refused, 0.0) - c["day_redirect_count"], 0.0)


def tries_per_agent(c: Counts) -> Values:
    """Failed sign-ins, or refused POSTs beyond successful writes, per client.

    A person gives up or resets the password after a few; a sign-in need not be at a usual path. 0 for a network: an
    address of it that tries often is judged by its own row.
    """
    tries = np.maximum(failed_sign_ins(c), refused_posts(c) - writes(c)) / min_client_count(c)
    return np.where(c.is_network(), 0.0, tries)


def pages_read(c: Counts) -> Values:
    """Pages served, at most as many as the bytes sent can hold; writes and HEAD requests are left out."""
    other_requests = c["day_post_request_count"] + c["day_unusual_method_request_count"] + c["day_head_request_count"]
    answered = np.maximum(c["day_ok_count"] - c["day_asset_request_count"] - other_requests, 0.0)
    return np.minimum(answered, c["day_bytes_sent"] / PAGE_BYTES)


def bare_share(c: Counts) -> Values:
    """Share of requests that are "bare" pages: without assets, without a cookie and not from a declared bot.

    Squared: where half of the requests are bare, two kinds of clients share the address, and one is innocent.
    """
    with_assets_or_cookies = (
        np.maximum(c["day_asset_request_count"], c["day_cookie_request_count"]) + c["day_declared_bot_count"]
    )
    return ratio(np.maximum(pages_read(c) - with_assets_or_cookies, 0.0), c["day_request_count"]) ** 2


def breadth(c: Counts) -> Values:
    """Effective number of different paths beyond the first of each hour: hours x (2^entropy - 1)."""
    hours = np.maximum(c["day_active_hour_count"], c["day_address_count"])
    return hours * (np.exp2(np.minimum(c["day_path_entropy_bits"], 40.0)) - 1.0)


def bare_breadth(c: Counts) -> Values:
    """The part of the breadth that bare pages account for."""
    return breadth(c) * bare_share(c)


def min_client_count(c: Counts) -> Values:
    """Minimum number of clients behind the row: its addresses or user agents, whichever are more."""
    return np.maximum(np.maximum(c["day_address_count"], c["day_distinct_user_agent_count"]), 1.0)


def active_bare_hours(c: Counts) -> Values:
    """Hours of the day with requests for different bare pages."""
    return c["day_active_hour_count"] * bare_share(c) * np.minimum(c["day_path_entropy_bits"], 1.0)


def busiest_hour_per_agent(c: Counts) -> Values:
    """Requests of the busiest hour per client."""
    return c["day_peak_hour_request_count"] / min_client_count(c)


def missing_addresses(c: Counts) -> Values:
    """How many addresses a network has fewer than ten; 0 for an address.

    Two or three neighbors are judged by their own rows, so that none is blamed for another.
    """
    return np.where(c.is_network(), np.maximum(10.0 - c["day_address_count"], 0.0), 0.0)


def innocent_neighbors(c: Counts) -> Values:
    """Share of a network's addresses without attacks, where attacks are most of the evidence against it.

    One scanner sends as many attacks as a rotating hundred, but its neighbors are innocent and it is judged by its own
    row. 0 for an address.
    """
    innocent = 1.0 - np.minimum(ratio(c["day_attack_address_count"], c["day_address_count"]), 1.0)
    accused = np.minimum(ratio(c["day_attack_request_count"], 0.3 * c["day_request_count"]), 1.0)
    return np.where(c.is_network(), innocent * accused, 0.0)


def co_located_clients(c: Counts) -> Values:
    """Further people at the address: user agents beyond the first, with cookies and without turnover."""
    steady = np.maximum(1.0 - 20.0 * ratio(further_agents(c), c["day_request_count"]), 0.0)
    return further_agents(c) * steady * np.minimum(ratio(c["day_cookie_request_count"], c["day_request_count"]), 1.0)


def further_agents(c: Counts) -> Values:
    """User agents of an address beyond the first."""
    return np.maximum(c["day_distinct_user_agent_count"] - 1.0, 0.0)
