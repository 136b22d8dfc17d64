"""Rows in a task and a model -> the rows with the model's columns. The one place where a job meets a model.

The model is loaded inside the task, once a process; its score of a row does not depend on the batch it comes in, so it
equals the same model called alone. An error of the model in a task reaches the driver as one sentence.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime import progress
from spark_jobs.runtime.calls import fetch_folder
from spark_jobs.storage.batches import Bounds, merged
from spark_jobs.storage.objects import Storage
from spark_jobs.storage.schema import columns_schema

if TYPE_CHECKING:
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

    @classmethod
    def of(cls, name: str, version: str, cannot: str, reason: str) -> UnusableModelError:
        """`cannot` is what was tried, such as `loaded` or `applied`."""
        return cls(
            f"The model {name} version {version} cannot be {cannot} by this release ({reason}); run `weir train`."
        )


def scored(
    batches: Iterable[pa.RecordBatch], model: Any, inputs: Sequence[str], keep: Sequence[str], target: Table
) -> Iterator[pa.Table]:
    """`keep` columns of the rows followed by what the model predicts from `inputs`, with the types that `target` declares.

    Texts may be dictionaries: the model then gets categories, and works on each once.
    """
    import pyarrow as pa

    first = next(iterator := iter(batches), None)
    if first is None:
        return
    texts = [name for name in inputs if _is_text(first.schema.field(name).type)]
    for rows in merged(chain([first], iterator), BATCH, texts):
        rows = rows.unify_dictionaries()
        features = rows.select(list(inputs)).to_pandas()
        try:
            predicted = model.predict(features)
            names = [str(name) for name in predicted.columns]
            added = pa.Table.from_pandas(predicted, columns_schema(target, names), preserve_index=False)
        except MemoryError:
            raise  # fitting again would not help
        except Exception as error:
            raise UnusableModelError(MARKS[0] + first_line(error) + MARKS[1]) from error
        out = rows.select(list(keep))
        for name in names:
            out = out.append_column(name, added[name])
        yield out
        progress.rows_done(rows.num_rows)


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
        match = re.search(re.escape(MARKS[0]) + "(.*?)" + re.escape(MARKS[1]), str(error), re.DOTALL)
        if match is None:
            raise
        raise UnusableModelError.of(
            parameters["model_name"], parameters["model_version"], "applied", match[1]
        ) from error


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
