"""Reads and validates the policy file and the allow list.

policy.yaml documents the values; decide/, plan/ and checks/ apply them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.decisions import STRICT
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.networks import parse_network
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.errors import ExitCode

DEFAULT_FILE = Path(__file__).with_name("policy.yaml")


class PolicyError(WafError):
    """The policy or the allow list is wrong; the message says in one sentence where, and what to do."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class PlanPolicy(Budget):
    """The slots of a plan, and whether entries that somebody removed are restored."""

    __pydantic_config__ = STRICT

    restore_drift: bool = True


@dataclass(frozen=True)
class Policy:
    """The whole file."""

    __pydantic_config__ = STRICT

    rules: Rules = field(default_factory=Rules)
    plan: PlanPolicy = field(default_factory=PlanPolicy)
    checks: Bounds = field(default_factory=Bounds)


def load_policy(path: str | Path = "") -> Policy:
    """The policy of a file, with missing values from the default policy; without a path, the default policy. PolicyError."""
    values = _read(DEFAULT_FILE)
    file = Path(path).expanduser() if path else DEFAULT_FILE
    if path:
        values = _merged(values, _read(file))
    try:
        return TypeAdapter(Policy).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        problem = str(first["msg"]).removeprefix("Value error, ")
        if first["type"] == "unexpected_keyword_argument":
            problem = "this key is not known"
        raise PolicyError(
            f"The policy {file} is wrong at {where}: {problem}; correct it there, {DEFAULT_FILE.name} of the package documents each value."
        ) from None


def _merged(defaults: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`defaults`, recursively updated with `overrides`."""
    merged = dict(defaults)
    for key, value in overrides.items():
        default = merged.get(key)
        if isinstance(default, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(default, value)
        else:
            merged[key] = value
    return merged


def _read(path: Path) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PolicyError(f"The policy {path} cannot be read ({problem}); correct WEIR_POLICY_FILE.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise PolicyError(f"The policy {path} is no YAML{line}; correct it there.") from None
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise PolicyError(
            f"The policy {path} must hold the keys rules, plan and checks; see {DEFAULT_FILE.name} of the package."
        )
    return values


def load_allow_list(path: str | Path = "") -> tuple[str, ...]:
    """Canonical CIDRs of a file with one address or CIDR per line; `#` begins a comment. Empty without a path. PolicyError."""
    if not path:
        return ()
    file = Path(path).expanduser()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PolicyError(f"The allow list {file} cannot be read ({problem}); correct WEIR_ALLOW_LIST.") from None
    cidrs = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            cidrs.append(str(parse_network(text)))
        except ValueError:
            raise PolicyError(
                f"Line {number} of the allow list {file} is no address or CIDR without host bits: {text!r}; correct it."
            ) from None
    return tuple(dict.fromkeys(cidrs))
