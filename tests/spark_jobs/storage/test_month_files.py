"""Tables whose files hold months: the same rows, hours and counts as one file an hour, in a few files, under concurrent writers."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from spark_jobs.contract import HOUR_COLUMN, Column, Interval, Table, parse_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

BY_MONTH = Table(
    key="test/monthly",
    meaning="More columns than Delta keeps bounds of by itself.",
    grain="one row",
    partition="month",
    columns=(
        Column("name", "string", "a name"),
        Column("event_at", "timestamp", "a time"),
        *(Column(f"value_{number}", "double", "a number") for number in range(40)),
    ),
)
BY_HOUR = replace(BY_MONTH, key="test/hourly", partition="hour")
OLD_LAYOUT = replace(BY_MONTH, partition="hour")
SPAN = (
    *Interval.spanning("2026-09-30-12", "2026-10-02-23").hours,
    *Interval.spanning("2026-11-01-00", "2026-11-01-11").hours,
)
BEFORE_NOVEMBER = "2026-11-01-00"


def rows(hours: Any, name: str = "a", count: int = 2) -> pa.Table:
    values = [
        {"name": f"{name}{place}", "event_at": parse_hour(hour) + timedelta(minutes=place), HOUR_COLUMN: hour}
        for place in range(count)
        for hour in hours
    ]
    return pa.Table.from_pylist(values, schema=arrow_schema(BY_MONTH, with_hour=True))


def content(lake: Lake, table: Table, hours: Any = None) -> list[tuple[str, str]]:
    data = lake.read_arrow(table, hours, ["name", HOUR_COLUMN])
    return sorted(zip(data["name"].to_pylist(), data[HOUR_COLUMN].to_pylist(), strict=True))


def file_count(lake: Lake, table: Table = BY_MONTH) -> int:
    snapshot = lake._snapshot(table)
    return 0 if snapshot is None else len(snapshot.files())


def test_a_backfill_writes_one_file_a_month(lake: Lake) -> None:
    lake.overwrite_arrow(rows(SPAN[::-1]), BY_MONTH, SPAN)
    assert file_count(lake) == 3
    assert lake.hours(BY_MONTH) == list(SPAN)
    assert lake.row_counts(BY_MONTH, SPAN[5:7]) == {SPAN[5]: 2, SPAN[6]: 2}
    assert DeltaTable(lake.path(BY_MONTH)).metadata().partition_columns == []
    assert DeltaTable(lake.path(BY_MONTH)).to_pyarrow_table().num_rows == 2 * len(SPAN)


@pytest.mark.parametrize("seed", range(4))
def test_months_equal_hours_after_any_changes(lake: Lake, seed: int) -> None:
    draw = random.Random(seed)
    for number in range(12):
        first = draw.randrange(len(SPAN))
        hours = SPAN[first : first + draw.choice((1, 1, 3, 20, 80))]
        data = rows(draw.sample(hours, draw.randint(0, len(hours))), f"{number}-")
        action = draw.choice(("replace", "replace", "append", "compact"))
        for table in (BY_MONTH, BY_HOUR):
            if action == "replace":
                lake.overwrite_arrow(data, table, hours)
            elif action == "append":
                lake.append_arrow(data, table)
            else:
                lake.compact(table, BEFORE_NOVEMBER)
        asked = draw.sample(SPAN, 5)
        assert content(lake, BY_MONTH) == content(lake, BY_HOUR), (seed, number, action)
        assert content(lake, BY_MONTH, asked) == content(lake, BY_HOUR, asked)
        assert lake.hours(BY_MONTH) == lake.hours(BY_HOUR)
        assert lake.row_counts(BY_MONTH, asked) == lake.row_counts(BY_HOUR, asked)
        assert lake.files_by_hour(BY_MONTH, asked).keys() == lake.files_by_hour(BY_HOUR, asked).keys()


def test_one_hour_leaves_the_files_of_other_months(lake: Lake) -> None:
    lake.overwrite_arrow(rows(SPAN), BY_MONTH, SPAN)
    before = {file.path: file for file in lake._files(BY_MONTH, None)}
    lake.overwrite_arrow(rows([SPAN[30]], "late"), BY_MONTH, [SPAN[30]])
    after = {file.path: file for file in lake._files(BY_MONTH, None)}
    assert len(before.keys() & after.keys()) == 2
    assert len(after) == 4, "the rest of the month, and the hour"
    (rest,) = [file for path, file in after.items() if path not in before and file.hour is None]
    (replaced,) = before.keys() - after.keys()
    assert rest.modification_time == before[replaced].modification_time, "its rows are as old as they were"


def test_writers_of_one_month_lose_nothing(lake: Lake) -> None:
    lake.overwrite_arrow(rows(SPAN[:30], "old"), BY_MONTH, SPAN[:30])

    def write(place: int) -> int:
        return Lake(lake.root).overwrite_arrow(rows([SPAN[place]], f"writer{place}-"), BY_MONTH, [SPAN[place]])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [2] * 4
    expected = [(f"writer{place}-{n}", SPAN[place]) for place in range(4) for n in range(2)]
    expected += [(f"old{n}", hour) for hour in SPAN[4:30] for n in range(2)]
    assert content(lake, BY_MONTH) == sorted(expected)


def test_a_reader_sees_all_of_a_write_or_nothing(lake: Lake) -> None:
    lake.overwrite_arrow(rows(SPAN, "old"), BY_MONTH, SPAN)
    pinned = lake.pinned()
    pinned.hours(BY_MONTH)
    lake.overwrite_arrow(rows(SPAN[:40], "new"), BY_MONTH, SPAN[:40])
    assert {name for name, _ in content(pinned, BY_MONTH)} == {"old0", "old1"}
    assert len(content(lake, BY_MONTH)) == 2 * len(SPAN)


def test_tasks_read_only_the_hours_asked_for(lake: Lake) -> None:
    lake.overwrite_arrow(rows(SPAN), BY_MONTH, SPAN)
    asked = SPAN[30:33]
    paths = list(dict.fromkeys(file.path for files in lake.files_by_hour(BY_MONTH, asked).values() for file in files))
    data = pa.Table.from_batches(lake.read_batches(BY_MONTH, paths, ["event_at"], hours=asked))
    assert data.schema.names == ["event_at"]
    assert sorted(set(data["event_at"].to_pylist())) == [
        parse_hour(hour) + timedelta(minutes=place) for hour in asked for place in range(2)
    ]


def test_files_of_another_hour_are_refused(lake: Lake) -> None:
    with pytest.raises(ValueError, match="do not belong to the hours written"):
        lake.overwrite_arrow(rows(SPAN[:3]), BY_MONTH, SPAN[:2])
    assert lake.hours(BY_MONTH) == []


def test_retention_drops_hours_by_when_they_were_written(lake: Lake) -> None:
    lake.overwrite_arrow(rows(SPAN[:50], "old"), BY_MONTH, SPAN[:50])
    at = datetime.now(UTC) + timedelta(seconds=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: at.timestamp() + 60)
        lake.overwrite_arrow(rows(SPAN[40:45], "new"), BY_MONTH, SPAN[40:45])
    lake.compact(BY_MONTH, SPAN[0])
    assert lake.forget_written_before(BY_MONTH, at) == 45
    assert lake.hours(BY_MONTH) == list(SPAN[40:45])


@pytest.mark.parametrize("is_explicit", [True, False])
def test_an_older_layout_is_read_and_brought_up(lake: Lake, is_explicit: bool) -> None:
    lake.overwrite_arrow(rows(SPAN[:30], "old"), OLD_LAYOUT, SPAN[:30])
    before, at = content(lake, BY_MONTH), datetime.now(UTC)
    assert len(before) == 60 and content(lake, BY_MONTH, SPAN[3:5]) == [row for row in before if row[1] in SPAN[3:5]]
    assert lake.hours(BY_MONTH) == list(SPAN[:30]) and file_count(lake) == 30
    if is_explicit:
        assert lake.lay_out(BY_MONTH) and not lake.lay_out(BY_MONTH)
        assert file_count(lake) < 3
    lake.overwrite_arrow(rows([SPAN[3]], "new"), BY_MONTH, [SPAN[3]])
    expected = [row for row in before if row[1] != SPAN[3]] + [("new0", SPAN[3]), ("new1", SPAN[3])]
    assert content(lake, BY_MONTH) == sorted(expected)
    assert lake.hours(BY_MONTH) == list(SPAN[:30]) and file_count(lake) < 4
    assert DeltaTable(lake.path(BY_MONTH)).metadata().partition_columns == []
    past = lake.read_arrow(BY_MONTH, SPAN[:5], as_of=at)
    assert sorted(zip(past["name"].to_pylist(), past[HOUR_COLUMN].to_pylist(), strict=True)) == [
        row for row in before if row[1] in SPAN[:5]
    ]


def test_files_of_other_writers_are_read_too(lake: Lake) -> None:
    """Whoever merges files without keeping the bounds of the hour."""
    lake.overwrite_arrow(rows(SPAN), BY_MONTH, SPAN)
    DeltaTable(lake.path(BY_MONTH)).optimize.compact()
    assert lake.hours(BY_MONTH) == list(SPAN)
    lake.overwrite_arrow(rows([SPAN[3]], "new"), BY_MONTH, [SPAN[3]])
    assert len(content(lake, BY_MONTH)) == 2 * len(SPAN)
    assert content(lake, BY_MONTH, [SPAN[3]]) == [("new0", SPAN[3]), ("new1", SPAN[3])]
