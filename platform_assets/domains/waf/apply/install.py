"""`weir waf install`: creates empty IP sets and one rule group that uses them, in count mode by default.

Never changes a web ACL: its owners add the rule group. ip_sets.py writes the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from platform_assets.domains.waf.apply.calls import Calls
from platform_assets.domains.waf.apply.client import pages, read_sets
from platform_assets.domains.waf.apply.ip_sets import TAGS
from platform_assets.domains.waf.decisions import ACTIONS
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.limits import check_name, description
from platform_assets.domains.waf.plan.plan import set_names
from platform_assets.domains.waf.plan.slots import MAX_SHARDS
from platform_assets.domains.waf.plan.values import LiveSet
from platform_assets.domains.waf.scopes import CLOUDFRONT, Scope

Mode = Literal["count", "enforce"]
ENFORCED: dict[str, dict[str, Any]] = {"block": {"Block": {}}, "challenge": {"Challenge": {}}, "count": {"Count": {}}}
CAPACITY = 50
"""WCU of the rule group, fixed at its creation: six IP sets need 6, the rest is for further shards."""

ATTEMPTS = 10


@dataclass(frozen=True)
class InstallPlan:
    """The differences from a complete installation in one scope."""

    scope: Scope
    prefix: str
    mode: Mode
    missing_sets: tuple[tuple[str, str, str], ...]
    """(name, action, family)"""
    group: Literal["create", "update", "keep"]
    explicit_mode: Mode | None = None

    @property
    def group_name(self) -> str:
        return group_name(self.prefix)

    @property
    def changes(self) -> bool:
        return bool(self.missing_sets) or self.group != "keep"

    def text(self) -> str:
        lines = [f"WAF installation, scope {self.scope}"]
        lines += [f"  + IP set {name}, {family}, empty" for name, _, family in self.missing_sets]
        words = {"count": "counts and labels, stops nothing", "enforce": "blocks, challenges and counts"}
        sign = {"create": "+", "update": "~", "keep": "="}[self.group]
        lines.append(f"  {sign} rule group {self.group_name} in {self.mode} mode: {words[self.mode]}")
        lines.append(
            f"  = no web ACL is touched; add the rule group {self.group_name} to yours when you have seen what it counts"
        )
        if not self.changes:
            lines.append("Nothing to change.")
        return "\n".join(lines)


def group_name(prefix: str) -> str:
    return f"{prefix}-rules"


def plan_install(
    calls: Calls, *, scope: Scope = CLOUDFRONT, prefix: str = "weir", mode: Mode | None = None, shards: int = 1
) -> InstallPlan:
    """The plan of an installation. Without a mode, an existing rule group keeps its mode, and a new one counts.

    `shards`: IP sets per action and family; further existing sets stay in use until somebody deletes them.
    """
    scope.check_region(calls.client.meta.region_name)
    live = read_sets(calls, scope, prefix)
    missing = tuple(named_set for named_set in set_names(prefix, shards) if named_set[0] not in live)
    for name, _, _ in missing:
        check_name(name)
    group = _find_group(calls, scope, group_name(prefix))
    if group is None:
        return InstallPlan(scope, prefix, mode or "count", missing, "create", mode)
    present: Mode = _mode(group["RuleGroup"], prefix)
    after = mode or present
    same = not missing and _merged_rules(group["RuleGroup"], _rules(prefix, after, live)) == _by_priority(
        group["RuleGroup"]
    )
    return InstallPlan(scope, prefix, after, missing, "keep" if same else "update", mode)


def apply_install(calls: Calls, plan: InstallPlan) -> tuple[str, ...]:
    """Create what is missing; returns the names created or changed. Repeating it changes nothing."""
    names = []
    present = read_sets(calls, plan.scope, plan.prefix)
    duplicate = calls.error("WAFDuplicateItemException")
    for name, action, family in plan.missing_sets:
        if name in present:
            continue
        text = description(f"Weir {action} {family}: no entries. Entries added by hand stay.")
        shared = {"Name": name, "Scope": plan.scope.kind, "Description": text, "Tags": TAGS}
        try:
            calls.write("create_ip_set", IPAddressVersion=family, Addresses=[], **shared)
        except duplicate:
            continue
        names.append(name)
    if plan.group != "keep" and _write_group(calls, plan):
        names.append(plan.group_name)
    return tuple(names)


def _write_group(calls: Calls, plan: InstallPlan) -> bool:
    """Create or update the rule group; returns whether a call changed it."""
    live = read_sets(calls, plan.scope, plan.prefix)
    name = plan.group_name
    shared = {
        "Name": name,
        "Scope": plan.scope.kind,
        "Description": description("Acts on the IP sets of Weir. Rules added by hand stay."),
        "VisibilityConfig": _visibility(name),
    }
    for _ in range(ATTEMPTS):
        answer = _find_group(calls, plan.scope, name)
        try:
            if answer is None:
                rules = _rules(plan.prefix, plan.mode, live)
                calls.write("create_rule_group", Capacity=CAPACITY, Rules=rules, Tags=TAGS, **shared)
                return True
            group = answer["RuleGroup"]
            mode = plan.explicit_mode or _mode(group, plan.prefix)
            rules = _merged_rules(group, _rules(plan.prefix, mode, live))
            if rules == _by_priority(group):
                return False
            kept = {key: group[key] for key in ("CustomResponseBodies",) if group.get(key)}
            calls.write(
                "update_rule_group", Id=group["Id"], LockToken=answer["LockToken"], Rules=rules, **shared, **kept
            )
            return True
        except (calls.error("WAFOptimisticLockException"), calls.error("WAFDuplicateItemException")):
            continue
    raise WafError(
        f"The rule group {name} was changed by somebody else at each of {ATTEMPTS} attempts; run again when that has ended."
    )


def _find_group(calls: Calls, scope: Scope, name: str) -> dict[str, Any] | None:
    for summary in pages(calls, "list_rule_groups", "RuleGroups", Scope=scope.kind):
        if summary["Name"] == name:
            try:
                return calls.read("get_rule_group", Name=name, Scope=scope.kind, Id=summary["Id"])
            except calls.error("WAFNonexistentItemException"):
                return None
    return None


def _rules(prefix: str, mode: Mode, live: Mapping[str, LiveSet]) -> list[dict[str, Any]]:
    """One rule per action, strongest first, over its IPv4 and IPv6 sets; each labels what it matches."""
    rules = []
    first = {name for name, _, _ in set_names(prefix)}
    existing = [
        named_set for named_set in set_names(prefix, MAX_SHARDS) if named_set[0] in first or named_set[0] in live
    ]
    for priority, action in enumerate(reversed(ACTIONS)):
        names = [name for name, of_action, _ in existing if of_action == action]
        references = [{"IPSetReferenceStatement": {"ARN": live[name].arn}} for name in names]
        name = f"{prefix}-{action}"
        rules.append(
            {
                "Name": name,
                "Priority": priority,
                "Statement": {"OrStatement": {"Statements": references}},
                "Action": ENFORCED[action] if mode == "enforce" else {"Count": {}},
                "RuleLabels": [{"Name": f"{prefix}:{action}"}],
                "VisibilityConfig": _visibility(name),
            }
        )
    return rules


def _merged_rules(group: Mapping[str, Any], ours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our rules at their current priorities, and rules that people added unchanged."""
    present = {rule["Name"]: rule for rule in group.get("Rules", ())}
    names = {rule["Name"] for rule in ours}
    kept = [rule for name, rule in present.items() if name not in names]
    taken = {rule["Priority"] for rule in kept} | {present[name]["Priority"] for name in names & present.keys()}
    merged = list(kept)
    for rule in ours:
        if rule["Name"] in present:
            place = present[rule["Name"]]["Priority"]
        else:
            place = next(number for number in range(len(taken) + len(ours) + 1) if number not in taken)
            taken.add(place)
        merged.append({**rule, "Priority": place})
    return sorted(merged, key=lambda rule: rule["Priority"])


def _by_priority(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    return sorted(group.get("Rules", ()), key=lambda rule: rule["Priority"])


def _mode(group: Mapping[str, Any], prefix: str) -> Mode:
    """Enforce if our block rule blocks."""
    ours = {rule["Name"]: rule for rule in group.get("Rules", ())}
    return "enforce" if "Block" in ours.get(f"{prefix}-block", {}).get("Action", {}) else "count"


def _visibility(name: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}
