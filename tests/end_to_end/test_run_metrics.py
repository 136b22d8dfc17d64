"""Metric files through the assets: new files make their hours, late ones make them anew, and nothing else runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.cli.outcome import RunFailed
from platform_assets.cli.run import Runner
from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import Pipeline
from platform_assets.core.partitions import first_hour_of
from platform_assets.definitions import build_defs
from platform_assets.ingest.raw import NoInputError, update_ledger
from platform_assets.settings import Settings
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, CLUSTER_FEATURES, SAMPLES

START = datetime(2026, 11, 18, tzinfo=UTC)
FEATURES = Pipeline("", ("feature_store/infrastructure_metrics",))


def deliver(settings: Settings, name: str, first_hour: int, hours: int, cpu: float) -> None:
    lines = ["timestamp,cpu_utilization,node_count"]
    for step in range(12 * hours):
        at = START + timedelta(hours=first_hour, minutes=5 * step)
        lines.append(f"{at.isoformat()},{cpu + step % 7},3")
    folder = Path(settings.metrics.raw)
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_files_make_their_hours_and_a_late_one_those_that_look_back_on_it(home: Settings, tmp_path: Path) -> None:
    settings = home.model_copy(update={"metrics_raw": str(tmp_path / "raw")})
    deliver(settings, "shop.csv", 0, 30, 40.0)
    outcome = Runner(settings).run_pipeline(FEATURES)
    lake = lake_of(settings)
    assert len(outcome.hours) == 30 and not outcome.failed_checks
    for table in (SAMPLES, CLUSTER_5MIN, CLUSTER_FEATURES):
        assert len(lake.hours(table)) == 30, table.key
    assert not Runner(settings).run_pipeline(FEATURES).hours, "nothing is stale"

    deliver(settings, "blog.csv", 2, 1, 90.0)
    again = Runner(settings).run_pipeline(FEATURES)
    assert again.hours == ["2026-11-18-02"]
    assert len(again.looked_back) == 25, "the next hour's grid looks back on it, and on both the features of 24 hours"
    rows = lake.read_arrow(CLUSTER_FEATURES, ["2026-11-18-02"]).to_pylist()
    assert {row["cluster_id"] for row in rows} == {"shop", "blog"}

    assert first_hour_of(settings) == "2026-11-18-00"
    deliver(settings, "old.csv", -24 * 60, 1, 50.0)
    before = Runner(settings).run_pipeline(FEATURES)
    assert before.hours == ["2026-09-19-00"], "hours before the partitions that were loaded when the run began"
    assert first_hour_of(settings) == "2026-09-19-00"


def test_the_sensor_has_new_metric_files_put_into_the_ledger(home: Settings, tmp_path: Path) -> None:
    settings = home.model_copy(update={"metrics_raw": str(tmp_path / "raw")})
    deliver(settings, "shop.csv", 0, 1, 40.0)
    repository = build_defs(settings).get_repository_def()
    sensor = repository.get_sensor_def("new_metric_files")
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, repository_def=repository) as context,
    ):
        (request,) = sensor.evaluate_tick(context).run_requests or ()
        assert ["/".join(key.path) for key in request.asset_selection or ()] == ["raw/metrics/objects"]
        assert request.tags["weir/cause"] == "new_metric_files"
        assert update_ledger(settings, "metrics")["stale hours"] == 1
        skipped = sensor.evaluate_tick(context)
    assert not skipped.run_requests
    assert skipped.skip_message == "All metric files are known (1 in the ledger)."


def test_a_location_that_is_not_set_is_one_sentence(home: Settings) -> None:
    with pytest.raises(NoInputError, match=r"No metric location is set; run .*, or set WEIR_METRICS_RAW\."):
        update_ledger(home, "metrics")


@pytest.mark.slow
def test_polling_without_clusters_stops_the_run_with_one_sentence(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"Nothing is to be polled; name clusters") as raised:
        Runner(home.model_copy(update={"metrics_raw": str(tmp_path), "cloudwatch_poll": True})).run_pipeline(FEATURES)
    assert raised.value.exit_code == 5
