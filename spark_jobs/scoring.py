"""A DataFrame and a model folder -> the DataFrame with the model's columns. The one place where Spark meets a model.

The model is loaded inside the task, once a process; its score of a row does not depend on the batch it comes in, so it
equals the same model called alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

BATCH_ROWS = 32_768


def scored(frame: DataFrame, model_dir: str, inputs: Sequence[str], keep: Sequence[str], ddl: str) -> DataFrame:
    """`keep` columns of `frame` followed by what the model predicts from `inputs`; `ddl` describes the result."""

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        model = loaded_model(model_dir)
        for rows in _merged(batches):
            predicted = pa.Table.from_pandas(model.predict(rows.select(list(inputs)).to_pandas()), preserve_index=False)
            out = rows.select(list(keep))
            for name in predicted.column_names:
                out = out.append_column(name, predicted[name])
            yield from out.combine_chunks().to_batches()

    return frame.select(*dict.fromkeys([*keep, *inputs])).mapInArrow(score, ddl)


def _merged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Small batches put together, so that vectorised models have something to work on."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
    if held:
        yield pa.Table.from_batches(held)


@lru_cache(maxsize=4)
def loaded_model(model_dir: str) -> Any:
    from weir_models.tracking import load_dir

    return load_dir(Path(model_dir))
