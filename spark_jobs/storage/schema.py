"""A declared table as an Arrow schema, such a schema as Spark DDL, and the names of its partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_jobs.contract import HOUR_COLUMN, HOUR_FORMAT, Column, Table

if TYPE_CHECKING:
    import pyarrow as pa


def hour_names(at: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The hour of each timestamp as partitions name it, `2026-11-20-13`.

    Each distinct hour is formatted once: formatting is what takes time.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    hours = pc.floor_temporal(at, unit="hour")
    encoded = (hours.combine_chunks() if isinstance(hours, pa.ChunkedArray) else hours).dictionary_encode()
    return pc.strftime(encoded.dictionary, format=HOUR_FORMAT).take(encoded.indices)


def arrow_type(column: Column) -> pa.DataType:
    """The column's Arrow type; timestamps are microseconds, UTC."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "list<string>": pa.list_(pa.string()),
    }
    return types[column.type]


def arrow_schema(table: Table, with_hour: bool = False) -> pa.Schema:
    """The table's Arrow schema; with the partition column last where `with_hour`."""
    import pyarrow as pa

    fields = [pa.field(column.name, arrow_type(column)) for column in table.columns]
    if with_hour and table.hourly:
        fields.append(pa.field(HOUR_COLUMN, pa.string()))
    return pa.schema(fields)


def arrow_rows(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow: columns that a row lacks are null; with `event_hour` last where the table is hourly."""
    import pyarrow as pa

    return pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(table, with_hour=True))


def columns_schema(table: Table, columns: Sequence[str]) -> pa.Schema:
    """The Arrow schema of some columns of the table, in their order."""
    import pyarrow as pa

    return pa.schema([pa.field(name, arrow_type(table.column(name))) for name in columns])


def ddl_of(schema: pa.Schema) -> str:
    """An Arrow schema of the types that tables have as Spark DDL."""
    names = {"int32": "int", "int64": "bigint", "bool": "boolean", "double": "double", "string": "string"}
    types = [
        "timestamp" if str(field.type).startswith("timestamp") else names.get(str(field.type), "array<string>")
        for field in schema
    ]
    return ", ".join(f"`{field.name}` {kind}" for field, kind in zip(schema, types, strict=True))
