"""Which changes are put down to late files: those that are, and none that only might be."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.domains.waf.apply.applied import Applied, AppliedSet
from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.plan.late_files import with_late_files
from platform_assets.domains.waf.plan.slots import Budget
from platform_assets.domains.waf.plan.values import LiveSet, Plan
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.resources.engine import lake_of
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table, format_hour, parse_hour
from spark_jobs.lake import Lake, arrow_schema
from spark_jobs.lineage import MADE_HOURS
from spark_jobs.sources.cloudfront.tables import OBJECTS, REQUESTS
from tests.domains.waf.waf_world import decision, due, plan, v4

HOUR = format_hour(datetime.now(UTC) - timedelta(hours=30))
BEFORE = format_hour(parse_hour(HOUR) - timedelta(hours=5))
HERS, OTHER = decision(v4(1), decided_at=parse_hour(HOUR)), decision(v4(2), decided_at=parse_hour(HOUR))
NETWORK = decision("45.83.0.0/24", "challenge", decided_at=parse_hour(HOUR), client_kind="network")


class World:
    """A lake in which an hour is decided, a plan is applied, objects come and the hour is decided again."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.objects, self.requests, self.makings = lake, [], [], []  # type: ignore[var-annotated]
        self.applied_at: datetime | None = None

    def write(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        empty = {"string": "x", "int64": 0, "timestamp": parse_hour(HOUR)}
        full = [{**{c.name: None if c.nullable else empty.get(c.type, []) for c in table.columns}, **row} for row in rows]  # fmt: skip
        schema = arrow_schema(table, with_hour=True)
        self.lake.overwrite_arrow(pa.Table.from_pylist(full, schema=schema), table)

    def deliver(self, name: str, *clients: str, hour: str = HOUR) -> None:
        """An object is listed now."""
        uri = f"s3://logs/a/{name}"
        self.objects.append(
            {"source_object": uri, "etag": name, "first_seen_at": datetime.now(UTC), "event_hours": [hour]}
        )
        self.write(OBJECTS, self.objects)
        for client in clients:
            row = {"request_id": f"{name}{client}", "client_ip": client, "source_object": uri, HOUR_COLUMN: hour}
            self.requests.append(row)
        self.write(REQUESTS, self.requests)

    def decide(self, *decisions: Decision, hour: str = HOUR) -> None:
        self.write(WAF_DECISIONS, [{**one.row(), HOUR_COLUMN: hour} for one in decisions])
        made = {"table_key": WAF_DECISIONS.key, "hour": hour, "fingerprint": str(len(self.makings))}
        self.makings.append({**made, "made_at": datetime.now(UTC)})
        self.write(MADE_HOURS, self.makings)

    def apply(self) -> None:
        time.sleep(0.005)  # the log of a table keeps milliseconds
        self.applied_at = datetime.now(UTC)
        time.sleep(0.005)

    def plan(self, wanted: Sequence[Decision], held: Sequence[Decision] = (), **options: Any) -> Plan:
        before = plan([entry(one) for one in held], {}, Applied(), now=datetime.now(UTC))
        live = {one.name: LiveSet(one.name, "id", "arn", one.family, one.addresses, "t") for one in before.sets}
        sets = {one.name: AppliedSet("id", one.owned) for one in before.sets}
        made = plan([entry(one) for one in wanted], live, Applied(1, sets), now=datetime.now(UTC), **options)
        return with_late_files(self.lake, made, self.applied_at)


def entry(one: Decision) -> Any:
    return due(one.address, one.action, decision_id=one.decision_id, expires_at=datetime.now(UTC) + timedelta(days=1))


@pytest.fixture
def world(home: Settings) -> World:
    made = World(lake_of(home))
    made.deliver("punctual.gz", "45.83.0.9")
    return made


def test_late_files_are_named_where_they_matter(world: World) -> None:
    gone = decision(v4(7), decided_at=parse_hour(HOUR))
    world.decide(gone)
    world.apply()
    world.deliver("late-1.gz", "45.83.0.1", hour=BEFORE)
    world.deliver("late-2.gz", "45.83.0.7")
    world.decide(HERS, OTHER)
    made = world.plan([HERS, OTHER], [gone])
    assert {one.address: one.late_files for one in made.entries} == {
        v4(1): ("late-1.gz",),
        v4(2): (),
        v4(7): ("late-2.gz",),
    }
    assert made.entries[0].reason.endswith(" (late file late-1.gz)")
    assert made.summary() == "+1 -1 because of 2 late files, +1 -0 otherwise"
    assert made.text().splitlines()[1] == "Late files: late-1.gz, late-2.gz"


def test_late_files_alone_explain_their_plan(world: World) -> None:
    world.decide()
    world.apply()
    for number in range(1, 6):
        world.deliver(f"late-{number}.gz", "45.83.0.200")
    world.decide(NETWORK)
    made = world.plan([NETWORK])
    assert made.summary() == "+1 -0 because of 5 late files"
    assert made.entries[0].reason.endswith(" (late files late-1.gz, late-2.gz, late-3.gz and 2 more)")


def no_lines_of_hers(world: World) -> None:
    world.decide()
    world.apply()
    world.deliver("late.gz", "45.83.0.3")
    world.decide(HERS)


def decided_for_the_first_time(world: World) -> None:
    world.decide(hour=BEFORE)
    world.apply()
    world.decide()
    world.deliver("late.gz", "45.83.0.1")
    world.decide(HERS)


def decided_before_already(world: World) -> None:
    world.decide(HERS)
    world.apply()
    world.deliver("late.gz", "45.83.0.1")
    world.decide(HERS)


def outside_of_its_24_hours(world: World) -> None:
    world.decide()
    world.apply()
    world.deliver("late.gz", "45.83.0.1", hour=format_hour(parse_hour(HOUR) - timedelta(hours=24)))
    world.decide(HERS)


def applied_since(world: World) -> None:
    world.decide()
    world.deliver("late.gz", "45.83.0.1")
    world.decide(HERS)
    world.apply()


def the_late_file_was_in_before(world: World) -> None:
    world.decide()
    world.deliver("late.gz", "45.83.0.1")
    world.decide()
    world.apply()
    world.decide(HERS)


def listed_before_the_hour_was_decided(world: World) -> None:
    world.deliver("late.gz", "45.83.0.1")
    world.decide()
    world.apply()
    world.decide(HERS)


def never_applied(world: World) -> None:
    world.decide()
    world.deliver("late.gz", "45.83.0.1")
    world.decide(HERS)


def freed_by_vacuum(world: World) -> None:
    world.decide(OTHER)
    world.apply()
    world.deliver("late.gz", "45.83.0.1")
    world.decide(HERS)
    world.lake.vacuum(WAF_DECISIONS, 0)


@pytest.mark.parametrize(
    "story",
    [
        no_lines_of_hers,
        decided_for_the_first_time,
        decided_before_already,
        outside_of_its_24_hours,
        applied_since,
        the_late_file_was_in_before,
        listed_before_the_hour_was_decided,
        never_applied,
        freed_by_vacuum,
    ],
)
def test_nothing_is_attributed_to_a_late_file(world: World, story: Callable[[World], None]) -> None:
    story(world)
    made = world.plan([HERS])
    assert (made.late_files, made.summary()) == ((), "+1 -0")


def test_a_merged_entry_is_attributed_to_nothing(world: World) -> None:
    both = [HERS, replace(OTHER, address=v4(0))]
    world.decide()
    world.apply()
    world.deliver("late.gz", "45.83.0.0", "45.83.0.1")
    world.decide(*both)
    assert world.plan(both).late_files == ("late.gz",)
    merged = world.plan(both, budget=Budget(capacity=1))
    assert (merged.sets[0].addresses, merged.late_files) == (("45.83.0.0/31",), ())
