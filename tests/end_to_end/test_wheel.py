"""The wheel in an environment outside of the checkout: the command, its champions and its first result, without internet."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("platform_assets", "spark_jobs", "mlflow", "simulator")
FILES = ("setup.py", "pyproject.toml", "README.md", "dagster.yaml", "workspace.yaml")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed, without any of the checkout's paths and settings."""
    foreign = ("WEIR_", "AWS_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def weir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a wheel, in an environment that has the dependencies of this one but not the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source, environment = folder / "source", folder / "environment"
    source.mkdir()
    for name in BUILT_FROM:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    # What built the editable installation is in the installer's cache, so nothing is fetched.
    uv = Path(sys.executable).with_name("uv")
    run(uv, "build", "--quiet", "--offline", "--wheel", "--out-dir", folder, source, cwd=folder)
    (wheel,) = folder.glob("weir-*.whl")
    run(uv, "venv", "--quiet", "--offline", "--python", sys.executable, environment, cwd=folder)
    python = environment / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel, cwd=folder)
    (site,) = environment.glob("lib/python*/site-packages")
    # Only a folder of this environment's packages: its own .pth files, which name the checkout, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment / "bin" / "weir"


@pytest.mark.slow
def test_the_installed_command_tells_its_version_and_completes(weir: Path, tmp_path: Path) -> None:
    assert run(weir, "--version", cwd=tmp_path) == "weir 0.2.0\n"
    words = {"COMP_WORDS": "weir ex", "COMP_CWORD": "1", "_WEIR_COMPLETE": "complete_bash"}
    assert {"explain", "export"} == set(run(weir, cwd=tmp_path, **words).split())
    where = run(weir.with_name("python"), "-c", "import platform_assets; print(platform_assets.__file__)", cwd=tmp_path)
    assert where.startswith(str(weir.parents[1])), "nothing of the checkout is read"


@pytest.mark.slow
def test_the_installed_command_decides_on_logs_at_once(weir: Path, tmp_path: Path) -> None:
    python = weir.with_name("python")
    arguments = ("--hours", "3", "--scale", "0.05", "--seed", "5", "--families", "all")
    run(python, "-m", "simulator", "--start", "2026-11-20T10", *arguments, "--out", tmp_path / "world", cwd=tmp_path)
    said = run(weir, "run", "edge", "--input", tmp_path / "world" / "raw", "--home", "home", cwd=tmp_path)
    assert "Registering the request_attack that Weir ships" in said and "Fitting" not in said
    assert "client_abuse and request_attack are the champions that Weir ships" in said
    count = "SELECT count(*) AS decided FROM weir.decisions_waf_decisions"
    decided = run(weir, "sql", count, "--format", "csv", "--home", "home", cwd=tmp_path).split()
    assert decided[0] == "decided" and int(decided[1]) > 0
