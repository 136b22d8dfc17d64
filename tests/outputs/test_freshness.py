"""How old events are at each stage: percentiles of event time, AWS's delivery apart from ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.exports import publish_freshness
from platform_assets.domains.waf.freshness import APPLIED_KEY, STAGE_ASSETS, measure, sentence, stage_times
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour, parse_hour
from spark_jobs.incremental import lineage
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = format_hour(NOW - timedelta(hours=3))
START = parse_hour(HOUR)


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


def rows_of(key: str, given: Sequence[dict[str, Any]], hour: str = HOUR) -> pa.Table:
    """Rows with something in every column that has to have it."""
    table = tables()[key]
    empty = {"string": "x", "int64": 0, "int32": 0, "double": 0.0, "timestamp": START, "boolean": False}
    default = {c.name: None if c.nullable else empty.get(c.type, []) for c in table.columns}
    hourly = {HOUR_COLUMN: hour} if table.hourly else {}
    return pa.Table.from_pylist(
        [{**default, **hourly, **one} for one in given], schema=arrow_schema(table, table.hourly)
    )


def make(lake: Lake, objects: dict[str, tuple[float, float, Sequence[float]]], hour: str = HOUR) -> None:
    """Objects by name: minutes of delivery, of listing, and of their events."""
    ledger = [{"source_object": n, "etag": n, "modified_at": minutes(d), "first_seen_at": minutes(s)} for n, (d, s, _) in objects.items()]  # fmt: skip
    events = [{"request_id": f"{n}{e}", "source_object": n, "event_at": minutes(e)} for n, (_, _, es) in objects.items() for e in es]  # fmt: skip
    lake.overwrite_arrow(rows_of("raw/cloudfront/objects", ledger), tables()["raw/cloudfront/objects"])
    for key, given in (
        ("parsed/cloudfront/requests", events),
        ("parsed/cloudfront/object_counts", [{"source_object": name, "etag": name} for name in objects]),
    ):
        lake.overwrite_arrow(rows_of(key, given, hour), tables()[key], [hour])


def made(lake: Lake, monkeypatch: pytest.MonkeyPatch, stage: str, minute: float, print_: str, hour: str = HOUR) -> None:
    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return minutes(minute)

    monkeypatch.setattr(lineage, "datetime", Then)
    lineage.record(lake, {STAGE_ASSETS[stage]: {hour: print_}})
    monkeypatch.undo()


def test_each_stage_is_the_first_making_after_the_one_before() -> None:
    makings = {
        STAGE_ASSETS["parsed"]: [minutes(70), minutes(130)],
        STAGE_ASSETS["scored"]: [minutes(140), minutes(71)],
        STAGE_ASSETS["decided"]: [minutes(72), minutes(141)],
    }
    early, late = stage_times(minutes(60), minutes(65), makings), stage_times(minutes(100), minutes(120), makings)
    assert [early[stage] for stage in ("parsed", "scored", "decided")] == [minutes(70), minutes(71), minutes(72)]
    assert [late[stage] for stage in ("parsed", "scored", "decided")] == [minutes(130), minutes(140), minutes(141)]
    assert "applied" not in early
    assert list(stage_times(minutes(60), minutes(65), {STAGE_ASSETS["scored"]: [minutes(71)]})) == [
        "delivered",
        "listed",
    ]


def test_percentiles_are_of_events_and_delivery_is_apart(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(home)
    make(lake, {"a": (30, 40, range(10)), "late": (100, 110, [59.0])})
    for stage, minute in (("parsed", 50), ("scored", 51), ("decided", 52)):
        made(lake, monkeypatch, stage, minute, "1")
        made(lake, monkeypatch, stage, minute + 70, "2")
    (found,) = measure(lake, [HOUR], NOW)
    assert found.request_count == 11
    assert found.seconds["delivered"] == (26 * 60, 30 * 60, 41 * 60), "events of minutes 4, 0 and 59"
    assert found.seconds["decided"] == (48 * 60, 52 * 60, 63 * 60)
    assert found.own_seconds["decided"] == (22 * 60, 22 * 60, 22 * 60)
    assert "delivered" not in found.own_seconds and "applied" not in found.seconds
    assert sentence([found]) == (
        f"freshness of {HOUR}: half of the requests are decided within 48 min, 99 % within 63 min; "
        "half are delivered within 26 min, and Weir itself takes 22 min"
    )


def test_a_storage_whose_clock_is_behind_delivers_in_no_time(home: Settings) -> None:
    lake = lake_of(home)
    make(lake, {"a": (3, 40, [5.0, 6.0])})
    (found,) = measure(lake, [HOUR], NOW)
    assert found.seconds["delivered"] == (0, 0, 0)
    assert list(found.seconds) == ["delivered", "listed"]


def test_a_replayed_hour_and_one_without_requests_have_no_freshness(home: Settings) -> None:
    lake, long_ago = lake_of(home), format_hour(NOW - timedelta(days=15))
    make(lake, {"a": (3, 40, [5.0])}, long_ago)
    assert measure(lake, [long_ago, HOUR], NOW) == []
    assert sentence([]) == ""


def test_an_hour_is_measured_once_for_each_time_that_it_is_decided(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of(home)
    make(lake, {"a": (30, 40, [0.0])})
    for stage, minute in (("parsed", 50), ("scored", 51), ("decided", 52)):
        made(lake, monkeypatch, stage, minute, "1")
    assert publish_freshness(home, lake, NOW)["hours measured"] == 1
    assert publish_freshness(home, lake, NOW)["hours measured"] == 0
    lines = [json.loads(line) for line in (home.home / "metrics.jsonl").read_text().splitlines()]
    assert {(one["name"], one["dimensions"]["Stage"]) for one in lines} == {
        *(("EventAge", stage) for stage in ("delivered", "listed", "parsed", "scored", "decided")),
        *(("OwnDelay", stage) for stage in ("listed", "parsed", "scored", "decided")),
    }
    median = next(one for one in lines if one["dimensions"] == {"Stage": "decided", "Percentile": "p50"})
    assert (median["value"], median["unit"], median["at"]) == (52 * 60, "Seconds", START.isoformat())
    made(lake, monkeypatch, "decided", 150, "2")
    assert publish_freshness(home, lake, NOW)["hours measured"] == 1


def test_applied_is_when_the_run_that_applied_ended_also_after_dry_runs(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of(home)
    make(lake, {"a": (30, 40, [0.0])})
    for stage, minute in (("parsed", 50), ("scored", 51), ("decided", 52)):
        made(lake, monkeypatch, stage, minute, "1")
    assert "decided within" in publish_freshness(home, lake, NOW)["summary"]
    applying = home.model_copy(update={"waf_apply": True})
    assert "applied within" in publish_freshness(applying, lake, NOW)["summary"]
    first = lineage.recorded(lake)[APPLIED_KEY]
    assert publish_freshness(applying, lake, NOW)["hours"] == 0
    assert lineage.recorded(lake)[APPLIED_KEY] == first
    (found,) = measure(lake, [HOUR], NOW)
    assert abs(found.seconds["applied"][0] - (datetime.now(UTC) - START).total_seconds()) < 60
