"""Which versions serve: those in an hour's rows if it is made again, else the champion, with the canary's share.

A canary that cannot be used never stops an hour: it is taken out, and the champion serves all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from platform_assets.clients.model_registry import ModelRegistry, NoChampionError, UnsignedModelError
from platform_assets.releases.record import WEIR, Releases
from platform_assets.releases.standing import CANARY, Standing
from platform_assets.releases.tables import CANARY_HOURS
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.runtime.canary import Served
from spark_jobs.runtime.scoring import UnusableModelError

if TYPE_CHECKING:
    from spark_jobs.storage.lake import Lake


Result = TypeVar("Result")


class CanaryError(UnusableModelError):
    """The canary of a model cannot be used; the champion can."""


@dataclass(frozen=True)
class Serving:
    """The versions of one model that serve."""

    settings: Settings
    lake: Lake
    model: str

    def now(self) -> Served:
        """The versions that serve what is new. NoChampionError where none serves yet."""
        return served_now(ModelRegistry.of(self.settings), self.model, self.releases.settled(self.model))

    def of_hours(self, table: Table, hours: Sequence[str]) -> dict[str, Served]:
        """Hour of a table of predictions -> its versions. NoChampionError where none serves yet."""
        registry, standing = ModelRegistry.of(self.settings), self.releases.settled(self.model)
        in_rows = registry.versions_in(self.lake, table, hours)
        recorded = self._recorded(list(in_rows)) if in_rows else {}
        now = None if in_rows.keys() >= set(hours) else served_now(registry, self.model, standing)
        served = {}
        for hour in hours:
            if now is not None and hour not in in_rows:
                served[hour] = now
            elif (two := recorded.get(hour)) is not None and two.canary_version not in standing.barred:
                served[hour] = two
            else:
                served[hour] = Served(self.model, self._one_of(in_rows[hour], recorded.get(hour), standing))
        return served

    def _one_of(self, versions: Sequence[str], recorded: Served | None, standing: Standing) -> str:
        """The version that scores an hour again: the one that did, unless it was barred since."""
        usable = [version for version in versions if version not in standing.barred]
        if recorded is not None and recorded.model_version not in standing.barred:
            return recorded.model_version
        return usable[-1] if usable else standing.champion or versions[-1]

    def fetched(self, served: Served) -> Served:
        """The same with local folders of the versions. NoChampionError, UnsignedModelError or UnusableModelError."""
        registry = ModelRegistry.of(self.settings)
        champion = registry.fetched(self.model, served.model_version)
        served = replace(served, model_dir=str(champion.folder))
        if not served.canary_version:
            return served
        try:
            canary = registry.fetched(self.model, served.canary_version)
        except (UnsignedModelError, UnusableModelError) as error:
            raise CanaryError(str(error)) from error
        return replace(served, canary_dir=str(canary.folder))

    def loaded(self, served: Served) -> dict[str, Any]:
        """Version -> the loaded model. Errors as those of `fetched`."""
        registry = ModelRegistry.of(self.settings)
        models = {served.model_version: registry.loaded(self.model, served.model_version)}
        if served.canary_version:
            try:
                models[served.canary_version] = registry.loaded(self.model, served.canary_version)
            except (UnsignedModelError, UnusableModelError) as error:
                raise CanaryError(str(error)) from error
        return models

    def with_fallback(self, served: Served, run: Callable[[Served], Result]) -> Result:
        """What `run` returns for the versions; where the canary cannot be used, for the champion alone."""
        try:
            return run(served)
        except (CanaryError, UnusableModelError) as error:
            is_of_canary = isinstance(error, CanaryError) or error.version == served.canary_version
            if not served.canary_version or not is_of_canary:
                raise
            self.take_out(served.canary_version, str(error))
            return run(replace(served, canary_version="", canary_dir="", canary_share=0.0))

    def take_out(self, version: str, reason: str) -> None:
        """Bar a version that cannot be used, unless somebody has done so."""
        if version not in self.releases.standing(self.model).barred:
            self.releases.rollback_of(self.model, version, reason, actor=WEIR)

    def record(self, served: Served, hours: Sequence[str]) -> None:
        """Note, before it serves, the hours that a canary serves, so that they are made again by the same."""
        recorded = self._recorded(hours) if served.canary_version else {}
        hours = [hour for hour in hours if recorded.get(hour) != replace(served, model_dir="", canary_dir="")]
        if not served.canary_version or not hours:
            return
        values = {
            "recorded_at": datetime.now(UTC),
            "model": self.model,
            "champion": served.model_version,
            "canary": served.canary_version,
            "share": served.canary_share,
        }
        self.lake.append_rows(CANARY_HOURS, ({**values, HOUR_COLUMN: hour} for hour in hours))

    @property
    def releases(self) -> Releases:
        return Releases(self.settings, self.lake)

    def _recorded(self, hours: Sequence[str]) -> dict[str, Served]:
        rows = self.lake.read_arrow(CANARY_HOURS, list(hours)).sort_by("recorded_at").to_pylist()
        return {
            row[HOUR_COLUMN]: Served(
                self.model, row["champion"], canary_version=row["canary"], canary_share=row["share"]
            )
            for row in rows
            if row["model"] == self.model
        }


def served_now(registry: ModelRegistry, model: str, standing: Standing) -> Served:
    """The champion and, where one is in canary, the challenger with its share. NoChampionError."""
    champion = registry.champion(model)
    if champion is None:
        raise NoChampionError.of(model)
    challenger = standing.challenger
    if challenger is None or standing.state_of(challenger) != CANARY:
        return Served(model, champion)
    return Served(model, champion, canary_version=challenger, canary_share=standing.share)
