"""Are the feature tables that the contenders made equal to those of ours on Sail? Prints JSON for the benchmark.

python -m benchmarks.equality FOLDER CONTENDER...
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from spark_jobs.contract import Table
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, CLIENT_HOURLY, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

REFERENCE = "ours_sail"
FLOAT_TOLERANCE = 1e-9


def rows_of(out: Path, name: str, table: Table) -> pa.Table:
    """The table's rows as the contender wrote them, in the contract's columns and types, ordered by key."""
    if name.startswith("ours"):
        rows = Lake(str(out / name / "lake")).read_arrow(table, columns=table.column_names)
    else:
        rows = ds.dataset(out / name / table.name, partitioning="hive").to_table(columns=list(table.column_names))
    return (
        rows.select(table.column_names).cast(arrow_schema(table)).sort_by([(key, "ascending") for key in table.unique])
    )


def request_count(out: Path, name: str) -> int:
    if name.startswith("ours"):
        return sum(Lake(str(out / name / "lake")).row_counts(REQUESTS).values())
    return int(ds.dataset(out / name / "requests", partitioning="hive").count_rows())


def differences(ours: pa.Table, theirs: pa.Table, what: str) -> list[str]:
    """Sentences about columns that differ: exactly, or for floats by more than the tolerance (relative)."""
    if ours.num_rows != theirs.num_rows:
        return [f"{what} has {theirs.num_rows} rows, ours {ours.num_rows}"]
    found = []
    for column in ours.schema:
        one, other = ours[column.name].to_numpy(), theirs[column.name].to_numpy()
        if pa.types.is_floating(column.type):
            differs = ~np.isclose(one, other, rtol=FLOAT_TOLERANCE, atol=FLOAT_TOLERANCE)
        else:
            differs = one != other
        if differs.any():
            at = int(np.flatnonzero(differs)[0])
            found.append(f"{what}.{column.name} in {differs.sum()} rows, first {other[at]} where ours is {one[at]}")
    return found


def main(out: Path, names: list[str]) -> None:
    found, less, count = [], {}, request_count(out, REFERENCE)
    for table in (CLIENT_HOURLY, CLIENT_DAILY):
        ours = rows_of(out, REFERENCE, table)
        for name in names:
            if name != REFERENCE:
                found += differences(ours, rows_of(out, name, table), f"{name}'s {table.name}")
    for name in names:
        if (rows := request_count(out, name)) != count:
            found.append(f"{name} has {rows} requests, ours {count}")
        if not name.startswith("ours"):
            less[name] = import_module(f"benchmarks.{name}_peer").LESS
    tables = " and ".join(f"{table.name} (all {len(table.columns)} columns)" for table in (CLIENT_HOURLY, CLIENT_DAILY))
    compared = f"{tables}, floats to {FLOAT_TOLERANCE:g}, and the {count:,} rows of requests"
    print(json.dumps({"differences": found, "less": less, "compared": compared}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
