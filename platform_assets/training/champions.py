"""`make champions`: the champions that come with Weir, fitted on generated examples alone, the same to the bit each time.

    python -m platform_assets.training.champions [MODEL …]

They are written into `mlflow/weir_models/<model>/champion/`, in a scratch home without settings of the user.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.settings import Settings, load_settings
from platform_assets.training.sets import SEED, TrainingError, TrainingSet, hash_of, training_sets

if TYPE_CHECKING:
    from weir_models.shipped import Recipe

CHECKOUT = Path(__file__).parents[2]
SIMULATOR = "simulator"


def makeable() -> list[str]:
    """The models that need no data of the user, in the order in which they are fitted."""
    return [name for name, training in training_sets().items() if training.rows is not None]


def recipe_of(name: str) -> Recipe:
    """What `make champions` would make the champion of a model of now."""
    from weir_models import fingerprint
    from weir_models.shipped import Recipe

    training = training_sets()[name]
    module = inspect.getmodule(training.rows)
    assert module is not None
    texts = fingerprint.texts_of(CHECKOUT / SIMULATOR, SIMULATOR) | {module.__name__: inspect.getsource(module)}
    types = {column.name: column.type for column in training.table.columns}
    return Recipe(
        code_fingerprint=fingerprint.of_model(name),
        examples_fingerprint=fingerprint.of_texts(texts),
        inputs={column: types[column] for column in training.inputs},
        seed=SEED,
    )


def make(settings: Settings, name: str) -> int:
    """Fit a champion, write it into the package and register it in the home; returns its size in bytes.

    TrainingError where it misses its gate. Models that others' examples need are registered in the home first.
    """
    from platform_assets.training.models import fitted, register_shipped
    from weir_models import shipped

    training = training_sets()[name]
    examples = as_stored(training, training.rows(settings) if training.rows is not None else None)
    tags = {"examples": str(len(examples)), "examples_sha256": hash_of(examples)}
    folder = shipped.folder_of(name)
    shipped.write(fitted(name, training, examples, tags), recipe_of(name), name, folder)
    _, _, sentences, passed = register_shipped(settings, name)
    if not passed:
        raise TrainingError(f"The champion of {name} misses its gate: {'; '.join(sentences)}; mend the model.")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def as_stored(training: TrainingSet, examples: Any) -> Any:
    """Examples with the types that they would have after being read from the lake."""
    import pyarrow as pa

    from spark_jobs.storage.schema import arrow_schema

    return pa.Table.from_pandas(examples, schema=arrow_schema(training.table), preserve_index=False).to_pandas()


def main(names: list[str]) -> None:
    """Make the champions of the models (default: of all that need no data of the user)."""
    for name in [name for name in os.environ if name.startswith("WEIR_")]:
        del os.environ[name]
    if unknown := sorted(set(names) - set(makeable())):
        raise SystemExit(f"There is no champion to make of {unknown[0]}; choose from {', '.join(makeable())}.")
    with tempfile.TemporaryDirectory(prefix="weir-champions-") as home:
        settings = load_settings(home)
        for name in makeable():
            if names and name not in names:
                _register_for_others(settings, name)
                continue
            start = time.perf_counter()
            size = make(settings, name)
            print(f"{name}: {size:,} bytes, {time.perf_counter() - start:.0f} s", flush=True)


def _register_for_others(settings: Settings, name: str) -> None:
    from platform_assets.training.models import register_shipped
    from weir_models import shipped

    if shipped.is_there(name):
        register_shipped(settings, name)


if __name__ == "__main__":
    main(sys.argv[1:])
