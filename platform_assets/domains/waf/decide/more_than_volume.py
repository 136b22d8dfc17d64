"""What a client has done besides asking for much, and whether it forwards the requests of others.

Volume alone says little: players fetch segments, maps fetch tiles, programs poll. Pure; standard library only.
"""

from __future__ import annotations

from platform_assets.domains.waf.decide.cdns import cdn_of
from platform_assets.domains.waf.decisions import Row, whole
from platform_assets.domains.waf.networks import Network
from platform_assets.domains.waf.rulebook import Proxies, Volume

FEW_BITS = 2.0
"""Entropy of the paths below which a few of them repeat."""
STEADY_MINUTES = 30
"""Minutes with a request from which on a program may be called steady."""
EVEN_SHARE = 0.95
"""Of the minutes in which a timer would sign in, those in which it does: the first and the last hour are cut short."""
TIMER_SIGN_INS = 2
"""A minute, of a timer at most."""
FEW_PATHS = 2
"""Paths an hour that a program with one task asks for."""


def is_more_than_volume(row: Row, volume: Volume, usual_pages: int = 0) -> bool:
    """Whether a row of client_daily shows sign-ins that failed, probing, or many pages read without what a browser fetches."""
    return reads_many_pages(row, volume, usual_pages) or does_harm(row, volume)


def least_pages(volume: Volume, usual_pages: int) -> tuple[int, str]:
    """From how many different pages on they are many, and what says so."""
    if usual_pages >= volume.min_pages:
        return usual_pages + 1, f"up to {usual_pages} are usual on this site"
    return volume.min_pages, "min_pages of the policy"


def reads_many_pages(row: Row, volume: Volume, usual_pages: int = 0) -> bool:
    """Whether more different pages than usual were read without the assets that a browser fetches with them."""
    requests = max(whole(row.get("request_count")), 1)
    is_bare = whole(row.get("asset_request_count")) / requests <= volume.max_asset_share
    addresses = max(whole(row.get("address_count")), 1)
    return is_bare and whole(row.get("distinct_page_count")) / addresses >= least_pages(volume, usual_pages)[0]


def does_harm(row: Row, volume: Volume) -> bool:
    """Whether something else than volume speaks against the client."""
    return does_what_no_crawler_does(row, volume) or _misses_pages(row, volume)


def does_what_no_crawler_does(row: Row, volume: Volume) -> bool:
    """Whether sign-ins failed or probing speak against the client; a crawler reads, and follows links to pages that are gone."""
    return _tries_to_sign_in(row, volume) or _probes(row, volume)


def counted_attacks(
    row: Row | None, attack_request_count: int, volume: Volume, class_count: int = 0, harmless_count: int = 0
) -> int:
    """The attack requests that count as such: not those that only use another method, nor a few among many others.

    `harmless_count`: the attack requests of which nothing but the method is unusual, as a program of WebDAV sends them all
    day, or nothing but a path that this site serves to ordinary clients. A few count where they are of several classes (`class_count`) and nobody browses: the request model takes some
    ordinary requests for attacks, but always the same kind; so it does with the one path of a program whose password expired.
    """
    if row is None:
        return attack_request_count
    attacks = max(attack_request_count - harmless_count, 0)
    if class_count <= 1 and _is_locked_out(row, volume, attacks):
        return 0
    is_few = attacks < volume.min_attack_share * whole(row.get("request_count"))
    is_varied = class_count >= volume.min_attack_classes and not _has_people(row, volume)
    return 0 if is_few and not is_varied else attacks


def failed_sign_ins(row: Row | None, volume: Volume) -> int:
    """The failed sign-ins that count as attacks: where they are many and much of all it does, so that nobody just mistypes."""
    if row is None or not _tries_to_sign_in(row, volume):
        return 0
    failures = whole(row.get("sign_in_failure_count"))
    is_much = failures >= volume.min_failed_share * whole(row.get("request_count"))
    return failures if is_much and failures >= volume.min_failed_sign_ins else 0


def without_foreign(row: Row | None, foreign: Row) -> Row | None:
    """A row of client_daily less the sums of some of its requests."""
    if row is None or not foreign:
        return row
    return {**row, **{name: max(whole(row.get(name)) - whole(count), 0) for name, count in foreign.items()}}


def _tries_to_sign_in(row: Row, volume: Volume) -> bool:
    failures, requests = whole(row.get("sign_in_failure_count")), max(whole(row.get("request_count")), 1)
    is_most_of_it = failures >= max(volume.min_failed_share * requests, 1)
    is_mostly_sign_ins = whole(row.get("sign_in_request_count")) * 2 > requests
    is_stuffing = is_mostly_sign_ins and failures >= volume.min_failures_of_sign_ins
    is_trying = failures >= volume.min_failed_sign_ins or is_most_of_it or is_stuffing
    return is_trying and (_guesses_passwords(row, volume) or not _repeats_few_paths(row, volume))


def _guesses_passwords(row: Row, volume: Volume) -> bool:
    """Whether most of what it does is to sign in, in vain, and too often for a program that tries an old password again."""
    failures = whole(row.get("sign_in_failure_count"))
    hours = max(whole(row.get("active_hour_count")), 1)
    is_most_of_it = min(whole(row.get("sign_in_request_count")), failures) * 2 > whole(row.get("request_count"))
    return is_most_of_it and failures >= volume.min_failed_sign_ins * hours and not _runs_by_timer(row)


def _runs_by_timer(row: Row) -> bool:
    """Whether it signs in as evenly as a timer of half a minute or more: in every minute, or never twice in one.

    Tries at random times of as many a minute leave minutes out.
    """
    sign_ins, minutes = whole(row.get("sign_in_request_count")), whole(row.get("active_minute_count"))
    hours = max(whole(row.get("active_hour_count")), 1)
    is_even = minutes >= EVEN_SHARE * min(sign_ins, 60 * hours)
    return is_even and sign_ins <= TIMER_SIGN_INS * minutes


def _probes(row: Row, volume: Volume) -> bool:
    """Whether it asks for several paths, some of which only scanners ask for, and much of what it asks for is refused."""
    requests = max(whole(row.get("request_count")), 1)
    refused = whole(row.get("client_error_count")) + whole(row.get("redirect_count"))
    is_mostly_refused = refused >= volume.min_failed_share * requests and not _repeats_few_paths(row, volume)
    probes = min(whole(row.get("probe_path_request_count")), refused, whole(row.get("distinct_path_count")))
    return is_mostly_refused and probes >= volume.min_probes


def _misses_pages(row: Row, volume: Volume) -> bool:
    """Whether much of what it asks for are different pages that do not exist."""
    requests = max(whole(row.get("request_count")), 1)
    missing = whole(row.get("not_found_count")) - whole(row.get("asset_request_count"))
    is_varied = float(row.get("path_entropy_bits") or 0.0) >= FEW_BITS
    return missing >= max(volume.min_missing_pages, volume.min_failed_share * requests) and is_varied


def _has_people(row: Row, volume: Volume) -> bool:
    """Whether page assets and cookies are more than a few of its requests: one of each is what anybody can send."""
    few = volume.max_asset_share * whole(row.get("request_count"))
    return whole(row.get("asset_request_count")) > few and whole(row.get("cookie_request_count")) > few


def _is_locked_out(row: Row, volume: Volume, attacks: int) -> bool:
    """Whether the attacks can be the path that a program asks for again and again, and most of all is refused (401, 403).

    The path itself has to look like a probe. That a request was refused is no excuse for what else it holds: queries, and
    texts in user agents and referers.
    """
    is_refused = whole(row.get("unauthorised_count")) * 2 > whole(row.get("request_count"))
    is_the_path = (
        attacks <= whole(row.get("probe_path_request_count")) and whole(row.get("query_request_count")) < attacks
    )
    return is_refused and is_the_path and _repeats_few_paths(row, volume)


def _repeats_few_paths(row: Row, volume: Volume) -> bool:
    """Whether it asks for one or two paths, evenly: a program whose token has expired tries the same again and again."""
    hours = max(whole(row.get("active_hour_count")), 1)
    is_steady = (
        whole(row.get("peak_minute_request_count")) <= volume.steady_minute_requests
        and whole(row.get("active_minute_count")) >= STEADY_MINUTES
        and whole(row.get("address_count")) <= 1
    )
    return is_steady and 0 < whole(row.get("distinct_path_count")) <= FEW_PATHS * hours


def why_proxy(network: Network, row: Row, attack_request_count: int, proxies: Proxies) -> str:
    """How the client shows that it forwards the requests of others, as a clause; empty where it does not.

    `attack_request_count`: its attack requests and failed sign-ins. Only published ranges prove anything: forwarding texts
    and user agents are claims of the client, which excuse nobody who attacks with more than a small share of its requests.
    """
    if cdn := cdn_of(network):
        return f"it is an address of {cdn}, behind which are many clients"
    requests = max(whole(row.get("request_count")), 1)
    if attack_request_count / requests > proxies.max_attack_share:
        return ""
    if whole(row.get("proxy_agent_count")) * 2 > requests:
        return "its user agent is that of a CDN, behind which are many clients"
    if (forwarded := whole(row.get("forwarded_client_count"))) >= proxies.min_forwarded_clients:
        return f"it forwards the requests of {forwarded} clients (x-forwarded-for)"
    return ""
