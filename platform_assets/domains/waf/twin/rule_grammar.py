"""The grammar of rules: references, whether a statement is well formed, and its capacity (WCU).

Pure functions over the structures of a request. Statement kinds that the twin does not know are refused rather than
waved through. Sources: "AWS WAF rule statements" and the answers that users of wafv2 report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Statement = Mapping[str, Any]

BASE_CAPACITY = {
    "IPSetReferenceStatement": 1,
    "GeoMatchStatement": 1,
    "LabelMatchStatement": 1,
    "AsnMatchStatement": 1,
    "SizeConstraintStatement": 1,
    "ByteMatchStatement": 2,
    "RegexMatchStatement": 3,
    "SqliMatchStatement": 20,
    "XssMatchStatement": 40,
    "RateBasedStatement": 2,
    "AndStatement": 0,
    "OrStatement": 0,
    "NotStatement": 0,
}
CONTAINS_CAPACITY = 10
MANAGED_CAPACITY = 700
"""The twin's capacity of every managed rule group; in AWS each has its own."""

ACTIONS = ("Allow", "Block", "Count", "Captcha", "Challenge")
OVERRIDES = ("None", "Count")
IN_RULE_GROUPS_FORBIDDEN = ("RuleGroupReferenceStatement", "ManagedRuleGroupStatement")


class RuleFault(Exception):
    """A rule is not well formed: wafv2's reason, field and parameter."""

    def __init__(self, reason: str, field: str, parameter: str) -> None:
        super().__init__(reason)
        self.reason, self.field, self.parameter = reason, field, parameter


def single(statement: Statement) -> tuple[str, Mapping[str, Any]]:
    """The one kind of a statement and its body."""
    if len(statement) != 1:
        count = "multiple values" if statement else "no value"
        raise RuleFault(f"Your statement has {count} set for a field that requires exactly one value.", "RULE", "Rule")
    return next(iter(statement.items()))


def nested(kind: str, body: Mapping[str, Any]) -> list[Statement]:
    if kind in ("AndStatement", "OrStatement"):
        inner = list(body["Statements"])
        if len(inner) < 2:
            field = "AND_STATEMENT" if kind == "AndStatement" else "OR_STATEMENT"
            raise RuleFault("You haven't met a minimum requirement for a threshold setting.", field, kind)
        return inner
    if kind == "NotStatement":
        return [body["Statement"]]
    if "ScopeDownStatement" in body:
        return [body["ScopeDownStatement"]]
    return []


def walk(statement: Statement) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A statement and every statement nested in it, outermost first."""
    kind, body = single(statement)
    yield kind, body
    for inner in nested(kind, body):
        yield from walk(inner)


def references(rules: list[Mapping[str, Any]]) -> set[str]:
    """The ARNs that rules reference."""
    return {body["ARN"] for rule in rules for _, body in walk(rule["Statement"]) if "ARN" in body}


def capacity(rules: list[Mapping[str, Any]], group_capacity: Callable[[str], int]) -> int:
    """The WCU of rules; `group_capacity` returns the WCU of the rule group with an ARN."""
    return sum(_capacity(kind, body, group_capacity) for rule in rules for kind, body in walk(rule["Statement"]))


def _capacity(kind: str, body: Mapping[str, Any], group_capacity: Callable[[str], int]) -> int:
    if kind == "RuleGroupReferenceStatement":
        return group_capacity(body["ARN"])
    if kind == "ManagedRuleGroupStatement":
        return MANAGED_CAPACITY
    if kind not in BASE_CAPACITY:
        raise RuleFault(f"The local twin does not know {kind}; use AWS for rules with it.", "STATEMENT", kind)
    if kind == "ByteMatchStatement" and body["PositionalConstraint"] in ("CONTAINS", "CONTAINS_WORD"):
        return CONTAINS_CAPACITY
    forwarded = body.get("IPSetForwardedIPConfig", {})
    if kind == "IPSetReferenceStatement" and forwarded.get("Position") == "ANY":
        return 5
    return BASE_CAPACITY[kind]


def check_rules(rules: list[Mapping[str, Any]], in_rule_group: bool) -> None:
    """RuleFault unless names and priorities are unique, each rule has one action, and statements are well formed and nested as allowed."""
    for key in ("Name", "Priority"):
        values = [rule[key] for rule in rules]
        if len(values) != len(set(values)):
            raise RuleFault(f"Rules must differ in their {key}.", "RULE", key)
    for rule in rules:
        kind, _ = single(rule["Statement"])
        is_group = kind in IN_RULE_GROUPS_FORBIDDEN
        if is_group and in_rule_group:
            raise RuleFault("A rule group cannot hold another one.", "STATEMENT", kind)
        field, allowed = ("OverrideAction", OVERRIDES) if is_group else ("Action", ACTIONS)
        action = rule.get(field, {})
        others = {"Action", "OverrideAction"} & rule.keys() - {field}
        if len(action) != 1 or next(iter(action)) not in allowed or others:
            raise RuleFault(f"A rule with {kind} takes exactly one {field}.", "RULE_ACTION", rule["Name"])
        if any(inner in IN_RULE_GROUPS_FORBIDDEN for inner, _ in list(walk(rule["Statement"]))[1:]):
            raise RuleFault("This statement cannot be nested.", "STATEMENT", rule["Name"])
