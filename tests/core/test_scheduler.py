"""What the daemon asks for: the same stages as the command line, one at a time, and never the same failure at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import pipelines
from platform_assets.core.partitions import EARLIEST, FIRST_HOUR, LAST_HOUR, first_hour_of, note_first_hour
from platform_assets.core.scheduler import Stage, StaleHours, is_behind, stages, stages_of, stale_hours
from platform_assets.core.staleness import record_made
from platform_assets.definitions import build_defs
from platform_assets.ingest import sensors
from platform_assets.ingest.raw import update_ledger
from platform_assets.ingest.sensors import CAUSE, next_requests
from platform_assets.settings import Settings
from spark_jobs.incremental import lineage

CSV = "timestamp,cpu_utilization,node_count\n2026-11-18T00:00:00+00:00,40,3\n2026-11-18T00:05:00+00:00,41,3\n"


def graph_of(*assets: Any) -> Any:
    return dg.Definitions(assets=list(assets)).resolve_asset_graph()


def spec(key: str, *deps: str, group: str = "waf") -> dg.AssetsDefinition:
    @dg.multi_asset(specs=[dg.AssetSpec(key_of(key), deps=[key_of(dep) for dep in deps], group_name=group)],
                    name=key.replace("/", "_"))  # fmt: skip
    def asset() -> Any:
        yield dg.MaterializeResult(asset_key=key_of(key))

    return asset


@pytest.fixture
def delivered(home: Settings, tmp_path: Path) -> Settings:
    """A home whose ledger knows one file of metrics."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "shop.csv").write_text(CSV, encoding="utf-8")
    settings = home.model_copy(update={"metrics_raw": str(raw)})
    update_ledger(settings, "metrics")
    return settings


def requested(settings: Settings, instance: dg.DagsterInstance) -> tuple[list[dg.RunRequest], list[str]]:
    return next_requests(settings, build_defs(settings).resolve_asset_graph(), instance)


def test_stages_follow_the_graph_not_the_order_of_goals() -> None:
    graph = graph_of(
        spec("waf/last", "waf/middle"), spec("waf/middle", "raw/x/objects"), spec("raw/x/objects", group="raw")
    )
    found = stages(graph, ["waf/last"])
    assert [(stage.kind, stage.keys) for stage in found] == [
        ("ledger", ("raw/x/objects",)),
        ("end", ("waf/middle", "waf/last")),
    ]


def test_what_is_skipped_is_left_out() -> None:
    graph = graph_of(spec("raw/x/objects", "raw/x/poll", group="raw"), spec("raw/x/poll", group="raw"))
    assert stages(graph, ["raw/x/objects"], skipped={"raw/x/poll"})[0].keys == ("raw/x/objects",)


def test_the_daemon_asks_for_the_first_stale_stage(delivered: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (request,), paused = requested(delivered, instance)
    assert not paused
    keys = {"/".join(key.path) for key in request.asset_selection or ()}
    graph = build_defs(delivered).resolve_asset_graph()
    first = next(stage for stage in stages_of(graph, pipelines()["scaling"], delivered) if stage.kind == "hours")
    assert keys == set(first.keys) or "models/anomaly_detection" in keys


def test_the_daemon_asks_for_the_shipped_version_of_a_model_without_a_champion(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = build_defs(home).resolve_asset_graph()
    settings = home.model_copy(update={"metrics_raw": "s3://somewhere", "cloudfront_raw": "s3://elsewhere"})
    found = [one for one in stages_of(graph, pipelines()["edge"], settings) if one.kind == "models"]
    monkeypatch.setattr(sensors, "is_missing", lambda *_: True)
    with dg.DagsterInstance.ephemeral() as instance:
        asked = [sensors._stage_requests(settings, graph, instance, lake_of(home), stage, {})[0] for stage in found]
    names = {
        key.path[-1]: request for requests in asked for request in requests for key in request.asset_selection or ()
    }
    assert names.keys() == {"request_attack", "client_abuse"}, "no training table is made"
    for name, request in names.items():
        assert request.run_config["ops"][name] == {"config": {"is_shipped": True}}


def report_failed(instance: dg.DagsterInstance, request: dg.RunRequest) -> None:
    """Have a run of the request's stage failed."""
    job = dg.Definitions(jobs=[_job()]).resolve_job_def("nothing")
    instance.report_run_failed(instance.create_run_for_job(job, tags={CAUSE: request.tags[CAUSE]}))


def test_a_stage_that_failed_lately_is_passed_over(delivered: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        (first,), _ = requested(delivered, instance)
        report_failed(instance, first)
        later, paused = requested(delivered, instance)
    assert all(request.tags[CAUSE] != first.tags[CAUSE] for request in later)
    assert paused and "is tried again in" in paused[0]


def test_a_stage_that_failed_is_made_hour_by_hour(delivered: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = ["2026-11-20-13", "2026-11-20-14", "2026-11-20-15"]
    monkeypatch.setattr(
        sensors, "stale_hours", lambda graph, lake, stage, settings: StaleHours(stage.keys, hours, hours)
    )
    monkeypatch.setattr(sensors, "RETRY_SECONDS", -1)
    monkeypatch.setattr(sensors, "is_missing", lambda *_: False)  # no model is made first
    with dg.DagsterInstance.ephemeral() as instance:
        (together,), _ = requested(delivered, instance)
        report_failed(instance, together)
        one_by_one, _ = requested(delivered, instance)
    spans = [(request.tags[FIRST_HOUR], request.tags[LAST_HOUR]) for request in (together, *one_by_one)]
    assert spans == [(hours[0], hours[2]), *((hour, hour) for hour in hours)]


def test_hours_before_the_loaded_partitions_are_told_and_not_asked_for(
    delivered: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "is_missing", lambda *_: False)  # no model comes first
    assert first_hour_of(delivered) == "2026-11-18-00"
    graph = build_defs(delivered).resolve_asset_graph()
    raw = Path(delivered.metrics.raw)
    (raw / "old.csv").write_text(CSV.replace("2026-11-18", "2026-09-30"), encoding="utf-8")
    update_ledger(delivered, "metrics")
    with dg.DagsterInstance.ephemeral() as instance:
        (request,), paused = next_requests(delivered, graph, instance)
        (first, second), now_loaded = requested(delivered, instance)
    assert request.tags[FIRST_HOUR] == "2026-11-18-00"
    assert any("before the first partition that was loaded: 1; restart `weir ui`" in reason for reason in paused)
    assert (first.tags[FIRST_HOUR], second.tags[FIRST_HOUR]) == ("2026-09-30-00", "2026-11-18-00")
    assert not now_loaded


def test_the_first_partition_is_set_or_of_the_data_or_the_earliest(home: Settings) -> None:
    assert first_hour_of(home) == EARLIEST
    note_first_hour(home, None)
    assert first_hour_of(home) == EARLIEST
    for hour, kept in (
        ("2026-11-18-05", "2026-11-18-05"),
        ("2026-11-19-00", "2026-11-18-05"),
        ("1970-01-01-00", EARLIEST),
    ):
        note_first_hour(home, hour)
        assert first_hour_of(home) == kept
    assert first_hour_of(home.model_copy(update={"first_hour": "2026-01-01-00"})) == "2026-01-01-00"


def test_an_asset_that_is_up_to_date_is_left_out_of_its_stage(home: Settings) -> None:
    lake, hour = lake_of(home), "2026-11-20-13"
    lineage.record(lake, {"features/metrics/cluster_5min": {hour: "made"}})
    graph = build_defs(home).resolve_asset_graph()
    (stage,) = [s for s in stages_of(graph, pipelines()["anomaly"], home) if "predictions/anomaly_scores" in s.keys]
    assert set(stale_hours(graph, lake, stage).keys) == set(stage.keys)
    record_made(lake, ["features/metrics/cluster_features"], [hour])
    record_made(lake, ["feature_store/infrastructure_metrics"], [hour])
    assert stale_hours(graph, lake, stage).keys == ("predictions/anomaly_scores",)


def test_nothing_is_requested_for_an_empty_home(home: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert requested(home, instance) == ([], [])


def test_an_asset_is_behind_a_newer_parent_only() -> None:
    decisions, plan = spec("decisions/x", group="decisions"), spec("waf/plan", "decisions/x")
    graph, stage = graph_of(decisions, plan), Stage("end", ("waf/plan",))
    with dg.DagsterInstance.ephemeral() as instance:
        assert not is_behind(graph, instance, stage), "nothing is there that it could be made from"
        dg.materialize([decisions], instance=instance)
        assert is_behind(graph, instance, stage)
        dg.materialize([decisions, plan], selection=[plan], instance=instance)
        assert not is_behind(graph, instance, stage)
        time.sleep(0.01)
        dg.materialize([decisions], instance=instance)
        assert is_behind(graph, instance, stage)


def test_nothing_follows_a_parent_whose_check_failed() -> None:
    key = key_of("waf/plan")

    @dg.multi_asset(
        specs=[dg.AssetSpec(key, group_name="waf")],
        check_specs=[dg.AssetCheckSpec("bounded", asset=key, blocking=True)],
        name="plan",
    )
    def plan() -> Any:
        yield dg.MaterializeResult(asset_key=key)
        yield dg.AssetCheckResult(asset_key=key, check_name="bounded", passed=False)

    graph = graph_of(plan, spec("waf/ip_sets", "waf/plan"))
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([plan], instance=instance, raise_on_error=False)
        assert not is_behind(graph, instance, Stage("end", ("waf/ip_sets",)))


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing_to_do() -> None: ...

    @dg.job(name="nothing")
    def nothing() -> None:
        nothing_to_do()

    return nothing
