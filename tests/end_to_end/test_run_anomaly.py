"""Simulated metrics through `weir run anomaly`: an outage that the simulator knows of is an alert, and is told once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from platform_assets.cli.app import run_command
from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.domains.anomaly import training
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS, ANOMALY_SCORES
from platform_assets.domains.scaling.feature_groups import INFRASTRUCTURE_METRICS
from platform_assets.feature_store.groups import table_of
from platform_assets.settings import Settings, load_settings
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, CLUSTER_FEATURES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_an_outage_becomes_an_alert_and_a_second_run_tells_nobody(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from weir_models import registry

    world, spec = tmp_path / "world", registry.spec
    command = [sys.executable, "-m", "simulator.clusters", "--out", str(world), "--start", "2026-11-16T00"]
    subprocess.run(
        [*command, "--days", "4", "--clusters", "2", "--seed", "5"], check=True, cwd=ROOT, capture_output=True
    )
    monkeypatch.setattr(training, "SIMULATED_DAYS", {"fit": 3, "evaluate": 3})
    monkeypatch.setattr(registry, "spec", lambda name: replace(spec(name), gates=()))  # three days prove nothing
    monkeypatch.setattr(
        sys, "argv", ["weir", "run", "anomaly", "--input", str(world / "raw"), "--home", str(home.home)]
    )
    code = run_command()
    shown = capsys.readouterr()
    assert code == 0, shown.err
    settings = load_settings(home.home)
    assert settings.metrics.raw == str(world / "raw")

    lake = lake_of(settings)
    alerts = lake.read_arrow(ANOMALY_ALERTS).to_pandas()
    incidents = pd.read_parquet(world / "truth" / "incidents.parquet")
    (outage,) = incidents[incidents["kind"] == "outage"].itertuples()
    margin = pd.Timedelta(minutes=5)
    meets = [
        row
        for row in alerts.itertuples()
        if outage.cluster_id in row.clusters
        and row.first_at < outage.end_at
        and row.last_at >= outage.start_at - margin
    ]
    assert meets and meets[0].state in ("open", "resolved") and meets[0].sentence in shown.out
    scores = lake.read_arrow(ANOMALY_SCORES)
    assert scores.num_rows == lake.read_arrow(CLUSTER_5MIN).num_rows and set(scores["model_version"].to_pylist()) == {
        "1"
    }

    features = lake.read_arrow(CLUSTER_FEATURES, columns=["cpu_utilization"])
    stored = sum(lake.row_counts(table_of(INFRASTRUCTURE_METRICS)).values())
    assert 0 < stored <= features.num_rows, "steps without any sample are no rows of the store"

    told = (home.home / "alerts.jsonl").read_text() if (home.home / "alerts.jsonl").exists() else ""
    assert [json.loads(line)["kind"] for line in told.splitlines()] == ["anomaly"] * sum(alerts["told_at"].notna())
    outcome = run_pipeline(settings, "anomaly")
    assert not outcome.hours and not outcome.failed_checks and "Scoring clusters" not in outcome.seconds
    assert outcome.metadata["anomaly/alerts"]["told"] == 0
    assert lake.read_arrow(ANOMALY_ALERTS).to_pandas().equals(alerts)
    assert ((home.home / "alerts.jsonl").read_text() if told else "") == told
