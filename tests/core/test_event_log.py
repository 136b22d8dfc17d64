"""The event log with open databases: what it writes is what Dagster's own reads, and it keeps few files open."""

from __future__ import annotations

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


def test_few_databases_stay_open_and_deleted_runs_are_gone(instance: dg.DagsterInstance) -> None:
    log = instance.event_log_storage
    assert isinstance(log, OpenEventLog)
    runs = [ran(instance, f"2026-01-01-{hour:02}:00", f"2026-01-01-{hour:02}:00").run_id for hour in range(6)]
    assert len(log._open) == MAX_OPEN
    assert all(instance.all_logs(run_id) for run_id in runs)
    instance.delete_run(runs[-1])
    assert not instance.all_logs(runs[-1]) and instance.all_logs(runs[0])
