"""Importing a model that somebody trained elsewhere: it is checked step by step, and becomes a candidate, never champion."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.domain import tables
from platform_assets.domains.learning import import_source, retraining
from platform_assets.domains.learning.import_source import PICKLE, Found, ImportModelError
from platform_assets.releases.record import Releases
from platform_assets.settings import Settings
from platform_assets.training import models
from platform_assets.training.sets import hash_of, training_sets
from spark_jobs.errors import exit_code_of
from spark_jobs.runtime.scoring import first_line
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from spark_jobs.contract import Table
    from weir_models.contract import Evaluation, Learning, Model, ModelSpec

IMPORTED = "imported"
"""Value of the tag `origin` of a version."""
TOLERANCE = 1e-6
"""By which a predicted number may differ from the one that an example states."""
SHOWN_TRIED = 20
KINDS = {
    "string": "text", "integer": "number", "long": "number", "float": "number", "double": "number", "boolean": "number",
    "datetime": "time", "int32": "number", "int64": "number", "timestamp": "time",
}  # fmt: skip
"""Type of MLflow or of a table -> the kind that both must share; of other types nothing is asked."""


@dataclass(frozen=True)
class Imported:
    """What an import ended in."""

    model: str
    version: str
    has_passed_gate: bool
    sentences: tuple[str, ...]


def import_model(
    settings: Settings, source: str, name: str, example: Path | None = None, allowed: Collection[str] = ()
) -> Imported:
    """Check and register the model at a path or URI as a candidate of `name`.

    `example`: a file of rows with the inputs and what the model predicted of them elsewhere. `allowed`: what a pickle may
    call. ImportModelError, ForeignModelError, TrackingError or RegistryError in one sentence; nothing is registered then.
    """
    from weir_models import foreign, registry

    spec, training = registry.spec(name), training_sets()[name]
    learning = spec.learning
    if learning is None:
        raise ImportModelError(f"{name} does not say how it learns, so nothing can be imported for it; fit it here.")
    check_declared(spec, tables())
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="import-", ignore_cleanup_errors=True) as scratch:
        found = import_source.found(settings, source, Path(scratch), learning.max_bytes)
        check_new(settings, name, found.sha256)
        check_signature(found.signature, spec, training.inputs, training.table)
        if found.format == PICKLE:
            estimator = foreign.read_pickle(found.file, allowed)
        else:
            estimator = foreign.read_skops(found.file, spec, learning.max_bytes)
    model = foreign.adapted(estimator, spec, training.inputs)
    if parts := foreign.untrusted_parts(model, spec):
        raise ImportModelError(
            f"{source} is built of {', '.join(parts)}, which cannot be loaded safely; fit it of scikit-learn's classes alone."
        )
    parity = "no example was given to compare predictions with"
    if example is not None:
        parity = check_parity(model, read_example(example), training.inputs, learning)
    return _evaluated_and_registered(settings, spec, model, found, source, parity)


def _evaluated_and_registered(
    settings: Settings, spec: ModelSpec, model: Model, found: Found, source: str, parity: str
) -> Imported:
    """The same held-out examples and gate as for a version that is fitted here."""
    from weir_models import registry
    from weir_models.contract import Candidate

    name, training = spec.name, training_sets()[spec.name]
    rows = retraining.training_rows(settings, name)
    held_out = rows[rows["split"] == "evaluate"] if "split" in rows else rows
    inputs = list(training.inputs)
    check_outputs(model, held_out[inputs].head(SHOWN_TRIED), spec)
    try:
        evaluation: Evaluation = registry.model_module(name).evaluate(model, held_out)
    except Exception as error:
        if exit_code_of(error) is not None or isinstance(error, MemoryError):
            raise
        raise ImportModelError(
            f"The model cannot be evaluated on the examples of {name} ({first_line(error)}); it is not one of those."
        ) from error
    tags = {
        "origin": IMPORTED, "source": _short(source), "source_sha256": found.sha256, "parity": parity,
        "training_table": training.table.key, "examples": str(len(rows)), "examples_sha256": hash_of(rows),
    }  # fmt: skip
    baseline = rows[inputs].describe(include="all").T.astype(str).rename_axis("column").reset_index()
    candidate = Candidate(model, evaluation, held_out[inputs].head(SHOWN_TRIED), baseline, tags)
    version, _, sentences, passed = models.register(settings, name, candidate, promotes=False)
    told = (f"SHA-256 of what was given: {found.sha256}.", f"Parity: {parity}.", *(f"{one}." for one in sentences))
    return Imported(name, version, passed, told)


def check_declared(spec: ModelSpec, known: Mapping[str, Table]) -> None:
    """ImportModelError where a column that the model is declared to read is in no table of this release."""
    for key, columns in spec.inputs.items():
        there = known[key].column_names if key in known else ()
        if missing := [column for column in columns if column not in there]:
            raise ImportModelError(
                f"{key} has no column {', '.join(missing)} that {spec.name} reads; mend its spec.py."
            )


def check_new(settings: Settings, name: str, sha256: str) -> None:
    """ImportModelError where a version of the model was imported from the same bytes."""
    standing = Releases.of(settings).standing(name)
    for version in ModelRegistry.of(settings).versions(name):
        state = standing.state_of(version.version)
        if version.tags.get("source_sha256") == sha256 and state is not None:
            raise ImportModelError(
                f"These files are version {version.version} of {name} already ({state}); see `weir model show {name} {version.version}`."
            )


def check_signature(
    signature: Mapping[str, Sequence[Mapping[str, Any]]], spec: ModelSpec, inputs: Sequence[str], table: Table
) -> None:
    """ImportModelError where MLflow's signature names other inputs than are declared, or other types."""
    types = {column.name: column.type for column in table.columns}
    for column in signature.get("inputs", ()):
        name, given = str(column.get("name")), str(column.get("type"))
        if name not in inputs:
            raise ImportModelError(
                f"Its signature has the input {name!r}, which {spec.name} is not given; it is given {', '.join(inputs)}."
            )
        kinds = KINDS.get(given), KINDS.get(types[name])
        if None not in kinds and kinds[0] != kinds[1]:
            raise ImportModelError(f"Its signature takes {name} for {given}, and it is {types[name]}; fit it on that.")
    names = {str(column.get("name")) for column in signature.get("outputs", ()) if column.get("name")}
    wanted = declared_outputs(spec)
    if names and (missing := [name for name in wanted if name not in names]):
        raise ImportModelError(
            f"Its signature has no output {', '.join(missing)}, and {spec.name} predicts {', '.join(wanted)}; save it anew."
        )


def declared_outputs(spec: ModelSpec) -> list[str]:
    """The score, and the flag where there is one."""
    learning = spec.learning
    return [] if learning is None else [name for name in (learning.score, learning.flag) if name]


def check_outputs(model: Model, inputs: pd.DataFrame, spec: ModelSpec) -> None:
    """ImportModelError where the model fails at rows as it will be given, or predicts something else than is declared."""
    import numpy as np

    try:
        predicted = model.predict(inputs)
        missing = [name for name in declared_outputs(spec) if name not in predicted]
        is_finite = not missing and np.isfinite(np.asarray(predicted[declared_outputs(spec)[0]], dtype=float)).all()
    except MemoryError:
        raise
    except Exception as error:  # whatever foreign code raises
        raise ImportModelError(
            f"The model fails at examples of {spec.name} ({first_line(error)}); fit it on such rows."
        ) from error
    if missing:
        raise ImportModelError(f"The model predicts no {', '.join(missing)}, which {spec.name} needs; import another.")
    if not is_finite:
        raise ImportModelError(f"The model scores some examples of {spec.name} with no finite number; import another.")


def read_example(path: Path) -> pd.DataFrame:
    """Rows of a CSV, Parquet or JSON lines file; ImportModelError."""
    import pandas as pd

    readers: dict[str, Any] = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".jsonl": lambda file: pd.read_json(file, lines=True),
    }
    if path.suffix not in readers:
        raise ImportModelError(f"{path} is neither .csv, .jsonl nor .parquet; convert it.")
    try:
        frame: pd.DataFrame = readers[path.suffix](path)
    except (OSError, ValueError) as error:
        raise ImportModelError(f"{path} cannot be read ({first_line(error)}); correct it.") from error
    if frame.empty:
        raise ImportModelError(f"{path} holds no rows; give some with inputs and predictions.")
    return frame


def check_parity(model: Model, example: pd.DataFrame, inputs: Sequence[str], learning: Learning) -> str:
    """That the predictions are those that an example states, as a clause; ImportModelError where they are not."""
    import numpy as np

    stated = [name for name in (learning.score, learning.flag) if name and name in example]
    if not stated:
        raise ImportModelError(
            f"The example states no {learning.score}, so nothing can be compared; add what the model predicted there."
        )
    given = example.drop(columns=[name for name in stated if name not in inputs])
    if missing := [name for name in getattr(model, "columns", inputs) if name not in given]:
        raise ImportModelError(f"The example lacks the input {', '.join(missing)}; add it.")
    try:
        predicted = model.predict(given.reindex(columns=list(inputs)))
    except MemoryError:
        raise
    except Exception as error:  # whatever foreign code raises
        raise ImportModelError(f"The model fails at the example ({first_line(error)}); correct the example.") from error
    if len(predicted) != len(example):  # one answer for a series, at its last row
        example = example.groupby(learning.entity, sort=True).tail(1).sort_values(learning.entity)
    if len(predicted) != len(example):
        raise ImportModelError(
            f"The model predicts {len(predicted)} of {len(example)} rows of the example; correct it."
        )
    for name in stated:
        new = np.asarray(predicted[name], dtype=float)
        old = np.asarray(example[name], dtype=float)
        apart = ~np.isclose(new, old, rtol=0.0, atol=TOLERANCE)
        if apart.any():
            row = int(np.flatnonzero(apart)[0])
            raise ImportModelError(
                f"In {counted(int(apart.sum()), 'row')} of {len(old)} of the example {name} is another, first in row {row + 1}: "
                f"{new[row]:.6g} here, {old[row]:.6g} there; use the same versions of the libraries there and here."
            )
    return f"{' and '.join(stated)} are those of the example in {counted(len(example), 'row')}"


def _short(source: str) -> str:
    """A source without a password, as a tag."""
    from weir_models.tracking_uri import without_password

    return without_password(source)[:200]
