"""`weir run scaling` and `weir scaling …` as a user meets them: replay of old metrics, one sentence and a code for each error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.scaling.forecasting import newest_forecasts
from platform_assets.settings import load_settings

WEIR = [sys.executable, "-c", "from platform_assets.cli.app import main; main()"]


def weir(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "AWS_"))}
    environment = {**kept, "COLUMNS": "200", "WEIR_HOME": str(home)}
    return subprocess.run([*WEIR, *arguments], capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home after `weir run scaling` over a simulated day of two clusters, and what that printed."""
    folder = tmp_path_factory.mktemp("scaling")
    simulated = ["--out", str(folder / "world"), "--start", "2026-11-02T00", "--days", "1", "--clusters", "2"]
    subprocess.run([sys.executable, "-m", "simulator.clusters", *simulated], check=True, capture_output=True)
    done = weir(folder / "home", "run", "scaling", "--input", str(folder / "world" / "raw"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert not (folder / "home" / "scaling" / "desired.json").exists(), "a dry run"
    return folder / "home", done.stdout


@pytest.mark.slow
def test_a_run_over_old_metrics_prints_recommendations(replayed: tuple[Path, str]) -> None:
    home, printed = replayed
    lake = lake_of(load_settings(home))
    rows = newest_forecasts(lake)
    assert len(rows) == 2 and {row["model_name"] for row in rows} == {"naive"}
    for row in rows:
        assert row["lower_90"] <= row["predicted_cpu_utilization"] <= row["upper_90"]
        assert row["reasoning"].endswith("(by the naive rule, for no model has passed its gate)")
        line = next(line for line in printed.splitlines() if line.startswith(row["cluster_id"]))
        assert f"{row['predicted_cpu_utilization']:.1f} %" in line and f"{row['made_at']:%Y-%m-%d %H:%M}" in line
        assert f"{row['cluster_id']}: {row['reasoning']}"[:60] in printed
    assert "WEIR_METRICS_RAW" in (home / "weir.env").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_speaks_to_machines_on_standard_output_alone(replayed: tuple[Path, str]) -> None:
    home, _ = replayed
    done = weir(home, "run", "scaling", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["hours"] == [] and said["failed_checks"] == [] and "scaling/plan" in said["assets"]
    assert "in 30 minutes" in done.stderr
    planned, status = (json.loads(weir(home, "scaling", look, "--json").stdout) for look in ("plan", "status"))
    assert [entry["cluster_id"] for entry in planned["entries"]] == [row["cluster_id"] for row in status["forecasts"]]
    assert planned["stopped_by"].keys() == status["plan"]["stopped_by"].keys() == {"metrics_are_fresh"}
    assert status["held"] == {}


@pytest.mark.slow
def test_old_metrics_need_an_override_and_are_undone(replayed: tuple[Path, str]) -> None:
    home, _ = replayed
    for look in ("plan", "status"):  # they judge as apply does
        planned = weir(home, "scaling", look)
        assert planned.returncode == 0 and "It would be stopped by metrics_are_fresh" in " ".join(
            planned.stdout.split()
        )
        assert "changes them" not in planned.stdout
    stopped = weir(home, "scaling", "apply")
    assert stopped.returncode == 4 and "a check stopped the plan: metrics_are_fresh" in stopped.stderr
    assert len(stopped.stderr.strip().splitlines()) == 1
    unsaid = weir(home, "scaling", "apply", "--override", "metrics_are_fresh")
    assert unsaid.returncode == 2 and "give it with --reason" in unsaid.stderr
    applied = weir(home, "scaling", "apply", "--override", "metrics_are_fresh", "--reason", "a replay")
    assert applied.returncode == 0 and "2 clusters changed" in applied.stdout, applied.stderr
    held = json.loads((home / "scaling" / "desired.json").read_text(encoding="utf-8"))
    assert all(entry["nodes"] >= 1 and entry["reason"] for entry in held.values()) and len(held) == 2
    shown = weir(home, "scaling", "status")
    assert shown.returncode == 0 and "2 hold; 0 nodes change" in shown.stdout, shown.stdout + shown.stderr
    undone = weir(home, "scaling", "undo", "--reason", "x", "--apply")
    assert undone.returncode == 0 and "No cluster changed" in undone.stdout, "the file held no size before"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["scaling", "undo"], 2, "Nothing was applied that could be undone"),
        (["scaling", "undo", "--for", "soon"], 2, "is no duration"),
        (["run", "scaling"], 3, "No metric location is set"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    done = weir(tmp_path / "home", *arguments)
    assert done.returncode == code and said in done.stderr, done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr + done.stdout
