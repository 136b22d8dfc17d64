"""Lake tables: an interval is replaced exactly and atomically under concurrent writers, and any Delta reader sees the same."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from spark_jobs.contract import HOUR_COLUMN, TYPES, Column, Interval, Table, parse_hour
from spark_jobs.storage.lake import Lake, LakeError
from spark_jobs.storage.schema import arrow_schema

HOURLY = Table(
    key="test/hourly",
    meaning="One row of each type.",
    grain="one row",
    columns=(
        Column("name", "string", "a name"),
        Column("small", "int32", "a number"),
        Column("large", "int64", "a number"),
        Column("share", "double", "a number"),
        Column("is_odd", "boolean", "a mark"),
        Column("at", "timestamp", "a time"),
        Column("ids", "list<string>", "some ids"),
    ),
)
WHOLE = Table(key="test/whole", meaning="As it is.", grain="one row", hourly=False, columns=HOURLY.columns)
HOURS = ("2026-11-20-22", "2026-11-20-23", "2026-11-21-00")


def rows(hour: str, count: int = 3, name: str = "a") -> list[dict[str, Any]]:
    return [
        {
            "name": f"{name}{i}" if i else None,
            "small": i or None,
            "large": 2**40 + i,
            "share": i / 3,
            "is_odd": bool(i % 2),
            "at": parse_hour(hour) + timedelta(microseconds=i),
            "ids": [name] * i if i else None,
            HOUR_COLUMN: hour,
        }
        for i in range(count)
    ]


def table(*parts: list[dict[str, Any]], of: Table = HOURLY) -> pa.Table:
    return pa.Table.from_pylist([row for part in parts for row in part], schema=arrow_schema(of, with_hour=True))


def names(lake: Lake, of: Table = HOURLY) -> list[tuple[str | None, str]]:
    return sorted((r["name"] or "", r.get(HOUR_COLUMN, "")) for r in lake.read_arrow(of).to_pylist())


def files(lake: Lake, of: Table = HOURLY) -> set[str]:
    return {path.relative_to(lake.path(of)).as_posix() for path in Path(lake.path(of)).rglob("*.parquet")}


def test_every_contract_type_survives_a_round_trip(lake: Lake) -> None:
    assert {column.type for column in HOURLY.columns} == set(TYPES)
    data = table(rows(HOURS[0]), rows(HOURS[1]))
    assert lake.overwrite_arrow(data, HOURLY) == 6
    actual = lake.read_arrow(HOURLY)
    assert actual.schema == arrow_schema(HOURLY, with_hour=True)
    assert sorted(map(str, actual.to_pylist())) == sorted(map(str, data.to_pylist()))
    assert lake.row_counts(HOURLY) == {HOURS[0]: 3, HOURS[1]: 3}


def test_deltas_own_reader_sees_the_same_rows(lake: Lake) -> None:
    lake.overwrite_arrow(table(rows(HOURS[0]), rows(HOURS[1])), HOURLY)
    lake.overwrite_arrow(table(rows(HOURS[1], 5)), HOURLY, [HOURS[1]])
    delta = DeltaTable(lake.path(HOURLY))
    ours, theirs = lake.read_arrow(HOURLY), delta.to_pyarrow_table()
    assert sorted(map(str, theirs.select(ours.column_names).to_pylist())) == sorted(map(str, ours.to_pylist()))
    assert delta.metadata().partition_columns == [HOUR_COLUMN]
    # The statistics in the log are right: a reader that skips files by them misses nothing.
    at = parse_hour(HOURS[1]) + timedelta(microseconds=4)
    skipping = delta.to_pyarrow_table(filters=[("at", ">=", at)])
    assert skipping.num_rows == ours.filter(pc.field("at") >= pa.scalar(at)).num_rows == 1
    assert delta.count() == 8


def test_exactly_the_hours_asked_for_are_replaced(lake: Lake) -> None:
    lake.overwrite_arrow(table(*(rows(hour, 2, "old") for hour in HOURS)), HOURLY)
    before = files(lake)
    assert lake.overwrite_arrow(table(rows(HOURS[1], 3, "new")), HOURLY, HOURS[1:2]) == 3
    expected = [(r["name"] or "", h) for h in HOURS for r in rows(h, 3 if h == HOURS[1] else 2, "new" if h == HOURS[1] else "old")]  # fmt: skip
    assert names(lake) == sorted(expected)
    assert lake.hours(HOURLY) == list(HOURS)
    assert len(files(lake) - before) == 1, "the files of the other hours stay"
    assert {row["event_hour"] for row in lake.read_arrow(HOURLY, [HOURS[0], HOURS[2]]).to_pylist()} == {
        HOURS[0],
        HOURS[2],
    }


def test_an_hour_that_comes_out_empty_is_removed(lake: Lake) -> None:
    lake.overwrite_arrow(table(*(rows(hour) for hour in HOURS)), HOURLY)
    assert lake.overwrite_arrow(table(rows(HOURS[2])), HOURLY, HOURS[1:]) == 3
    assert lake.hours(HOURLY) == [HOURS[0], HOURS[2]]
    assert lake.overwrite_arrow(table(), HOURLY, HOURS) == 0
    assert lake.hours(HOURLY) == []
    assert lake.read_arrow(HOURLY).num_rows == 0


def test_nothing_to_do_makes_no_version(lake: Lake) -> None:
    lake.overwrite_arrow(table(rows(HOURS[0])), HOURLY)
    version = lake.version(HOURLY)
    assert lake.overwrite_arrow(table(), HOURLY, [HOURS[1]]) == 0
    assert lake.commit(HOURLY, [], []) == 0
    assert lake.version(HOURLY) == version


def test_rows_outside_of_the_interval_are_refused(lake: Lake) -> None:
    lake.overwrite_arrow(table(rows(HOURS[0], 2)), HOURLY)
    before = names(lake)
    with pytest.raises(ValueError, match=r"test/hourly: files of \['2026-11-20-23'\] do not belong"):
        lake.overwrite_arrow(table(rows(HOURS[0]), rows(HOURS[1])), HOURLY, [HOURS[0]])
    assert names(lake) == before


def test_a_table_that_is_not_there_is_empty(lake: Lake) -> None:
    assert lake.delta(HOURLY) is None
    assert lake.version(HOURLY) is None
    assert lake.hours(HOURLY) == []
    assert lake.row_counts(HOURLY) == {}
    assert lake.read_arrow(HOURLY, columns=["name"]).num_rows == 0
    assert lake.read_arrow(HOURLY).schema == arrow_schema(HOURLY, with_hour=True)
    assert lake.vacuum(HOURLY, 0) == 0


def test_a_table_without_hours_is_replaced_whole(lake: Lake) -> None:
    plain = table(rows(HOURS[0], 4), of=WHOLE)
    assert lake.overwrite_arrow(plain, WHOLE) == 4
    assert lake.overwrite_arrow(plain.slice(0, 2), WHOLE) == 2
    assert lake.read_arrow(WHOLE).to_pylist() == plain.slice(0, 2).to_pylist()
    assert lake.row_counts(WHOLE) == {"": 2}
    assert DeltaTable(lake.path(WHOLE)).to_pyarrow_table().num_rows == 2
    lake.overwrite_arrow(plain.slice(0, 0), WHOLE)
    assert lake.read_arrow(WHOLE).num_rows == 0


def test_many_hours_need_few_open_files(lake: Lake) -> None:
    first = parse_hour(HOURS[0])
    hours = Interval(first, first + timedelta(hours=120)).hours
    writer = lake.writer(HOURLY)
    for _ in range(2):
        for hour in hours:
            writer.write_by_hour(table(rows(hour, 2)))
            assert len(writer.open_files) <= writer.MAX_OPEN
    assert lake.commit(HOURLY, writer.close(), hours) == 480
    assert lake.row_counts(HOURLY) == dict.fromkeys(hours, 4)


def test_columns_filters_and_hours_are_read_alone(lake: Lake) -> None:
    lake.overwrite_arrow(table(*(rows(hour, 4) for hour in HOURS)), HOURLY)
    actual = lake.read_arrow(HOURLY, HOURS[:1], ["small", HOUR_COLUMN], pc.field("is_odd"))
    assert actual.to_pylist() == [{"small": n, HOUR_COLUMN: HOURS[0]} for n in (1, 3)]
    assert lake.read_arrow(HOURLY, []).num_rows == 0
    assert lake.read_arrow(HOURLY, ["1999-01-01-00"]).num_rows == 0


# --- several at once -------------------------------------------------------------------------------------------------------


def test_threads_that_write_different_hours_lose_nothing(lake: Lake) -> None:
    hours = Interval(parse_hour(HOURS[0]), parse_hour(HOURS[0]) + timedelta(hours=12)).hours
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda hour: lake.overwrite_arrow(table(rows(hour)), HOURLY, [hour]), hours))
    assert lake.row_counts(HOURLY) == dict.fromkeys(hours, 3)


def test_a_table_created_concurrently_is_used(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    create = DeltaTable.create

    def overtaken(*arguments: Any, **options: Any) -> None:
        create(*arguments, **options)
        raise CommitFailedError("Protocol changed since last commit: protocol changed")

    monkeypatch.setattr(DeltaTable, "create", overtaken)
    assert lake.overwrite_arrow(table(rows(HOURS[0])), HOURLY, [HOURS[0]]) == 3


def test_a_table_that_cannot_be_created_raises(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise CommitFailedError("refused")

    monkeypatch.setattr(DeltaTable, "create", refused)
    with pytest.raises(CommitFailedError, match="refused"):
        lake.overwrite_arrow(table(rows(HOURS[0])), HOURLY, [HOURS[0]])


def test_threads_writing_one_hour_leave_one_result(lake: Lake) -> None:
    def write(n: int) -> int:
        return lake.overwrite_arrow(table(rows(HOURS[0], n + 1, f"w{n}-")), HOURLY, [HOURS[0]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    actual = names(lake)
    assert actual in [sorted((r["name"] or "", HOURS[0]) for r in rows(HOURS[0], n + 1, f"w{n}-")) for n in range(8)]


def test_threads_that_append_lose_nothing(lake: Lake) -> None:
    def append(n: int) -> None:
        writer = lake.writer(WHOLE)
        writer.write(table(rows(HOURS[0], 2, f"w{n}-"), of=WHOLE), None)
        lake.commit(WHOLE, writer.close(), hours=())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(8)))
    assert len(names(lake, WHOLE)) == 16


WRITE = """
import sys
sys.path[:0] = [{folder!r}]
from test_lake_tables import HOURLY, rows, table
from spark_jobs.storage.lake import Lake
print("ready", flush=True)
sys.stdin.readline()
for hour in {hours!r}:
    Lake({root!r}).overwrite_arrow(table(rows(hour, 3, {name!r})), HOURLY, [hour])
"""


def test_appending_keeps_the_rows_that_the_hour_has(lake: Lake) -> None:
    for name in ("a", "b"):
        lake.append_arrow(table(rows(HOURS[0], 1, name)), HOURLY)
    lake.append_arrow(table(rows(HOURS[1], 1)), HOURLY)
    assert lake.row_counts(HOURLY) == {HOURS[0]: 2, HOURS[1]: 1}


def test_rows_are_appended_with_nulls_where_they_name_no_column(lake: Lake) -> None:
    assert lake.append_rows(HOURLY, [{"name": "a", HOUR_COLUMN: HOURS[0]}, {"large": 7, HOUR_COLUMN: HOURS[1]}]) == 2
    version = lake.version(HOURLY)
    assert lake.append_rows(HOURLY, []) == 0 and lake.version(HOURLY) == version, "no rows, no transaction"
    assert lake.append_rows(WHOLE, []) == 0 and lake.version(WHOLE) is None, "nor a table"
    found = lake.read_arrow(HOURLY, columns=["name", "large"]).sort_by("name").to_pylist()
    assert found == [{"name": "a", "large": None}, {"name": None, "large": 7}]
    assert lake.overwrite_rows(HOURLY, rows(HOURS[0], 3), [HOURS[0]]) == 3 and lake.row_counts(HOURLY)[HOURS[1]] == 1


def test_past_versions_are_readable_until_vacuum(lake: Lake) -> None:
    nothing = datetime.now(UTC)
    lake.overwrite_arrow(table(rows(HOURS[0], 2)), HOURLY)
    first = datetime.now(UTC)
    lake.overwrite_arrow(table(rows(HOURS[0], 5)), HOURLY)
    assert [lake.read_arrow(HOURLY, as_of=at).num_rows for at in (nothing, first, datetime.now(UTC))] == [0, 2, 5]
    lake.vacuum(HOURLY, 0)
    assert lake.read_arrow(HOURLY).num_rows == 5
    with pytest.raises(OSError):
        lake.read_arrow(HOURLY, as_of=first)


@pytest.mark.slow
def test_processes_that_write_one_table_lose_nothing(lake: Lake) -> None:
    first = parse_hour(HOURS[0])
    hours = Interval(first, first + timedelta(hours=10)).hours
    shared = hours[4]
    runs = []
    for name, part in (("p", hours[:5]), ("q", hours[4:])):
        text = WRITE.format(folder=str(Path(__file__).parent), root=lake.root, hours=part, name=name)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        runs.append(subprocess.Popen([sys.executable, "-c", text], **pipes))
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
    for run in runs:
        run.communicate("go\n", timeout=120)
        assert run.returncode == 0
    assert lake.row_counts(HOURLY) == dict.fromkeys(hours, 3)
    of_shared = {row["name"][0] for row in lake.read_arrow(HOURLY, [shared]).to_pylist() if row["name"]}
    assert of_shared in ({"p"}, {"q"})


# --- housekeeping ----------------------------------------------------------------------------------------------------------


def test_only_hours_written_long_ago_are_forgotten(lake: Lake) -> None:
    lake.overwrite_arrow(table(rows(HOURS[0]), rows(HOURS[1])), HOURLY)
    time.sleep(0.01)
    between = datetime.now(UTC)
    time.sleep(0.01)
    lake.overwrite_arrow(table(rows(HOURS[1], 5)), HOURLY, [HOURS[1]])
    assert lake.forget_written_before(HOURLY, between) == 1
    assert lake.row_counts(HOURLY) == {HOURS[1]: 5}
    assert lake.forget_written_before(HOURLY, between) == 0


def test_vacuum_keeps_live_files(lake: Lake) -> None:
    lake.overwrite_arrow(table(rows(HOURS[0]), rows(HOURS[1])), HOURLY)
    lake.overwrite_arrow(table(rows(HOURS[1], 5)), HOURLY, [HOURS[1]])
    crashed = lake.writer(HOURLY)
    crashed.write_by_hour(table(rows(HOURS[2])))
    (orphan,) = crashed.close()
    before = lake.read_arrow(HOURLY)
    assert len(files(lake)) == 4
    assert lake.vacuum(HOURLY, 24) == 0, "a run that is under way keeps its files"
    assert orphan.path in files(lake)
    assert lake.vacuum(HOURLY, 0) == 2
    assert len(files(lake)) == 2
    assert orphan.path not in files(lake)
    assert lake.read_arrow(HOURLY).equals(before)
    assert DeltaTable(lake.path(HOURLY)).to_pyarrow_table().num_rows == 8


@pytest.mark.parametrize("name", ["a[b]", "a*", "a?", "{a}", "100%", "a^b", "a\\b"])
def test_a_path_with_pattern_characters_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakeError, match=r"^The lake cannot lie in [^\n]*; choose another folder\.$"):
        Lake(str(tmp_path / name))


def test_uncommitted_files_are_not_read(lake: Lake) -> None:
    writer = lake.writer(HOURLY)
    writer.write_by_hour(table(rows(HOURS[0])))
    written = writer.close()
    assert (Path(lake.path(HOURLY)) / written[0].path).stat().st_size == written[0].size_bytes
    assert lake.read_arrow(HOURLY).num_rows == 0
    lake.overwrite_arrow(table(rows(HOURS[1])), HOURLY)
    assert lake.hours(HOURLY) == [HOURS[1]]


def test_rows_of_other_hours_are_refused(lake: Lake) -> None:
    lake.overwrite_arrow(table(*(rows(hour) for hour in HOURS)), HOURLY)
    with pytest.raises(ValueError, match="do not belong"):
        lake.overwrite_arrow(table(rows(HOURS[0]), rows(HOURS[1])), HOURLY, [HOURS[0]])
    assert lake.hours(HOURLY) == list(HOURS)


def test_a_new_column_is_null_in_older_files(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    older = Table(key=HOURLY.key, meaning=HOURLY.meaning, grain=HOURLY.grain, columns=HOURLY.columns[:-1])
    lake.overwrite_arrow(table(rows(HOURS[0]), of=older), older, HOURS[:1])
    lake.overwrite_arrow(table(rows(HOURS[1])), HOURLY, HOURS[1:2])
    by_hour = lake.files_by_hour(HOURLY, HOURS[:2])
    for hour, ids in ((HOURS[0], [None] * 3), (HOURS[1], [None, ["a"], ["a", "a"]])):
        paths = [file.path for file in by_hour[hour]]
        batches = list(lake.read_batches(HOURLY, paths, ["ids", "name", "ids"]))
        assert [row["ids"] for batch in batches for row in batch.to_pylist()] == ids
        assert lake.read_arrow(HOURLY, [hour], ["ids"])["ids"].to_pylist() == ids
    assert DeltaTable(lake.path(HOURLY)).to_pyarrow_table().num_rows == 6


def test_a_new_text_is_a_dictionary_in_older_files_too(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    columns = (*HOURLY.columns, Column("extra", "string", "added later"))
    newer = Table(key=HOURLY.key, meaning=HOURLY.meaning, grain=HOURLY.grain, columns=columns)
    lake.overwrite_arrow(table(rows(HOURS[0])), HOURLY, HOURS[:1])
    lake.overwrite_arrow(table([{**row, "extra": "new"} for row in rows(HOURS[1])], of=newer), newer, HOURS[1:2])
    files = [file.path for of_hour in lake.files_by_hour(newer, HOURS[:2]).values() for file in of_hour]
    read = pa.Table.from_batches(lake.read_batches(newer, files, ["extra"], ["extra"]))
    assert read["extra"].to_pylist() == [None] * 3 + ["new"] * 3
