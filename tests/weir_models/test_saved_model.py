"""Saved models: what is read without skops is what skops reads, and nothing else than our estimators is built."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from weir_models import registry, saved_model
from weir_models.anomaly_detection.model import AnomalyDetection
from weir_models.client_abuse.model import ClientAbuse
from weir_models.request_attack.model import RequestAttack


def state_of(model: Any) -> dict[str, Any]:
    return {
        name: np.asarray(value).tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(model).items()
    }


def odd_client_model() -> ClientAbuse:
    model: Any = ClientAbuse(precision=1 / 3)
    model.knots_ = [np.array([0.0, 1e-300]), np.array([], dtype=np.float64), np.array([["a", "é"]])]
    model.nothing_, model.texts_, model.flag_ = None, {"a b": [1, 2.5, float("inf")], "": "\u202e"}, True
    fitted: ClientAbuse = model
    return fitted


@pytest.mark.parametrize("kind", ["request", "client", "anomaly"])
def test_a_plain_file_is_read_as_skops_reads_it(request_model: RequestAttack, tmp_path: Path, kind: str) -> None:
    model: Any = {"request": request_model, "client": odd_client_model(), "anomaly": AnomalyDetection()}[kind]
    folder = saved_model.save_dir(model, tmp_path / "model")
    plain: Any = saved_model.load_plain(folder / "model.skops")
    theirs = skops.io.load(
        folder / "model.skops", trusted=registry.trusted_types([f"{type(model).__module__}.{type(model).__name__}"])
    )
    assert type(plain) is type(theirs) is type(model)
    assert repr(state_of(plain)) == repr(state_of(theirs)) == repr(state_of(model))
    for name, value in vars(theirs).items():
        assert type(vars(plain)[name]) is type(value)
    assert plain.get_params() == model.get_params()


def test_what_is_not_plain_is_left_to_skops(tmp_path: Path) -> None:
    model: Any = AnomalyDetection()
    model.inner_ = LinearRegression()
    file = saved_model.save_dir(model, tmp_path) / "model.skops"
    with pytest.raises(saved_model.NotPlainError, match="LinearRegression"):
        saved_model.load_plain(file)


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("weir_models.saved_model", "Path"), ("weir_models.request_attack.batch", "Batch"), ("", "int")],
)
def test_no_other_class_is_built(tmp_path: Path, module: str, name: str) -> None:
    file = saved_model.save_dir(AnomalyDetection(), tmp_path) / "model.skops"
    with zipfile.ZipFile(file) as archive:
        content = json.loads(archive.read("schema.json"))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(content | {"__module__": module, "__class__": name}))
    with pytest.raises((saved_model.NotPlainError, registry.RegistryError), match=r"no class of a registered|no model"):
        saved_model.load_plain(file)
    with pytest.raises(Exception, match=r"Untrusted|trusted|no model|cannot import|import"):
        saved_model.load_dir(tmp_path)


@pytest.mark.parametrize("schema", ["{}", '{"protocol": 2, "__loader__": "ObjectNode"}', '{"protocol": 3}', "[]"])
def test_another_layout_is_not_plain(tmp_path: Path, schema: str) -> None:
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(saved_model.NotPlainError):
        saved_model.load_plain(tmp_path / "model.skops")


def test_loading_and_scoring_import_neither_skops_nor_scikit_learn(
    request_model: RequestAttack, tmp_path: Path
) -> None:
    folder = saved_model.save_dir(request_model, tmp_path / "model")
    code = (
        "import sys, pandas as pd\n"
        "from pathlib import Path\n"
        "from weir_models.saved_model import load_dir\n"
        "from weir_models.request_attack.spec import SPEC\n"
        "names = [name for columns in SPEC.inputs.values() for name in columns]\n"
        "frame = pd.DataFrame([dict.fromkeys(names, 'a=1 union select 2 from users')])\n"
        "assert load_dir(Path(sys.argv[1])).predict(frame)['is_attack'].all()\n"
        "print([name for name in ('skops', 'sklearn', 'scipy', 'mlflow', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
