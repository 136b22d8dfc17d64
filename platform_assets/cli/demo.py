"""`weir demo`: simulated data through the pipelines of all domains, measured against the simulator's ground truth.

The simulator is run as a program. Each domain declares its demo: the simulated worlds that it needs, and what it shows.
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
    """A simulated world in a folder of the home: `raw/` as AWS would deliver it, `truth/` with the ground truth."""

    folder: str
    """Below the home."""
    module: str
    """The simulator's module."""
    hours_back: int
    """Hours from its start to now."""
    arguments: tuple[str, ...]
    truth: str
    """The file of truth/ that is written last."""
    setting: str
    """The setting for the location of its raw files."""
    takes_scale: bool = False

    def path(self, settings: Settings) -> Path:
        return settings.home / self.folder

    def is_there(self, settings: Settings) -> bool:
        return (self.path(settings) / "truth" / self.truth).exists()


def _nothing() -> None:
    """Nothing was stopped."""


@dataclass(frozen=True)
class Shown:
    """What is left to say at the very end of a demo."""

    summary: str
    """The one line that matters."""
    next_commands: tuple[str, ...] = ()
    """Commands as one types them here, each with its purpose after a #."""
    stop: Callable[[], None] = _nothing
    """Raises if something was stopped."""


@dataclass(frozen=True)
class DomainDemo:
    """The demo of a domain."""

    order: int
    worlds: tuple[World, ...]
    settings: dict[str, Any]
    """Settings of the whole demo."""
    play: Callable[[Console, Settings, Progress], Shown]
    """Runs and shows the demo."""


def domain_demos() -> list[DomainDemo]:
    """The demos of all domains, in their order."""
    return sorted((demo for _, demo in parts("demo")), key=lambda demo: demo.order)


def worlds() -> list[World]:
    """The distinct worlds that the demos need."""
    return list(dict.fromkeys(world for demo in domain_demos() for world in demo.worlds))


def demo_settings(settings: Settings) -> dict[str, Any]:
    """The settings that the demos change: raw locations, and each demo's own."""
    raw = {world.setting: str(world.path(settings) / "raw") for world in worlds()}
    return raw | {name: value for demo in domain_demos() for name, value in demo.settings.items()}


def play_all(console: Console, settings: Settings, progress: Progress) -> None:
    """Every demo, then in a few lines what matters and what to type next."""
    shown = [domain_demo.play(console, settings, progress) for domain_demo in domain_demos()]
    console.rule("In short")
    for one in shown:
        console.print(one.summary)
    for one in shown:
        for line in one.next_commands:
            console.print(line)
    for one in shown:
        one.stop()


def simulate_missing(settings: Settings, seed: int, scale: float) -> None:
    """Simulate the worlds that do not exist yet."""
    from platform_assets.training.sets import simulate

    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for world in worlds():
        if world.is_there(settings):
            continue
        start = now - timedelta(hours=world.hours_back)
        scaled = ["--scale", str(scale)] if world.takes_scale else []
        command = [world.module, "--start", f"{start:%Y-%m-%dT%H}", "--seed", str(seed), *world.arguments, *scaled]
        simulate(world.path(settings), command)
