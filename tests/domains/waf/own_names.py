"""An AWS account in which a test sees and touches its own IP sets, rule groups and web ACLs only, at AWS's pace. No test here."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

OPT_IN = "WEIR_TEST_AWS"
# Tests run without the developer's AWS variables (tests/conftest.py); these are the ones to bring back.
GIVEN = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
IS_ASKED = os.environ.get(OPT_IN) == "1"
CLOUDFRONT = {"Scope": "CLOUDFRONT"}


class OwnNames:
    """A wafv2 client whose names get a prefix on the way out and lose it on the way back; others are not seen."""

    def __init__(
        self, client: Any, seconds_between_writes: float = 1.1, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client, self._pause, self._sleep = client, seconds_between_writes, sleep
        self._prefix = f"weir-test-{uuid.uuid4().hex[:8]}-"
        self.meta, self.exceptions = client.meta, client.exceptions

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            if "Name" in parameters:
                parameters["Name"] = self._prefix + parameters["Name"]
            if operation.startswith(("create_", "update_", "delete_")):
                self._sleep(self._pause)
            return self._shown(getattr(self._client, operation)(**parameters))

        return call

    def _shown(self, answer: dict[str, Any]) -> dict[str, Any]:
        for key, value in answer.items():
            if isinstance(value, list):
                answer[key] = [self._named(one) for one in value if one.get("Name", "").startswith(self._prefix)]
            elif isinstance(value, dict) and "Name" in value:
                answer[key] = self._named(value)
        return answer

    def _named(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "Name": one["Name"].removeprefix(self._prefix)}

    def delete_all(self) -> None:
        """What the test made, what refers to something before that; AssertionError names what is left."""
        left = []
        for kind, key in (("web_acl", "WebACLs"), ("rule_group", "RuleGroups"), ("ip_set", "IPSets")):
            left += [one["Name"] for one in self._all(f"list_{kind}s", key) if not self._is_deleted(kind, one)]
        assert not left, (
            f"AWS kept what a test made, delete them by hand: {', '.join(self._prefix + one for one in left)}"
        )

    def _is_deleted(self, kind: str, one: dict[str, Any]) -> bool:
        named = {"Name": one["Name"], "Id": one["Id"], **CLOUDFRONT}
        for _ in range(5):
            try:
                fresh = getattr(self, f"get_{kind}")(**named)
                getattr(self, f"delete_{kind}")(LockToken=fresh["LockToken"], **named)
                return True
            except ClientError:
                self._sleep(3)  # a rule group that was just deleted still refers to its sets
        return False

    def _all(self, operation: str, key: str) -> list[dict[str, Any]]:
        found, marker = [], None
        while True:
            page = getattr(self, operation)(Limit=100, **CLOUDFRONT, **({"NextMarker": marker} if marker else {}))
            found += page[key]
            marker = page.get("NextMarker")
            if not marker:
                return found
