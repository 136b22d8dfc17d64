"""Who may import whom, and what loading costs. Two ways of looking: the text of every file, and `sys.modules`.

The text shows imports inside functions too; `sys.modules` of a fresh process shows what comes along unseen.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.core.domain import domains
from platform_assets.core.tables import all_tables
from platform_assets.settings import sections
from spark_jobs import registry

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "spark_jobs": ROOT / "spark_jobs",
    "weir_learning": ROOT / "mlflow" / "weir_learning",
    "weir_models": ROOT / "mlflow" / "weir_models",
    "platform_assets": ROOT / "platform_assets",
    "simulator": ROOT / "simulator",
}
FORBIDDEN = {
    "spark_jobs": {"dagster", "mlflow", "weir_learning", "weir_models", "platform_assets", "simulator"},
    "weir_learning": {"dagster", "mlflow", "pyspark", "spark_jobs", "weir_models", "platform_assets", "simulator"},
    "weir_models": {"dagster", "pyspark", "spark_jobs", "weir_learning", "platform_assets", "simulator"},
    "platform_assets": {"mlflow", "pyspark", "simulator"},
    "simulator": {"dagster", "mlflow", "pyspark", "spark_jobs", "weir_learning", "weir_models", "platform_assets"},
}
EXCEPTIONS = {
    # The scoring job loads a model inside its function: on an executor there is nobody else to do it.
    ("spark_jobs/runtime/scoring.py", "weir_models"),
    # The one file that talks to MLflow.
    ("mlflow/weir_models/tracking.py", "mlflow"),
}
PURE = (
    "scopes",
    "limits",
    "networks",
    "decisions",
    "rulebook",
    "decide.rules",
    "decide.echo",
    "decide.identity",
    "decide.bots",
    "decide.withdrawals",
    "decide.due",
    "plan.entries",
    "plan.values",
    "plan.merge",
    "plan.plan",
    "plan.plans",
    "plan.slots",
    "plan.shards",
    "plan.coverage",
    "checks.bounds",
    "checks.changes",
    "checks.evidence",
    "checks.checks",
    "manual.in_force",
)
"""Modules of platform_assets.domains.waf that a person can read, and a test can run, without anything installed."""


def imports(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively; write the whole name"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def foreign(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}.")


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after the code and not before."""
    script = (
        f"import sys, json\nbefore = set(sys.modules)\n{code}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def tops(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def modules_of(package: str) -> list[str]:
    folder = FOLDERS[package]
    names = []
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [name for name in names if not name.endswith("__main__")]


@pytest.mark.parametrize("package", FOLDERS)
def test_a_package_imports_nothing_that_it_is_kept_apart_from(package: str) -> None:
    wrong = []
    for path in sorted(FOLDERS[package].rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        for name in imports(path):
            hit = {top for top in FORBIDDEN[package] if foreign(name, top)}
            wrong += [f"{where} imports {name}" for top in hit if (where, top) not in EXCEPTIONS]
    assert not wrong


def test_every_exception_is_still_needed() -> None:
    needed = {(where, top) for where, top in EXCEPTIONS for name in imports(ROOT / where) if foreign(name, top)}
    assert needed == EXCEPTIONS


@pytest.mark.parametrize(
    ("package", "where"),
    [
        ("spark_jobs.sources", "spark_jobs/sources"),
        ("weir_models", "mlflow/weir_models"),
        ("platform_assets.domains", "platform_assets/domains"),
    ],
)
def test_sources_models_and_domains_import_no_other(package: str, where: str) -> None:
    folders = sorted(path for path in (ROOT / where).iterdir() if (path / "__init__.py").exists())
    assert folders
    wrong = []
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            others = [f"{package}.{other.name}" for other in folders if other != folder]
            wrong += [f"{path.relative_to(ROOT)} imports {n}" for n in imports(path) for o in others if foreign(n, o)]
    assert not wrong


def generic_files() -> list[Path]:
    """The files of platform_assets that belong to no domain."""
    domains_folder = FOLDERS["platform_assets"] / "domains"
    return [path for path in sorted(FOLDERS["platform_assets"].rglob("*.py")) if domains_folder not in path.parents]


def test_generic_code_imports_no_domain_and_no_source() -> None:
    named = [f"platform_assets.domains.{name}" for name in domains()]
    named += [f"spark_jobs.sources.{name}" for name in registry.sources()]
    found = [(path.name, name) for path in generic_files() for name in imports(path)]
    assert not [hit for hit in found if any(foreign(hit[1], name) for name in named)]


def test_generic_code_names_no_table_and_no_section() -> None:
    """Neither the keys of their tables in texts, nor their sections of the settings."""
    own = {"housekeeping", "exports", "raw", "models", "releases"}
    keys = {key for key in all_tables() if key.split("/")[0] not in own}
    hits = []
    for path in generic_files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        hits += [
            f"{path.name}:{node.lineno} {node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in sections()
            and isinstance(node.value, ast.Name)
            and node.value.id == "settings"
        ]
        hits += [
            f"{path.name}:{node.lineno} {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in keys
        ]
    assert not hits


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_of_waf_imports_the_standard_library_and_its_neighbours_only(name: str) -> None:
    loaded = tops(loaded_by(f"import platform_assets.domains.waf.{name}"))
    # spark_jobs.contract, where tables are declared, holds to the standard library itself.
    assert loaded - set(sys.stdlib_module_names) <= {"platform_assets", "spark_jobs"}


def test_plans_of_scaling_are_made_with_the_standard_library_and_the_models_policy_only() -> None:
    loaded = loaded_by("from platform_assets.domains.scaling import checks, plan, tables")
    assert tops(loaded) - set(sys.stdlib_module_names) <= {"platform_assets", "spark_jobs", "weir_models"}
    of_models = {"weir_models", "weir_models.predictive_scaling", "weir_models.predictive_scaling.policy"}
    assert {name for name in loaded if foreign(name, "weir_models")} == of_models


def test_feature_groups_are_declared_with_the_standard_library_only() -> None:
    loaded = tops(loaded_by("from platform_assets.feature_store import groups, sagemaker"))
    assert loaded - set(sys.stdlib_module_names) <= {"platform_assets", "spark_jobs"}


def test_the_contract_of_sources_needs_the_standard_library_only() -> None:
    loaded = tops(loaded_by("from spark_jobs import contract, registry; registry.sources()"))
    assert loaded - set(sys.stdlib_module_names) == {"spark_jobs"}


def test_loading_the_asset_graph_imports_no_engine_and_no_model_library() -> None:
    code = (
        "from platform_assets.settings import load_settings\n"
        "from platform_assets.definitions import build_defs\n"
        "build_defs(load_settings('nowhere')).get_repository_def()"
    )
    costly = {"pyspark", "pysail", "mlflow", "pandas", "sklearn", "scipy", "skops", "matplotlib", "boto3", "simulator"}
    assert not tops(loaded_by(code)) & costly


def test_spark_jobs_load_without_the_orchestration() -> None:
    code = "from importlib import import_module\n" + "\n".join(
        f"import_module({name!r})" for name in modules_of("spark_jobs")
    )
    unwanted = {"dagster", "mlflow", "weir_models", "platform_assets", "simulator", "pandas", "sklearn"}
    assert not tops(loaded_by(code)) & unwanted


def test_models_load_without_mlflow_spark_and_dagster() -> None:
    code = "from importlib import import_module\n" + "\n".join(
        f"import_module({name!r})" for name in modules_of("weir_models")
    )
    assert not tops(loaded_by(code)) & {"dagster", "mlflow", "pyspark", "spark_jobs", "platform_assets", "simulator"}


def test_the_statistics_of_learning_load_without_what_they_seldom_need() -> None:
    code = "from importlib import import_module\n" + "\n".join(
        f"import_module({name!r})" for name in modules_of("weir_learning")
    )
    assert not tops(loaded_by(code)) & {"scipy", "sklearn", "spark_jobs", "weir_models", "platform_assets"}


def test_the_folder_mlflow_never_hides_the_library() -> None:
    assert not (ROOT / "mlflow" / "__init__.py").exists()
    loaded_by("from importlib.util import find_spec\nassert find_spec('mlflow').origin, 'a folder, not the library'")


def test_jobs_carry_no_name_of_the_standard_library() -> None:
    """`spark-submit spark_jobs/main.py` puts this folder first on the path."""
    names = {path.stem for path in (ROOT / "spark_jobs").glob("*.py")} | {
        path.name for path in (ROOT / "spark_jobs").iterdir() if path.is_dir()
    }
    assert not names & set(sys.stdlib_module_names)
