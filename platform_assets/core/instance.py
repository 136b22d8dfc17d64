"""The Dagster instance of a home: its folder, its configuration, its environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.core.databases import make_databases
from platform_assets.core.home import DAGSTER_FOLDER, mark, require_current
from platform_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

ENVIRONMENT = {
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}

LOCATION, LOCATION_MODULE, REPOSITORY = "weir", "platform_assets.definitions", "__repository__"
"""As workspace.yaml names them; the last is Dagster's name for the definitions of a module."""


def configuration_file(name: str) -> Path:
    """`dagster.yaml` or `workspace.yaml` of the checkout, else the installed one."""
    path = Path(__file__).resolve().parents[2] / name
    return path if path.exists() else Path(sys.prefix) / "share" / "weir" / name


def prepare_home(settings: Settings) -> Path:
    """Create `<home>/dagster` with the instance's configuration and databases, set DAGSTER_HOME; returns the folder."""
    require_current(settings.home)
    mark(settings.home)  # before the folder, since an unmarked home with the folder counts as older
    folder = settings.home / DAGSTER_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(configuration_file("dagster.yaml"), folder / "dagster.yaml")
    os.environ.update(ENVIRONMENT)
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ["WEIR_HOME"] = str(settings.home)
    make_databases(settings, folder)
    return folder


def instance_of(settings: Settings) -> dg.DagsterInstance:
    """The instance, ready for runs in this process."""
    prepare_home(settings)
    import dagster as dg

    return dg.DagsterInstance.get()


def name_location(instance: dg.DagsterInstance, run_id: str) -> None:
    """Say of which code location a run of this process was, as Dagster says it of its own: its timeline shows no others."""
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    run = instance.get_run_by_id(run_id)
    if run is None or run.remote_job_origin is not None:
        return
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=LOCATION_MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, REPOSITORY), run.job_name)
    instance.run_storage.replace_job_origin(run, origin)


def close_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs as failed whose process no longer exists; returns how many.

    They would otherwise stay in progress forever and block the queue.
    """
    import dagster as dg

    closed = 0
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        run, process = record.dagster_run, None
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            if entry.dagster_event is not None and "pid" in entry.dagster_event.engine_event_data.metadata:
                process = int(str(entry.dagster_event.engine_event_data.metadata["pid"].value))
        if process is not None and not _is_running(process):
            instance.report_run_failed(
                run, "The process of this run is gone; the next run makes what it did not commit."
            )
            closed += 1
    return closed


def _is_running(process: int) -> bool:
    """Whether a Python process has this id; the system may have reused the id."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    command = Path(f"/proc/{process}/cmdline")
    return not command.exists() or b"python" in command.read_bytes()
