"""AWS's rules for wafv2, checked before any call: names, descriptions, what an IP set accepts.

Pure; knows no policy and makes no call. Sources: wafv2 service model (2019-07-29) and "AWS WAF quotas".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.networks import as_written, canonical
from spark_jobs.wording import counted

MAX_ADDRESSES = 10_000
"""CIDRs in one IP set."""

MAX_IP_SETS = 100
"""IP sets of one scope in an account and region."""

MAX_RULE_GROUPS = 100
MAX_WEB_ACLS = 100
MAX_PAGE = 100
MUTATING_CALLS_PER_SECOND = 1.0
GLOBAL_REGION = "us-east-1"
FAMILIES = ("IPV4", "IPV6")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_DESCRIPTION = re.compile(r"[\w+=:#@/\-,.][\w+=:#@/\-,.\s]+[\w+=:#@/\-,.]\Z", re.ASCII)
_NOT_IN_DESCRIPTION = re.compile(r"[^\w+=:#@/\-,.\s]+", re.ASCII)


class LimitError(WafError):
    """AWS would reject the request; the message says in one sentence what and why."""


def check_name(name: str) -> None:
    if not _NAME.match(name):
        raise LimitError(f"{name!r} is no name for WAF: use 1 to 128 letters, digits, hyphens and underscores.")


def check_description(text: str) -> None:
    if not 3 <= len(text) <= 256 or not _DESCRIPTION.match(text):
        raise LimitError(
            f"{text!r} is no description for WAF: use 3 to 256 of letters, digits, spaces and + = : # @ / - , ."
        )


def description(text: str) -> str:
    """`text` as a valid WAF description: invalid characters become spaces, and it is cut to 256 characters."""
    reduced = " ".join(_NOT_IN_DESCRIPTION.sub(" ", text).split())[:256].rstrip()
    return reduced if len(reduced) >= 3 else "Weir"


def address_problem(text: str, family: str) -> str | None:
    """Why an IP set of this family would reject the entry, or None."""
    if "/" not in text:
        return "is a bare address; write it as a CIDR such as /32 or /128"
    try:
        network = as_written(text)
    except ValueError as error:
        return "has host bits set" if "host bits" in str(error) else "is no CIDR"
    if network.prefixlen == 0:
        return "covers everything; /0 is not accepted"
    if (network.version == 4) != (family == "IPV4"):
        return f"is not {family}"
    if canonical(text) != text:
        return f"is not in canonical form, which is {canonical(text)}"
    return None


def check_addresses(addresses: Sequence[str], family: str, ip_set: str) -> None:
    """LimitError unless an IP set of this family accepts the list."""
    if family not in FAMILIES:
        raise LimitError(f"{family!r} is no address family of WAF: use IPV4 or IPV6.")
    if len(addresses) > MAX_ADDRESSES:
        raise LimitError(
            f"IP set {ip_set} would hold {counted(len(addresses), 'entry', 'entries')}; WAF takes {MAX_ADDRESSES}."
        )
    _check_each(addresses, family, ip_set)


def _check_each(addresses: Iterable[str], family: str, ip_set: str) -> None:
    unique: set[str] = set()
    for text in addresses:
        problem = address_problem(text, family)
        if problem is not None:
            raise LimitError(f"IP set {ip_set} cannot take {text!r}: it {problem}.")
        if text in unique:
            raise LimitError(f"IP set {ip_set} would hold {text} twice.")
        unique.add(text)
