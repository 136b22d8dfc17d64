"""The strict local twin of wafv2: IP sets, rule groups and web ACLs in a folder, with the interface of boto3's client.

Refuses what AWS refuses, with botocore's own exceptions; used by demo, replay and tests. It matches no traffic. How
state is kept and faults are made is state.py's, what entities may hold is content.py's.
"""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from platform_assets.domains.waf import limits
from platform_assets.domains.waf.twin import rule_grammar as twin_rules
from platform_assets.domains.waf.twin.content import (
    ACCOUNT,
    ARN_NAMES,
    BAD_FORMAT,
    KINDS,
    State,
    capacity,
    check_content,
)
from platform_assets.domains.waf.twin.state import (
    TwinFolder,
    answered,
    check_constraints,
    check_parameters,
    exceptions,
    fault,
    invalid,
    joined,
    of_region,
    service_model,
)

MOST = {"IPSet": limits.MAX_IP_SETS, "RuleGroup": limits.MAX_RULE_GROUPS, "WebACL": limits.MAX_WEB_ACLS}
SHOWN = {
    "IPSet": ("Name", "Id", "ARN", "Description", "IPAddressVersion", "Addresses"),
    "RuleGroup": ("Name", "Id", "Capacity", "ARN", "Description", "Rules", "VisibilityConfig", "CustomResponseBodies", "LabelNamespace"),
    "WebACL": (
        "Name", "Id", "ARN", "DefaultAction", "Description", "Rules", "VisibilityConfig", "Capacity", "LabelNamespace",
        "CustomResponseBodies", "CaptchaConfig", "ChallengeConfig", "TokenDomains", "AssociationConfig",
        "DataProtectionConfig", "OnSourceDDoSProtectionConfig", "ApplicationConfig",
    ),
}  # fmt: skip
GIVEN = {
    kind: tuple(name for name in names if name not in ("Id", "ARN", "LabelNamespace")) for kind, names in SHOWN.items()
}


class WafTwin:
    """A wafv2 client of one region whose service is a folder, shared by clients of all regions. `clock` is the wall clock; `settle_seconds` is how long a new entity
    cannot be referenced yet; `writes_per_second` is the rate of each mutating operation."""

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
        return self._call(
            "CreateIPSet", parameters, lambda state: self._create(state, "IPSet", parameters), writes=True
        )

    def get_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._call("GetIPSet", parameters, lambda state: self._get(state, "IPSet", parameters))

    def update_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "UpdateIPSet", parameters, lambda state: self._update(state, "IPSet", parameters), writes=True
        )

    def delete_ip_set(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "DeleteIPSet", parameters, lambda state: self._delete(state, "IPSet", parameters), writes=True
        )

    def list_ip_sets(self, **parameters: Any) -> dict[str, Any]:
        return self._call("ListIPSets", parameters, lambda state: self._list(state, "IPSet", parameters))

    # Rule groups

    def create_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "CreateRuleGroup", parameters, lambda state: self._create(state, "RuleGroup", parameters), writes=True
        )

    def get_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._call("GetRuleGroup", parameters, lambda state: self._get(state, "RuleGroup", parameters))

    def update_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "UpdateRuleGroup", parameters, lambda state: self._update(state, "RuleGroup", parameters), writes=True
        )

    def delete_rule_group(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "DeleteRuleGroup", parameters, lambda state: self._delete(state, "RuleGroup", parameters), writes=True
        )

    def list_rule_groups(self, **parameters: Any) -> dict[str, Any]:
        return self._call("ListRuleGroups", parameters, lambda state: self._list(state, "RuleGroup", parameters))

    # Web ACLs

    def create_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "CreateWebACL", parameters, lambda state: self._create(state, "WebACL", parameters), writes=True
        )

    def get_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._call("GetWebACL", parameters, lambda state: self._get(state, "WebACL", parameters))

    def update_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "UpdateWebACL", parameters, lambda state: self._update(state, "WebACL", parameters), writes=True
        )

    def delete_web_acl(self, **parameters: Any) -> dict[str, Any]:
        return self._call(
            "DeleteWebACL", parameters, lambda state: self._delete(state, "WebACL", parameters), writes=True
        )

    def list_web_acls(self, **parameters: Any) -> dict[str, Any]:
        return self._call("ListWebACLs", parameters, lambda state: self._list(state, "WebACL", parameters))

    def check_capacity(self, **parameters: Any) -> dict[str, Any]:
        def used(state: State) -> dict[str, Any]:
            return {"Capacity": capacity("CheckCapacity", state, parameters["Rules"])}

        return self._call("CheckCapacity", parameters, used)

    # Tags

    def tag_resource(self, **parameters: Any) -> dict[str, Any]:
        def tag(state: State) -> dict[str, Any]:
            tags = self._tags("TagResource", state, parameters["ResourceARN"])
            tags.update({one["Key"]: one["Value"] for one in parameters["Tags"]})
            return {}

        return self._call("TagResource", parameters, tag, writes=True)

    def untag_resource(self, **parameters: Any) -> dict[str, Any]:
        def untag(state: State) -> dict[str, Any]:
            tags = self._tags("UntagResource", state, parameters["ResourceARN"])
            for key in parameters["TagKeys"]:
                tags.pop(key, None)
            return {}

        return self._call("UntagResource", parameters, untag, writes=True)

    def list_tags_for_resource(self, **parameters: Any) -> dict[str, Any]:
        def listed(state: State) -> dict[str, Any]:
            arn = parameters["ResourceARN"]
            tags = self._tags("ListTagsForResource", state, arn)
            return {
                "TagInfoForResource": {
                    "ResourceARN": arn,
                    "TagList": [{"Key": k, "Value": v} for k, v in sorted(tags.items())],
                }
            }

        return self._call("ListTagsForResource", parameters, listed)

    # How a call is answered

    def _call(
        self,
        operation: str,
        parameters: dict[str, Any],
        handler: Callable[[State], dict[str, Any]],
        writes: bool = False,
    ) -> dict[str, Any]:
        check_parameters(operation, parameters)
        with self._folder.held():
            if writes and not self._folder.admits(self.meta.region_name, operation, self._rate):
                raise fault(operation, "ThrottlingException", "Rate exceeded")
            check_constraints(operation, parameters)
            self._check_scope(operation, parameters.get("Scope"))
            everywhere = self._folder.load()
            state = of_region(everywhere, self.meta.region_name)
            try:
                body = handler(state)
            except twin_rules.RuleFault as error:
                raise invalid(operation, error.reason, error.field, error.parameter) from None
            if writes:
                self._folder.save(joined(of_region(everywhere, self.meta.region_name, others=True), state))
        return answered(body)

    def _check_scope(self, operation: str, scope: str | None) -> None:
        if scope == "CLOUDFRONT" and self.meta.region_name != limits.GLOBAL_REGION:
            raise invalid(operation, "The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")

    def _create(self, state: State, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        operation = f"Create{kind}"
        found = state[KINDS[kind]]
        of_scope = [one for one in found.values() if one["Scope"] == given["Scope"]]
        if any(one["Name"] == given["Name"] for one in of_scope):
            raise fault(operation, "WAFDuplicateItemException", f"A {kind} named {given['Name']} exists.")
        if len(of_scope) >= MOST[kind]:
            raise fault(operation, "WAFLimitsExceededException", f"There are {len(of_scope)} of {MOST[kind]} {kind}s.")
        entity = {
            "Scope": given["Scope"],
            "Id": str(uuid.uuid4()),
            "LockToken": str(uuid.uuid4()),
            "CreatedAt": self._clock(),
        }
        entity.update({name: given[name] for name in GIVEN[kind] if name in given})
        entity["ARN"] = self._arn(kind, entity)
        check_content(operation, state, kind, entity, self._clock() - self._settle)
        found[entity["Id"]] = entity
        if given.get("Tags"):
            state["tags"][entity["ARN"]] = {one["Key"]: one["Value"] for one in given["Tags"]}
        return {"Summary": _summary(entity)}

    def _get(self, state: State, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        one = self._find(f"Get{kind}", state, kind, given)
        shown = {name: one[name] for name in SHOWN[kind] if name in one}
        return {kind: shown, "LockToken": one["LockToken"]}

    def _update(self, state: State, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """Everything that may be given is replaced; what is left out is gone, as in AWS."""
        operation = f"Update{kind}"
        one = self._find(operation, state, kind, given)
        _check_token(operation, one, given["LockToken"])
        fixed = ("Name", "Capacity", "IPAddressVersion")
        after = {key: value for key, value in one.items() if key not in GIVEN[kind] or key in fixed}
        after.update({name: given[name] for name in GIVEN[kind] if name in given})
        check_content(operation, state, kind, after, self._clock() - self._settle)
        after["LockToken"] = str(uuid.uuid4())
        state[KINDS[kind]][one["Id"]] = after
        return {"NextLockToken": after["LockToken"]}

    def _delete(self, state: State, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        operation = f"Delete{kind}"
        one = self._find(operation, state, kind, given)
        _check_token(operation, one, given["LockToken"])
        users = [
            user["Name"]
            for table in ("rule_groups", "web_acls")
            for user in state[table].values()
            if one["ARN"] in twin_rules.references(user.get("Rules", []))
        ]
        if users:
            raise fault(
                operation, "WAFAssociatedItemException", f"{one['Name']} is referenced by {', '.join(sorted(users))}."
            )
        del state[KINDS[kind]][one["Id"]]
        state["tags"].pop(one["ARN"], None)
        return {}

    def _list(self, state: State, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """Pages in order of names. A full page names a next marker even where nothing follows."""
        after = _marked(f"List{kind}s", given["NextMarker"]) if "NextMarker" in given else ""
        found = sorted(
            (one for one in state[KINDS[kind]].values() if one["Scope"] == given["Scope"]), key=lambda one: one["Name"]
        )
        limit = given.get("Limit", limits.MAX_PAGE)
        page = [one for one in found if one["Name"] > after][:limit]
        body: dict[str, Any] = {f"{kind}s": [_summary(one) for one in page]}
        if len(page) == limit:
            body["NextMarker"] = base64.urlsafe_b64encode(page[-1]["Name"].encode()).decode()
        return body

    def _find(self, operation: str, state: State, kind: str, given: dict[str, Any]) -> Any:
        for one in state[KINDS[kind]].values():
            is_named = all(one[key] == given.get(key) for key in ("Id", "Name", "Scope"))
            if is_named or ("ARN" in given and one["ARN"] == given["ARN"]):
                return one
        raise fault(operation, "WAFNonexistentItemException", f"There is no such {kind}.")

    def _arn(self, kind: str, one: State) -> str:
        where = "global" if one["Scope"] == "CLOUDFRONT" else "regional"
        return f"arn:aws:wafv2:{self.meta.region_name}:{ACCOUNT}:{where}/{ARN_NAMES[kind]}/{one['Name']}/{one['Id']}"

    def _tags(self, operation: str, state: State, arn: str) -> dict[str, str]:
        if not any(one["ARN"] == arn for table in KINDS.values() for one in state[table].values()):
            raise fault(operation, "WAFNonexistentItemException", f"There is no {arn}.")
        tags: dict[str, str] = state["tags"].setdefault(arn, {})
        return tags


def _summary(one: State) -> dict[str, Any]:
    return {name: one[name] for name in ("Name", "Id", "Description", "LockToken", "ARN") if name in one}


def _check_token(operation: str, one: State, token: str) -> None:
    if one["LockToken"] != token:
        raise fault(operation, "WAFOptimisticLockException", f"{one['Name']} has changed since the token was given.")


def _marked(operation: str, marker: str) -> str:
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid(operation, BAD_FORMAT, "NEXT_MARKER", marker) from None
