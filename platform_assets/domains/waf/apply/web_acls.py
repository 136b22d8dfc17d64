"""The web ACLs of a scope that use the rule group, and whether they override it to count. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.client import pages
from platform_assets.domains.waf.apply.install import group_name
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.scopes import Scope


@dataclass(frozen=True)
class Use:
    """A web ACL that uses the rule group."""

    web_acl: str
    is_counting: bool = False
    """Whether it overrides the whole group to count."""
    counting_rules: tuple[str, ...] = ()
    """Rules of the group that it overrides to count."""

    def text(self) -> str:
        if self.is_counting:
            return f"web ACL {self.web_acl} overrides it to count, so it stops nothing there"
        if self.counting_rules:
            return f"web ACL {self.web_acl} uses it and overrides to count: {', '.join(self.counting_rules)}"
        return f"web ACL {self.web_acl} uses it"


def use_of(web_acl: Mapping[str, Any], group_arn: str) -> Use | None:
    """How a web ACL, as returned by GetWebACL, uses a rule group; None if it does not."""
    managed = ("PreProcessFirewallManagerRuleGroups", "PostProcessFirewallManagerRuleGroups")
    for rule in (rule for key in ("Rules", *managed) for rule in web_acl.get(key, ())):
        statement = rule.get("Statement") or rule.get("FirewallManagerStatement") or {}
        reference = statement.get("RuleGroupReferenceStatement", {})
        if reference.get("ARN") != group_arn:
            continue
        overridden = [entry["Name"] for entry in reference.get("ExcludedRules", ())]
        overridden += [
            entry["Name"] for entry in reference.get("RuleActionOverrides", ()) if "Count" in entry["ActionToUse"]
        ]
        return Use(web_acl["Name"], "Count" in rule.get("OverrideAction", {}), tuple(overridden))
    return None


def uses(calls: Calls, scope: Scope, group_arn: str) -> list[Use]:
    """All web ACLs of a scope that use a rule group, by name."""
    using = []
    for summary in pages(calls, "list_web_acls", "WebACLs", Scope=scope.kind):
        try:
            answer = calls.read("get_web_acl", Name=summary["Name"], Scope=scope.kind, Id=summary["Id"])
        except calls.error("WAFNonexistentItemException"):
            continue
        if use := use_of(answer["WebACL"], group_arn):
            using.append(use)
    return sorted(using, key=lambda use: use.web_acl)


def use_lines(calls: Calls, scope: Scope, prefix: str) -> list[str]:
    """Lines on the rule group of a scope and the web ACLs that use it; one line if reading is not permitted."""
    name = group_name(prefix)
    try:
        groups = pages(calls, "list_rule_groups", "RuleGroups", Scope=scope.kind)
        arn = next((group["ARN"] for group in groups if group["Name"] == name), None)
        if arn is None:
            return [f"rule group {name}: there is none; `weir waf install` makes it"]
        using = uses(calls, scope, arn)
    except WafError as error:
        return [f"rule group {name}: which web ACLs use it is not known. {error}"]
    if not using:
        return [
            f"rule group {name}: no web ACL uses it yet, so it sees no request; add the rule group {name} to your web ACL"
        ]
    return [f"rule group {name}: {use.text()}" for use in using]
