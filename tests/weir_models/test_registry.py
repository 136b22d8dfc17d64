"""The registry of models: folders, gates, figures and cards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weir_models import registry


def test_inputs_of_request_attack_exist() -> None:
    from spark_jobs.sources.cloudfront.tables import SOURCE

    tables = {table.key: {column.name for column in table.columns} for table in SOURCE.tables}
    spec = registry.spec("request_attack")
    assert "request_attack" in [path.name for path in registry.HERE.iterdir()]
    assert spec.training_table in tables
    assert spec.label in tables[spec.training_table]
    for table, columns in spec.inputs.items():
        assert set(columns) <= tables[table]


def test_a_folder_without_its_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "half_a_model").mkdir()
    (tmp_path / "half_a_model" / "spec.py").touch()
    with pytest.raises(registry.RegistryError, match=r"half_a_model has no __init__.py, model.py, card.md"):
        registry.names(tmp_path)


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(registry.RegistryError, match="there is no model nonsense"):
        registry.spec("nonsense")


def test_specifications_load_without_model_code() -> None:
    script = (
        "import sys; from weir_models import registry, tracking; registry.spec('request_attack');"
        "heavy = [m for m in ('mlflow', 'pyspark', 'dagster', 'skops', 'matplotlib') if m in sys.modules];"
        "assert not heavy, heavy; assert 'weir_models.request_attack.model' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
