"""What was applied to each cluster last, and what the last apply changed: a small JSON file of the home. Decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from platform_assets.core.files import locked, write_atomically
from platform_assets.domains.scaling.errors import ScalingError
from platform_assets.domains.scaling.plan import Remembered
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
        known, remembered = self.clusters.get(cluster_id, (target, Remembered()))
        return remembered if known == target else Remembered()

    def having(self, cluster_id: str, target: str, remembered: Remembered) -> Applied:
        return replace(self, clusters={**self.clusters, cluster_id: (target, remembered)})

    def to_json(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "clusters": {
                name: {"target": target, **{key: _told(value) for key, value in asdict(known).items()}}
                for name, (target, known) in self.clusters.items()
            },
            "last": {name: list(sizes) for name, sizes in self.last.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Applied:
        clusters = {}
        for name, values in found["clusters"].items():
            known: dict[str, Any] = {
                key: datetime.fromisoformat(value) if value and key.endswith("_at") else value
                for key, value in values.items()
                if key != "target"
            }
            clusters[name] = (str(values["target"]), Remembered(**known))
        last = {name: (before, after) for name, (before, after) in found["last"].items()}
        return cls(int(found["serial"]), clusters, last)


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


@dataclass(frozen=True)
class AppliedStore:
    """One writer at a time, and a save that is whole or not at all."""

    path: Path

    @classmethod
    def of(cls, settings: Settings) -> AppliedStore:
        return cls(settings.home / "scaling" / "applied.json")

    @contextmanager
    def lock(self) -> Iterator[None]:
        with locked(self.path.with_suffix(".lock")):
            yield

    def load(self) -> Applied:
        try:
            return Applied.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Applied()
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ScalingError(
                f"{self.path} does not hold what was applied last; restore it, or delete it, which forgets cooldowns and drift."
            ) from None

    def save(self, applied: Applied) -> None:
        try:
            write_atomically(self.path, json.dumps(applied.to_json(), indent=1) + "\n")
        except OSError as error:
            raise ScalingError(
                f"{self.path} cannot be written ({error.strerror}); free space or let this user write there and run again."
            ) from error
