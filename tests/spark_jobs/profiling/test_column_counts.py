"""Counts of columns by the real engine over real files equal those of all rows at once."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

from spark_jobs.contract import HOUR_COLUMN, Column, Interval, Table
from spark_jobs.main import JobRun, run_job
from spark_jobs.profiling.bins import Bins, bins_of, counts_of
from spark_jobs.profiling.counts import Counts
from spark_jobs.profiling.jobs import table_document
from spark_jobs.profiling.texts import GROUP_TEXTS, GROUPS
from spark_jobs.storage.lake import Lake

pytestmark = pytest.mark.slow
HOURS = ("2026-11-20-00", "2026-11-20-01", "2026-11-20-02", "2026-11-20-03")


def rows(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    texts = [("a", "bb", "ccc", None)[n] for n in random.integers(0, 4, count)]
    return pa.table(
        {
            "x": pa.array(random.normal(size=count)),
            "method": pa.array(texts, pa.string()),
            "path": pa.array(["/" + "p" * int(n) for n in random.integers(0, 60, count)]),
            "cluster": pa.array([f"c{n}" for n in random.integers(0, 5, count)]),
            "is_on": pa.array(random.random(count) < 0.3),
            HOUR_COLUMN: pa.array(random.choice(HOURS, count).tolist()),
        }
    )


@pytest.mark.parametrize("partition", ["hour", "month"])
def test_counts_of_files_are_those_of_all_rows(sail: Any, lake: Lake, partition: Any) -> None:
    columns = (
        Column("x", "double", ""),
        Column("method", "string", ""),
        Column("path", "string", ""),
        Column("cluster", "string", ""),
        Column("is_on", "boolean", ""),
    )
    table = Table("parsed/test/rows", "", "", columns, partition=partition)
    everything = rows(5_000, 1)
    for part in (everything.slice(0, 2_000), everything.slice(2_000)):
        lake.append_arrow(part, table)
    asked = Interval.spanning(HOURS[1], HOURS[2])
    expected = everything.filter(pa.compute.is_in(everything[HOUR_COLUMN], pa.array(asked.hours)))
    bins = [bins_of(column.name, everything[column.name]) for column in columns if column.name != "cluster"]
    bins.append(Bins("cluster", "id"))
    parameters = json.loads(json.dumps({"table": table_document(table), "bins": [one.to_json() for one in bins]}))
    figures = run_job("profiling", "column_counts", JobRun(sail, lake, asked, parameters, 3))
    assert figures["rows"] == expected.num_rows
    for one in bins:
        counts = Counts.from_json(json.loads(json.dumps(figures["counts"][one.name])))
        assert counts.hours == [1, 2]
        for hour in HOURS[1:3]:
            of_hour = counts_of(one, expected.filter(pa.compute.equal(expected[HOUR_COLUMN], hour))[one.name])
            assert counts.values[int(hour[-2:])].tolist() == (of_hour > 0 if one.kind == "id" else of_hour).tolist()
        if one.kind == "text":
            assert counts.sketch is not None
            of_groups = (counts.sketch.sum(axis=2) > 0).sum(axis=1)
            assert of_groups[:4].tolist() == [0, GROUPS, GROUPS, 0], "as many groups of both hours, none of others"
            grams = expected["path"].to_pylist()
            most = GROUPS * GROUP_TEXTS * sum(max(len(max(grams, key=len)) - n + 1, 0) for n in (2, 3, 4))
            assert 0 < counts.sketch[1].sum() < most


def test_no_files_are_no_counts(sail: Any, lake: Lake) -> None:
    table = Table("parsed/test/rows", "", "", (Column("x", "double", ""),))
    bins = bins_of("x", pa.array([1.0, 2.0, 3.0]))
    parameters = {"table": table_document(table), "bins": [bins.to_json()]}
    figures = run_job("profiling", "column_counts", JobRun(sail, lake, Interval.of_hour(HOURS[0]), parameters))
    assert figures["rows"] == 0 and Counts.from_json(figures["counts"]["x"]).values.sum() == 0
