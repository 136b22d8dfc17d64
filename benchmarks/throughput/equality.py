"""Compare the contenders' feature tables with those of ours on Sail. Prints JSON for the benchmark.

python -m benchmarks.throughput.equality FOLDER CONTENDER...
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks.throughput.definitions import NOT_COMPARED
from benchmarks.throughput.results import OURS
from spark_jobs.contract import Table
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, CLIENT_HOURLY, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import columns_schema

FLOAT_TOLERANCE = 1e-9


def rows_of(out: Path, name: str, table: Table) -> pa.Table:
    """The rows that the contender wrote, in the compared columns and their types, ordered by key."""
    columns = compared_columns(table)
    if name.startswith("ours"):
        rows = Lake(str(out / name / "lake")).read_arrow(table, columns=columns)
    else:
        rows = ds.dataset(out / name / table.name, partitioning="hive").to_table(columns=columns)
    return (
        rows.select(columns).cast(columns_schema(table, columns)).sort_by([(key, "ascending") for key in table.unique])
    )


def compared_columns(table: Table) -> list[str]:
    """The columns that peers compute as well."""
    return [name for name in table.column_names if name not in NOT_COMPARED]


def request_count(out: Path, name: str) -> int:
    if name.startswith("ours"):
        return sum(Lake(str(out / name / "lake")).row_counts(REQUESTS).values())
    return int(ds.dataset(out / name / "requests", partitioning="hive").count_rows())


def differences(ours: pa.Table, theirs: pa.Table, what: str) -> list[str]:
    """Sentences about columns that differ: exactly, or for floats by more than the tolerance (relative)."""
    if ours.num_rows != theirs.num_rows:
        return [f"{what} has {theirs.num_rows} rows, ours {ours.num_rows}"]
    sentences = []
    for column in ours.schema:
        left, right = ours[column.name].to_numpy(), theirs[column.name].to_numpy()
        if pa.types.is_floating(column.type):
            differs = ~np.isclose(left, right, rtol=FLOAT_TOLERANCE, atol=FLOAT_TOLERANCE)
        else:
            differs = left != right
        if differs.any():
            at = int(np.flatnonzero(differs)[0])
            sentences.append(
                f"{what}.{column.name} in {differs.sum()} rows, first {right[at]} where ours is {left[at]}"
            )
    return sentences


def main(out: Path, names: list[str]) -> None:
    sentences, limits, count = [], {}, request_count(out, OURS)
    for table in (CLIENT_HOURLY, CLIENT_DAILY):
        ours = rows_of(out, OURS, table)
        for name in names:
            if name != OURS:
                sentences += differences(ours, rows_of(out, name, table), f"{name}'s {table.name}")
    for name in names:
        if (rows := request_count(out, name)) != count:
            sentences.append(f"{name} has {rows} requests, ours {count}")
        if not name.startswith("ours"):
            limits[name] = import_module(f"benchmarks.throughput.{name}_peer").LIMITS
    tables = " and ".join(
        f"{table.name} ({len(compared_columns(table))} of {len(table.columns)} columns)"
        for table in (CLIENT_HOURLY, CLIENT_DAILY)
    )
    compared = f"{tables}, floats to {FLOAT_TOLERANCE:g}, and the {count:,} rows of requests"
    print(json.dumps({"differences": sentences, "limits": limits, "compared": compared}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
