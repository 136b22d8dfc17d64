"""The ledger: rows are never dropped, new and rewritten objects are found, and only their hours are stale."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.incremental import ledger
from spark_jobs.sources.cloudfront.ledger import name_hour, parse_options
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, OBJECTS
from spark_jobs.storage.objects import Limits
from spark_jobs.storage.schema import arrow_schema

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
EMPTY = arrow_schema(OBJECTS).empty_table()


def name(hour: str, unique: str = "a") -> str:
    return f"s3://logs/E2EXAMPLE.{hour}.{unique}.gz"


def listed(source_object: str, etag: str = "e1", size: int = 100, modified_at: datetime = NOW) -> dict[str, Any]:
    return {"source_object": source_object, "etag": etag, "size_bytes": size, "modified_at": modified_at}


def seen(*items: dict[str, Any], known: pa.Table = EMPTY, now: datetime = NOW) -> pa.Table:
    return ledger.with_listed(known, items, now, name_hour)


def counts(*produced: tuple[str, str, str]) -> pa.Table:
    """object_counts of (source_object, etag, hour)."""
    zeros = {c.name: 0 for c in OBJECT_COUNTS.columns if c.type == "int64"}
    rows = [{"source_object": o, "etag": e, HOUR_COLUMN: h, **zeros} for o, e, h in produced]
    return pa.Table.from_pylist(rows, schema=arrow_schema(OBJECT_COUNTS, with_hour=True))


def stale(known: pa.Table, finished: pa.Table) -> list[str]:
    return ledger.stale_hours(known, ledger.made_from(finished))


def parsed_from(known: pa.Table) -> pa.Table:
    """object_counts after every hour was made from the ledger as it is."""
    hours = stale(known, counts())
    return counts(*((o.source_object, o.etag, h) for h in hours for o in ledger.objects_of(known, [h])))


A, B, C = name("2026-11-20-13"), name("2026-11-20-14"), name("2026-11-20-14", "c")


def test_an_unreadable_object_is_tried_again_later_each_time() -> None:
    known = seen(listed(A), listed(B))
    done = parsed_from(known)

    def stale_at(hours_later: float) -> list[str]:
        return ledger.stale_hours(known, ledger.made_from(done), NOW + timedelta(hours=hours_later))

    assert stale_at(100) == []
    known = ledger.with_retries(known, {A}, {B}, NOW)
    assert stale_at(0.9) == [] and stale_at(1.1) == ["2026-11-20-13"]
    known = ledger.with_retries(known, {A}, {B}, NOW + timedelta(hours=40))
    assert stale_at(49) == [] and stale_at(51) == ["2026-11-20-13"]
    known = ledger.with_retries(known, set(), {A, B}, NOW + timedelta(hours=51))
    assert stale_at(1_000) == []
    assert ledger.with_retries(known, set(), {A, B}, NOW) is None


def test_an_object_starts_with_its_name_hour() -> None:
    (row,) = seen(listed(A)).to_pylist()
    assert row == {
        **listed(A),
        "retry_at": None,
        "first_seen_at": NOW,
        "name_hour": "2026-11-20-13",
        "event_hours": ["2026-11-20-13"],
        "duplicate_of": None,
    }


def test_listing_again_changes_nothing() -> None:
    items = [listed(A), listed(B, "e2"), listed("s3://logs/CF.gz", "e3")]
    once = seen(*items)
    assert seen(*items, known=once, now=NOW + timedelta(days=1)).equals(once)
    assert seen(*reversed(items)).equals(once), "the order of the listing does not matter"
    assert seen(*items, *items).equals(once), "nor does an object that is listed twice"


def test_a_row_added_by_two_runs_is_removed() -> None:
    once = seen(listed(A), listed(B, "e2"))
    twice = pa.concat_tables([once, seen(listed(B, "e2"), listed(C, "e3"), now=NOW + timedelta(seconds=1))])
    assert [row["source_object"] for row in ledger.without_repeats(twice).to_pylist()] == [A, B, C]
    assert ledger.without_repeats(once) is once


def test_an_object_that_is_listed_no_more_stays() -> None:
    once = seen(listed(A), listed(B, "e2"))
    assert seen(listed(B, "e2"), known=once).equals(once)


def test_a_rewritten_object_keeps_its_former_row() -> None:
    known = seen(listed(A), listed(B, "e2"))
    known = seen(listed(A, "e9", 120), known=known, now=NOW + timedelta(hours=1))
    assert known.num_rows == 3
    assert [(row["source_object"], row["etag"]) for row in ledger.current(known)] == [(A, "e9"), (B, "e2")]
    assert [o.etag for o in ledger.objects_of(known, ["2026-11-20-13"])] == ["e9"]


def test_a_rewritten_object_makes_only_its_hours_stale() -> None:
    known = seen(listed(A), listed(B, "e2"))
    finished = parsed_from(known)
    assert stale(known, finished) == []
    known = seen(listed(A, "e9"), known=known, now=NOW + timedelta(hours=1))
    assert stale(known, finished) == ["2026-11-20-13"]


def test_a_rewritten_object_makes_its_former_hours_stale() -> None:
    known = ledger.with_observed_hours(seen(listed(A)), {A: ["2026-11-20-13", "2026-11-20-15"]})
    assert known is not None
    finished = parsed_from(known)
    known = seen(listed(A, "e9"), known=known, now=NOW + timedelta(hours=1))
    assert stale(known, finished) == ["2026-11-20-13", "2026-11-20-15"]


def test_a_late_object_makes_only_its_hour_stale() -> None:
    known = seen(listed(A), listed(B, "e2"))
    finished = parsed_from(known)
    known = seen(listed(C, "e3"), known=known)
    assert stale(known, finished) == ["2026-11-20-14"]
    assert stale(known, parsed_from(known)) == []


def test_all_hours_are_stale_where_nothing_was_made() -> None:
    assert stale(seen(listed(B), listed(A, "e2")), counts()) == ["2026-11-20-13", "2026-11-20-14"]


def test_content_under_a_second_name_is_a_duplicate() -> None:
    known = seen(listed(A), listed(B))
    assert [row["duplicate_of"] for row in known.to_pylist()] == [None, A]
    known = seen(listed(name("2026-11-20-12")), known=known)
    assert known.to_pylist()[2]["duplicate_of"] == A, "what was seen first is the original, whatever its name"


def test_empty_or_differently_sized_objects_are_no_duplicates() -> None:
    known = seen(listed(A, "e0", 0), listed(B, "e0", 0), listed(C, "e0", 5))
    assert [row["duplicate_of"] for row in known.to_pylist()] == [None, None, None]


def test_a_duplicate_counts_once_its_original_is_rewritten() -> None:
    known = seen(listed(A), listed(B))
    known = seen(listed(A, "e9"), known=known, now=NOW + timedelta(hours=1))
    hours = ["2026-11-20-13", "2026-11-20-14"]
    assert {o.source_object: o.duplicate_of for o in ledger.objects_of(known, hours)} == {A: None, B: None}


def test_content_of_a_former_version_is_no_duplicate() -> None:
    known = seen(listed(B, "e1"))
    known = seen(listed(B, "e2"), known=known, now=NOW + timedelta(hours=1))
    known = seen(listed(A, "e1"), known=known, now=NOW + timedelta(hours=2))
    assert {o.source_object: o.duplicate_of for o in ledger.objects_of(known, ["2026-11-20-13"])} == {A: None}


def test_of_many_copies_one_is_read_always() -> None:
    known = seen(listed(C))
    known = seen(listed(A), known=known, now=NOW + timedelta(hours=1))
    known = seen(listed(B), known=known, now=NOW + timedelta(hours=2))
    hours = ["2026-11-20-13", "2026-11-20-14"]
    assert [o.source_object for o in ledger.objects_of(known, hours) if not o.duplicate_of] == [C]


def test_a_nameless_object_waits_for_its_observed_hours() -> None:
    known = seen(listed("s3://logs/CF.gz"), listed(A, "e2"))
    assert [o.source_object for o in ledger.nameless(known)] == ["s3://logs/CF.gz"]
    assert stale(known, counts()) == ["2026-11-20-13"]
    learnt = ledger.with_observed_hours(known, {"s3://logs/CF.gz": ["2026-11-20-16", "2026-11-20-11"]})
    assert learnt is not None
    assert learnt.to_pylist()[0]["event_hours"] == ["2026-11-20-11", "2026-11-20-16"]
    assert not ledger.nameless(learnt)
    assert stale(learnt, counts()) == ["2026-11-20-11", "2026-11-20-13", "2026-11-20-16"]


def test_observed_hours_follow_the_named_one() -> None:
    known = seen(listed(B))
    learnt = ledger.with_observed_hours(known, {B: ["2026-11-20-13"]})
    assert learnt is not None
    assert learnt.to_pylist()[0]["event_hours"] == ["2026-11-20-14", "2026-11-20-13"]
    assert ledger.with_observed_hours(learnt, {B: ["2026-11-20-13", "2026-11-20-14"]}) is None, "nothing new"
    assert ledger.with_observed_hours(learnt, {"s3://logs/other.gz": ["2026-11-20-13"]}) is None


def test_hours_are_learnt_for_the_current_content_only() -> None:
    known = seen(listed(A, "e1"))
    known = seen(listed(A, "e2"), known=known, now=NOW + timedelta(hours=1))
    learnt = ledger.with_observed_hours(known, {A: ["2026-11-20-12"]})
    assert learnt is not None
    assert [row["event_hours"] for row in learnt.to_pylist()] == [
        ["2026-11-20-13"],
        ["2026-11-20-13", "2026-11-20-12"],
    ]


@pytest.mark.parametrize(
    ("modified_at", "home"),
    [
        (datetime(2026, 11, 19, 7, 59, tzinfo=UTC), "2026-11-19-07"),
        (datetime(1970, 1, 1, tzinfo=UTC), "2008-11-18-00"),
        (datetime(2031, 1, 1, tzinfo=UTC), "2026-11-21-09"),
    ],
)
def test_an_object_without_times_uses_its_modification_hour(modified_at: datetime, home: str) -> None:
    known = seen(listed("s3://logs/junk.bin", modified_at=modified_at))
    assert ledger.with_observed_hours(known, {"s3://logs/junk.bin": []}) is None, "only where asked for"
    learnt = ledger.with_observed_hours(known, {"s3://logs/junk.bin": []}, NOW)
    assert learnt is not None
    assert learnt.to_pylist()[0]["event_hours"] == [home]


def test_objects_of_an_hour_are_its_holders() -> None:
    known = ledger.with_observed_hours(seen(listed(A), listed(B, "e2")), {B: ["2026-11-20-15"]})
    assert known is not None
    assert [o.source_object for o in ledger.objects_of(known, ["2026-11-20-15"])] == [B]
    assert [o.source_object for o in ledger.objects_of(known, ["2026-11-20-13", "2026-11-20-15"])] == [A, B]
    assert ledger.objects_of(known, ["2026-11-20-15"])[0].event_hours == ("2026-11-20-14", "2026-11-20-15")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([A, B, C, "s3://logs/CF.gz"]), st.sampled_from(["e1", "e2"])), max_size=5),
        max_size=5,
    )
)
def test_any_listing_order_reads_each_content_once(
    rounds: list[list[tuple[str, str]]],
) -> None:
    known, now = EMPTY, NOW
    latest: dict[str, str] = {}
    for items in rounds:
        before, now = known, now + timedelta(minutes=1)
        one_each = dict(items)
        known = seen(*(listed(o, e) for o, e in one_each.items()), known=known, now=now)
        assert known.slice(0, before.num_rows).equals(before)
        fresh = [(o, e) for o, e in one_each.items() if (o, e) not in {(r["source_object"], r["etag"]) for r in before.to_pylist()}]  # fmt: skip
        latest.update(fresh)
    assert {row["source_object"]: row["etag"] for row in ledger.current(known)} == latest
    hours = ["2026-11-20-13", "2026-11-20-14"]
    known = ledger.with_observed_hours(known, {"s3://logs/CF.gz": hours}) or known
    read = [o.etag for o in ledger.objects_of(known, hours) if o.duplicate_of is None]
    assert sorted(set(read)) == sorted(set(latest.values()))


def test_parse_options_survive_the_way_through_json() -> None:
    options = ParseOptions(("date", "c_ip"), "keep", True, "key", Limits(block_bytes=5), 1, 2)
    assert parse_options(asdict(options)) == options
    assert parse_options({"headerless_layout": "12", "model_dir": "ignored"}).headerless_fields[-1] == "cs_uri_query"
