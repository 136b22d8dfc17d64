"""The local twin's state in one folder on disk, and wafv2's own exceptions and parameter checks.

The folder is locked for each call, so several processes can use it; the file is replaced atomically. What the calls
do is entities.py's.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import ClientError, ParamValidationError
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from platform_assets.core.files import locked, write_atomically
from platform_assets.domains.waf.errors import WafError


@lru_cache(maxsize=1)
def service_model() -> ServiceModel:
    """The wafv2 service model that botocore ships."""
    return ServiceModel(create_loader().load_service_model("wafv2", "service-2"), "wafv2")


@lru_cache(maxsize=1)
def exceptions() -> Any:
    """The exception classes of a boto3 wafv2 client, such as `.WAFOptimisticLockException`; all derive from ClientError."""
    return ClientExceptionsFactory().create_client_exceptions(service_model())


def fault(operation: str, code: str, message: str, status: int = 400, **members: str) -> ClientError:
    """The exception that boto3 would raise. AssertionError for a code that the service model does not list for the operation."""
    unmodelled = ("ThrottlingException", "ResourceNotFoundException")
    listed = [shape.name for shape in service_model().operation_model(operation).error_shapes]
    if code not in unmodelled and code not in listed:
        raise AssertionError(f"wafv2 never answers {operation} with {code}")
    body = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": _metadata(status),
        "message": message,
        **members,
    }
    error: ClientError = exceptions().from_code(code)(body, operation)
    return error


def invalid(operation: str, reason: str, field: str, parameter: str) -> ClientError:
    """WAFInvalidParameterException as wafv2 words it."""
    message = f"Error reason: {reason}, field: {field}, parameter: {parameter}"
    return fault(operation, "WAFInvalidParameterException", message, Field=field, Parameter=parameter, Reason=reason)


def response(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "ResponseMetadata": _metadata(200)}


def _metadata(status: int) -> dict[str, Any]:
    return {"RequestId": str(uuid.uuid4()), "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}


def check_parameters(operation: str, parameters: Mapping[str, Any]) -> None:
    """botocore's own validation, as a client does before it sends."""
    shape = service_model().operation_model(operation).input_shape
    report = ParamValidator().validate(dict(parameters), shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


def check_constraints(operation: str, parameters: Mapping[str, Any]) -> None:
    """The checks that only the service makes: lengths, patterns, enumerations and ranges of the model, at every depth."""
    for path, shape, value in _leaves(service_model().operation_model(operation).input_shape, parameters, ""):
        problem = _violation(shape, value)
        if problem:
            raise invalid(operation, f"The parameter {problem}.", path.lstrip("."), str(value)[:256])


def _leaves(shape: Any, value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _leaves(member, value[name], f"{path}.{name}")
    elif shape.type_name == "list":
        yield path, shape, value
        for index, item in enumerate(value):
            yield from _leaves(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _leaves(shape.value, item, f"{path}.{key}")
    else:
        yield path, shape, value


def _violation(shape: Any, value: Any) -> str | None:
    limits = shape.metadata
    size = len(value) if isinstance(value, (str, bytes, list, tuple)) else value
    if shape.type_name in ("string", "list", "integer", "long", "blob"):
        if "max" in limits and size > limits["max"]:
            return f"exceeds {limits['max']}"
        if "min" in limits and size < limits["min"]:
            return f"is below {limits['min']}"
    if limits.get("enum") and value not in limits["enum"]:
        return f"must be one of {', '.join(limits['enum'])}"
    if isinstance(value, str) and "pattern" in limits and not _compiled(limits["pattern"]).fullmatch(value):
        return "contains formatting that is not valid"
    return None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A Java pattern of the model; Unicode property classes become the nearest classes of Python."""
    classes = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}
    flags = re.DOTALL if any(name in pattern for name in classes) else re.DOTALL | re.ASCII
    for name, nearest in classes.items():
        pattern = pattern.replace(name, nearest)
    return re.compile(pattern, flags)


EMPTY: dict[str, Any] = {"format": 1, "ip_sets": {}, "rule_groups": {}, "web_acls": {}, "tags": {}}


def of_region(state: Mapping[str, Any], region: str, others: bool = False) -> dict[str, Any]:
    """The part of the state in a region, or with `others` outside of it; the ARN of an entity or tag tells its region."""

    def belongs(arn: str) -> bool:
        return (arn.split(":")[3] == region) is not others

    tables = {
        name: {key: entity for key, entity in state[name].items() if belongs(entity["ARN"])}
        for name in ("ip_sets", "rule_groups", "web_acls")
    }
    return {**state, **tables, "tags": {arn: tags for arn, tags in state["tags"].items() if belongs(arn)}}


def joined(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """The union of two parts of a state."""
    return {name: {**value, **right[name]} if isinstance(value, dict) else value for name, value in left.items()}


class TwinFolder:
    """The twin's state on disk: `wafv2.json`, and `calls.json` with the times of mutating calls."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self.folder, self._clock = folder, clock

    @contextmanager
    def lock(self) -> Iterator[None]:
        with locked(self.folder / "lock"):
            yield

    def load(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(json.dumps(EMPTY))
        path = self.folder / "wafv2.json"
        try:
            state.update(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (ValueError, TypeError):
            raise WafError(
                f"{path} does not hold the local WAF any more; restore it, or delete it and let "
                "`weir run edge --apply` fill it again."
            ) from None
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        write_atomically(self.folder / "wafv2.json", json.dumps(state, sort_keys=True) + "\n")

    def admits(self, region: str, operation: str, per_second: float) -> bool:
        """Whether the rate limit of a region and operation admits another call; if so, its time is recorded."""
        path = self.folder / "calls.json"
        try:
            last = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            last = {}
        now = self._clock()
        key = f"{region} {operation}"
        if 0 <= now - float(last.get(key, -1e18)) < 1 / per_second:
            return False
        last[key] = now
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(last), encoding="utf-8")
        return True
