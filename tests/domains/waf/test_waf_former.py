"""Decisions of earlier versions and policies are bounded at once, where the row of their client is at hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.domains.waf.decide.due import due_entries
from platform_assets.domains.waf.decide.former import present_bounds
from platform_assets.domains.waf.decisions import MANUAL, Decision, DueEntry
from platform_assets.domains.waf.rulebook import Proxies, Rules, Volume
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.waf_world import HOUR, NOW, decision

RULES = Rules()
ADDRESS = "45.83.1.2/32"
END = HOUR + timedelta(hours=1)
ZEROS = {"int64": 0, "double": 0.0, "string": "address"}


def lake_with(folder: Path, **row: Any) -> Lake:
    """A lake with one row of client_daily, of the hour before `END`."""
    zeros = {column.name: ZEROS.get(column.type) for column in CLIENT_DAILY.columns}
    values = {**zeros, "client": ADDRESS, "hour_at": HOUR, "address_count": 1, HOUR_COLUMN: format_hour(HOUR), **row}
    lake = Lake(str(folder))
    data = pa.Table.from_pylist([values], schema=arrow_schema(CLIENT_DAILY, with_hour=True))
    lake.overwrite_arrow(data, CLIENT_DAILY)
    return lake


def due(lake: Lake, former: Decision, rules: Rules = RULES) -> list[DueEntry]:
    return due_entries([former], NOW, rules=rules, bounds=present_bounds(lake, [former.row()], rules))


def former(action: str = "challenge", **values: Any) -> Decision:
    figures = {"request_count": 9_000, "attack_request_count": 0, "decided_at": END}
    return decision(ADDRESS, action, **{**figures, **values})


@pytest.mark.parametrize("action", ["challenge", "block"])
def test_a_decision_that_rests_on_volume_is_counted(tmp_path: Path, action: str) -> None:
    (entry,) = due(lake_with(tmp_path, request_count=9_000), former(action))
    assert entry.action == "count"
    assert entry.reason.endswith(
        f"{action} was decided, the policy allows count at most now: it has attacked nothing and otherwise it only asked for much"
    )


def test_a_decision_on_a_proxy_is_counted(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, request_count=9_000, forwarded_client_count=300, distinct_page_count=900)
    (entry,) = due(lake, former("block", attack_request_count=800))
    assert entry.action == "count" and "it forwards the requests of 300 clients" in entry.reason
    (entry,) = due(lake, former("block", attack_request_count=1_000))
    assert entry.action == "block"


@pytest.mark.parametrize(
    "row",
    [
        {"sign_in_failure_count": 4_000, "sign_in_request_count": 4_000, "peak_minute_request_count": 90},
        {"distinct_page_count": 900},
        {"request_count": 8_999},
        {"hour_at": HOUR - timedelta(hours=1), HOUR_COLUMN: format_hour(HOUR - timedelta(hours=1))},
    ],
)
def test_what_shows_more_or_is_not_at_hand_stays(tmp_path: Path, row: dict[str, Any]) -> None:
    (entry,) = due(lake_with(tmp_path, **{"request_count": 9_000, **row}), former())
    assert (entry.action, entry.reason) == ("challenge", "challenge for a reason")


def test_attacks_and_what_people_block_stay(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, request_count=9_000)
    assert due(lake, former("block", attack_request_count=4_000))[0].action == "block"
    assert due(lake, former("block", model_name=MANUAL, abuse_kind=MANUAL))[0].action == "block"


def test_the_bounds_are_those_of_the_policy(tmp_path: Path) -> None:
    lake, loose = lake_with(tmp_path, request_count=9_000), Rules(volume=Volume(at_most="challenge"))
    assert due(lake, former("block"), loose)[0].action == "challenge"
    nothing = replace(loose, volume=Volume(at_most="none"))
    assert due(lake, former("count"), nothing) == []
    unbounded = Rules(volume=Volume(at_most="block"), proxies=Proxies(at_most="block"))
    assert present_bounds(lake, [former("block").row()], unbounded) == {}


def test_an_empty_lake_bounds_nothing(tmp_path: Path) -> None:
    assert present_bounds(Lake(str(tmp_path)), [former().row()], Rules()) == {}
