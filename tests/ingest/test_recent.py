"""Listing where new objects are expected: what it finds, what it leaves to the full listing, and what it costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from platform_assets.clients.engine import lake_of
from platform_assets.ingest import listings, recent, sensors
from platform_assets.ingest.raw import update_ledger
from platform_assets.ingest.recent import LATE, Series, is_worthwhile, series_of
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import parse_hour
from spark_jobs.incremental import ledger
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.tables import OBJECTS
from spark_jobs.storage.schema import arrow_schema
from tests.ingest.s3_listing import ListedBucket, served

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
EMPTY = arrow_schema(OBJECTS).empty_table()


def series(*names: str, now: datetime = NOW) -> list[Series]:
    return series_of([(name, name_hour(name)) for name in names], now)


# The order of names


@pytest.mark.parametrize(
    ("name", "prefix", "start_after"),
    [
        ("logs/E1.2026-11-20-13.a.gz", "logs/E1.", "logs/E1.2026-11-18-13"),
        ("E1.2026-11-20-13.a.gz", "E1.", "E1.2026-11-18-13"),
        ("2026-11-20-13.a.gz", "", "2026-11-18-13"),
        ("logs/www.example.com/E1.2026-11-20-13.a.gz", "logs/www.example.com/E1.", "logs/www.example.com/E1.2026-11-18-13"),
        ("E1/year=2026/month=11/day=20/hour=13/E1.2026-11-20-13.a.gz", "E1/year=", "E1/year=2026/month=11/day=18"),
        ("E1/2026/11/20/13/E1.2026-11-20-13.a.gz", "E1/", "E1/2026/11/18"),
        ("dt=2026-11-20/E1.2026-11-20-13.a.gz", "dt=", "dt=2026-11-18"),
    ],
)  # fmt: skip
def test_a_series_begins_where_the_first_date_of_a_name_stands(name: str, prefix: str, start_after: str) -> None:
    assert series(name) == [Series(prefix, start_after)]


def test_each_series_goes_on_from_its_own_newest_hour() -> None:
    found = series("E1.2026-11-20-13.a.gz", "E1.2026-11-20-09.a.gz", "E2.2026-11-03-07.a.gz", "readme.gz")
    assert found == [Series("E1.", "E1.2026-11-18-13"), Series("E2.", "E2.2026-11-01-07")]


def test_a_series_that_was_silent_for_long_is_left_to_the_full_listing() -> None:
    assert series("E1.2026-11-20-13.a.gz", "E2.2026-09-20-13.a.gz") == [Series("E1.", "E1.2026-11-18-13")]


def test_an_hour_that_is_to_come_hides_neither_other_series_nor_the_hours_until_then() -> None:
    found = series("E1.2026-11-20-13.a.gz", "E2.2031-01-01-00.a.gz", "E1.2031-01-01-00.a.gz")
    assert found == [Series("E1.", "E1.2026-11-18-14"), Series("E2.", "E2.2026-11-18-14")]


def test_folders_of_a_day_that_lie_in_another_series_are_none_of_their_own() -> None:
    found = series(
        "E1/year=2026/month=11/day=20/hour=13/E1.2026-11-20-13.a.gz",
        "E1/year=2026/month=11/day=20/hour=00/E1.2026-11-19-23.a.gz",  # delivered a day after its events
    )
    assert found == [Series("E1/year=", "E1/year=2026/month=11/day=18")]


def test_asking_for_series_has_to_be_cheaper_than_listing_everything() -> None:
    three = [Series(f"E{number}.", f"E{number}.2026") for number in range(3)]
    assert not is_worthwhile(three, 4000)
    assert is_worthwhile(three, 4001)


# What is found


@pytest.fixture(scope="module")
def servers() -> Iterator[ListedBucket]:
    with served() as bucket:
        yield bucket


@pytest.fixture
def bucket(servers: ListedBucket, monkeypatch: pytest.MonkeyPatch) -> ListedBucket:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(listings, "is_worthwhile", lambda *_: True)
    servers.objects.clear()
    servers.asked.clear()
    return servers


class Ledger:
    """A ledger of a location, filled by listing."""

    def __init__(self, bucket: ListedBucket, location: str = "s3://raw/logs/") -> None:
        self.bucket, self.known = bucket, EMPTY
        self.settings: Settings = load_settings(cloudfront_raw=location, s3_endpoint_url=bucket.endpoint)

    def list(self, *, in_full: bool = False, now: datetime = NOW) -> list[str]:
        """What was listed, as keys of the bucket."""
        self.bucket.asked.clear()
        found = list(listings.listed(self.settings, self.known, now, in_full=in_full, source="cloudfront").objects)
        self.known = ledger.with_listed(self.known, map(vars, found), now, name_hour)
        return [one.source_object.removeprefix("s3://raw/") for one in found]

    def pairs(self) -> set[tuple[str, str]]:
        return {(row["source_object"].removeprefix("s3://raw/"), row["etag"]) for row in ledger.current(self.known)}


def flat(hours_back: int, unique: str = "a", distribution: str = "E1") -> str:
    return f"logs/{distribution}.{NOW - timedelta(hours=hours_back):%Y-%m-%d-%H}.{unique}.gz"


def test_one_more_hour_costs_the_same_whatever_came_before(bucket: ListedBucket) -> None:
    costs = []
    for history in (60, 3000):
        for hours_back in range(history):
            bucket.put(flat(hours_back), str(hours_back))
        one = Ledger(bucket)
        one.list(in_full=True)
        bucket.put(flat(0, "new"), "new")
        listed = one.list()
        assert flat(0, "new") in listed
        costs.append((len(bucket.asked), len(listed)))
    assert costs[0] == costs[1] == (2, 50)


def test_late_objects_new_distributions_and_folders_are_found_and_later_ones_by_the_full_listing(
    bucket: ListedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "PAGE_KEYS", 2)  # so that nothing is found by chance beside what was asked for
    for hours_back in range(200):
        bucket.put(flat(hours_back), str(hours_back))
    bucket.put("logs/www.example.com/E7.2026-11-20-01.a.gz", "dotted folder")
    one = Ledger(bucket)
    one.list(in_full=True)
    found = [
        flat(47, "late"), flat(5, "new", "E0"), flat(150, "new", "E2"), "logs/no-dot", "logs/notes.txt", "logs/sub/x.y.z",
        "logs/www.example.com/E8.2026-11-20-01.a.gz", "logs/www.example.com/E7.2026-11-20-02.a.gz", "logs/www.other/a.b",
    ]  # fmt: skip
    too_late = flat(100, "late")
    for key in (*found, too_late):
        bucket.put(key, key)
    listed = set(one.list())
    assert listed >= set(found) and too_late not in listed
    assert one.list(in_full=True) == sorted(bucket.objects)
    assert too_late in {key for key, _ in one.pairs()}


def test_folders_of_hours_cost_no_call_each(bucket: ListedBucket) -> None:
    for hours_back in range(3200):
        at = NOW - timedelta(hours=hours_back)
        bucket.put(f"logs/E1/{at:year=%Y/month=%m/day=%d/hour=%H}/E1.{at:%Y-%m-%d-%H}.a.gz", str(hours_back))
    one = Ledger(bucket)
    one.list(in_full=True)
    listed = one.list()
    assert len(bucket.asked) == 3 and 48 < len(listed) < 80


def test_a_location_is_listed_as_a_whole_at_first_and_whenever_its_hours_are_over(
    bucket: ListedBucket, home: Settings
) -> None:
    bucket.put(flat(0), "e")
    settings = home.model_copy(update={"cloudfront_raw": "s3://raw/logs/", "s3_endpoint_url": bucket.endpoint})
    lake, now = lake_of(settings), datetime.now(UTC)
    assert sensors.has_new_objects(settings, lake, now, "cloudfront")[0] and len(bucket.asked) == 1, (
        "tried, and left to the ledger"
    )
    assert update_ledger(settings, "cloudfront")["listed in full"] is True
    assert update_ledger(settings, "cloudfront")["listed in full"] is False
    assert sensors.has_new_objects(settings, lake, now, "cloudfront")[0] is False
    bucket.put(flat(0, "b"), "new")
    assert sensors.has_new_objects(settings, lake, now, "cloudfront")[0] is True
    assert not listings.is_due(settings, lake, now + timedelta(hours=23), "cloudfront")
    assert listings.is_due(settings, lake, now + timedelta(hours=24, minutes=5), "cloudfront")
    assert listings.is_due(settings.model_copy(update={"cloudfront_raw": "s3://raw/"}), lake, now, "cloudfront")
    assert not listings.is_due(settings.model_copy(update={"cloudfront_raw": str(home.home)}), lake, now, "cloudfront")


def test_new_names_without_an_hour_cost_a_call_a_thousand_and_known_ones_none(bucket: ListedBucket) -> None:
    for number in range(300):
        bucket.put(f"logs/{number:03}.gz", str(number))
    one = Ledger(bucket)
    one.list(in_full=True)
    for number in range(300, 900):
        bucket.put(f"logs/{number:03}.gz", str(number))
    assert len(one.list()) == 600 and len(bucket.asked) == 2
    assert one.list() == [] and len(bucket.asked) == 1


@pytest.mark.parametrize("location", ["s3://raw/logs/E", "s3://raw/logs/E1.", "s3://raw/logs/E1.2026-1", "s3://raw"])
def test_a_location_may_end_within_a_name(bucket: ListedBucket, location: str) -> None:
    for hours_back in range(200):
        bucket.put(flat(hours_back), str(hours_back))
    bucket.put("logs/D1.2026-11-20-01.a.gz", "d")
    one = Ledger(bucket, location)
    one.list(in_full=True)
    bucket.put(flat(3, "new"), "new")
    listed = one.list()
    assert flat(3, "new") in listed and len(listed) < 60
    assert all(f"s3://raw/{key}".startswith(location) for key in listed)


KINDS = (
    "logs/E1.{h}.{u}.gz",
    "logs/E2.{h}.{u}.gz",
    "logs/E2-b.{h}.{u}.gz",
    "logs/www.example.com/E3.{h}.{u}.gz",
    "logs/www.example.com/E9.{h}.{u}.gz",
    "logs/v2/E4/year={h:.4}/month={m}/day={d}/hour={o}/E4.{h}.{u}.gz",
    "logs/v2/{h:.4}/{m}/{d}/E5.{h}.{u}.gz",
    "logs/{h}.{u}.gz",
    "logs/{u}.gz",
    "logs/a-{u}",
)
PUTS = st.tuples(st.sampled_from(KINDS), st.integers(0, 110), st.sampled_from("abc"))
ROUNDS = st.lists(st.tuples(st.integers(0, 60), st.lists(PUTS, max_size=8), st.booleans()), min_size=1, max_size=5)


@pytest.mark.slow
@given(rounds=ROUNDS, page=st.sampled_from([2, 5, 1000]))
@examples(max_examples=20, deadline=None)
def test_nothing_within_the_bound_is_missed_and_after_a_full_listing_the_ledger_is_that_of_full_listings(
    servers: ListedBucket, rounds: Any, page: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setattr(listings, "is_worthwhile", lambda *_: True)
        patch.setattr(recent, "PAGE_KEYS", page)
        servers.objects.clear()
        ours, full, now, etags = Ledger(servers), Ledger(servers), NOW, itertools.count()
        for hours, puts, in_full in rounds:
            now += timedelta(hours=hours)
            for kind, age, unique in puts:
                hour = f"{now - timedelta(hours=age):%Y-%m-%d-%H}"
                key = kind.format(h=hour, m=hour[5:7], d=hour[8:10], o=hour[11:], u=unique)
                servers.put(key, f"e{next(etags)}", now)
            before = ours.known
            ours.list(in_full=in_full, now=now)
            for key in {key for key, _ in present(servers) - ours.pairs()}:
                assert not in_full and may_be_missed(key, before), key
        ours.list(in_full=True, now=now)
        full.list(in_full=True, now=now)
        assert without_time_seen(ours.known) == without_time_seen(full.known)
        assert ours.pairs() == present(servers)


def present(bucket: ListedBucket) -> set[tuple[str, str]]:
    return {(key, etag) for key, (etag, _) in bucket.objects.items()}


def without_time_seen(known: pa.Table) -> list[dict[str, Any]]:
    return [{**row, "first_seen_at": None} for row in ledger.current(known)]


def may_be_missed(key: str, before: pa.Table) -> bool:
    """Without an hour and beside a known name, or older than the bound against the newest known hour of its series."""
    hour, rows = name_hour(key), before.to_pylist()
    stem = key.rpartition(".gz")[0] if hour is None else key.split(hour)[0]
    beside = [row for row in rows if row["source_object"].startswith(f"s3://raw/{stem}")]
    if hour is None:
        return bool(beside)
    newest = [row["name_hour"] for row in rows if row["name_hour"] and is_beside(key, row["source_object"])]
    return bool(newest) and parse_hour(hour) < parse_hour(max(newest)) - LATE


def is_beside(key: str, source_object: str) -> bool:
    """Of the same series: alike up to the first digit of the year."""
    return source_object.removeprefix("s3://raw/").split("2026")[0] == key.split("2026")[0]
