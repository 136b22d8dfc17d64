"""What the twin's entities may hold: addresses of IP sets, rules of rule groups and web ACLs, and their references.

Also completes an entity: canonical addresses, capacity, label namespace. The grammar of rules is rule_grammar.py's.
"""

from __future__ import annotations

from typing import Any

from platform_assets.domains.waf import limits
from platform_assets.domains.waf.networks import address_order
from platform_assets.domains.waf.twin import rule_grammar
from platform_assets.domains.waf.twin.state import fault, invalid

ACCOUNT = "000000000000"
MAX_WEB_ACL_CAPACITY = 5000
BAD_FORMAT = "The parameter contains formatting that is not valid."
BAD_REFERENCE = "A reference in your rule statement is not valid."

State = dict[str, Any]
KINDS = {"IPSet": "ip_sets", "RuleGroup": "rule_groups", "WebACL": "web_acls"}
ARN_NAMES = {"IPSet": "ipset", "RuleGroup": "rulegroup", "WebACL": "webacl"}


def check_content(operation: str, state: State, kind: str, entity: State, settled_before: float) -> None:
    """Raise the errors that wafv2 would; entities created after `settled_before` cannot be referenced yet."""
    if kind == "IPSet":
        _check_addresses(operation, entity)
        return
    rules = entity.get("Rules", [])
    rule_grammar.check_rules(rules, in_rule_group=kind == "RuleGroup")
    _check_references(operation, state, entity, settled_before)
    used = capacity(operation, state, rules)
    entity["LabelNamespace"] = f"awswaf:{ACCOUNT}:{ARN_NAMES[kind]}:{entity['Name']}:"
    if kind == "RuleGroup" and used > entity["Capacity"]:
        raise fault(
            operation, "WAFLimitsExceededException", f"The rules need {used} WCU; the group has {entity['Capacity']}."
        )
    if kind == "WebACL":
        if used > MAX_WEB_ACL_CAPACITY:
            raise fault(
                operation, "WAFLimitsExceededException", f"The rules need {used} WCU of {MAX_WEB_ACL_CAPACITY}."
            )
        if len(entity["DefaultAction"]) != 1:
            raise invalid(operation, "Exactly one default action is needed.", "DEFAULT_ACTION", "DefaultAction")
        entity["Capacity"] = used


def capacity(operation: str, state: State, rules: list[Any]) -> int:
    """The WCU of rules, including those of referenced rule groups."""
    groups = {group["ARN"]: int(group["Capacity"]) for group in state["rule_groups"].values()}

    def of_group(arn: str) -> int:
        if arn not in groups:
            raise invalid(operation, BAD_REFERENCE, "RULE", "Statement")
        return groups[arn]

    return rule_grammar.capacity(rules, of_group)


def _check_addresses(operation: str, entity: State) -> None:
    if len(entity["Addresses"]) > limits.MAX_ADDRESSES:
        raise fault(
            operation, "WAFLimitsExceededException", f"An IP set holds {limits.MAX_ADDRESSES} addresses at most."
        )
    canonical = [limits.canonical(text) for text in entity["Addresses"]]
    for text, normal in zip(entity["Addresses"], canonical, strict=True):
        if "/" not in text or limits.address_problem(normal, entity["IPAddressVersion"]):
            raise invalid(operation, BAD_FORMAT, "IP_ADDRESS", text)
    if len(set(canonical)) != len(canonical):
        raise invalid(operation, "The list names an address twice.", "IP_ADDRESS", "Addresses")
    entity["Addresses"] = sorted(canonical, key=address_order)


def _check_references(operation: str, state: State, entity: State, settled_before: float) -> None:
    entities = {other["ARN"]: other for table in KINDS.values() for other in state[table].values()}
    for arn in sorted(rule_grammar.references(entity.get("Rules", []))):
        referenced = entities.get(arn)
        if referenced is None or referenced["Scope"] != entity["Scope"]:
            raise invalid(operation, BAD_REFERENCE, "RULE", "Statement")
        if referenced["CreatedAt"] > settled_before:
            raise fault(
                operation, "WAFUnavailableEntityException", f"{referenced['Name']} is not available yet; try again."
            )
