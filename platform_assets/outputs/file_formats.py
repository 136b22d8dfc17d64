"""The formats of exported files: one writer of record batches for each file suffix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.core.escape import for_csv

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_ROWS = 131_072
ACTIVE_TEXT = r"^[=+\-@＝＋－＠]|[\pC\p{Zl}\p{Zp}\pM\x{115f}\x{1160}\x{2800}\x{3164}\x{ffa0}]"
"""Of RE2: all that `for_csv` changes, and some that it leaves."""

Write = Callable[["pa.RecordBatch"], None]


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(batch: pa.RecordBatch) -> None:
            buffer.append(batch)
            if sum(buffered.num_rows for buffered in buffer) >= ROW_GROUP_ROWS:
                flush()

        def flush() -> None:
            writer.write_table(pa.Table.from_batches(buffer, schema))
            buffer.clear()

        yield write
        if buffer:
            flush()


@contextmanager
def _csv(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.csv

    texts = [field if _is_plain(field.type) else pa.field(field.name, pa.string()) for field in schema]
    with path.open("wb") as sink, pa.csv.CSVWriter(sink, pa.schema(texts)) as writer:

        def write(batch: pa.RecordBatch) -> None:
            columns = [_lists_as_json(_without_formulas(_portable(column))) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=pa.schema(texts)))

        yield write


@contextmanager
def _jsonl(path: Path, schema: pa.Schema) -> Iterator[Write]:
    encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    with path.open("w", encoding="utf-8", newline="\n") as sink:

        def write(batch: pa.RecordBatch) -> None:
            columns = [_portable(column).to_pylist() for column in batch.columns]
            sink.writelines(
                f"{encode(dict(zip(schema.names, row, strict=True)))}\n" for row in zip(*columns, strict=True)
            )

        yield write


FORMATS: dict[str, Callable[[Path, Any], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _jsonl,
}


def _is_plain(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return not (pa.types.is_timestamp(kind) or pa.types.is_list(kind))


def _portable(column: pa.Array) -> pa.Array:
    """Times as ISO 8601 with Z; NaN and infinity as null; other values unchanged."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    if not pa.types.is_timestamp(column.type):
        return column
    # Without zone, so that strftime needs no time zone database; the lake's times are UTC.
    naive = column.cast(pa.int64()).cast(pa.timestamp("us"))
    seconds = pc.floor_temporal(naive, unit="second")
    whole_seconds = pc.strftime(seconds.cast(pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%SZ")
    return pc.if_else(pc.equal(naive, seconds), whole_seconds, pc.strftime(naive, format="%Y-%m-%dT%H:%M:%SZ"))


def _without_formulas(column: pa.Array) -> pa.Array:
    """Texts that a spreadsheet or terminal shows as they are; other columns unchanged."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    active = pc.fill_null(pc.match_substring_regex(column, pattern=ACTIVE_TEXT), False)
    if not pc.any(active).as_py():
        return column
    escaped = [for_csv(text) for text in column.filter(active).to_pylist()]
    return pc.replace_with_mask(column, active, pa.array(escaped, column.type))


def _lists_as_json(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if not pa.types.is_list(column.type):
        return column
    texts = [None if values is None else json.dumps(values) for values in column.to_pylist()]
    return pa.array(texts, pa.string())
