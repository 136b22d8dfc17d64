"""What each call does to the twin's entities: create, get, update, delete, list, and tags. Each function takes a Call.

What an entity may hold is content.py's; locking and storing the state is state.py's.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass
from typing import Any

from platform_assets.domains.waf import limits
from platform_assets.domains.waf.twin import rule_grammar
from platform_assets.domains.waf.twin.content import (
    ACCOUNT,
    ARN_NAMES,
    BAD_FORMAT,
    KINDS,
    State,
    capacity,
    check_content,
)
from platform_assets.domains.waf.twin.state import fault, invalid

MAX_COUNTS = {"IPSet": limits.MAX_IP_SETS, "RuleGroup": limits.MAX_RULE_GROUPS, "WebACL": limits.MAX_WEB_ACLS}
OUTPUT_FIELDS = {
    "IPSet": ("Name", "Id", "ARN", "Description", "IPAddressVersion", "Addresses"),
    "RuleGroup": ("Name", "Id", "Capacity", "ARN", "Description", "Rules", "VisibilityConfig", "CustomResponseBodies", "LabelNamespace"),
    "WebACL": (
        "Name", "Id", "ARN", "DefaultAction", "Description", "Rules", "VisibilityConfig", "Capacity", "LabelNamespace",
        "CustomResponseBodies", "CaptchaConfig", "ChallengeConfig", "TokenDomains", "AssociationConfig",
        "DataProtectionConfig", "OnSourceDDoSProtectionConfig", "ApplicationConfig",
    ),
}  # fmt: skip
INPUT_FIELDS = {
    kind: tuple(name for name in names if name not in ("Id", "ARN", "LabelNamespace"))
    for kind, names in OUTPUT_FIELDS.items()
}


@dataclass(frozen=True)
class Call:
    """A call of wafv2, and the state of the region that it reads or changes."""

    operation: str
    parameters: dict[str, Any]
    state: State
    region: str
    now: float
    settled_before: float
    """Entities created later cannot be referenced yet."""
    kind: str = ""
    """IPSet, RuleGroup or WebACL; empty for calls about rules and tags."""

    @property
    def entities(self) -> dict[str, State]:
        """The entities of its kind, by id."""
        entities: dict[str, State] = self.state[KINDS[self.kind]]
        return entities


def create(call: Call) -> dict[str, Any]:
    kind, parameters = call.kind, call.parameters
    in_scope = [entity for entity in call.entities.values() if entity["Scope"] == parameters["Scope"]]
    if any(entity["Name"] == parameters["Name"] for entity in in_scope):
        raise fault(call.operation, "WAFDuplicateItemException", f"A {kind} named {parameters['Name']} exists.")
    if len(in_scope) >= MAX_COUNTS[kind]:
        message = f"There are {len(in_scope)} of {MAX_COUNTS[kind]} {kind}s."
        raise fault(call.operation, "WAFLimitsExceededException", message)
    entity = {
        "Scope": parameters["Scope"],
        "Id": str(uuid.uuid4()),
        "LockToken": str(uuid.uuid4()),
        "CreatedAt": call.now,
    }
    entity.update({name: parameters[name] for name in INPUT_FIELDS[kind] if name in parameters})
    entity["ARN"] = _arn(call.region, kind, entity)
    check_content(call.operation, call.state, kind, entity, call.settled_before)
    call.entities[entity["Id"]] = entity
    if parameters.get("Tags"):
        call.state["tags"][entity["ARN"]] = {tag["Key"]: tag["Value"] for tag in parameters["Tags"]}
    return {"Summary": _summary(entity)}


def get(call: Call) -> dict[str, Any]:
    entity = _find(call)
    body = {name: entity[name] for name in OUTPUT_FIELDS[call.kind] if name in entity}
    return {call.kind: body, "LockToken": entity["LockToken"]}


def update(call: Call) -> dict[str, Any]:
    """Replaces every input field; a field that is left out is removed, as in AWS."""
    entity = _find(call)
    _check_token(call, entity)
    inputs, parameters = INPUT_FIELDS[call.kind], call.parameters
    fixed = ("Name", "Capacity", "IPAddressVersion")
    updated = {key: value for key, value in entity.items() if key not in inputs or key in fixed}
    updated.update({name: parameters[name] for name in inputs if name in parameters})
    check_content(call.operation, call.state, call.kind, updated, call.settled_before)
    updated["LockToken"] = str(uuid.uuid4())
    call.entities[entity["Id"]] = updated
    return {"NextLockToken": updated["LockToken"]}


def delete(call: Call) -> dict[str, Any]:
    entity = _find(call)
    _check_token(call, entity)
    users = [
        user["Name"]
        for table in ("rule_groups", "web_acls")
        for user in call.state[table].values()
        if entity["ARN"] in rule_grammar.references(user.get("Rules", []))
    ]
    if users:
        message = f"{entity['Name']} is referenced by {', '.join(sorted(users))}."
        raise fault(call.operation, "WAFAssociatedItemException", message)
    del call.entities[entity["Id"]]
    call.state["tags"].pop(entity["ARN"], None)
    return {}


def list_page(call: Call) -> dict[str, Any]:
    """A page, in order of names. A full page has a next marker even where nothing follows."""
    parameters = call.parameters
    after = _name_of(call.operation, parameters["NextMarker"]) if "NextMarker" in parameters else ""
    in_scope = (entity for entity in call.entities.values() if entity["Scope"] == parameters["Scope"])
    following = sorted((entity for entity in in_scope if entity["Name"] > after), key=lambda entity: entity["Name"])
    limit = parameters.get("Limit", limits.MAX_PAGE)
    page = following[:limit]
    body: dict[str, Any] = {f"{call.kind}s": [_summary(entity) for entity in page]}
    if len(page) == limit:
        body["NextMarker"] = base64.urlsafe_b64encode(page[-1]["Name"].encode()).decode()
    return body


def check_capacity(call: Call) -> dict[str, Any]:
    return {"Capacity": capacity(call.operation, call.state, call.parameters["Rules"])}


def tag(call: Call) -> dict[str, Any]:
    _tags(call).update({tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]})
    return {}


def untag(call: Call) -> dict[str, Any]:
    tags = _tags(call)
    for key in call.parameters["TagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags(call: Call) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in sorted(_tags(call).items())]
    return {"TagInfoForResource": {"ResourceARN": call.parameters["ResourceARN"], "TagList": tags}}


def _tags(call: Call) -> dict[str, str]:
    arn = call.parameters["ResourceARN"]
    if not any(entity["ARN"] == arn for table in KINDS.values() for entity in call.state[table].values()):
        raise fault(call.operation, "WAFNonexistentItemException", f"There is no {arn}.")
    tags: dict[str, str] = call.state["tags"].setdefault(arn, {})
    return tags


def _find(call: Call) -> State:
    parameters = call.parameters
    for entity in call.entities.values():
        is_named = all(entity[key] == parameters.get(key) for key in ("Id", "Name", "Scope"))
        if is_named or ("ARN" in parameters and entity["ARN"] == parameters["ARN"]):
            return entity
    raise fault(call.operation, "WAFNonexistentItemException", f"There is no such {call.kind}.")


def _arn(region: str, kind: str, entity: State) -> str:
    where = "global" if entity["Scope"] == "CLOUDFRONT" else "regional"
    return f"arn:aws:wafv2:{region}:{ACCOUNT}:{where}/{ARN_NAMES[kind]}/{entity['Name']}/{entity['Id']}"


def _summary(entity: State) -> dict[str, Any]:
    return {name: entity[name] for name in ("Name", "Id", "Description", "LockToken", "ARN") if name in entity}


def _check_token(call: Call, entity: State) -> None:
    if entity["LockToken"] != call.parameters["LockToken"]:
        message = f"{entity['Name']} has changed since the token was given."
        raise fault(call.operation, "WAFOptimisticLockException", message)


def _name_of(operation: str, marker: str) -> str:
    """The name that a next marker stands for."""
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid(operation, BAD_FORMAT, "NEXT_MARKER", marker) from None
