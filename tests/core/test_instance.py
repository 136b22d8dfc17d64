"""Runs of this process as Dagster's pages know them."""

from __future__ import annotations

import dagster as dg
import yaml

from platform_assets.cli.run import Runner
from platform_assets.core.instance import LOCATION, LOCATION_MODULE, REPOSITORY, configuration_file
from platform_assets.settings import Settings


@dg.asset
def tide() -> None:
    """A level."""


def test_a_run_names_the_location_of_the_workspace(home: Settings) -> None:
    """Dagster's timeline leaves out runs of no code location."""
    runner = Runner(home, definitions=dg.Definitions(assets=[tide]))
    runner.run(["tide"])
    (run,) = runner.instance.get_runs()
    assert run.is_success and run.remote_job_origin is not None
    location = run.remote_job_origin.repository_origin.code_location_origin
    assert (location.location_name, location.loadable_target_origin.module_name) == (LOCATION, LOCATION_MODULE)
    assert run.remote_job_origin.repository_origin.repository_name == REPOSITORY


def test_the_location_is_the_one_of_the_workspace() -> None:
    workspace = yaml.safe_load(configuration_file("workspace.yaml").read_text(encoding="utf-8"))
    assert workspace["load_from"] == [{"python_module": {"module_name": LOCATION_MODULE, "location_name": LOCATION}}]
