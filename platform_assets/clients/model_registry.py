"""The model registry: which version of a model serves, and the local folder that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.clients.champions import Champion, ChampionError, Champions
from platform_assets.clients.signatures import TAG, GateRecord, hash_of_figures, hash_of_files
from platform_assets.core.files import write_atomically
from platform_assets.core.secrets import signing_key
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime.scoring import UnusableModelError, first_line
from spark_jobs.storage.lake import Lake

if TYPE_CHECKING:
    from weir_models.registered import RegisteredModel, RegisteredVersion


class NoChampionError(WeirError):
    """A model has no version that passed its gate yet."""

    exit_code = ExitCode.SERVICE

    @classmethod
    def of(cls, name: str) -> NoChampionError:
        return cls(f"The model {name} has no champion; run `weir train {name}` to fit one and pass its gate.")


class UnsignedModelError(WeirError):
    """A version was not signed when it passed its gate, or was changed since."""

    exit_code = ExitCode.SERVICE

    @classmethod
    def of(cls, name: str, version: str) -> UnsignedModelError:
        return cls(
            f"The model {name} version {version} has no valid signature of its gate, so something else than Weir made it "
            f"serve or changed its files; run `weir train {name}`, or, where another home trains, set WEIR_SIGNING_KEY "
            "to the key of that home."
        )


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
    settings: Settings
    """Of the home whose key signs."""

    @classmethod
    def of(cls, settings: Settings) -> ModelRegistry:
        return cls(settings.tracking_uri, settings.home / "models", settings)

    def champion(self, name: str) -> str | None:
        """The version with the alias champion; None if no version has passed its gate.

        ChampionError where something else than Weir has moved the alias back, or removed it.
        """
        from weir_models import tracking

        champion, known = tracking.champion(name, tracking_uri=self.tracking_uri), Champions.of(self.settings)
        version = champion[0] if champion else None
        if problem := known.problem(name, version):
            raise ChampionError(problem)
        if version is not None and known.is_new(name, version) and self._record(name, version) is not None:
            known.keep(name, Champion(version, version))
        return version  # where it is not signed, it is refused as it is loaded

    def served_last(self, name: str) -> str | None:
        """The version that this home has served last; None where it has served none."""
        known = Champions.of(self.settings).known(name)
        return None if known is None else known.version

    def model(self, name: str) -> RegisteredModel | None:
        """The model in MLflow with its aliases; None where it is not registered."""
        from weir_models import tracking

        return tracking.registered_model(name, tracking_uri=self.tracking_uri)

    def versions(self, name: str) -> list[RegisteredVersion]:
        """All versions of a model in MLflow, oldest first."""
        from weir_models import tracking

        return tracking.versions(name, tracking_uri=self.tracking_uri)

    def version(self, name: str, version: str) -> RegisteredVersion:
        """One version with its tags and figures. TrackingError where the registry does not have it."""
        from weir_models import tracking

        return tracking.existing(name, version, tracking_uri=self.tracking_uri)

    def set_alias(self, name: str, alias: str, version: str | None) -> None:
        """Point an alias other than the champion's at a version, or remove it (None)."""
        from weir_models import tracking

        if version is None:
            tracking.remove_alias(name, alias, tracking_uri=self.tracking_uri)
        else:
            tracking.set_alias(name, alias, version, tracking_uri=self.tracking_uri)

    def serve(self, name: str, version: str) -> None:
        """Make a version champion that passed its gate once, as a person asks for; an older one goes back for good.

        UnsignedModelError or UnusableModelError where it cannot serve.
        """
        from weir_models import tracking

        self._loadable(name, version)
        champions = Champions.of(self.settings)
        known = champions.known(name)
        newest = version if known is None or champions.is_new(name, version) else known.newest
        tracking.set_alias(name, tracking.CHAMPION, version, tracking_uri=self.tracking_uri)
        champions.keep(name, Champion(version, newest))

    def passed_gate(self, name: str, version: str) -> bool:
        """Whether the version has passed its model's gate with the figures that the registry has of it."""
        from weir_models import tracking

        if not tracking.passed_gate(name, version, tracking_uri=self.tracking_uri):
            return False
        record = self._record(name, version)
        figures = tracking.figures(name, version, tracking_uri=self.tracking_uri)
        return record is not None and record.figures_sha256 == hash_of_figures(figures)

    def sign(self, name: str, version: str) -> None:
        """Sign a version that has passed its gate, with its files and figures as they are now."""
        from weir_models import tracking

        folder = tracking.download(name, version, self.cache, tracking_uri=self.tracking_uri)
        figures = tracking.figures(name, version, tracking_uri=self.tracking_uri)
        text = GateRecord.of(name, version, folder, figures).signed(signing_key(self.settings))
        tracking.set_tag(name, version, TAG, text, tracking_uri=self.tracking_uri)
        self._keep_signature(name, version, text)

    def _signature_file(self, name: str, version: str) -> Path:
        """The copy of the signed record beside the downloaded version, which is read without MLflow."""
        return self.cache / f"{name}-{version}.signature"

    def _keep_signature(self, name: str, version: str, text: str) -> None:
        with suppress(IsADirectoryError):  # then the tag alone is read
            write_atomically(self._signature_file(name, version), text)

    def _record(self, name: str, version: str) -> GateRecord | None:
        """The record of the version; None where it has none with a right signature."""
        from weir_models import tracking

        file, key = self._signature_file(name, version), signing_key(self.settings)
        try:
            record = GateRecord.verified(file.read_text(encoding="utf-8"), key)
        except (OSError, ValueError):  # none yet, or no text
            record = None
        if record is None:
            text = tracking.tag(name, version, TAG, tracking_uri=self.tracking_uri) or ""
            record = GateRecord.verified(text, key)
            if record is not None:
                self._keep_signature(name, version, text)
        return record if record is not None and (record.model, record.version) == (name, version) else None

    def fetched(self, name: str, version: str | None = None) -> ModelVersion:
        """A version (default: the champion) in a local folder; its signature is right, and it has been test-loaded.

        NoChampionError, UnsignedModelError or UnusableModelError where there is none to use.
        """
        return self._loadable(name, version)[0]

    def loaded(self, name: str, version: str) -> Any:
        """The loaded model."""
        return self._loadable(name, version)[1]

    def _loadable(self, name: str, version: str | None) -> tuple[ModelVersion, Any]:
        from weir_models import saved_model, tracking

        version = version or self.champion(name)
        if version is None:
            raise NoChampionError.of(name)
        folder = tracking.download(name, version, self.cache, tracking_uri=self.tracking_uri)
        record = self._record(name, version)
        if record is None or record.files_sha256 != hash_of_files(folder):
            raise UnsignedModelError.of(name, version)
        try:
            model = saved_model.load_dir(folder)
        except Exception as error:
            raise UnusableModelError.of(name, version, "loaded", first_line(error)) from error
        return ModelVersion(name, version, folder), model

    def versions_in(self, lake: Lake, table: Table, hours: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Hour -> the model versions in its rows, in order: one, or two where a canary served its share."""
        import pyarrow.compute as pc

        rows = lake.read_arrow(table, hours, columns=["event_hour", "model_version"])
        pairs = rows.group_by(["event_hour", "model_version"]).aggregate([])
        order = pc.sort_indices(pairs, sort_keys=[("event_hour", "ascending"), ("model_version", "ascending")])
        found: dict[str, tuple[str, ...]] = {}
        for row in pairs.take(order).to_pylist():
            found[row["event_hour"]] = (*found.get(row["event_hour"], ()), row["model_version"])
        return found
