"""Sources are found in this package and elsewhere on the path."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spark_jobs import registry

ROOT = Path(__file__).parents[2]
TABLES = """
from spark_jobs.contract import Column, Job, Source, Table, objects_table
OBJECTS = objects_table("raw/tides/objects", "Ledger.", grain="one file", upstream=())
LEVELS = Table("features/tides/levels", "Levels.", "one level", (Column("level", "double", "metres"),))
SOURCE = Source("tides", "Tides", "team:sea", (OBJECTS, LEVELS), (Job("levels", (LEVELS,)),))
"""
JOBS = "def levels(run):\n    return {'rows': 3}\n"


def source_folder(root: Path) -> Path:
    folder = root / "spark_jobs" / "sources" / "tides"
    folder.mkdir(parents=True)
    for name in registry.REQUIRED_FILES:
        (folder / name).write_text({"tables.py": TABLES, "jobs.py": JOBS}.get(name, ""), encoding="utf-8")
    return root


def printed(code: str, *path: Path) -> str:
    """What a process prints that has `path` first on its Python path."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT, ROOT / "mlflow"]))}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=variables, cwd="/", check=True, capture_output=True, text=True).stdout.strip()


def test_a_folder_on_the_path_is_a_source(tmp_path: Path) -> None:
    code = "from spark_jobs import registry; print(sorted(registry.sources()), registry.tables()['features/tides/levels'].name)"
    assert printed(code, source_folder(tmp_path)) == "['cloudfront', 'metrics', 'tides'] levels"


def test_a_foreign_source_goes_into_the_package(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from spark_jobs.runtime.package import write_zip; write_zip(Path({str(tmp_path / 'z.zip')!r}))"
    printed(code, source_folder(tmp_path / "own"))
    with zipfile.ZipFile(tmp_path / "z.zip") as package:
        names = package.namelist()
    assert "spark_jobs/sources/tides/jobs.py" in names
    assert len(names) == len(set(names))
    run = "from spark_jobs.main import run_job; import spark_jobs; print(spark_jobs.__file__, run_job('tides', 'levels', None))"
    assert printed(run, tmp_path / "z.zip").endswith("z.zip/spark_jobs/__init__.py {'rows': 3}")


def test_a_zip_on_the_path_holds_sources(tmp_path: Path) -> None:
    root = source_folder(tmp_path / "own")
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as file:
        for path in sorted(root.rglob("*")):
            file.write(path, path.relative_to(root))
    run = "from spark_jobs.main import run_job; print(run_job('tides', 'levels', None))"
    assert printed(run, tmp_path / "own.zip") == "{'rows': 3}"


def test_another_copy_of_weir_adds_no_sources(tmp_path: Path) -> None:
    root = source_folder(tmp_path)
    (root / "spark_jobs" / "__init__.py").touch()
    code = "import sys; from spark_jobs import contract; "
    code += f"sys.path.insert(0, {str(root)!r}); from spark_jobs import registry; print(sorted(registry.sources()))"
    assert printed(code) == "['cloudfront', 'metrics']"


def test_an_incomplete_source_folder_is_an_error(tmp_path: Path) -> None:
    root = source_folder(tmp_path)
    (root / "spark_jobs" / "sources" / "tides" / "ledger.py").unlink()
    code = (
        "from spark_jobs import registry\ntry: registry.sources()\nexcept registry.RegistryError as error: print(error)"
    )
    assert printed(code, root) == "The source tides lacks ledger.py; add them or remove the folder."


def test_sources_of_this_package_come_first() -> None:
    assert list(registry.sources())[:2] == ["cloudfront", "metrics"]
    with pytest.raises(KeyError, match="No job of the source metrics"):
        registry.job_of(registry.sources()["metrics"], registry.tables()["parsed/cloudfront/requests"])
