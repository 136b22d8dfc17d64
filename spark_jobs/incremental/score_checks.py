"""Checks of tables of scores, shared by sources and domains: each row upstream has a score, and scores are numbers in 0..1."""

from __future__ import annotations

from collections.abc import Sequence

from spark_jobs.contract import Table
from spark_jobs.incremental.accounting import Outcome
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted


def each_has_a_score(lake: Lake, hours: Sequence[str], scored: Table, scores: Table, noun: str) -> Outcome:
    """As many rows of `scores` as of `scored`, hour by hour, by the logs of both tables. `noun`: what a row is."""
    wanted, found = lake.row_counts(scored, hours), lake.row_counts(scores, hours)
    wrong = [hour for hour in sorted({*wanted, *found}) if wanted.get(hour, 0) != found.get(hour, 0)]
    if wrong:
        first = wrong[0]
        sentence = (
            f"{counted(len(wrong), 'hour has', 'hours have')} not one score for each {noun}: {first} has {counted(found.get(first, 0), 'score')} of "
            f"{wanted.get(first, 0):,}; run the hours again."
        )
        return False, sentence, {"hours": wrong[:20]}
    count = sum(found.values())
    return True, f"Each {noun} has a score, {count:,} in all.", {"scores": count}


def scores_are_in_range(lake: Lake, hours: Sequence[str] | None, scores: Table, column: str) -> Outcome:
    """No value of the column is null, NaN or outside of 0..1."""
    import pyarrow.compute as pc

    values = lake.read_arrow(scores, hours, columns=[column])[column]
    in_range = pc.fill_null(pc.and_(pc.greater_equal(values, 0.0), pc.less_equal(values, 1.0)), False)
    wrong = len(values) - (pc.sum(in_range).as_py() or 0)
    if wrong:
        return False, f"{counted(wrong, 'value')} of {column} not within 0..1; fit the model again.", {"wrong": wrong}
    return True, f"{counted(len(values), 'value')} of {column} within 0..1.", {"scores": len(values)}
