"""The strict local twin of wafv2: IP sets, rule groups and web ACLs in a folder, with the interface of boto3's client.

Refuses what AWS refuses, with botocore's own exceptions; used by demo, replay and tests. It matches no traffic. What
each call does is entities.py's, how state is stored and errors are built is state.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from platform_assets.domains.waf import limits
from platform_assets.domains.waf.twin import entities
from platform_assets.domains.waf.twin.entities import Call
from platform_assets.domains.waf.twin.rule_grammar import RuleFault
from platform_assets.domains.waf.twin.state import (
    TwinFolder,
    check_constraints,
    check_parameters,
    exceptions,
    fault,
    invalid,
    joined,
    of_region,
    response,
    service_model,
)

Handler = Callable[[Call], dict[str, Any]]


class WafTwin:
    """A wafv2 client of one region; clients of all regions share the folder.

    `clock`: the wall clock. `settle_seconds`: how long a new entity cannot be referenced yet. `writes_per_second`: the
    rate limit of each mutating operation.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        region_name: str = limits.GLOBAL_REGION,
        clock: Callable[[], float] = time.time,
        settle_seconds: float = 2.0,
        writes_per_second: float = limits.MUTATING_CALLS_PER_SECOND,
    ) -> None:
        self._folder = TwinFolder(Path(folder), clock)
        self._clock, self._settle, self._rate = clock, settle_seconds, writes_per_second
        self.exceptions = exceptions()
        self.meta = SimpleNamespace(
            region_name=region_name, service_model=service_model(), endpoint_url=f"twin:{folder}"
        )

    # IP sets

    def create_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._write("CreateIPSet", parameters, entities.create, "IPSet")

    def get_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._read("GetIPSet", parameters, entities.get, "IPSet")

    def update_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._write("UpdateIPSet", parameters, entities.update, "IPSet")

    def delete_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._write("DeleteIPSet", parameters, entities.delete, "IPSet")

    def list_ip_sets(self, **parameters: Any) -> dict[str, Any]:
        return self._read("ListIPSets", parameters, entities.list_page, "IPSet")

    # Rule groups

    def create_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._write("CreateRuleGroup", parameters, entities.create, "RuleGroup")

    def get_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._read("GetRuleGroup", parameters, entities.get, "RuleGroup")

    def update_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._write("UpdateRuleGroup", parameters, entities.update, "RuleGroup")

    def delete_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._write("DeleteRuleGroup", parameters, entities.delete, "RuleGroup")

    def list_rule_groups(self, **parameters: Any) -> dict[str, Any]:
        return self._read("ListRuleGroups", parameters, entities.list_page, "RuleGroup")

    # Web ACLs

    def create_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._write("CreateWebACL", parameters, entities.create, "WebACL")

    def get_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._read("GetWebACL", parameters, entities.get, "WebACL")

    def update_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._write("UpdateWebACL", parameters, entities.update, "WebACL")

    def delete_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._write("DeleteWebACL", parameters, entities.delete, "WebACL")

    def list_web_acls(self, **parameters: Any) -> dict[str, Any]:
        return self._read("ListWebACLs", parameters, entities.list_page, "WebACL")

    def check_capacity(self, **parameters: Any) -> dict[str, Any]:
        return self._read("CheckCapacity", parameters, entities.check_capacity)

    # Tags

    def tag_resource(self, **parameters: Any) -> dict[str, Any]:
        return self._write("TagResource", parameters, entities.tag)

    def untag_resource(self, **parameters: Any) -> dict[str, Any]:
        return self._write("UntagResource", parameters, entities.untag)

    def list_tags_for_resource(self, **parameters: Any) -> dict[str, Any]:
        return self._read("ListTagsForResource", parameters, entities.list_tags)

    # How a call is handled

    def _read(self, operation: str, parameters: dict[str, Any], handler: Handler, kind: str = "") -> dict[str, Any]:
        check_parameters(operation, parameters)
        with self._folder.lock():
            body, _ = self._call(operation, parameters, handler, kind)
        return response(body)

    def _write(self, operation: str, parameters: dict[str, Any], handler: Handler, kind: str = "") -> dict[str, Any]:
        check_parameters(operation, parameters)
        with self._folder.lock():
            if not self._folder.admits(self.meta.region_name, operation, self._rate):
                raise fault(operation, "ThrottlingException", "Rate exceeded")
            body, state = self._call(operation, parameters, handler, kind)
            self._folder.save(state)
        return response(body)

    def _call(
        self, operation: str, parameters: dict[str, Any], handler: Handler, kind: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answer, and the state of all regions after the call."""
        check_constraints(operation, parameters)
        region, now = self.meta.region_name, self._clock()
        if parameters.get("Scope") == "CLOUDFRONT" and region != limits.GLOBAL_REGION:
            raise invalid(operation, "The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")
        all_regions = self._folder.load()
        state = of_region(all_regions, region)
        try:
            body = handler(Call(operation, parameters, state, region, now, now - self._settle, kind))
        except RuleFault as error:
            raise invalid(operation, error.reason, error.field, error.parameter) from None
        return body, joined(of_region(all_regions, region, others=True), state)
