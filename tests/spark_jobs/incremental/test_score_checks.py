"""Checks of tables of scores find what is missing, in excess, null, not a number or out of range."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from spark_jobs.contract import Column, Table
from spark_jobs.incremental.score_checks import each_has_a_score, scores_are_in_range
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from spark_jobs.wording import counted

SCORED = Table(key="parsed/x/rows", meaning="x", grain="x", columns=(Column("score", "double", "x"),))
SCORES = Table(key="predictions/x_scores", meaning="x", grain="x", columns=(Column("score", "double", "x"),))
HOURS = ("2026-11-20-12", "2026-11-20-13", "2026-11-20-14")


def written(lake: Lake, table: Table, scores: dict[str, list[float | None]]) -> None:
    hours = [hour for hour, values in scores.items() for _ in values]
    columns = {"score": [value for values in scores.values() for value in values], "event_hour": hours}
    lake.overwrite_arrow(pa.table(columns, schema=arrow_schema(table, with_hour=True)), table, list(scores))


@pytest.mark.parametrize(
    ("second", "passed"),
    [([0.5, 0.5], True), ([0.5], False), ([0.5] * 3, False), ([], False)],
    ids=["as many", "one is missing", "one too many", "an hour without any"],
)
def test_each_row_has_one_score(tmp_path: Path, second: list[float | None], passed: bool) -> None:
    lake = Lake(str(tmp_path))
    written(lake, SCORED, {HOURS[0]: [0.0], HOURS[1]: [0.0, 0.0]})
    written(lake, SCORES, {HOURS[0]: [0.5], HOURS[1]: second})
    outcome = each_has_a_score(lake, HOURS, SCORED, SCORES, "request")
    assert outcome[0] == passed
    assert outcome[2] == ({"scores": 3} if passed else {"hours": [HOURS[1]]})
    assert passed or f"{HOURS[1]} has {counted(len(second), 'score')} of 2" in outcome[1]


def test_an_hour_too_many_does_not_make_up_for_one_too_few(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    written(lake, SCORED, {HOURS[0]: [0.0], HOURS[1]: [0.0]})
    written(lake, SCORES, {HOURS[0]: [], HOURS[1]: [0.1, 0.2]})
    assert each_has_a_score(lake, HOURS, SCORED, SCORES, "request")[0] is False


@pytest.mark.parametrize("value", [None, math.nan, -0.001, 1.001, math.inf])
def test_a_score_is_a_number_within_0_and_1(tmp_path: Path, value: float | None) -> None:
    lake = Lake(str(tmp_path))
    written(lake, SCORES, {HOURS[0]: [0.0, 1.0, 0.5]})
    assert scores_are_in_range(lake, HOURS, SCORES, "score")[0] is True
    written(lake, SCORES, {HOURS[1]: [0.5, value]})
    passed, sentence, metadata = scores_are_in_range(lake, HOURS, SCORES, "score")
    assert not passed and metadata == {"wrong": 1} and "not within 0..1" in sentence
    assert scores_are_in_range(lake, HOURS[:1], SCORES, "score")[0] is True, "another hour's"


def test_no_rows_are_no_failure(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    assert each_has_a_score(lake, HOURS, SCORED, SCORES, "request")[0] is True
    assert scores_are_in_range(lake, HOURS, SCORES, "score")[0] is True
