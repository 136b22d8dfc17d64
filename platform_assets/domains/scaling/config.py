"""Reads and validates the file of targets: each cluster's target and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, create_model

from platform_assets.domains.scaling.checks import Bounds
from platform_assets.domains.scaling.errors import ScalingFileError
from platform_assets.domains.scaling.targets import Clients, NodeTarget, target_of
from platform_assets.settings import Settings
from weir_models.predictive_scaling.policy import PolicySettings, policy_of

OTHERS = "*"
"""Key of the rule for clusters without their own."""
_TYPES = get_type_hints(PolicySettings)
POLICY: dict[str, Any] = {
    policy.name: (_TYPES[policy.name], Field(policy.default, ge=None if policy.name == "preset" else 0))
    for policy in fields(PolicySettings)
}
ClusterConfig = create_model(
    "ClusterConfig",
    __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False),
    target=(str, ...),
    allow_drift=(bool, False),
    **POLICY,
)
"""The keys of one cluster in the file."""


@dataclass(frozen=True)
class Rule:
    """The target and policy of one cluster."""

    target: NodeTarget
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Fields of PolicySettings that differ from those of the preset."""
    allow_external_change: bool = False

    @property
    def policy(self) -> PolicySettings:
        return policy_of(self.overrides)


@dataclass(frozen=True)
class Rules:
    """The whole file."""

    folder: Path
    clusters: Mapping[str, Mapping[str, Any]]
    bounds: Bounds
    clients: Clients = field(default_factory=Clients)

    def of(self, cluster_id: str) -> Rule | None:
        """The rule of a cluster; None for a cluster that is forecast but not scaled."""
        rule = self.clusters.get(cluster_id, self.clusters.get(OTHERS))
        if rule is None:
            return None
        values = dict(rule)
        target = target_of(values.pop("target"), cluster_id, self.folder, self.clients)
        allow_drift = values.pop("allow_drift", False)
        return Rule(target, values, allow_drift)

    @property
    def named(self) -> tuple[str, ...]:
        """The clusters that the file names."""
        return tuple(name for name in self.clusters if name != OTHERS)


def load_rules(settings: Settings) -> Rules:
    """The rules of the configured file; without one every cluster has its line in `<home>/scaling/desired.json`.

    ScalingFileError with one sentence about the first value that is wrong.
    """
    if not settings.scaling.file:
        folder = settings.home / "scaling"
        return Rules(folder, {OTHERS: {"target": "file: desired.json"}}, Bounds())
    path = Path(settings.scaling.file).expanduser().resolve()
    content = _read(path)
    try:
        bounds = TypeAdapter(Bounds).validate_python(content.get("checks", {}))
    except ValidationError as error:
        raise ScalingFileError(f"{path} is wrong at checks: {_first(error)}; correct it there.") from None
    rules = Rules(path.parent, {str(name): values for name, values in content["clusters"].items()}, bounds)
    for name, values in rules.clusters.items():
        _check(path, name, values)
        rules.of(name)
    return rules


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise ScalingFileError(f"{path} cannot be read ({problem}); correct it or WEIR_SCALING_FILE.") from None
    is_known = isinstance(content, dict) and content.keys() <= {"clusters", "checks"}
    if not is_known or not all(isinstance(part, dict) for part in content.values()) or not content.get("clusters"):
        raise ScalingFileError(
            f"{path} needs `clusters:` with a target for each cluster, beside it `checks:` alone; correct it there."
        )
    return dict(content)


def _first(error: ValidationError) -> str:
    """The first problem, without a period."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return f"the key {where} is not known"
    return ": ".join(part for part in (where, str(first["msg"]).removeprefix("Value error, ")) if part)


def _check(path: Path, name: str, values: Any) -> None:
    """ScalingFileError about the first wrong value of a cluster."""
    try:
        ClusterConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "target"
        if key == "target":
            raise ScalingFileError(f"{path}: {name} has no target; write `target: file: PATH` or one of AWS.") from None
        if first["type"] == "extra_forbidden":
            keys = ", ".join(ClusterConfig.model_fields)
            raise ScalingFileError(
                f"{path}: {name} has the key {key!r}, which is not known; there are {keys}."
            ) from None
        raise ScalingFileError(f"{path}: {key} of {name} is {first['input']!r}; correct it there.") from None
    policy = policy_of({key: value for key, value in values.items() if key in POLICY})
    if policy.minimum_nodes > policy.maximum_nodes:
        raise ScalingFileError(f"{path}: minimum_nodes of {name} is above maximum_nodes; correct it there.")
