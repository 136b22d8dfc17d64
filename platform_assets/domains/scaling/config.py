"""Reads the file of targets: which target a cluster has, within which bounds; says in one sentence what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from platform_assets.domains.scaling.checks import Bounds
from platform_assets.domains.scaling.errors import ScalingFileError
from platform_assets.domains.scaling.targets import Clients, NodeTarget, target_of
from platform_assets.settings import Settings
from weir_models.predictive_scaling.policy import PolicySettings

OTHERS = "*"
"""Key of the rule of every cluster that has none of its own."""
POLICY_FIELDS = {one.name: type(one.default) for one in fields(PolicySettings)}


@dataclass(frozen=True)
class Rule:
    """What holds for one cluster."""

    target: NodeTarget
    overrides: Mapping[str, float] = field(default_factory=dict)
    """Fields of PolicySettings that differ from the model's."""
    allow_external_change: bool = False

    @property
    def policy(self) -> PolicySettings:
        return PolicySettings(**self.overrides)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Rules:
    """The whole file."""

    folder: Path
    clusters: Mapping[str, Mapping[str, Any]]
    bounds: Bounds
    clients: Clients = field(default_factory=Clients)

    def of(self, cluster_id: str) -> Rule | None:
        """None for a cluster that is forecast and not scaled."""
        given = self.clusters.get(cluster_id, self.clusters.get(OTHERS))
        if given is None:
            return None
        values = dict(given)
        target = target_of(values.pop("target"), cluster_id, self.folder, self.clients)
        allow_drift = values.pop("allow_drift", False)
        return Rule(target, values, allow_drift)

    @property
    def named(self) -> tuple[str, ...]:
        """The clusters that the file names."""
        return tuple(name for name in self.clusters if name != OTHERS)


def load_rules(settings: Settings) -> Rules:
    """The rules of the settings' file; without one every cluster has its line in `<home>/scaling/desired.json`."""
    if not settings.scaling.file:
        folder = settings.home / "scaling"
        return Rules(folder, {OTHERS: {"target": "file: desired.json"}}, Bounds())
    path = Path(settings.scaling.file).expanduser().resolve()
    given = _read(path)
    try:
        bounds = Bounds(**given.get("checks", {}))
    except (TypeError, ValueError) as error:
        raise ScalingFileError(f"{path} is wrong at checks: {error}; correct it there.") from None
    rules = Rules(path.parent, {str(name): values for name, values in given["clusters"].items()}, bounds)
    for name, values in rules.clusters.items():
        _check(path, name, values)
        rules.of(name)
    return rules


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ScalingFileError(f"{path} cannot be read ({said}); correct it or WEIR_SCALING_FILE.") from None
    known = isinstance(given, dict) and given.keys() <= {"clusters", "checks"}
    if not known or not all(isinstance(part, dict) for part in given.values()) or not given.get("clusters"):
        raise ScalingFileError(
            f"{path} needs `clusters:` with a target for each cluster, beside it `checks:` alone; correct it there."
        )
    return dict(given)


def _check(path: Path, name: str, values: Any) -> None:
    """One sentence about the first value that is wrong."""
    if not isinstance(values, dict) or not isinstance(values.get("target"), str):
        raise ScalingFileError(f"{path}: {name} has no target; write `target: file: PATH` or one of AWS.")
    for key, value in values.items():
        if key == "target":
            continue
        if key == "allow_drift":
            wrong = not isinstance(value, bool)
        elif key in POLICY_FIELDS:
            whole = POLICY_FIELDS[key] is int
            wrong = isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0
        else:
            raise ScalingFileError(
                f"{path}: {name} has the key {key!r}, which is not known; there are target, allow_drift, {', '.join(POLICY_FIELDS)}."
            )
        if wrong:
            raise ScalingFileError(f"{path}: {key} of {name} is {value!r}; correct it there.")
    policy = PolicySettings(**{key: value for key, value in values.items() if key in POLICY_FIELDS})
    if policy.minimum_nodes > policy.maximum_nodes:
        raise ScalingFileError(f"{path}: minimum_nodes of {name} is above maximum_nodes; correct it there.")
