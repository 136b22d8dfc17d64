"""A domain is folders and no edit elsewhere: the tides of tests/core/tides, laid over a copy of the packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIDES = Path(__file__).with_name("tides")
WEIR = "from platform_assets.cli.app import main; main()"
KEYS = """
from platform_assets.definitions import build_defs
from platform_assets.settings import load_settings
graph = build_defs(load_settings()).resolve_asset_graph()
print("\\n".join("/".join(key.path) for key in graph.get_all_asset_keys()))
"""
DOCUMENT = "from platform_assets.outputs.tables_document import tables_markdown; print(tables_markdown())"
SENSORS = """
from platform_assets.definitions import build_defs
from platform_assets.settings import load_settings
print([sensor.name for sensor in build_defs(load_settings()).get_repository_def().sensor_defs])
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with the folders of the domain laid over them."""
    folder = tmp_path_factory.mktemp("weir")
    leave_out = shutil.ignore_patterns("__pycache__")
    for package in ("platform_assets", "spark_jobs", "mlflow"):
        shutil.copytree(ROOT / package, folder / package, ignore=leave_out)
        shutil.copytree(TIDES / package, folder / package, ignore=leave_out, dirs_exist_ok=True)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(world: Path, code: str, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{world}:{world / 'mlflow'}",
        "WEIR_HOME": str(world / "home"),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=world,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_packages_name_the_new_domain_nowhere() -> None:
    for package in ("platform_assets", "spark_jobs", "mlflow"):
        files = (ROOT / package).rglob("*.py")
        assert not [path for path in files if "tides" in path.read_text(encoding="utf-8")]


def test_its_assets_and_its_sensor_are_in_the_graph(world: Path) -> None:
    keys = set(run(world, KEYS).split())
    assert keys >= {"raw/tides/objects", "parsed/tides/levels", "models/tide_level", "tides/gate_plan"}
    assert "new_tide_files" in run(world, SENSORS)


def test_its_command_is_on_the_command_line(world: Path) -> None:
    assert "Tide files -> levels" in run(world, WEIR, "run", "--help")


def test_the_doctor_looks_at_its_files_and_its_gate(world: Path) -> None:
    shown = run(world, WEIR, "doctor")
    assert "tide files" in shown and "The gate answers." in shown


def test_its_tables_and_its_setting_are_documented(world: Path) -> None:
    text = run(world, DOCUMENT)
    assert "`parsed/tides/levels`" in text and "`tides/gate_plan`" in text
    variables = run(world, "from platform_assets.settings import variables; print(variables())")
    assert "WEIR_TIDES_RAW" in variables


@pytest.mark.slow
def test_its_pipeline_fits_its_model_and_makes_its_plan(world: Path) -> None:
    raw = world / "raw"
    raw.mkdir()
    for hour, level in ((12, 1.0), (13, 2.0)):
        line = f"2026-11-20T{hour}:05:00+00:00,{level}\n"
        (raw / f"tides-2026-11-20-{hour}.csv").write_text(line, encoding="utf-8")
    shown = run(world, WEIR, "run", "tides", "--input", str(raw))
    assert "Fitting tide_level" in shown and "Planning the gate" in shown
    assert "north: 2.50 m" in shown
    assert "Making" not in run(world, WEIR, "run", "tides", "--input", str(raw)), "nothing is stale"
