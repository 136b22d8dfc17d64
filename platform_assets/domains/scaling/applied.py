"""The last apply to each cluster, and the sizes that the last apply changed: a small JSON file in the home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from platform_assets.actions.state import JsonState
from platform_assets.domains.scaling.plan_values import LastApplied
from platform_assets.settings import Settings


@dataclass(frozen=True)
class Applied:
    """The state; `last` is cluster -> size before and after the last apply, for its undo."""

    serial: int = 0
    clusters: Mapping[str, tuple[str, LastApplied]] = field(default_factory=dict)
    """Cluster -> its target at that time, and the last apply to it."""
    last: Mapping[str, tuple[int | None, int]] = field(default_factory=dict)

    def of(self, cluster_id: str, target: str) -> LastApplied:
        """The last apply to this target of the cluster; sizes of another target do not count."""
        applied_target, last_applied = self.clusters.get(cluster_id, (target, LastApplied()))
        return last_applied if applied_target == target else LastApplied()

    def with_cluster(self, cluster_id: str, target: str, last_applied: LastApplied) -> Applied:
        return replace(self, clusters={**self.clusters, cluster_id: (target, last_applied)})

    def to_json(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "clusters": {
                name: {"target": target, **{key: _to_json(value) for key, value in asdict(last_applied).items()}}
                for name, (target, last_applied) in self.clusters.items()
            },
            "last": {name: list(sizes) for name, sizes in self.last.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Applied:
        clusters = {}
        for name, values in data["clusters"].items():
            last_applied: dict[str, Any] = {
                key: datetime.fromisoformat(value) if value and key.endswith("_at") else value
                for key, value in values.items()
                if key != "target"
            }
            clusters[name] = (str(values["target"]), LastApplied(**last_applied))
        last = {name: (before, after) for name, (before, after) in data["last"].items()}
        return cls(int(data["serial"]), clusters, last)


def _to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class AppliedStore(JsonState[Applied]):
    """The file of the state."""

    kind = Applied
    lost = "forgets cooldowns and external changes"

    @classmethod
    def of(cls, settings: Settings) -> AppliedStore:
        return cls(settings.home / "scaling" / "applied.json")
