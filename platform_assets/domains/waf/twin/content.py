"""What the twin's entities may hold: addresses of IP sets, rules of rule groups and web ACLs, and their references.

Completes an entity on the way (canonical addresses, capacity, label namespace). The grammar of rules is rule_grammar.py's.
"""

from __future__ import annotations

from typing import Any

from platform_assets.domains.waf import limits
from platform_assets.domains.waf.networks import address_order
from platform_assets.domains.waf.twin import rule_grammar as twin_rules
from platform_assets.domains.waf.twin.state import fault, invalid

ACCOUNT = "000000000000"
MAX_WEB_ACL_CAPACITY = 5000
BAD_FORMAT = "The parameter contains formatting that is not valid."
BAD_REFERENCE = "A reference in your rule statement is not valid."

State = dict[str, Any]
KINDS = {"IPSet": "ip_sets", "RuleGroup": "rule_groups", "WebACL": "web_acls"}
ARN_NAMES = {"IPSet": "ipset", "RuleGroup": "rulegroup", "WebACL": "webacl"}


def check_content(operation: str, state: State, kind: str, one: State, settled_before: float) -> None:
    """Raise what wafv2 would; entities made after `settled_before` cannot be referenced yet."""
    if kind == "IPSet":
        _check_addresses(operation, one)
        return
    rules = one.get("Rules", [])
    twin_rules.check_rules(rules, in_rule_group=kind == "RuleGroup")
    _check_references(operation, state, one, settled_before)
    used = capacity(operation, state, rules)
    one["LabelNamespace"] = f"awswaf:{ACCOUNT}:{ARN_NAMES[kind]}:{one['Name']}:"
    if kind == "RuleGroup" and used > one["Capacity"]:
        raise fault(
            operation, "WAFLimitsExceededException", f"The rules need {used} WCU; the group has {one['Capacity']}."
        )
    if kind == "WebACL":
        if used > MAX_WEB_ACL_CAPACITY:
            raise fault(
                operation, "WAFLimitsExceededException", f"The rules need {used} WCU of {MAX_WEB_ACL_CAPACITY}."
            )
        if len(one["DefaultAction"]) != 1:
            raise invalid(operation, "Exactly one default action is needed.", "DEFAULT_ACTION", "DefaultAction")
        one["Capacity"] = used


def capacity(operation: str, state: State, rules: list[Any]) -> int:
    """The WCU of rules, those of referenced rule groups included."""
    groups = {one["ARN"]: int(one["Capacity"]) for one in state["rule_groups"].values()}

    def of_group(arn: str) -> int:
        if arn not in groups:
            raise invalid(operation, BAD_REFERENCE, "RULE", "Statement")
        return groups[arn]

    return twin_rules.capacity(rules, of_group)


def _check_addresses(operation: str, one: State) -> None:
    if len(one["Addresses"]) > limits.MAX_ADDRESSES:
        raise fault(
            operation, "WAFLimitsExceededException", f"An IP set holds {limits.MAX_ADDRESSES} addresses at most."
        )
    canonical = [limits.canonical(text) for text in one["Addresses"]]
    for text, normal in zip(one["Addresses"], canonical, strict=True):
        if "/" not in text or limits.address_problem(normal, one["IPAddressVersion"]):
            raise invalid(operation, BAD_FORMAT, "IP_ADDRESS", text)
    if len(set(canonical)) != len(canonical):
        raise invalid(operation, "The list names an address twice.", "IP_ADDRESS", "Addresses")
    one["Addresses"] = sorted(canonical, key=address_order)


def _check_references(operation: str, state: State, one: State, settled_before: float) -> None:
    entities = {found["ARN"]: found for table in KINDS.values() for found in state[table].values()}
    for arn in sorted(twin_rules.references(one.get("Rules", []))):
        found = entities.get(arn)
        if found is None or found["Scope"] != one["Scope"]:
            raise invalid(operation, BAD_REFERENCE, "RULE", "Statement")
        if found["CreatedAt"] > settled_before:
            raise fault(operation, "WAFUnavailableEntityException", f"{found['Name']} is not available yet; try again.")
