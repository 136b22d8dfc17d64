"""The event log with open databases: what it writes is what Dagster's own reads, and it keeps few files open."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from platform_assets.core.event_log import MAX_OPEN, OpenEventLog
from platform_assets.core.instance import instance_of
from platform_assets.settings import load_settings

HOURS = dg.HourlyPartitionsDefinition("2026-01-01-00:00", end_date="2026-01-03-00:00")


@dg.asset(partitions_def=HOURS, backfill_policy=dg.BackfillPolicy.single_run())
def counted() -> None: ...


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    monkeypatch.setenv("DAGSTER_HOME", "")  # set by what follows, restored after the test
    return instance_of(load_settings(tmp_path / "home"))


def ran(instance: dg.DagsterInstance, first: str, last: str) -> Any:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = dg.Definitions(assets=[counted]).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, tags=tags)


def test_dagsters_own_storage_reads_what_it_wrote(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert isinstance(instance.event_log_storage, OpenEventLog)
    run_id = ran(instance, "2026-01-01-00:00", "2026-01-01-05:00").run_id
    theirs = SqliteEventLogStorage(str(tmp_path / "home" / "dagster" / "history" / "runs"))
    assert len(theirs.get_logs_for_run(run_id)) == len(instance.all_logs(run_id)) > 12
    made = theirs.get_materialized_partitions(dg.AssetKey("counted"))
    assert made == {f"2026-01-01-0{hour}:00" for hour in range(6)}


def test_the_database_of_a_run_is_the_one_that_dagster_would_make(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "dagster" / "history" / "runs"
    run_ids = [ran(instance, "2026-01-01-00:00", "2026-01-01-00:00").run_id for _ in range(2)]
    assert not [path for path in folder.iterdir() if path.name.startswith(".making")]
    theirs = SqliteEventLogStorage(str(tmp_path / "theirs"))
    theirs.get_logs_for_run("one")
    made = sorted(schema(tmp_path / "theirs" / "one.db"))
    assert len(made) > 10
    assert [sorted(schema(folder / f"{run_id}.db")) for run_id in run_ids] == [made, made]


def schema(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        return rows + [(*row, "") for row in connection.execute("SELECT 'version', version_num FROM alembic_version")]


@pytest.mark.parametrize("size", ["0", "4", "1000"])
def test_events_of_hours_are_the_same_in_batches(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    key, first, last = dg.AssetKey("counted"), "2026-01-01-00:00", "2026-01-01-05:00"
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", size)
    run_id = ran(instance, first, last).run_id
    events = [record.dagster_event for record in instance.all_logs(run_id) if record.dagster_event is not None]
    by_type = [event.event_type_value for event in events if event.partition]
    assert sorted(by_type) == ["ASSET_MATERIALIZATION"] * 6 + ["ASSET_MATERIALIZATION_PLANNED"] * 6
    stored = instance.fetch_materializations(key, limit=20).records
    assert [record.partition_key for record in stored] == [f"2026-01-01-0{hour}:00" for hour in range(5, -1, -1)]
    latest = instance.get_latest_materialization_event(key)
    assert latest is not None and latest.dagster_event is not None and latest.dagster_event.partition == last
    assert instance.get_run_by_id(run_id).is_success  # type: ignore[union-attr]


def test_a_batch_is_written_at_once(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    store = OpenEventLog.store_event_batch

    def counted_batch(log: OpenEventLog, events: Sequence[Any]) -> None:
        sizes.append(len(events))
        store(log, events)

    monkeypatch.setattr(OpenEventLog, "store_event_batch", counted_batch)
    ran(instance, "2026-01-01-00:00", "2026-01-01-05:00")
    assert sizes == [6, 6]


def test_few_databases_stay_open_and_deleted_runs_are_gone(instance: dg.DagsterInstance) -> None:
    log = instance.event_log_storage
    assert isinstance(log, OpenEventLog)
    runs = [ran(instance, f"2026-01-01-{hour:02}:00", f"2026-01-01-{hour:02}:00").run_id for hour in range(6)]
    assert len(log._open) == MAX_OPEN
    assert all(instance.all_logs(run_id) for run_id in runs)
    instance.delete_run(runs[-1])
    assert not instance.all_logs(runs[-1]) and instance.all_logs(runs[0])
