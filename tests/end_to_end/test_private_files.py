"""What Weir writes is for its user only, whatever the user's shell allows others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.core.files import OTHERS, keep_private

pytestmark = pytest.mark.attack("neighbors on the machine: files")

WEIR = [sys.executable, "-c", "from platform_assets.cli.app import main; main()"]


@pytest.mark.slow
def test_nothing_of_a_home_is_open_to_others(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    steps = [f"2026-11-18T{step // 12:02}:{step % 12 * 5:02}:00Z,{40 + step % 7},3" for step in range(36)]
    (tmp_path / "metrics/shop.csv").write_text("\n".join(["timestamp,cpu_utilization,node_count", *steps]) + "\n")
    home, export = tmp_path / "home", tmp_path / "samples.csv"
    for command in (["run", "scaling", "--input", str(tmp_path / "metrics")], ["export", "samples", str(export)]):
        subprocess.run(
            [*WEIR, *command, "--home", str(home)],
            check=True,
            capture_output=True,
            timeout=300,
            preexec_fn=lambda: os.umask(0o022) and None,
        )
    paths = [home, export, *home.rglob("*")]
    assert {"dagster", "lake", "mlflow.db"} <= {path.name for path in paths}
    assert not [path for path in paths if path.stat().st_mode & OTHERS]


def test_a_stricter_mask_of_the_user_stays() -> None:
    before = os.umask(0o177)
    try:
        keep_private()
        assert os.umask(0o177) == 0o177
    finally:
        os.umask(before)
