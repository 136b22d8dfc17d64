"""What a command imports on a home that holds decisions: the libraries that cost CPU-seconds only where they are needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.settings import Settings

pytestmark = pytest.mark.slow

HEAVY = ("alembic", "dagster", "duckdb", "matplotlib", "mlflow", "pyspark", "scipy", "skops", "sklearn", "sqlalchemy")
AWS = ("boto3", "botocore.client", "botocore.docs", "botocore.session")
"""What a client of AWS needs; its errors alone are cheap."""
SETTINGS = ("dotenv", "platform_assets.settings", "pydantic_settings")
CODE = """
import json, sys
from platform_assets.cli.app import run_command
code = run_command()
print(json.dumps([code, sorted(sys.modules)]))
"""


def imported(settings: Settings, *arguments: str) -> set[str]:
    """Modules of a process in which the command ended well."""
    values = {"WEIR_MLFLOW_URI": settings.tracking_uri, "WEIR_POLICY_FILE": str(settings.waf.policy_file)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, env={**os.environ, **values}
    )
    assert done.returncode == 0, done.stderr
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


@pytest.mark.parametrize("command", ["waf plan", "waf status", "decisions", "explain ADDRESS"])
def test_a_look_at_what_exists_imports_no_orchestrator_and_no_registry(in_order: Settings, command: str) -> None:
    decided = lake_of(in_order).read_arrow(WAF_DECISIONS, columns=["address"])["address"].to_pylist()
    address = sorted(decided)[0].split("/")[0]
    names = imported(in_order, *command.replace("ADDRESS", address).split(), "--home", str(in_order.home))
    assert not names & {*HEAVY, *AWS}
    assert "deltalake" in names  # it did look


@pytest.mark.parametrize("command", ["--help", "--version", "waf plan --help"])
def test_help_imports_no_library_for_data_and_reads_no_setting(in_order: Settings, command: str) -> None:
    names = imported(in_order, *command.split())
    assert not names & {*HEAVY, *SETTINGS, "numpy", "pandas", "pyarrow", "deltalake", "boto3", "botocore"}


def test_a_run_without_news_needs_neither_mlflow_nor_scikit_learn(in_order: Settings) -> None:
    raw = str(in_order.home / "raw")
    names = imported(in_order, "run", "edge", "--input", raw, "--home", str(in_order.home))
    assert not names & {"matplotlib", "mlflow", "scipy", "skops", "sklearn"}
    assert "dagster" in names
