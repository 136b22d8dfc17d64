"""Calls of wafv2 as the tests of the twin make them, on any client. No test here."""

from __future__ import annotations

from typing import Any

SCOPE = {"Scope": "CLOUDFRONT"}
SEEN = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}


def create(
    client: Any, name: str = "s", addresses: tuple[str, ...] = (), family: str = "IPV4", **more: Any
) -> dict[str, Any]:
    made = client.create_ip_set(Name=name, IPAddressVersion=family, Addresses=list(addresses), **SCOPE, **more)
    return made["Summary"]


def get(client: Any, summary: dict[str, Any]) -> dict[str, Any]:
    return client.get_ip_set(Name=summary["Name"], Id=summary["Id"], **SCOPE)


def update(client: Any, summary: dict[str, Any], addresses: list[str], token: str, **more: Any) -> dict[str, Any]:
    return client.update_ip_set(
        Name=summary["Name"], Id=summary["Id"], Addresses=addresses, LockToken=token, **SCOPE, **more
    )


def delete(client: Any, summary: dict[str, Any], token: str) -> dict[str, Any]:
    return client.delete_ip_set(Name=summary["Name"], Id=summary["Id"], LockToken=token, **SCOPE)


def reference(arn: str) -> dict[str, Any]:
    return {"IPSetReferenceStatement": {"ARN": arn}}


def rule(statement: dict[str, Any], name: str = "r", priority: int = 0, **more: Any) -> dict[str, Any]:
    rest = more or {"Action": {"Block": {}}}
    return {"Name": name, "Priority": priority, "Statement": statement, "VisibilityConfig": SEEN, **rest}


def group(client: Any, rules: list[dict[str, Any]], capacity: int = 10, name: str = "g") -> dict[str, Any]:
    return client.create_rule_group(Name=name, Capacity=capacity, Rules=rules, VisibilityConfig=SEEN, **SCOPE)[
        "Summary"
    ]


def acl(client: Any, rules: list[dict[str, Any]], name: str = "a", **more: Any) -> dict[str, Any]:
    return client.create_web_acl(
        Name=name, DefaultAction={"Allow": {}}, Rules=rules, VisibilityConfig=SEEN, **SCOPE, **more
    )["Summary"]
