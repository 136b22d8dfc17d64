"""What a partition's page shows is that partition's own, although one run makes many."""

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from platform_assets.core.partition_metadata import ROWS, add_row_counts, add_to_partitions
from platform_assets.core.partitions import FIRST_HOUR, LAST_HOUR, RANGE_END, RANGE_START, interval_of
from spark_jobs.contract import Column, Table
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

COLUMNS = (Column("client", "string", "x"),)
HOURLY = Table(key="parsed/x/hourly", meaning="x", grain="x", columns=COLUMNS)
MONTHLY = Table(key="features/x/monthly", meaning="x", grain="x", columns=COLUMNS, partition="month")
HOURS = ["2026-11-30-22", "2026-11-30-23", "2026-12-01-00"]
PARTITIONS = {
    HOURLY.key: dg.HourlyPartitionsDefinition("2026-11-01-00", fmt="%Y-%m-%d-%H", end_offset=24 * 365 * 10),
    MONTHLY.key: dg.MonthlyPartitionsDefinition("2026-10", fmt="%Y-%m", end_offset=120),
}


def filled(root: Path, table: Table, hours: list[str]) -> Lake:
    """A lake with one row in the first of the hours, two in the second and so on."""
    lake = Lake(str(root))
    of_rows = [hour for number, hour in enumerate(hours, 1) for _ in range(number)]
    columns = {"client": ["a"] * len(of_rows), "event_hour": of_rows}
    lake.overwrite_arrow(pa.table(columns, schema=arrow_schema(table, with_hour=True)), table, hours)
    return lake


def made(lake: Lake, table: Table, tags: dict[str, str], versions: dict[str, str] | None = None) -> dict[str, Any]:
    """Partition -> metadata after one run."""
    key = dg.AssetKey(table.key.split("/"))

    @dg.multi_asset(
        specs=[dg.AssetSpec(key)],
        name="x",
        partitions_def=PARTITIONS[table.key],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def asset(context: dg.AssetExecutionContext) -> Any:
        add_row_counts(context, lake, table, interval_of(context).hours, versions)
        yield dg.MaterializeResult(asset_key=key, metadata={"of all": True})

    result = dg.materialize([asset], tags=tags)
    found = [event.materialization for event in result.get_asset_materialization_events()]
    return {str(one.partition): {name: value.value for name, value in one.metadata.items()} for one in found}


def test_each_hour_has_its_own_rows_and_versions(tmp_path: Path) -> None:
    lake = filled(tmp_path, HOURLY, HOURS)
    versions = {HOURS[0]: "9", HOURS[1]: "9", HOURS[2]: "10"}
    found = made(lake, HOURLY, {RANGE_START: HOURS[0], RANGE_END: HOURS[2]}, versions)
    assert [found[hour][ROWS] for hour in HOURS] == [1, 2, 3]
    assert [found[hour]["model version"] for hour in HOURS] == ["9", "9", "10"]
    assert all(metadata["of all"] is True for metadata in found.values())


def test_a_month_has_the_rows_of_all_its_hours_and_the_versions_of_this_run(tmp_path: Path) -> None:
    lake = filled(tmp_path, MONTHLY, ["2026-11-01-00", *HOURS])
    tags = {RANGE_START: "2026-11", RANGE_END: "2026-12", FIRST_HOUR: HOURS[0], LAST_HOUR: HOURS[2]}
    found = made(lake, MONTHLY, tags, {HOURS[0]: "10", HOURS[1]: "9", HOURS[2]: "10"})
    assert {partition: metadata[ROWS] for partition, metadata in found.items()} == {"2026-11": 6, "2026-12": 4}
    assert found["2026-11"]["model version"] == "9, 10"


def test_all_partitions_of_a_run_cost_one_step_not_one_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own method lists all partitions of the run at each call."""
    listed = 0
    real = dg.HourlyPartitionsDefinition.get_partition_keys_in_range

    def counted(self: Any, *given: Any, **named: Any) -> Any:
        nonlocal listed
        listed += 1
        return real(self, *given, **named)

    monkeypatch.setattr(dg.HourlyPartitionsDefinition, "get_partition_keys_in_range", counted)
    calls = []

    @dg.multi_asset(
        specs=[dg.AssetSpec("x")],
        partitions_def=PARTITIONS[HOURLY.key],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def asset(context: dg.AssetExecutionContext) -> Any:
        before = listed
        add_to_partitions(context, dg.AssetKey("x"), {hour: {ROWS: 1} for hour in context.partition_keys})
        calls.append((len(context.partition_keys), listed - before))
        yield dg.MaterializeResult(asset_key="x")

    assert dg.materialize([asset], tags={RANGE_START: "2026-11-01-00", RANGE_END: "2026-11-20-00"}).success
    assert calls[0][0] > 400 and calls[0][1] <= 4
