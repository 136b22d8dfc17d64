"""The wafv2 calls that the platform makes, and reading IP sets with them.

The same code for both clients, AWS (boto3 wafv2) and the local twin. No plan logic here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.limits import MAX_PAGE
from platform_assets.domains.waf.networks import address_order, canonical
from platform_assets.domains.waf.plan.values import LiveSet
from platform_assets.domains.waf.scopes import Scope


class WafClient(Protocol):
    """The only calls of boto3's wafv2 client that the platform makes."""

    def list_ip_sets(self, **parameters: Any) -> dict[str, Any]: ...

    def get_ip_set(self, **parameters: Any) -> dict[str, Any]: ...

    def create_ip_set(self, **parameters: Any) -> dict[str, Any]: ...

    def update_ip_set(self, **parameters: Any) -> dict[str, Any]: ...

    def list_rule_groups(self, **parameters: Any) -> dict[str, Any]: ...

    def get_rule_group(self, **parameters: Any) -> dict[str, Any]: ...

    def create_rule_group(self, **parameters: Any) -> dict[str, Any]: ...

    def update_rule_group(self, **parameters: Any) -> dict[str, Any]: ...

    def list_web_acls(self, **parameters: Any) -> dict[str, Any]: ...

    def get_web_acl(self, **parameters: Any) -> dict[str, Any]: ...


def pages(calls: Calls, operation: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """All summaries of a list operation. A full last page has a next marker too, whose page is empty."""
    marker: str | None = None
    while True:
        more = {"NextMarker": marker} if marker else {}
        page = calls.read(operation, Limit=MAX_PAGE, **parameters, **more)
        yield from page.get(key, ())
        marker = page.get("NextMarker")
        if not marker or not page.get(key):
            return


def read_sets(calls: Calls, scope: Scope, prefix: str) -> dict[str, LiveSet]:
    """The IP sets with our names, by name; addresses in canonical form."""
    ours = re.compile(rf"{re.escape(prefix)}-(block|challenge|count)-v[46](-\d+)?\Z")
    summaries = [each for each in pages(calls, "list_ip_sets", "IPSets", Scope=scope.kind) if ours.match(each["Name"])]
    ip_sets = [read_set(calls, scope, summary["Name"], summary["Id"]) for summary in summaries]
    return {ip_set.name: ip_set for ip_set in sorted(filter(None, ip_sets), key=lambda ip_set: ip_set.name)}


def read_set(calls: Calls, scope: Scope, name: str, set_id: str) -> LiveSet | None:
    """One IP set with its current lock token; None if it does not exist."""
    try:
        response = calls.read("get_ip_set", Name=name, Scope=scope.kind, Id=set_id)
    except calls.error("WAFNonexistentItemException"):
        return None
    ip_set = response["IPSet"]
    addresses = sorted({canonical(address) for address in ip_set["Addresses"]}, key=address_order)
    return LiveSet(
        name=ip_set["Name"],
        id=ip_set["Id"],
        arn=ip_set["ARN"],
        family=ip_set["IPAddressVersion"],
        addresses=tuple(addresses),
        lock_token=response["LockToken"],
        description=ip_set.get("Description", ""),
    )


def find_set(calls: Calls, scope: Scope, name: str) -> LiveSet | None:
    """An IP set by its name; None if it does not exist."""
    for summary in pages(calls, "list_ip_sets", "IPSets", Scope=scope.kind):
        if summary["Name"] == name:
            return read_set(calls, scope, name, summary["Id"])
    return None
