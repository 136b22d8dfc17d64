"""Hours without lines, logs that stop, and features that shift: what of the lake the checks of a plan look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from platform_assets.actions.checks import CheckResult
from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.apply.applied import Owned
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.checks import run_checks
from platform_assets.domains.waf.checks.context import CheckInputs, ScoreShift
from platform_assets.domains.waf.checks.inputs import check_inputs
from platform_assets.domains.waf.checks.score_shift import newest_score_shift, stability_index
from platform_assets.domains.waf.policy import Policy
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table, format_hour, parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, CLIENT_HOURLY, OBJECT_COUNTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.test_waf_checks import a_plan, result
from tests.domains.waf.waf_world import NOW, v4

NEWEST = datetime(2026, 11, 20, 13, tzinfo=UTC)
HOURS, FEATURES = "hours_are_complete", "features_are_as_usual"
EMPTY = {"string": "x", "int64": 0, "int32": 0, "double": 0.0}


@pytest.fixture
def lake(home: Settings) -> Lake:
    return lake_of(home)


def write(lake: Lake, table: Table, rows: list[dict[str, Any]]) -> None:
    """Rows with something in every column, and the hour that they are of."""
    full = [{**{c.name: EMPTY.get(c.type) for c in table.columns}, **row} for row in rows]
    lake.overwrite_arrow(pa.Table.from_pylist(full, schema=arrow_schema(table, with_hour=True)), table)


def ago(hours: int) -> str:
    return format_hour(NEWEST - timedelta(hours=hours))


def delivered(lake: Lake, lines: Mapping[int, int]) -> None:
    """Lines by how many hours before the newest one they are."""
    rows = [{"source_object": str(n), "parsed_count": n - 1 if n else 0, "rejected_count": min(n, 1), HOUR_COLUMN: ago(back)} for back, n in lines.items()]  # fmt: skip
    write(lake, OBJECT_COUNTS, rows)


def inputs(home: Settings) -> CheckInputs:
    return check_inputs(home, lake_of(home), [], Policy(), ())


# --- hours ------------------------------------------------------------------------------------------------------------


def test_missing_hours_compare_with_earlier_days(home: Settings, lake: Lake) -> None:
    lines = {back: 500 if back % 24 < 12 else 20 for back in range(24 * 4)}
    for back in (3, 4, 15):
        del lines[back]
    lines[5] = 0  # an object with header lines alone
    lines[27] = 900
    delivered(lake, lines)
    found = inputs(home)
    assert found.newest_hour_at == NEWEST
    assert found.missing_hours == {ago(15): 20.0, ago(5): 500.0, ago(4): 500.0, ago(3): 500.0}
    assert found.request_count == sum(n - 1 for back, n in lines.items() if back < 24 and n)
    assert found.lines_rejected == 20
    assert found.usual_request_count == 12 * 499 + 12 * 19


def test_duplicates_are_no_rejected_lines_and_foreign_objects_no_hour(home: Settings, lake: Lake) -> None:
    rows = [
        {
            "source_object": "legacy",
            "parsed_count": 40,
            "rejected_count": 1,
            "duplicate_count": None,
            HOUR_COLUMN: ago(9),
        },
        {"source_object": "v2", "parsed_count": 0, "rejected_count": 40, "duplicate_count": 40, HOUR_COLUMN: ago(9)},
    ]
    foreign = [
        {"source_object": "alb", "parsed_count": 0, "rejected_count": 0, HOUR_COLUMN: ago(back)} for back in (0, -500)
    ]
    write(lake, OBJECT_COUNTS, rows + foreign)
    found = inputs(home)
    assert (found.lines_present, found.lines_rejected) == (41, 1)
    assert found.newest_hour_at == NEWEST - timedelta(hours=9)


def test_absent_days_define_nothing_usual(home: Settings, lake: Lake) -> None:
    delivered(lake, {0: 500, 2: 500, 26: 500})
    assert set(inputs(home).missing_hours.values()) == {None, 0.0}, "a replay of single hours misses none"
    delivered(lake, {0: 500, 20: 500})
    assert set(inputs(home).missing_hours) == {ago(back) for back in range(1, 20)}, "none before the lake began"
    assert set(inputs(home).missing_hours.values()) == {None}


def test_an_empty_lake_has_nothing_to_check(home: Settings) -> None:
    found = inputs(home)
    assert (found.newest_hour_at, found.missing_hours, found.request_count, found.score_shift) == (None, {}, None, None)
    for name in (HOURS, FEATURES):
        assert result(name, a_plan([], [v4(1)]), newest_hour_at=None).passed


def test_hours_without_usual_lines_stop_the_plan() -> None:
    usual = {format_hour(NOW - timedelta(hours=back)): 500.0 for back in (9, 8, 7)}
    found = result(HOURS, a_plan([v4(1)]), newest_hour_at=NEWEST, missing_hours=usual)
    assert not found.passed and "3 hours have no log lines, 2026-11-20-06 first, where 500 lines" in found.sentence
    quiet = {**usual, next(iter(usual)): 99.0}
    assert result(HOURS, a_plan([v4(1)]), newest_hour_at=NEWEST, missing_hours=quiet).passed
    unknown = {**usual, next(iter(usual)): None}
    assert result(HOURS, a_plan([v4(1)]), newest_hour_at=NEWEST, missing_hours=unknown).passed


def test_hours_still_deliverable_are_not_missing() -> None:
    recent = {format_hour(NOW - timedelta(hours=back)): 500.0 for back in (6, 5, 3)}
    assert result(HOURS, a_plan(), newest_hour_at=NEWEST, missing_hours=recent).passed, "one ended two hours ago"
    at_once = replace(Bounds(), delivery_hours=2)
    assert not result(HOURS, a_plan(), at_once, newest_hour_at=NEWEST, missing_hours=recent).passed


def test_nothing_leaves_while_logs_have_stopped() -> None:
    stopped: dict[str, Any] = {"newest_hour_at": NOW - timedelta(hours=26)}
    over = {v4(1): Owned("d", (NOW - timedelta(minutes=5)).isoformat(), "r")}
    found = result(HOURS, a_plan([], over), **stopped)
    assert not found.passed and "25 hours, the bound is 24" in found.sentence
    assert result(HOURS, a_plan([], over), newest_hour_at=NOW - timedelta(hours=25)).passed
    assert result(HOURS, a_plan([v4(1), v4(2)], [v4(1)]), **stopped).passed, "adding is no matter of logs"
    assert result(HOURS, a_plan([v4(1)]), **stopped).passed, "a replay with nothing applied"
    assert result(HOURS, a_plan([], over), **stopped, requested_removals=[(v4(1), "block")]).passed
    gone = a_plan([], [v4(1)])
    of_late_files = tuple(
        replace(one, entries=tuple(replace(entry, late_files=("late.gz",)) for entry in one.entries))
        for one in gone.sets
    )
    assert not result(HOURS, gone, **stopped).passed
    assert result(HOURS, replace(gone, sets=of_late_files), **stopped).passed, "a late file is something new"


# --- features ---------------------------------------------------------------------------------------------------------


def newcomers(hour: str, count: int, seed: int, **values: Any) -> list[dict[str, Any]]:
    """People: one in three without a cookie, some attackers among them."""
    dice = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        requests = int(dice.integers(2, 60))
        cookies = requests - 1 if number % 3 else 0
        row = {
            "client": f"{hour}-{number}",
            "client_kind": "address",
            "hour_at": parse_hour(hour),
            "active_hour_count": 1,
            "request_count": requests,
            "ok_count": requests if number % 20 else 0,
            "cookie_request_count": cookies,
            "time_taken_seconds": requests * float(dice.uniform(0.01, 0.4)),
            "no_user_agent_count": requests if number % 50 == 0 else 0,
            HOUR_COLUMN: hour,
        }
        changed = {name: value(row) if callable(value) else value for name, value in values.items()}
        rows.append({**row, **changed})
    return rows


def shift_of(lake: Lake, *newest: dict[str, Any], days: int = 3) -> ScoreShift:
    rows = [row for day in range(1, days + 1) for row in newcomers(ago(24 * day), 100, day)]
    write(lake, CLIENT_DAILY, [*rows, *newest])
    found = newest_score_shift(lake)
    assert found is not None
    return found


BROKEN = {
    "no_user_agent_count": lambda row: row["request_count"],
    "ok_count": 0,
    "time_taken_seconds": lambda row: row["time_taken_seconds"] * 1000,
    "cookie_request_count": 0,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_field_stops_the_plan(lake: Lake, name: str) -> None:
    found = shift_of(lake, *newcomers(ago(0), 90, 9, **{name: BROKEN[name]}))
    said = result(FEATURES, a_plan(), Bounds(), score_shift=found)
    assert not said.passed and f"({name} " in said.sentence
    assert [key for key, value in found.indices.items() if value > 1.5] == [name]


def test_a_campaign_and_a_crowd_are_no_shift(lake: Lake) -> None:
    attackers = {"cookie_request_count": 0, "ok_count": 0, "no_user_agent_count": 1, "time_taken_seconds": 99.0}
    people = newcomers(ago(0), 100, 9)
    for more in (newcomers(ago(0), 43, 10, **attackers), newcomers(ago(0), 400, 11, **attackers), newcomers(ago(0), 500, 12)):  # fmt: skip
        found = shift_of(lake, *people, *more)
        assert found.client_count == 100 + len(more)
        assert max(found.indices.values()) < 0.5


def test_a_third_replaced_is_no_shift_yet(lake: Lake) -> None:
    attackers = newcomers(ago(0), 30, 10, cookie_request_count=0, ok_count=0, no_user_agent_count=1)
    assert max(shift_of(lake, *newcomers(ago(0), 70, 9), *attackers).indices.values()) < 1.5


def test_only_enough_newcoming_addresses_are_judged(lake: Lake) -> None:
    old = newcomers(ago(0), 60, 8, active_hour_count=2, ok_count=0)
    networks = newcomers(ago(0), 60, 8, client_kind="network", ok_count=0)
    found = shift_of(lake, *newcomers(ago(0), 60, 9), *old, *networks)
    assert (found.hour, found.client_count, found.usual_client_count) == (ago(0), 60, 100)
    assert max(found.indices.values()) < 1
    few = shift_of(lake, *newcomers(ago(0), 49, 9, ok_count=0))
    said = result(FEATURES, a_plan(), Bounds(), score_shift=few)
    assert said.passed and "too few" in said.sentence and said.sentence.count(". ") == 0


def test_other_times_of_day_tell_nothing(lake: Lake) -> None:
    write(lake, CLIENT_DAILY, [*newcomers(ago(0), 60, 1), *newcomers(ago(5), 60, 2), *newcomers(ago(24 * 8), 60, 3)])
    assert newest_score_shift(lake) is None


def test_nulls_are_a_bin_without_index() -> None:
    values = np.arange(100.0)
    assert stability_index(values, values, 1) == 0
    assert stability_index(values, np.tile(values, 7), 7) < 0.01, "an edge lies between two values"
    half = np.where(values < 50, np.nan, values)
    assert stability_index(half, values, 1) > 1
    assert stability_index(np.full(100, np.nan), values, 1) > stability_index(half, values, 1)
    assert stability_index(values, np.full(100, np.nan), 1) > 1
    assert stability_index(np.zeros(100), np.zeros(100), 1) == 0


def test_zero_is_a_bin_of_its_own() -> None:
    few, usual = np.repeat([0.0, 1.0, 2.0], [2, 58, 40]), np.repeat([0.0, 2.0], [60, 40])
    assert stability_index(usual, few, 1) > 2, "status 000: one good answer is usual, none is not"


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_feature_drift": 0.0},
        {"max_feature_drift": float("nan")},
        {"max_silent_hours": 0},
        {"min_usual_requests": 0},
        {"min_clients_for_drift": 0},
        {"delivery_hours": 25},
        {"delivery_hours": -1},
        {"max_missing_hours": -1},
    ],
)
def test_impossible_bounds_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Bounds(**wrong)


# --- volume -----------------------------------------------------------------------------------------------------------

VOLUME, EXPLOSION = "volume_is_plausible", "volume_did_not_explode"


def test_a_day_with_one_hour_is_no_usual_day(home: Settings, lake: Lake) -> None:
    """The second day of a home that began with the last hour of a day."""
    delivered(lake, {**dict.fromkeys(range(24), 1400), 24: 1_068})
    assert inputs(home).usual_request_count is None
    delivered(lake, dict.fromkeys(range(24 + 12), 1400))
    assert inputs(home).usual_request_count == 12 * 1_399
    delivered(lake, {**dict.fromkeys(range(48), 1400), 100: 9, 120: 9})
    assert inputs(home).usual_request_count == 24 * 1_399, "stray lines of old days"


def test_an_outage_is_still_a_collapse(home: Settings, lake: Lake) -> None:
    delivered(lake, {**dict.fromkeys(range(24, 72), 500), 0: 500})
    usual = inputs(home).usual_request_count
    assert usual == 24 * 499
    assert not result(VOLUME, a_plan(), request_count=499, usual_request_count=usual).passed


def exploded(home: Settings, lake: Lake, *decided: str, per_network: int = 200) -> CheckResult:
    """5,052 lines where 240 are usual, of which 4,812 are those of twelve networks."""
    delivered(lake, dict.fromkeys(range(24, 72), 11) | dict.fromkeys(range(1, 24), 12) | {0: 4_800})
    clients = {f"45.83.{n}.1/32": per_network for n in range(12)} | {f"60.1.{n}.1/32": 10 for n in range(24)}
    rows = [{"client": client, "request_count": count, HOUR_COLUMN: ago(0)} for client, count in clients.items()]
    hours = {"hour_at": NEWEST, "first_event_at": NEWEST, "last_event_at": NEWEST}
    write(lake, CLIENT_HOURLY, [{**row, **hours} for row in rows])
    figures = check_inputs(home, lake, [], Policy(), (), decided)
    return next(check for check in run_checks(a_plan(), figures, Bounds()) if check.name == EXPLOSION)


def test_clients_decided_on_are_no_explosion(home: Settings, lake: Lake) -> None:
    stopped = exploded(home, lake)
    assert not stopped.passed and "exploded to 5052 where about 240 are usual, by clients" in stopped.sentence
    assert not stopped.blocking, "anybody with enough addresses can do that"
    assert not exploded(home, lake, "60.1.1.1/32").passed
    passed = exploded(home, lake, *(f"45.83.{n}.0/24" for n in range(12)))
    assert passed.passed
    each = [f"45.83.{n}.1/32" for n in range(12)]
    unexplained = exploded(home, lake, *each, "45.83.1.0/24").metadata["unexplained_request_count"]
    assert unexplained == 5_052 - 2_400


def test_a_few_networks_are_no_explosion(home: Settings, lake: Lake) -> None:
    """Nobody decided on them, so that they would hold up what is decided on others."""
    passed = exploded(home, lake, per_network=401)
    assert passed.passed and passed.metadata["unexplained_request_count"] == 5_052 - 4_812
