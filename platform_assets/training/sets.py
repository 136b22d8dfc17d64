"""Training sets: their contract, those that the domains declare, and simulated data. models.py fits the models."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platform_assets.core.domain import parts
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.errors import ExitCode, WeirError

SEED = 20_260_101
SHIPPED, FITTED = "shipped", "fitted here"
"""Values of the tag `origin` of a registered version."""
SIMULATED_START = datetime(2026, 1, 5, tzinfo=UTC)


class TrainingError(WeirError):
    """Training data cannot be made or read; the message says what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class Judged:
    """What a person's verdict is about, as the domain knows it when the verdict is given."""

    event_at: datetime
    entity: str
    """Whom it concerns: a network or a cluster."""
    description: str
    """One line; it may hold text of strangers."""
    predicted: float | None
    """The model's score of it."""
    is_flagged: bool | None
    """Whether the model flagged it; None where it was not scored."""
    model_version: str | None
    example: Mapping[str, Any] | None
    """Values of the inputs, a row of the training set but for label, family and split; None: it is no example."""
    offers: Mapping[str, str]
    """Verdict -> the command that would act upon it."""


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on, and how what happened since is read."""

    table: Table
    inputs: tuple[str, ...]
    """The columns of the table that the model's predict reads."""
    rows: Callable[[Settings], Any] | None = None
    """Makes the rows, as a data frame; None if the lake has the table anyway."""
    title: str = ""
    """Title while the rows are made."""
    kinds: frozenset[str] = frozenset()
    first_fit_hours: int | None = None
    """For a table of the lake: hours needed before a first version is fitted, once."""
    newest_days: int | None = None
    """Of a table of the lake only these days before its newest hour are read; None: all of it."""
    most_series: tuple[str, int] | None = None
    """The column that tells series apart, and of how many at most the rows are read, spread over the names."""
    after: tuple[str, ...] = ()
    """Models whose scores are in the rows; they are fitted first."""
    is_default: bool = False
    """Whether `weir train` without names fits it."""
    recent: str = ""
    """Reference `module:function`, (settings, hours) -> rows as `predict` reads them, a data frame with the column `entity`."""
    entity_of: str = ""
    """Reference `module:function`, text of the predictions' column of entities -> the entity that a canary's share is of;
    empty: the text itself."""
    outcomes: str = ""
    """Reference `module:function`, (settings, hours) -> predictions about these hours beside what was measured, a data frame with
    entity, event_at, model_version, truth, predicted and, where there are any, low, high and persistence."""
    judged: str = ""
    """Reference `module:function`, (settings, subject) -> Judged; None where it is nothing that this model judges."""
    verdicts: Mapping[str, bool] = field(default_factory=dict)
    """Verdict -> the label that it stands for."""
    label: str = ""
    """The column of the table that a verdict sets; empty: verdicts are no labels."""
    withdraw: str = ""
    """Reference `module:function`, (settings, model, version, reason): withdraws what a version caused, also if it is asked again;
    returns a sentence, empty if there was nothing."""
    replay: str = ""
    """Reference `module:function`, (settings, model, champion, challenger, hours, benign) -> Replayed (replays.py): the newest
    stored hours decided by both versions; `benign`: entities that people called so. Where the model's spec has a Replay."""
    has_own_rows: Callable[[Settings], bool] | None = None
    """Whether the settings give rows of the user's own, so that a model fitted on generated ones alone is no first version."""


def training_sets() -> dict[str, TrainingSet]:
    """Training set by model, each after the models whose scores are in its rows."""
    declared = {name: training for _, sets in parts("training") for name, training in sets.items()}
    ordered: dict[str, TrainingSet] = {}

    def add(name: str) -> None:
        for earlier in declared[name].after:
            add(earlier)
        ordered.setdefault(name, declared[name])

    for name in declared:
        add(name)
    return ordered


def domain_of(name: str) -> str:
    """The domain that declares the training set of a model."""
    return next(domain.name for domain, sets in parts("training") if name in sets)


def hash_of(examples: Any) -> str:
    """SHA-256 of a data frame's columns and values."""
    import hashlib

    import pyarrow as pa

    table = pa.Table.from_pandas(examples, preserve_index=False).replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()


@contextmanager
def simulated(settings: Settings, command: Sequence[str]) -> Iterator[Path]:
    """A temporary folder with the output of a simulator module and its arguments."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="training-") as scratch:
        simulate(Path(scratch), command)
        yield Path(scratch)


def simulate(out: Path, command: Sequence[str]) -> None:
    """Run a simulator module with its arguments as a program that writes into `out`; TrainingError if it fails."""
    process = subprocess.run(
        [sys.executable, "-m", *command, "--out", str(out)], capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise TrainingError(
            f"The simulator failed: {process.stderr.strip().splitlines()[-1:] or 'no message'}; report it."
        )
