"""Open tables: commits of others are seen, a recreated table is opened anew, and no table is opened twice without need."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spark_jobs.contract import HOUR_COLUMN, Column, Table
from spark_jobs.storage import delta_log
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

TABLE = Table("test/log/rows", "Rows.", "one row", columns=(Column("number", "int64", "a number"),))
HOURS = ["2026-11-20-13", "2026-11-20-14"]


def rows(hour: str, *numbers: int) -> pa.Table:
    actual = [{"number": number, HOUR_COLUMN: hour} for number in numbers]
    return pa.Table.from_pylist(actual, schema=arrow_schema(TABLE, with_hour=True))


def numbers(lake: Lake) -> list[int]:
    return sorted(lake.read_arrow(TABLE)["number"].to_pylist())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    actual: list[str] = []

    class Counted(deltalake.DeltaTable):
        def __init__(self, table_uri: str, **options: Any) -> None:
            actual.append(table_uri)
            super().__init__(table_uri, **options)

    monkeypatch.setattr(deltalake, "DeltaTable", Counted)
    return actual


def test_a_table_is_opened_only_once(lake: Lake, openings: list[str]) -> None:
    for number in range(5):
        lake.append_arrow(rows(HOURS[number % 2], number), TABLE)
        assert numbers(lake) == list(range(number + 1))
    assert lake.hours(TABLE) == HOURS
    assert len(openings) == 2, "where it is made, and where it is read"


def test_commits_of_others_are_seen(lake: Lake) -> None:
    lake.overwrite_arrow(rows(HOURS[0], 1), TABLE, HOURS[:1])
    assert numbers(lake) == [1]
    other = deltalake.DeltaTable(lake.path(TABLE))
    deltalake.write_deltalake(other, rows(HOURS[1], 2), mode="append")
    assert numbers(lake) == [1, 2]
    other.delete("number = 1")
    assert numbers(lake) == [2]


@pytest.mark.parametrize("commits", [1, 2, 3])
def test_a_recreated_lake_is_opened_anew(lake: Lake, commits: int) -> None:
    for number in range(2):
        lake.append_arrow(rows(HOURS[0], number), TABLE)
    shutil.rmtree(lake.root)
    assert lake.version(TABLE) is None and numbers(lake) == []
    shutil.rmtree(lake.root, ignore_errors=True)
    again = Lake(f"{lake.root}-elsewhere")
    for number in range(commits):
        again.append_arrow(rows(HOURS[1], 10 + number), TABLE)
    Path(again.root).rename(lake.root)
    assert numbers(lake) == list(range(10, 10 + commits))


def test_a_pinned_lake_stays_at_its_first_version(lake: Lake) -> None:
    lake.append_arrow(rows(HOURS[0], 1), TABLE)
    pinned = lake.pinned()
    assert numbers(pinned) == [1]
    lake.append_arrow(rows(HOURS[0], 2), TABLE)
    assert (numbers(pinned), numbers(lake)) == ([1], [1, 2])
    assert numbers(lake.pinned()) == [1, 2]


def test_only_so_many_tables_are_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_log, "MAX_TABLES_OPEN", 2)
    lakes = [Lake(str(tmp_path / name)) for name in "abc"]
    for number, lake in enumerate(lakes):
        lake.append_arrow(rows(HOURS[0], number), TABLE)
    assert len(delta_log._cache.tables) == 2
    assert [numbers(lake) for lake in lakes] == [[0], [1], [2]]


def test_rows_added_during_a_rewrite_stay(lake: Lake) -> None:
    whole = Table("test/log/whole", "Rows.", "one row", columns=TABLE.columns, hourly=False)
    schema = arrow_schema(whole)
    for number in range(3):
        lake.append_arrow(pa.table({"number": [number]}, schema), whole)
    seen: list[list[int]] = []

    def without_zero(rows: pa.Table) -> pa.Table:
        seen.append(sorted(rows["number"].to_pylist()))
        if len(seen) == 1:  # another thread has the table open for itself, as another process has
            late = threading.Thread(target=lambda: lake.append_arrow(pa.table({"number": [7]}, schema), whole))
            late.start()
            late.join()
        return rows.filter(pc.greater(rows["number"], 0))

    lake.rewrite(whole, without_zero)
    assert seen[0] == [0, 1, 2]
    assert sorted(lake.read_arrow(whole)["number"].to_pylist()) == [1, 2, 7]
    lake.rewrite(whole, lambda rows: None)
    assert sorted(lake.read_arrow(whole)["number"].to_pylist()) == [1, 2, 7]
