"""What a model is fitted on: the contract of a training set, the sets that the domains declare, and simulated worlds.

How a model is fitted, gated and registered is in models.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platform_assets.core.domain import parts
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.errors import ExitCode, WeirError

SEED = 20_260_101
SIMULATED_START = datetime(2026, 1, 5, tzinfo=UTC)


class TrainingError(WeirError):
    """Training data cannot be made or read; the message says what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on."""

    table: Table
    inputs: tuple[str, ...]
    """The columns of the table that the model's predict reads."""
    rows: Callable[[Settings], Any] | None = None
    """Makes the rows, as a data frame; None where the lake holds the table anyway."""
    title: str = ""
    """What making the rows is called while it runs."""
    kinds: frozenset[str] = frozenset()
    first_fit_hours: int | None = None
    """Of a table that the lake holds: hours from which on a first version is fitted, once."""
    after: tuple[str, ...] = ()
    """Models whose scores the rows hold; they are fitted first."""
    is_default: bool = False
    """Whether `weir train` fits it where no model is named."""


def training_sets() -> dict[str, TrainingSet]:
    """Model -> what it is fitted on, each after the models whose scores its rows hold."""
    declared = {name: training for _, sets in parts("training") for name, training in sets.items()}
    ordered: dict[str, TrainingSet] = {}

    def add(name: str) -> None:
        for earlier in declared[name].after:
            add(earlier)
        ordered.setdefault(name, declared[name])

    for name in declared:
        add(name)
    return ordered


@contextmanager
def simulated(settings: Settings, command: Sequence[str]) -> Iterator[Path]:
    """The folder that a module of the simulator, with its arguments, has written; gone afterwards."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="training-") as scratch:
        simulate(Path(scratch), command)
        yield Path(scratch)


def simulate(out: Path, command: Sequence[str]) -> None:
    """Run a module of the simulator, with its arguments, as a program that writes into `out`; TrainingError."""
    done = subprocess.run(
        [sys.executable, "-m", *command, "--out", str(out)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise TrainingError(
            f"The simulator failed: {done.stderr.strip().splitlines()[-1:] or 'no message'}; report it."
        )
