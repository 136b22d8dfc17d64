"""A DataFrame and a model folder -> the DataFrame with the model's columns. The one place where Spark meets a model.

The model is loaded inside the task, once a process; its score of a row does not depend on the batch it comes in, so it
equals the same model called alone. An error of the model in a task reaches the driver as one sentence.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime import progress
from spark_jobs.runtime.calls import fetch_folder
from spark_jobs.storage.batches import Bounds, merged
from spark_jobs.storage.objects import Storage

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

BATCH = Bounds(rows=262_144, max_bytes=64 << 20, max_distinct_bytes=16 << 20)
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
    frame: DataFrame,
    model_dir: str,
    inputs: Sequence[str],
    keep: Sequence[str],
    ddl: str,
    storage: Storage | None = None,
) -> DataFrame:
    """`keep` columns of `frame` followed by what the model predicts from `inputs`; `ddl` describes the result.

    `model_dir` is a folder that every task can read, or an s3:// URI that each process fetches once.
    """
    store = storage or Storage()
    texts = [name for name, kind in frame.select(*inputs).dtypes if kind == "string"]

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        model = loaded_model(model_dir, store)
        for rows in merged(batches, BATCH, texts):
            features = rows.select(list(inputs)).to_pandas()
            try:
                predicted = pa.Table.from_pandas(model.predict(features), preserve_index=False)
            except MemoryError:
                raise  # fitting again would not help
            except Exception as error:
                raise UnusableModelError(MARKS[0] + first_line(error) + MARKS[1]) from error
            out = rows.select(list(keep))
            for name in predicted.column_names:
                out = out.append_column(name, predicted[name])
            yield from out.combine_chunks().to_batches()
            progress.rows_done(rows.num_rows)

    return frame.select(*dict.fromkeys([*keep, *inputs])).mapInArrow(score, ddl)


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
