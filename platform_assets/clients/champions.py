"""Which version of a model serves, as this home knows it: the alias in MLflow is moved by whoever reaches it.

Training only ever promotes a new version, with a number above all before. So an alias moves forward by itself, to a version
that is signed; back it moves only by a command of this home.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from platform_assets.core.files import locked, write_atomically
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

CHAMPIONS_FILE = "champions.json"


class ChampionError(WeirError):
    """Something else than Weir moved the champion of a model, or the home's own record of it cannot be read."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Champion:
    """The version of a model that serves, and the newest that ever did: after going back they differ."""

    version: str
    newest: str


@dataclass(frozen=True)
class Champions:
    """Of one home and one MLflow."""

    path: Path
    tracking_uri: str
    """Without its password."""

    @classmethod
    def of(cls, settings: Settings) -> Champions:
        from weir_models.tracking_uri import without_password

        return cls(settings.home / CHAMPIONS_FILE, without_password(settings.tracking_uri))

    def known(self, name: str) -> Champion | None:
        """The champion of a model; None where none has served yet. ChampionError where the file is damaged."""
        return self._read().get(name)

    def keep(self, name: str, champion: Champion) -> None:
        """From here on this version serves."""
        with locked(self.path.with_suffix(".lock")):
            self._write(self._read() | {name: champion})

    def forget(self) -> None:
        """The MLflow is a new one, whose versions are counted from 1."""
        with locked(self.path.with_suffix(".lock")):
            if self._read():
                self._write({})

    def is_new(self, name: str, alias: str) -> bool:
        """Whether a version that MLflow calls champion has never served here, nor any after it."""
        champion = self.known(name)
        return champion is None or _number(alias) > _number(champion.newest)

    def problem(self, name: str, alias: str | None) -> str | None:
        """One sentence where the alias in MLflow (None: there is none) was moved by something else than Weir; else None."""
        champion = self.known(name)
        if champion is None or alias == champion.version or (alias is not None and self.is_new(name, alias)):
            return None
        if alias is None:
            return (
                f"The model {name} has no champion in MLflow any more, though version {champion.version} served, so something else "
                f"than Weir removed it; run `weir model promote {name} {champion.version} --reason …` to have it back, or `weir train {name}`."
            )
        return (
            f"In MLflow the champion of the model {name} is version {alias}, though version {champion.version} served last, so "
            f"something else than Weir moved it; run `weir model promote {name} {champion.version} --reason …` to undo that, "
            f"or `weir model promote {name} {alias} --reason …` to accept it."
        )

    def _all(self) -> dict[str, dict[str, dict[str, str]]]:
        """MLflow -> model -> its champion."""
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, TypeError, ValueError, RecursionError) as error:
            raise self._damaged() from error

    def _read(self) -> dict[str, Champion]:
        try:
            return {name: Champion(**values) for name, values in self._all().get(self.tracking_uri, {}).items()}
        except (AttributeError, TypeError) as error:
            raise self._damaged() from error

    def _damaged(self) -> ChampionError:
        return ChampionError(
            f"{self.path} does not hold the champions of this home any more; restore it, or, if nobody else reaches MLflow, "
            "delete it, which takes those that it names."
        )

    def _write(self, champions: dict[str, Champion]) -> None:
        values = self._all() | {self.tracking_uri: {name: asdict(champion) for name, champion in champions.items()}}
        write_atomically(self.path, json.dumps(values, indent=1, sort_keys=True) + "\n")


def _number(version: str) -> int:
    """The number of a version; -1 for what is none, which is never new."""
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else -1
