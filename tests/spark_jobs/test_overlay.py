"""A lake over another: newest hours are read and written here, older ones below, and nothing is written below."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from spark_jobs.contract import Column, Table
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.overlay import OverlayLake
from spark_jobs.storage.schema import arrow_rows

HOURS = [f"2026-11-20-{hour:02}" for hour in range(4)]
SCORES, OTHER = (
    Table(key=key, meaning="m", grain="g", columns=(Column("value", "int64", "v"),))
    for key in ("predictions/scores", "parsed/other")
)


def write(lake: Lake, table: Table, hours: list[str], first: int) -> None:
    rows = [{"value": first + number, "event_hour": hour} for number, hour in enumerate(hours)]
    lake.overwrite_arrow(arrow_rows(table, rows), table, hours)


@pytest.fixture
def lakes(tmp_path: Path) -> tuple[Lake, OverlayLake]:
    below = Lake(str(tmp_path / "below"))
    write(below, SCORES, HOURS, 0)
    write(below, OTHER, HOURS, 100)
    over = OverlayLake(str(tmp_path / "over"), below.storage, below.root, frozenset({SCORES.key}), HOURS[2])
    return below, pickle.loads(pickle.dumps(over))


def test_newest_hours_are_those_of_the_overlay(lakes: tuple[Lake, OverlayLake]) -> None:
    below, over = lakes
    assert over.hours(SCORES) == HOURS[:2], "what is not made here yet is not there"
    write(over, SCORES, HOURS[2:], 10)
    assert over.hours(SCORES) == HOURS and over.pinned().hours(SCORES) == HOURS
    assert over.read_arrow(SCORES)["value"].to_pylist() == [0, 1, 10, 11]
    assert over.read_arrow(SCORES, HOURS[1:3], ["value"])["value"].to_pylist() == [1, 10]
    assert over.read_arrow(OTHER)["value"].to_pylist() == [100, 101, 102, 103]
    assert below.read_arrow(SCORES)["value"].to_pylist() == [0, 1, 2, 3]


def test_tasks_read_files_of_both(lakes: tuple[Lake, OverlayLake]) -> None:
    _, over = lakes
    write(over, SCORES, HOURS[2:], 10)
    files = over.files_by_hour(SCORES, HOURS[1:])
    paths = [file.path for hour in HOURS[1:] for file in files[hour]]
    batches = over.read_batches(SCORES, paths, ["value"])
    assert [value for batch in batches for value in batch.column(0).to_pylist()] == [1, 10, 11]
    others = [file.path for hour_files in over.files_by_hour(OTHER, HOURS[:1]).values() for file in hour_files]
    assert [batch.column(0).to_pylist() for batch in over.read_batches(OTHER, others, ["value"])] == [[100]]


def test_nothing_is_written_below(lakes: tuple[Lake, OverlayLake]) -> None:
    below, over = lakes
    with pytest.raises(ValueError, match="is not written in this lake"):
        write(over, OTHER, HOURS[2:], 0)
    assert below.read_arrow(OTHER)["value"].to_pylist() == [100, 101, 102, 103]
