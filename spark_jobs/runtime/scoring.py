"""Rows in a task and a model -> the rows with the model's columns. The one place where a job meets a model.

The model is loaded inside the task, once a process; its score of a row does not depend on the batch it comes in, so it
equals the same model called alone. Where there is a canary (canary.py), it scores the rows of its share. An error of the
model in a task reaches the driver as one sentence.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime import progress
from spark_jobs.runtime.calls import fetch_folder
from spark_jobs.runtime.canary import Served
from spark_jobs.storage.batches import Bounds, merged
from spark_jobs.storage.objects import Storage
from spark_jobs.storage.schema import columns_schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from spark_jobs.contract import Table

BATCH = Bounds(rows=1_048_576, max_bytes=64 << 20, max_distinct_bytes=32 << 20)
"""Models work on distinct texts, which a large batch holds fewer times; ordinary requests stay below both bounds of bytes.

What a model makes of hostile requests is a multiple of their distinct texts.
"""
MARKS = ("[[the model failed: ", "]]")
"""Around the error of a task: an engine returns errors as text, wrapped in its own and with a stack trace."""


class UnusableModelError(WeirError):
    """A registered version cannot be used by the code that is installed; one sentence that says what to do."""

    exit_code = ExitCode.SERVICE
    version = ""
    """The version that cannot be used, where it is known."""

    @classmethod
    def of(cls, name: str, version: str, cannot: str, reason: str) -> UnusableModelError:
        """`cannot` is what was tried, such as `loaded` or `applied`."""
        error = cls(
            f"The model {name} version {version} cannot be {cannot} by this release ({reason}); run `weir train`."
        )
        error.version = version
        return error


@dataclass(frozen=True)
class Scoring:
    """How rows are scored: the versions, the columns that they read, and whose share of the canary a row belongs to."""

    served: Served
    inputs: Sequence[str]
    keep: Sequence[str]
    """Columns of the rows that stay."""
    entity: str
    """The column that names the entity of a row."""
    entity_of: Callable[[str], str] = str
    """The entity that a text of that column belongs to, such as the network of an address."""


def scored(batches: Iterable[pa.RecordBatch], scoring: Scoring, storage: Storage, target: Table) -> Iterator[pa.Table]:
    """The kept columns of the rows, what a model predicts from its inputs, and which: model_name and model_version.

    The columns have the types that `target` declares. Texts may be dictionaries: the model then gets categories, and works
    on each once. Rows stay in their order.
    """
    first = next(iterator := iter(batches), None)
    if first is None:
        return
    served = scoring.served
    champion = loaded_model(served.model_dir, storage)
    texts = [name for name in scoring.inputs if _is_text(first.schema.field(name).type)]
    for rows in merged(chain([first], iterator), BATCH, texts):
        rows = rows.unify_dictionaries()
        own = _rows_of_canary(rows, scoring)
        if own is None or not own.any():
            out = _with_predictions(rows, champion, served.model_version, scoring, target)
        else:
            out = _by_two(rows, own, champion, loaded_model(served.canary_dir, storage), scoring, target)
        yield out
        progress.rows_done(rows.num_rows)


def _rows_of_canary(rows: pa.Table, scoring: Scoring) -> np.ndarray | None:
    """Which rows the canary scores, as booleans; None where there is no canary."""
    if not scoring.served.canary_version:
        return None
    import numpy as np

    column = rows[scoring.entity].combine_chunks()
    encoded = column if _is_dictionary(column.type) else column.dictionary_encode()
    entities = [scoring.entity_of(text) for text in encoded.dictionary.to_pylist()]
    return np.array(scoring.served.is_canary(entities), dtype=bool)[encoded.indices.to_numpy()]


def _by_two(rows: pa.Table, own: np.ndarray, champion: Any, canary: Any, scoring: Scoring, target: Table) -> pa.Table:
    """Rows of the canary's share scored by it, the others by the champion, in their order."""
    import numpy as np
    import pyarrow as pa

    served, of_canary, others = scoring.served, np.flatnonzero(own), np.flatnonzero(~own)
    parts = [_with_predictions(rows.take(of_canary), canary, served.canary_version, scoring, target)]
    if others.size:
        parts.insert(0, _with_predictions(rows.take(others), champion, served.model_version, scoring, target))
    return pa.concat_tables(parts).take(np.argsort(np.concatenate([others, of_canary])))


def _with_predictions(rows: pa.Table, model: Any, version: str, scoring: Scoring, target: Table) -> pa.Table:
    import pyarrow as pa

    features = rows.select(list(scoring.inputs)).to_pandas()
    try:
        predicted = model.predict(features)
        names = [str(name) for name in predicted.columns]
        added = pa.Table.from_pandas(predicted, columns_schema(target, names), preserve_index=False)
    except MemoryError:
        raise  # fitting again would not help
    except Exception as error:
        raise UnusableModelError(MARKS[0] + f"{version}: {first_line(error)}" + MARKS[1]) from error
    out = rows.select(list(scoring.keep))
    for name in names:
        out = out.append_column(name, added[name])
    return with_constants(out, {"model_name": scoring.served.model_name, "model_version": version})


def _is_dictionary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(kind) or pa.types.is_string(kind))


def with_constants(rows: pa.Table, values: Mapping[str, str | None]) -> pa.Table:
    """The rows with a text column for each value, the same in every row."""
    import pyarrow as pa

    for name, value in values.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, pa.string()), rows.num_rows))
    return rows


@contextmanager
def explained(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Context in which the engine evaluates `scored`: an error of the model in a task becomes UnusableModelError."""
    try:
        yield
    except Exception as error:
        match = re.search(re.escape(MARKS[0]) + "(.*?): (.*?)" + re.escape(MARKS[1]), str(error), re.DOTALL)
        if match is None:
            raise
        raise UnusableModelError.of(parameters["model_name"], match[1], "applied", match[2]) from error


def first_line(error: Exception) -> str:
    """Type and first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


@lru_cache(maxsize=4)
def loaded_model(model_dir: str, storage: Storage) -> Any:
    """The model in a local folder or under an s3:// URI, loaded once a process."""
    from weir_models.saved_model import load_dir

    with tempfile.TemporaryDirectory(prefix="weir-model-") as scratch:
        return load_dir(fetch_folder(storage, model_dir, Path(scratch)))
