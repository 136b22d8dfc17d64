"""The model registry: which version of a model serves, and the local folder that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime.scoring import UnusableModelError, first_line
from spark_jobs.storage.lake import Lake


class NoChampionError(WeirError):
    """A model has no version that passed its gate yet."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class ModelVersion:
    """A registered version and the local folder that holds it."""

    name: str
    version: str
    folder: Path


@dataclass(frozen=True)
class ModelRegistry:
    """The MLflow registry of the settings; downloaded models are cached in `<home>/models`."""

    tracking_uri: str
    cache: Path

    @classmethod
    def of(cls, settings: Settings) -> ModelRegistry:
        return cls(settings.tracking_uri, settings.home / "models")

    def champion(self, name: str) -> str | None:
        """The version with the alias champion; None if no version has passed its gate."""
        from weir_models import tracking

        champion = tracking.champion(name, tracking_uri=self.tracking_uri)
        return champion[0] if champion else None

    def passed_gate(self, name: str, version: str) -> bool:
        """Whether the version has passed its model's gate."""
        from weir_models import tracking

        return tracking.passed_gate(name, version, tracking_uri=self.tracking_uri)

    def fetched(self, name: str, version: str | None = None) -> ModelVersion:
        """A version (default: the champion) in a local folder; it has been test-loaded."""
        return self._loadable(name, version)[0]

    def loaded(self, name: str, version: str) -> Any:
        """The loaded model."""
        return self._loadable(name, version)[1]

    def _loadable(self, name: str, version: str | None) -> tuple[ModelVersion, Any]:
        from weir_models import tracking

        version = version or self.champion(name)
        if version is None:
            raise NoChampionError(
                f"The model {name} has no champion; run `weir train {name}` to fit one and pass its gate."
            )
        folder = tracking.download(name, version, self.cache, tracking_uri=self.tracking_uri)
        try:
            model = tracking.load_dir(folder)
        except Exception as error:
            raise UnusableModelError.of(name, version, "loaded", first_line(error)) from error
        return ModelVersion(name, version, folder), model

    def pinned(self, lake: Lake, table: Table, hours: Sequence[str]) -> dict[str, str]:
        """Hour -> the model version in its rows: a recomputed hour keeps its model."""
        import pyarrow.compute as pc

        rows = lake.read_arrow(table, hours, columns=["event_hour", "model_version"])
        pairs = rows.group_by(["event_hour", "model_version"]).aggregate([])
        order = pc.sort_indices(pairs, sort_keys=[("event_hour", "ascending"), ("model_version", "ascending")])
        return {row["event_hour"]: row["model_version"] for row in pairs.take(order).to_pylist()}
