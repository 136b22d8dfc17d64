"""The point-in-time join, against an oracle that looks at every row of every case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.feature_store.groups import FeatureStoreError
from platform_assets.feature_store.point_in_time import point_in_time

START = datetime(2026, 11, 20, tzinfo=UTC)
CASES = 10_000
TTL = 6
TIME = pa.timestamp("us", "UTC")
ROWS = pa.schema([("entity", pa.string()), ("event_at", TIME), ("ingested_at", TIME), ("value", pa.float64())])
ASKED = pa.schema([("entity", pa.string()), ("at", TIME)])
Row = dict[str, Any]


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def row(entity: str, event: int, ingested: int, value: float | None) -> Row:
    return {"entity": entity, "event_at": minute(event), "ingested_at": minute(ingested), "value": value}


def joined(rows: list[Row], asked: list[tuple[str | None, int]], ttl: timedelta = timedelta(minutes=TTL)) -> list[Row]:
    questions = [{"entity": entity, "at": minute(at)} for entity, at in asked]
    given = pa.Table.from_pylist(rows, schema=ROWS), pa.Table.from_pylist(questions, schema=ASKED)
    found: list[Row] = point_in_time(*given, "entity", ttl).to_pylist()
    return found


def oracle(rows: list[Row], entity: str | None, at: datetime, ttl: timedelta) -> Row:
    """By the definition, row by row."""
    best: Row | None = None
    for one in rows:
        if one["entity"] != entity or one["event_at"] > at or one["ingested_at"] > at or one["event_at"] <= at - ttl:
            continue
        if best is None or (one["event_at"], one["ingested_at"]) > (best["event_at"], best["ingested_at"]):
            best = one
    nothing = dict.fromkeys(("event_at", "ingested_at", "value"))
    return {**(best or nothing), "entity": entity, "at": at}


def random_case(random: Random, entity: str) -> tuple[list[Row], tuple[str, int]]:
    """Up to eight versions in few minutes: equal times, nulls, corrections that come late, events ahead of their clock."""
    rows = {}
    for _ in range(random.randrange(9)):
        event = random.randrange(12)
        ingested = event + random.choice((-2, 0, 0, 1, 1, 2, 5, 9))
        rows[event, ingested] = row(entity, event, ingested, random.choice((None, 0.0, random.random())))
    listed = list(rows.values())
    random.shuffle(listed)
    return listed, (entity, random.randrange(-1, 24))


def test_ten_thousand_random_cases_are_as_the_definition_has_them() -> None:
    random, ttl = Random(6), timedelta(minutes=TTL)
    cases = [random_case(random, f"e{number}") for number in range(CASES)]
    expected = [oracle(rows, entity, minute(at), ttl) for rows, (entity, at) in cases]
    rows = [one for rows, _ in cases for one in rows]
    order = list(range(CASES))
    random.shuffle(order)  # neither rows nor questions come by entity
    random.shuffle(rows)
    found = joined(rows, [cases[number][1] for number in order])
    assert found == [expected[number] for number in order]
    answered = [one for one in expected if one["event_at"] is not None]
    assert CASES // 4 < len(answered) < CASES * 3 // 4, "the cases are of both kinds"
    assert any(one["value"] is None for one in answered)


def test_many_questions_about_few_entities_are_as_the_definition_has_them() -> None:
    random, ttl = Random(7), timedelta(minutes=4)
    rows = [one for entity in "abc" for _ in range(3) for one in random_case(random, entity)[0]]
    rows = list({(one["entity"], one["event_at"], one["ingested_at"]): one for one in rows}.values())
    asked = [(random.choice(("a", "b", "c", "unknown", None)), random.randrange(-1, 24)) for _ in range(500)]
    assert joined(rows, asked, ttl) == [oracle(rows, entity, minute(at), ttl) for entity, at in asked]


def values(rows: list[Row], *asked: int) -> list[float | None]:
    return [one["value"] for one in joined(rows, [("a", at) for at in asked])]


def test_a_row_counts_from_its_event_and_until_just_before_its_ttl() -> None:
    assert values([row("a", 3, 3, 1.0)], 2, 3, 3 + TTL - 1, 3 + TTL) == [None, 1.0, 1.0, None]


def test_a_correction_counts_from_when_it_was_ingested() -> None:
    assert values([row("a", 3, 3, 1.0), row("a", 3, 5, 2.0)], 4, 5) == [1.0, 2.0]


def test_a_late_older_event_never_takes_the_place_of_a_newer_one() -> None:
    assert values([row("a", 3, 3, 1.0), row("a", 2, 6, 2.0)], 6, 3 + TTL) == [1.0, None]


def test_a_null_of_the_newest_row_is_not_filled_by_an_older_one() -> None:
    assert values([row("a", 3, 3, 1.0), row("a", 4, 4, None)], 5) == [None]


def test_other_columns_of_what_is_asked_stay_and_the_order_too() -> None:
    asked = pa.table({"label": [1, 2], "at": pa.array([minute(4), minute(3)], TIME), "entity": ["b", "a"]})
    found = point_in_time(pa.Table.from_pylist([row("a", 3, 3, 1.0)], schema=ROWS), asked, "entity", timedelta(hours=1))
    assert found["label"].to_pylist() == [1, 2] and found["value"].to_pylist() == [None, 1.0]


def test_a_question_with_a_column_of_the_rows_is_refused() -> None:
    asked = pa.table({"at": pa.array([minute(4)], TIME), "entity": ["b"], "value": [1.0]})
    with pytest.raises(FeatureStoreError, match="holds the columns value already; rename them"):
        point_in_time(ROWS.empty_table(), asked, "entity", timedelta(hours=1))


def test_nothing_asked_and_nothing_known_is_no_special_case() -> None:
    assert joined([], []) == []
    assert values([], 3) == [None]
    assert joined([row("a", 3, 3, 1.0)], []) == []
