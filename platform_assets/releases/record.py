"""Reads and appends transitions, and brings MLflow's aliases in line with them. The order of steps is the protocol of actions:

the row first, under a lock, then the aliases; a process killed in between leaves a row that the next one acts upon.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.actions.audit import MAX_REASON_CHARACTERS, AuditRow, reason_of
from platform_assets.actions.audit_table import AuditTable
from platform_assets.actions.errors import RequestError
from platform_assets.clients.caller import caller
from platform_assets.clients.champions import ChampionError
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.files import locked
from platform_assets.releases.standing import (
    BARRED,
    CANARY,
    CANDIDATE,
    CHAMPION,
    RETIRED,
    SHADOW,
    Standing,
    standing_of,
)
from platform_assets.releases.tables import TRANSITIONS
from platform_assets.settings import Settings

if TYPE_CHECKING:
    from spark_jobs.storage.lake import Lake
    from weir_models.registered import RegisteredModel

LOCK_FILE = "releases.lock"
REGISTER, ADOPT, PROMOTE, ROLLBACK, UNBAR, AB = "register", "adopt", "promote", "rollback", "unbar", "ab"
"""Commands of transitions that are not named as the state that they lead to."""
ADOPTED = "it serves, and had no row in this record"
WEIR = "weir"
"""The actor of a transition that nobody asked for."""


class ReleaseError(RequestError):
    """A version cannot go into the state that was asked for."""


@dataclass(frozen=True)
class Release(AuditRow):
    """One transition, a row of releases/transitions."""

    model: str = ""
    version: str = ""
    serial: int = 0
    state: str = ""
    share: float | None = None
    registry: str = ""


AUDIT = AuditTable(TRANSITIONS, Release)


@dataclass(frozen=True)
class Releases:
    """The releases of one home."""

    settings: Settings
    lake: Lake

    @classmethod
    def of(cls, settings: Settings) -> Releases:
        return cls(settings, lake_of(settings))

    def rows(self, model: str) -> list[Release]:
        """The transitions of a model of this registry, in order."""
        registered = ModelRegistry.of(self.settings).model(model)
        return [] if registered is None else self._rows(model, registered.created_at)

    def standing(self, model: str) -> Standing:
        """Where the versions of a model stand."""
        return standing_of(self.rows(model))

    def settled(self, model: str) -> Standing:
        """The same, after champion and aliases have been brought in line, as each run does before a model serves."""
        registry = ModelRegistry.of(self.settings)
        registered = registry.model(model)
        if registered is None:
            return Standing()
        standing = standing_of(self._rows(model, registered.created_at))
        if self._is_settled(model, standing, registered):
            return standing
        with self._lock():
            return self._settle(model)

    def move(
        self,
        model: str,
        version: str,
        state: str,
        reason: str,
        *,
        command: str = "",
        share: float | None = None,
        actor: str = "",
        figures: Mapping[str, Any] | None = None,
        expected_serial: int | None = None,
    ) -> Standing:
        """Take a version into a state; returns the new standing.

        ReleaseError where it may not go there, or where another process moved a version since `expected_serial`.
        """
        return self._append(
            model,
            version,
            state,
            reason_of(reason),
            command or (PROMOTE if state == CHAMPION else state),
            share,
            actor,
            figures,
            expected_serial,
        )

    def registered(self, model: str, version: str, passed_gate: bool, reason: str) -> Standing:
        """Note a new version: a candidate, or retired at once where it failed its gate."""
        state = CANDIDATE if passed_gate else RETIRED
        return self._append(model, version, state, reason_of(reason), REGISTER, None, WEIR, None, None)

    def rollback(self, model: str, reason: str, *, actor: str = "", figures: Mapping[str, Any] | None = None) -> str:
        """Take the challenger out, or else the champion, so that the version before serves; returns what was taken out.

        It is barred. ReleaseError where there is neither.
        """
        standing = self.settled(model)
        version = standing.challenger or (standing.champion if standing.previous is not None else None)
        if version is None:
            raise ReleaseError(
                f"The model {model} has no challenger and no previous champion to go back to; `weir model list {model}` shows its versions."
            )
        self.rollback_of(model, version, reason, actor=actor, figures=figures)
        return version

    def rollback_of(
        self, model: str, version: str, reason: str, *, actor: str = "", figures: Mapping[str, Any] | None = None
    ) -> None:
        """Take one version out for good. ReleaseError where it is the only one that can serve."""
        short = " ".join(reason.split())[:MAX_REASON_CHARACTERS]
        self.move(model, version, BARRED, short, command=ROLLBACK, actor=actor, figures=figures)

    def _append(
        self,
        model: str,
        version: str,
        state: str,
        reason: str,
        command: str,
        share: float | None,
        actor: str,
        figures: Mapping[str, Any] | None,
        expected_serial: int | None,
    ) -> Standing:
        registry = ModelRegistry.of(self.settings)
        with self._lock():
            is_moved = state == CHAMPION and self._is_moved_by_others(model)
            standing = self.standing(model) if is_moved else self._settle(model)
            if expected_serial is not None and standing.serial != expected_serial:
                raise ReleaseError(
                    f"Another process moved a version of {model} meanwhile; look at `weir model list {model}` and ask again."
                )
            if command == UNBAR and standing.state_of(version) != BARRED:
                raise ReleaseError(f"The model {model} version {version} is not barred; there is nothing to lift.")
            refusal = standing.refusal(version, state, share)
            if refusal and not (is_moved and version == standing.champion):
                raise ReleaseError(f"The model {model} is not changed: {refusal}.")
            if state in (SHADOW, CANARY, CHAMPION):
                registry.loaded(model, version)  # raises where it could not serve
            self._add(model, version, state, reason, command, standing.serial, share, actor, figures)
            if is_moved:
                registry.serve(model, version)
            return self._settle(model)

    def _is_moved_by_others(self, model: str) -> bool:
        """Whether somebody else moved the alias of the champion, which promoting a version undoes or accepts."""
        try:
            ModelRegistry.of(self.settings).champion(model)
        except ChampionError:
            return True
        return False

    def _add(
        self,
        model: str,
        version: str,
        state: str,
        reason: str,
        command: str,
        serial: int,
        share: float | None = None,
        actor: str = "",
        figures: Mapping[str, Any] | None = None,
    ) -> None:
        registered = ModelRegistry.of(self.settings).model(model)
        row = Release.make(
            datetime.now(UTC),
            actor or caller(self.settings.aws_region, asks_aws=False),
            command,
            f"{model} {version}",
            reason,
            details=json.dumps(dict(figures), sort_keys=True) if figures else "",
            model=model,
            version=version,
            serial=serial + 1,
            state=state,
            share=share if state == CANARY else None,
            registry="" if registered is None else registered.created_at,
        )
        AUDIT.append(self.lake, [row])

    def _rows(self, model: str, registry: str) -> list[Release]:
        rows = [row for row in AUDIT.read(self.lake) if (row.model, row.registry) == (model, registry)]
        return sorted(rows, key=lambda row: row.serial)

    def _lock(self) -> Any:
        return locked(self.settings.home / LOCK_FILE)

    def _is_settled(self, model: str, standing: Standing, registered: RegisteredModel) -> bool:
        last = ModelRegistry.of(self.settings).served_last(model)
        return last == standing.champion and all(
            registered.aliases.get(alias) == version for alias, version in standing.aliases.items()
        )

    def _settle(self, model: str) -> Standing:
        """Bring champion and aliases in line with the record, the champion last, for it is what serves; under the lock.

        What serves without a row gets one: a champion from before this record, or one to which MLflow's alias has moved
        forward. An alias that somebody else moved back is not touched: `ModelRegistry.champion` finds that out.
        """
        registry, standing = ModelRegistry.of(self.settings), self.standing(model)
        registered = registry.model(model)
        if registered is None:
            return standing
        last = registry.served_last(model)
        if standing.champion is not None and last != standing.champion and (last is None or last in standing.states):
            registry.serve(model, standing.champion)
        champion = registry.champion(model)
        if champion is not None and champion not in standing.states and registry.served_last(model) == champion:
            self._add(model, champion, CHAMPION, ADOPTED, ADOPT, standing.serial, actor=WEIR)
            standing = self.standing(model)
        for alias, version in standing.aliases.items():
            if alias != CHAMPION and registered.aliases.get(alias) != version:
                registry.set_alias(model, alias, version)
        return standing
