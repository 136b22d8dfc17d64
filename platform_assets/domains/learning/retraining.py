"""Fitting a model again on what is known now, and proving the candidate against the champion on the same examples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.domain import load
from platform_assets.domains.learning import feedback
from platform_assets.releases.record import WEIR, Releases
from platform_assets.releases.standing import RETIRED, SHADOW
from platform_assets.settings import Settings
from platform_assets.training import models
from platform_assets.training.champions import as_stored
from platform_assets.training.sets import FITTED, TrainingError, hash_of, training_sets

if TYPE_CHECKING:
    import pandas as pd

    from weir_models.contract import Candidate, Learning

MARGIN = 0.02
"""By how much a figure of a gate may be worse than the champion's on the same examples."""


@dataclass(frozen=True)
class Proof:
    """Of a candidate beside the champion."""

    is_proved: bool
    sentence: str


def load_recent(settings: Settings, model: str, hours: Sequence[str]) -> pd.DataFrame:
    """Rows of some hours as the model reads them, with the column `entity`."""
    frame: pd.DataFrame = load(training_sets()[model].recent)(settings, hours)
    return frame


def training_rows(settings: Settings, model: str) -> pd.DataFrame:
    """The examples of a fit now: generated or of the lake, and those that verdicts stand for. TrainingError."""
    import pandas as pd

    training, lake = training_sets()[model], lake_of(settings)
    if training.rows is None:
        rows = models.training_examples(lake, training)
    else:
        rows = as_stored(training, training.rows(settings))
        labels = feedback.examples(lake, model, datetime.now(UTC))
        if labels is not None:
            rows = pd.concat([rows, as_stored(training, labels)], ignore_index=True)
    if rows.empty:
        raise TrainingError(models.no_examples(model, training))
    return rows


def retrain(settings: Settings, model: str, reason: str, run_id: str = "") -> tuple[str, str]:
    """Fit, register and prove a candidate; returns its version (empty: none was fitted) and the outcome, as a sentence."""
    try:
        return _retrained(settings, model, reason, run_id)
    except TrainingError as error:  # the examples are at fault; the answer is kept, and it is not tried again at once
        return "", f"Nothing was fitted: {error}"


def _retrained(settings: Settings, model: str, reason: str, run_id: str) -> tuple[str, str]:
    training, lake = training_sets()[model], lake_of(settings)
    rows = training_rows(settings, model)
    tags = {"origin": FITTED, "git_revision": models.git_revision(), "dagster_run": run_id, "trigger": reason[:250]}
    tags |= {"examples": str(len(rows)), "examples_sha256": hash_of(rows)}
    if training.rows is None:
        tags["training_table_version"] = str(lake.version(training.table))
    registry, releases = ModelRegistry.of(settings), Releases.of(settings)
    champion = releases.settled(model).champion
    if (
        champion is not None
        and registry.version(model, champion).tags.get("examples_sha256") == tags["examples_sha256"]
    ):
        return (
            "",
            f"The examples are those of version {champion}, so the same model would come out; nothing was fitted.",
        )
    candidate = models.fitted(model, training, rows, tags)
    version, _, sentences, passed = models.register(settings, model, candidate, promotes=False)
    if not passed:
        return version, f"Version {version} failed its gate: {'; '.join(sentences)}."
    proof = prove(settings, model, version, candidate, rows, champion)
    if not proof.is_proved:
        releases.move(model, version, RETIRED, proof.sentence[:300], actor=WEIR)
        return version, f"Version {version} is not proved: {proof.sentence}"
    releases.move(model, version, SHADOW, proof.sentence[:300], actor=WEIR)
    return version, f"Version {version} is compared in shadow: {proof.sentence}"


def prove(
    settings: Settings, model: str, version: str, candidate: Candidate, rows: pd.DataFrame, champion: str | None
) -> Proof:
    """Candidate and champion on the same held-out examples: no figure of a gate worse by more than the margin, no slice
    worse, size and time within their budgets."""
    from weir_models import registry

    spec, module = registry.spec(model), registry.model_module(model)
    learning = spec.learning
    if champion is None or learning is None:
        return Proof(False, "no version serves that it could be compared with")
    held_out = rows[rows["split"] == "evaluate"] if "split" in rows else rows
    serving = ModelRegistry.of(settings).loaded(model, champion)
    before, after = module.evaluate(serving, held_out).figures, candidate.evaluation.figures
    worse = []
    for gate in spec.gates:
        old, new = before.get(gate.figure, float("nan")), after.get(gate.figure, float("nan"))
        loss = old - new if gate.at_least is not None or gate.at_least_figure else new - old
        if loss > MARGIN * max(abs(old), 1.0):
            worse.append(f"{gate.figure} {new:.4g} instead of {old:.4g}")
    inputs = list(training_sets()[model].inputs)
    folder = ModelRegistry.of(settings).fetched(model, version).folder
    begin = time.process_time()
    predicted = candidate.model.predict(held_out[inputs])
    worse += over_budget(folder, time.process_time() - begin, len(held_out), learning)
    if learning.outcome:
        worse += _worse_in_slices(predicted, serving.predict(held_out[inputs]), held_out, learning)
    if worse:
        return Proof(False, f"beside version {champion} on the same {len(held_out):,} examples: {'; '.join(worse)}")
    return Proof(True, f"not worse than version {champion} on the same {len(held_out):,} held-out examples")


def over_budget(folder: Path, cpu_seconds: float, rows: int, learning: Learning) -> list[str]:
    """Where a saved model is larger, or took longer for these rows, than its spec allows."""
    found = []
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > learning.max_bytes:
        found.append(f"it takes {size:,} bytes, {learning.max_bytes:,} are allowed")
    milliseconds = 1000 * cpu_seconds / max(rows, 1)
    if milliseconds > learning.milliseconds_per_row:
        found.append(f"it takes {milliseconds:.3g} ms of CPU a row, {learning.milliseconds_per_row:g} are allowed")
    return found


def _worse_in_slices(
    challenger: pd.DataFrame, champion: pd.DataFrame, held_out: pd.DataFrame, learning: Learning
) -> list[str]:
    """Where the F1 of the challenger's predictions is proved to be worse, in all rows and in each value of the declared slices."""
    import numpy as np
    import pandas as pd

    from weir_learning.figures import F1
    from weir_learning.paired import is_worse, paired_difference, slice_differences

    truth = held_out[learning.outcome].to_numpy(bool)
    frames = [
        pd.DataFrame({"truth": truth, "predicted": np.asarray(predicted[learning.flag], dtype=bool)})
        for predicted in (challenger, champion)
    ]
    blocks = held_out["family"].to_numpy() if "family" in held_out else np.arange(len(held_out))
    new, old = frames
    found = {"all examples": paired_difference(new, old, F1, blocks)}
    for name in learning.slices:
        values = held_out[name].fillna("none").to_numpy()
        masks = {f"{name} {value}": values == value for value in np.unique(values)}
        found |= slice_differences(new, old, F1, blocks, masks)
    return [f"{name}: {difference.sentence}" for name, difference in found.items() if is_worse(difference, MARGIN)]
