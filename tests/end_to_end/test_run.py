"""the pipeline `edge` end to end on a simulated morning: what it makes, what it leaves alone, what it heals.

One home is shared; every test that needs a late file takes the late part of an hour of its own (see conftest.Day).
"""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from platform_assets.cli.outcome import Outcome, RunFailed
from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import SparkRunner, lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.instance import close_abandoned_runs, instance_of
from platform_assets.core.staleness import stale_by_asset, stale_parsed_hours, steps
from platform_assets.core.tables import all_tables
from platform_assets.domains.waf.apply.targets import waf_targets
from platform_assets.domains.waf.checks.checks import CHECKS
from platform_assets.domains.waf.explain.lookup import explain
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.outputs.table_files import export_table
from platform_assets.releases.record import Releases
from platform_assets.releases.standing import CANARY
from platform_assets.settings import Settings, load_settings
from spark_jobs.incremental.lineage import MADE_HOURS
from spark_jobs.registry import sources
from spark_jobs.runtime.canary import Served
from spark_jobs.sources.cloudfront import checks as table_checks
from spark_jobs.sources.cloudfront.clients import network_of, network_of_address

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("environment"),
    pytest.mark.random_order(disabled=True),  # one home, run after run
]
MADE_BY_EVERY_RUN = (WAF_PLAN.key, MADE_HOURS.key)


@dataclass(frozen=True)
class Edge:
    """The shared home, its log files, and what its first run said."""

    settings: Settings
    day: Any
    first: Outcome

    def deliver(self, files: list[Path]) -> None:
        self.day.deliver(files, Path(self.settings.cloudfront.raw))

    def hours(self, *numbers: int) -> list[str]:
        return [self.day.hours[number] for number in numbers]

    def rows(self, key: str, *hours: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = lake_of(self.settings).read_arrow(all_tables()[key], hours or None).to_pylist()
        return found


def files_by_hour(settings: Settings) -> dict[tuple[str, str], set[str]]:
    """(table, hour) -> the data files that the lake reads for it: they change where, and only where, it was written."""
    lake = lake_of(settings)
    found: dict[tuple[str, str], set[str]] = {}
    for table in all_tables().values():
        delta = lake.delta(table)
        for path in delta.file_uris() if delta is not None and table.key not in MADE_BY_EVERY_RUN else ():
            hour = path.split("event_hour=")[1].split("/")[0] if table.hourly else ""
            found.setdefault((table.key, hour), set()).add(path)
    return found


def changed(before: dict[Any, Any], after: dict[Any, Any], key: str) -> list[str]:
    """Hours of a table whose files are others than before."""
    return sorted(hour for table, hour in before.keys() | after.keys() if table == key
                  and before.get((table, hour)) != after.get((table, hour)))  # fmt: skip


def ip_sets(settings: Settings) -> dict[str, tuple[str, ...]]:
    return {name: one.addresses for name, one in waf_targets(settings)[0].read_sets().items()}


@pytest.fixture(scope="module")
def edge(home_of: Callable[..., Settings], simulated: Any) -> Edge:
    settings = home_of("edge")
    simulated.deliver(simulated.punctual(0, 1, 2, 3, 4), Path(settings.cloudfront.raw))
    return Edge(settings, simulated, run_pipeline(settings, "edge"))


@dataclass(frozen=True)
class Late:
    """A run after a late file, and the lake's files before and after it."""

    outcome: Outcome
    before: dict[tuple[str, str], set[str]]
    after: dict[tuple[str, str], set[str]]


@pytest.fixture(scope="module")
def late(edge: Edge) -> Late:
    before = files_by_hour(edge.settings)
    edge.deliver(edge.day.late(2))
    outcome = run_pipeline(edge.settings, "edge")
    return Late(outcome, before, files_by_hour(edge.settings))


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the Spark jobs that a test runs."""
    ran: list[str] = []
    run = SparkRunner.run

    def noted(self: SparkRunner, source: Any, job: Any, *rest: Any) -> dict[str, Any]:
        ran.append(job.name)
        return run(self, source, job, *rest)

    monkeypatch.setattr(SparkRunner, "run", noted)
    return ran


def test_a_run_ends_in_decisions_exports_and_a_plan_and_leaves_waf_alone(edge: Edge) -> None:
    assert edge.first.hours == edge.hours(0, 1, 2, 3, 4)
    assert edge.first.failed_checks == []
    decisions = edge.rows(WAF_DECISIONS.key)
    assert {row["action"] for row in decisions} >= {"block", "challenge"}
    assert all(row["reason"] and row["model_name"] == "client_abuse" and row["model_version"] for row in decisions)
    planned = {row["address"] for row in edge.rows(WAF_PLAN.key) if row["operation"] == "add"}
    assert planned and planned <= {row["address"] for row in decisions}
    with sqlite3.connect(edge.settings.home / "weir.db") as database:
        exported = {row[0] for row in database.execute("SELECT decision_id FROM waf_decisions")}
    assert exported == {row["decision_id"] for row in decisions}
    assert (edge.settings.home / "metrics.jsonl").stat().st_size
    assert (edge.settings.home / "alerts.jsonl").stat().st_size
    assert ip_sets(edge.settings) == {}


def test_every_request_is_scored_and_every_scored_client_has_features(edge: Edge) -> None:
    ids = {row["request_id"] for row in edge.rows("parsed/cloudfront/requests")}
    assert ids and ids == {row["request_id"] for row in edge.rows("predictions/request_scores")}
    grain = ("client", "hour_at")
    scored, daily, attacks = (
        {tuple(row[name] for name in grain) for row in edge.rows(key)}
        for key in (
            "predictions/client_scores",
            "features/cloudfront/client_daily",
            "features/cloudfront/client_attacks",
        )
    )
    assert scored == daily
    # Attacks are looked up for the rows of client_daily: were it made later, there would be none.
    assert attacks and attacks <= daily


def test_a_run_without_new_objects_runs_no_job_and_changes_nothing(edge: Edge, jobs: list[str]) -> None:
    before = files_by_hour(edge.settings)
    outcome = run_pipeline(edge.settings, "edge")
    assert jobs == []
    assert (outcome.hours, len(outcome.looked_back)) == ([], 0)
    assert files_by_hour(edge.settings) == before


def test_a_dry_run_changes_nothing_in_waf_and_apply_puts_the_plan_into_it(edge: Edge) -> None:
    planned = {row["address"] for row in edge.rows(WAF_PLAN.key) if row["operation"] == "add"}
    assert planned and ip_sets(edge.settings) == {}
    outcome = run_pipeline(edge.settings.model_copy(update={"waf_apply": True}), "edge")
    assert outcome.metadata["waf/ip_sets"]["applied"] is True
    live = ip_sets(edge.settings)
    assert {address for addresses in live.values() for address in addresses} == planned
    assert {name.split("-")[-1] for name in live} == {"v4", "v6"}


def test_a_plan_that_a_check_stops_is_not_applied(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "rejected_lines_are_few", lambda *_: (False, "Too many lines were rejected.", {}))
    bounded = edge.settings.model_copy(update={"waf_prefix": "bounded", "waf_apply": True})
    outcome = run_pipeline(bounded, "edge")
    assert any(one.startswith("rejected_lines_are_few") for one in outcome.failed_checks)
    assert "waf/ip_sets" not in outcome.metadata
    assert ip_sets(bounded) == {}


def test_a_late_file_makes_its_hour_and_the_hours_that_look_back_on_it_again(edge: Edge, late: Late) -> None:
    assert late.outcome.hours == edge.hours(2)
    assert 0 < late.outcome.dagster_seconds < late.outcome.run_seconds
    assert len(late.outcome.looked_back) == 2
    for table in sources()["cloudfront"].tables:
        if table.hourly and table.name not in ("rejected_lines", "client_attacks"):
            looks_back = table.trailing_hours or table.name == "client_scores"
            assert changed(late.before, late.after, table.key) == edge.hours(*((2, 3, 4) if looks_back else (2,)))
    assert set(changed(late.before, late.after, WAF_DECISIONS.key)) <= set(edge.hours(2, 3, 4))


def test_late_delivery_ends_in_the_decisions_of_punctual_delivery(
    edge: Edge, late: Late, in_order: Settings, tmp_path: Path
) -> None:
    assert changed(late.before, late.after, WAF_DECISIONS.key), "the late part of the hour decides nothing"
    for suffix in ("csv", "jsonl", "parquet"):
        for table in ("waf_decisions", "request_scores"):
            files = [tmp_path / f"{name}-{table}.{suffix}" for name in ("late", "punctual")]
            for settings, file in zip((edge.settings, in_order), files, strict=True):
                assert export_table(settings, table, file).rows
            assert files[0].read_bytes() == files[1].read_bytes(), f"{table} differs as {suffix}"


def test_a_database_that_cannot_be_reached_leaves_hours_stale_and_the_next_run_heals_them(
    edge: Edge, late: Late, jobs: list[str]
) -> None:
    lake = lake_of(edge.settings)
    edge.deliver(edge.day.late(4))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: a port that refuses
        url = SecretStr(f"postgresql+psycopg://weir:secret-word@127.0.0.1:{closed.getsockname()[1]}/weir")
        with pytest.raises(RunFailed) as failed:
            run_pipeline(edge.settings.model_copy(update={"database_url": url}), "edge")
    assert failed.value.exit_code == 5
    assert "secret-word" not in str(failed.value)
    assert "\n" not in str(failed.value)
    assert stale_by_asset(lake, [WAF_DECISIONS.key])[WAF_DECISIONS.key] == []
    assert stale_by_asset(lake, ["exports/database"])["exports/database"] == edge.hours(4)
    jobs.clear()
    run_pipeline(edge.settings, "edge")
    assert not {"requests", "client_hourly", "request_scores"} & set(jobs)
    assert not any(stale_by_asset(lake, tuple(steps())).values())
    with sqlite3.connect(edge.settings.home / "weir.db") as database:
        exported = sorted(database.execute("SELECT decision_id, reason FROM waf_decisions"))
    assert exported == sorted((row["decision_id"], row["reason"]) for row in edge.rows(WAF_DECISIONS.key))


def test_a_failed_blocking_check_stops_what_is_downstream(edge: Edge, late: Late, jobs: list[str]) -> None:
    before = files_by_hour(edge.settings)
    edge.deliver(edge.day.late(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_checks, "request_ids_are_unique", lambda lake, hours: (False, "Two ids are one.", {}))
        with pytest.raises(RunFailed, match="request_ids_are_unique stopped the run: Two ids are one") as failed:
            run_pipeline(edge.settings, "edge")
    assert failed.value.exit_code == 4
    assert jobs == ["requests"]
    after = files_by_hour(edge.settings)
    assert changed(before, after, "parsed/cloudfront/requests") == edge.hours(3)
    assert {table for table, hour in before if before[table, hour] != after.get((table, hour))} <= {
        "raw/cloudfront/objects", "parsed/cloudfront/requests", "parsed/cloudfront/object_counts",
        "parsed/cloudfront/rejected_lines",
    }  # fmt: skip
    assert stale_parsed_hours(lake_of(edge.settings), "cloudfront") == edge.hours(3)
    run_pipeline(edge.settings, "edge")
    assert stale_parsed_hours(lake_of(edge.settings), "cloudfront") == []
    assert not any(stale_by_asset(lake_of(edge.settings), tuple(steps())).values())


def test_an_hour_keeps_its_model_version_when_another_one_is_promoted(
    edge: Edge, late: Late, trained: Settings
) -> None:
    from mlflow import MlflowClient

    shutil.copyfile(trained.home / "mlflow.db", edge.settings.home / "mlflow.db")
    uri = f"sqlite:///{edge.settings.home / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    serving = client.get_model_version_by_alias("request_attack", "champion")
    assert serving.source is not None
    new = client.create_model_version("request_attack", serving.source, serving.run_id, tags={"gate": "passed"})
    ModelRegistry.of(edge.settings.model_copy(update={"mlflow_uri": uri})).sign("request_attack", str(new.version))
    client.set_registered_model_alias("request_attack", "champion", new.version)
    assert new.version != serving.version

    edge.deliver([*edge.day.late(1), *edge.day.punctual(5)])
    run_pipeline(edge.settings.model_copy(update={"mlflow_uri": uri}), "edge")
    scored = {(row["event_hour"], str(row["model_version"])) for row in edge.rows("predictions/request_scores")}
    kept = {(hour, str(serving.version)) for hour in edge.hours(0, 1, 2, 3, 4)}
    assert scored == kept | {(edge.hours(5)[0], str(new.version))}
    # The 24 hours that the clients of the new hour are judged by were scored by both; nobody else's were.
    both = (edge.hours(5)[0], f"{serving.version},{new.version}")
    behind = {(r["event_hour"], r["request_model_version"]) for r in edge.rows("predictions/client_scores")}
    assert behind == kept | {both}


def test_a_canary_decides_for_its_share_of_networks(
    home_of: Callable[..., Settings], simulated: Any, trained: Settings, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    shutil.copyfile(trained.home / "mlflow.db", tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    settings, client = home_of("canary", mlflow_uri=uri), MlflowClient(uri, uri)
    releases, served = Releases.of(settings), {}
    for name in ("request_attack", "client_abuse"):
        serving = client.get_model_version_by_alias(name, "champion")
        assert serving.source is not None
        new = client.create_model_version(name, serving.source, serving.run_id, tags={"gate": "passed"})
        ModelRegistry.of(settings).sign(name, str(new.version))
        releases.move(name, str(new.version), CANARY, "a copy of the champion", share=0.5)
        served[name] = Served(name, str(serving.version), canary_version=str(new.version), canary_share=0.5)
    simulated.deliver(simulated.punctual(0), Path(settings.cloudfront.raw))
    run_pipeline(settings, "edge")
    tables, lake = all_tables(), lake_of(settings)
    by_request = lake.read_arrow(tables["predictions/request_scores"]).to_pylist()
    by_client = lake.read_arrow(tables["predictions/client_scores"]).to_pylist()
    pairs = [("request_attack", network_of_address(row["client_ip"]), row["model_version"]) for row in by_request]
    pairs += [("client_abuse", network_of(row["client"]), row["model_version"]) for row in by_client]
    assert {served[name].version_of(network) == version for name, network, version in pairs} == {True}
    assert {(name, version) for name, _, version in pairs} == {
        (name, version) for name, both in served.items() for version in both.versions.split(",")
    }
    both = served["client_abuse"]
    of_canary = [
        row for row in by_client if (row["client_kind"], row["model_version"]) == ("address", both.canary_version)
    ]
    shown = explain(settings, of_canary[0]["client"].split("/")[0])
    assert any(f"client_abuse {both.canary_version} scored it as a canary beside" in note for note in shown.notes)
    before = sorted((row["request_id"], row["model_version"]) for row in by_request)
    releases.rollback("request_attack", "a test")
    simulated.deliver(simulated.late(0), Path(settings.cloudfront.raw))
    run_pipeline(settings, "edge")
    again = lake.read_arrow(tables["predictions/request_scores"]).to_pylist()
    assert {row["model_version"] for row in again} == {served["request_attack"].model_version}
    assert {request for request, _ in before} <= {row["request_id"] for row in again}
    again = lake.read_arrow(tables["predictions/client_scores"]).to_pylist()
    assert {row["model_version"] for row in again} == {*both.versions.split(",")}, "this canary goes on"


def test_a_champion_of_older_code_that_fails_at_its_work_is_one_sentence(
    home_of: Callable[..., Settings], simulated: Any, trained: Settings, tmp_path: Path
) -> None:
    from weir_models import saved_model

    shutil.copyfile(trained.home / "mlflow.db", tmp_path / "mlflow.db")
    settings = home_of("older", mlflow_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    simulated.deliver(simulated.punctual(0), Path(settings.cloudfront.raw))
    model = ModelRegistry.of(settings).fetched("request_attack")
    older: Any = saved_model.load_dir(model.folder)
    del older.threshold_
    shutil.rmtree(model.folder)
    saved_model.save_dir(older, model.folder)
    ModelRegistry.of(settings).sign("request_attack", model.version)
    with pytest.raises(RunFailed) as failed:
        run_pipeline(settings, "edge")
    assert failed.value.exit_code == 5
    assert str(failed.value) == (
        f"The model request_attack version {model.version} cannot be applied by this release (AttributeError: "
        "'RequestAttack' object has no attribute 'threshold_'); run `weir train`."
    )


KILLED = """
import os, signal, sys
from contextlib import nullcontext
from platform_assets.ingest import raw
from platform_assets.cli.run import Runner
from platform_assets.settings import load_settings

raw.update_ledger = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Runner(load_settings(sys.argv[1]), lambda title: nullcontext()).run(["raw/cloudfront/objects"])
"""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Any]:
    """The instance of a home whose only run was killed in the middle."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)], timeout=120, check=False)
    assert done.returncode == -9
    with instance_of(load_settings(tmp_path)) as instance:
        yield instance


def test_a_killed_run_is_closed_before_it_holds_back_others(killed: Any) -> None:
    assert [run.status.name for run in killed.get_runs()] == ["STARTED"]
    assert close_abandoned_runs(killed) == 1
    assert [run.status.name for run in killed.get_runs()] == ["FAILURE"]
    assert close_abandoned_runs(killed) == 0
