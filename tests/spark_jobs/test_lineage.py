"""Which hours are stale: fingerprints over a small chain of hourly steps, and their table in the lake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.incremental import lineage
from spark_jobs.incremental.lineage import Step, expected, fingerprint, stale
from spark_jobs.storage.lake import Lake

HOURS = [format_hour(parse_hour("2026-11-20-00").replace(hour=hour)) for hour in range(24)]
HOURLY = Step("hourly", ("parsed",))
DAILY = Step("daily", ("hourly",), trailing_hours=3)
DECIDED = Step("decided", ("daily",), reads_own_past=True)
CHAIN = (HOURLY, DAILY, DECIDED)


def up_to_date() -> lineage.Recorded:
    known: lineage.Recorded = {"parsed": {hour: fingerprint([("object", hour)]) for hour in HOURS}}
    for link in CHAIN:
        known[link.key] = expected(link, known)
    return known


def remade(known: lineage.Recorded) -> dict[str, list[str]]:
    """What each step has to make again, one after the other, as a run does it."""
    found = {}
    for step in CHAIN:
        found[step.key] = stale(step, known)
        known[step.key] = {**known.get(step.key, {}), **expected(step, known)}
    return found


def test_nothing_is_stale_where_everything_was_made_from_what_is_there() -> None:
    assert remade(up_to_date()) == {"hourly": [], "daily": [], "decided": []}


def test_a_late_object_makes_its_hour_and_the_hours_that_look_back_on_it_stale() -> None:
    known = up_to_date()
    known["parsed"][HOURS[5]] = fingerprint([("object", HOURS[5]), ("late", HOURS[5])])
    assert remade(known) == {"hourly": HOURS[5:6], "daily": HOURS[5:9], "decided": HOURS[5:]}


def test_only_the_newest_of_a_long_past_is_stale() -> None:
    hours = [format_hour(parse_hour(HOURS[0]) + timedelta(hours=number)) for number in range(100)]
    step = Step("scores", ("parsed",), trailing_hours=3, backfill_days=2)
    known: lineage.Recorded = {"parsed": {hour: fingerprint([("object", hour)]) for hour in hours}}
    assert stale(step, known) == hours[-48:]
    known["scores"] = {hour: value for hour, value in expected(step, known).items() if hour in hours[10:]}
    known["parsed"][hours[12]] = known["parsed"][hours[2]] = "late"
    assert stale(step, known) == hours[12:16], "what was made once is made again, however old it is"


def test_an_hour_that_a_run_did_not_finish_stays_stale() -> None:
    known = up_to_date()
    del known["daily"][HOURS[7]]
    assert stale(DAILY, known) == [HOURS[7]]


def test_hours_without_requests_are_never_asked_for() -> None:
    known = up_to_date()
    for step in ("parsed", "hourly", "daily", "decided"):
        known[step].pop(HOURS[10], None)
    for link in CHAIN:
        known[link.key] = expected(link, known)
    assert remade(known) == {"hourly": [], "daily": [], "decided": []}
    assert HOURS[10] not in expected(DAILY, known)


def test_a_fingerprint_does_not_depend_on_the_order_of_its_parts() -> None:
    parts = [("a", "1"), ("b", "2"), ("c", "3")]
    assert fingerprint(parts) == fingerprint(reversed(parts))
    assert fingerprint(parts) != fingerprint(parts[:2])


def test_decisions_of_single_hours_have_the_fingerprints_of_a_run_over_all_of_them() -> None:
    known = up_to_date()
    assert expected(DECIDED, known, HOURS[20:22]) == {hour: known["decided"][hour] for hour in HOURS[20:22]}


def test_the_last_record_of_an_hour_counts_and_compaction_keeps_it(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lineage.record(lake, {"hourly": {HOURS[0]: "old", HOURS[1]: "same"}})
    lineage.record(lake, {"hourly": {HOURS[0]: "new"}})
    wanted = {"hourly": {HOURS[0]: "new", HOURS[1]: "same"}}
    assert lineage.recorded(lake) == wanted
    assert lineage.compact(lake) == 1
    assert lineage.recorded(lake) == wanted
    assert lineage.compact(lake) == 0
