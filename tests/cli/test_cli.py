"""The command: every error that a user can cause is one sentence on standard error, with an exit code that means something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WEIR = [sys.executable, "-c", "from platform_assets.cli.app import main; main()"]


def weir(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "AWS_"))}
    return subprocess.run([*WEIR, *arguments], capture_output=True, text=True, env={**kept, **environment}, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["run", "edge", "--inptu", "x"], {}, 2, "No such option"),
        (["export", "requests", "x.csv", "--start", "noon"], {}, 2, "no ISO 8601 time"),
        (["doctor"], {"WEIR_TASKS": "many"}, 2, "WEIR_TASKS is wrong"),
        (["export", "requests", "x.xls"], {}, 3, "none of the endings"),
    ],
)
def test_wrong_usage_is_one_sentence(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    done = weir(*arguments, WEIR_HOME=str(tmp_path / "home"), **environment)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout


def test_the_next_command_is_typed_as_it_can_be_called_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_assets.cli.report import command

    script = tmp_path / "a folder" / "bin" / "weir"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert command() == "'a folder/bin/weir'"
    monkeypatch.chdir(script.parent)
    assert command() == "./weir"
    monkeypatch.chdir("/")
    assert command() == f"'{script.relative_to('/')}'"
    monkeypatch.setenv("PATH", str(script.parent))
    assert command() == "weir"
    other = tmp_path / "other" / "weir"
    other.parent.mkdir()
    other.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert command() != "weir", "another installation has the name"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("location", "environment", "code", "said"),
    [
        ("nowhere", {}, 3, "does not exist"),
        ("s3://bucket/prefix", {"AWS_EC2_METADATA_DISABLED": "true"}, 3, "credentials"),
    ],
)
def test_an_input_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, location: str, environment: dict[str, str], code: int, said: str
) -> None:
    done = weir("run", "edge", "--input", location, "--home", str(tmp_path), HOME=str(tmp_path), **environment)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_an_unreachable_mlflow_is_one_sentence(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "log").write_text("#Fields: date time c-ip\n2026-11-20\t13:05:07\t192.0.2.1\n")
    done = weir(
        "run", "edge", "--input", str(raw), "--home", str(tmp_path / "home"), WEIR_MLFLOW_URI="http://127.0.0.1:9"
    )
    assert done.returncode == 5
    assert "MLflow at http://127.0.0.1:9 does not answer" in done.stderr
    assert "point WEIR_MLFLOW_URI at" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
