"""`weir demo`: simulated worlds through the pipelines of all domains, measured against what the simulator knows.

The simulator is run as a program. Each domain declares its act: the worlds that it needs, and what it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.core.domain import parts
from platform_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.cli.run import Progress


@dataclass(frozen=True)
class World:
    """A simulated world, in a folder of the home: `raw/` with what AWS would deliver, `truth/` with what is known of it."""

    folder: str
    """Below the home."""
    module: str
    """The simulator's module."""
    hours_back: int
    """How long before now it begins."""
    arguments: tuple[str, ...]
    truth: str
    """The file of truth/ that is written last."""
    setting: str
    """The setting that names its raw files."""
    takes_scale: bool = False

    def path(self, settings: Settings) -> Path:
        return settings.home / self.folder

    def is_there(self, settings: Settings) -> bool:
        return (self.path(settings) / "truth" / self.truth).exists()


@dataclass(frozen=True)
class Act:
    """What a domain does in the demo."""

    order: int
    worlds: tuple[World, ...]
    settings: dict[str, Any]
    """Settings of the whole demo."""
    play: Callable[[Console, Settings, Progress], Callable[[], None]]
    """Runs and shows; the function that it returns is called at the very end, and raises where something was stopped."""


def acts() -> list[Act]:
    """The acts of all domains, in their order."""
    return sorted((act for _, act in parts("demo")), key=lambda act: act.order)


def worlds() -> list[World]:
    """The worlds that the acts need, each once."""
    return list(dict.fromkeys(world for act in acts() for world in act.worlds))


def demo_settings(settings: Settings) -> dict[str, Any]:
    """The settings that the demo changes: raw locations, and what each act asks for."""
    raw = {world.setting: str(world.path(settings) / "raw") for world in worlds()}
    return raw | {name: value for act in acts() for name, value in act.settings.items()}


def simulate_missing(settings: Settings, seed: int, scale: float) -> None:
    """Simulate the worlds that are not there yet."""
    from platform_assets.training.sets import simulate

    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for world in worlds():
        if world.is_there(settings):
            continue
        start = now - timedelta(hours=world.hours_back)
        scaled = ["--scale", str(scale)] if world.takes_scale else []
        command = [world.module, "--start", f"{start:%Y-%m-%dT%H}", "--seed", str(seed), *world.arguments, *scaled]
        simulate(world.path(settings), command)
