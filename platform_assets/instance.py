"""The Dagster instance of a home: its folder, its configuration, its environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}


def configuration_file(name: str) -> Path:
    """`dagster.yaml` or `workspace.yaml`: of the checkout, else as installed."""
    beside = Path(__file__).resolve().parent.parent / name
    return beside if beside.exists() else Path(sys.prefix) / "share" / "weir" / name


def prepare_home(settings: Settings) -> Path:
    """Make `<home>/dagster`, copy the instance's configuration there, set DAGSTER_HOME; returns the folder."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(configuration_file("dagster.yaml"), folder / "dagster.yaml")
    os.environ.update(QUIET)
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ["WEIR_HOME"] = str(settings.home)
    return folder


def instance_of(settings: Settings) -> dg.DagsterInstance:
    """The instance, ready for runs in this process."""
    prepare_home(settings)
    import dagster as dg

    return dg.DagsterInstance.get()
