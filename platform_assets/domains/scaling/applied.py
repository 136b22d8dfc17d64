"""What was applied to each cluster last, and what the last apply changed: a small JSON file of the home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from platform_assets.actions.state import JsonState
from platform_assets.domains.scaling.sizes import Remembered
from platform_assets.settings import Settings


@dataclass(frozen=True)
class Applied:
    """The state: `last` is cluster -> size before and after of the last apply, for its undo."""

    serial: int = 0
    clusters: Mapping[str, tuple[str, Remembered]] = field(default_factory=dict)
    """Cluster -> its target then, and what was applied to that."""
    last: Mapping[str, tuple[int | None, int]] = field(default_factory=dict)

    def of(self, cluster_id: str, target: str) -> Remembered:
        """What was applied to this target of the cluster; another target's sizes say nothing about it."""
        applied_target, remembered = self.clusters.get(cluster_id, (target, Remembered()))
        return remembered if applied_target == target else Remembered()

    def having(self, cluster_id: str, target: str, remembered: Remembered) -> Applied:
        return replace(self, clusters={**self.clusters, cluster_id: (target, remembered)})

    def to_json(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "clusters": {
                name: {"target": target, **{key: _to_json(value) for key, value in asdict(remembered).items()}}
                for name, (target, remembered) in self.clusters.items()
            },
            "last": {name: list(sizes) for name, sizes in self.last.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Applied:
        clusters = {}
        for name, values in data["clusters"].items():
            remembered: dict[str, Any] = {
                key: datetime.fromisoformat(value) if value and key.endswith("_at") else value
                for key, value in values.items()
                if key != "target"
            }
            clusters[name] = (str(values["target"]), Remembered(**remembered))
        last = {name: (before, after) for name, (before, after) in data["last"].items()}
        return cls(int(data["serial"]), clusters, last)


def _to_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class AppliedStore(JsonState[Applied]):
    """Where it is kept."""

    kind = Applied
    lost = "forgets cooldowns and external changes"

    @classmethod
    def of(cls, settings: Settings) -> AppliedStore:
        return cls(settings.home / "scaling" / "applied.json")
