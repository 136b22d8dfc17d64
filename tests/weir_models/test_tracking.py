"""MLflow for real, on SQLite: register, gates, alias, download, load; and a clear sentence where it is not there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from tests.weir_models.conftest import COLUMNS
from weir_models import registry, tracking
from weir_models.request_attack.model import RequestAttack, evaluate


def test_an_unreachable_server_gives_one_sentence_that_says_what_to_do() -> None:
    with pytest.raises(tracking.TrackingError, match=r"does not answer .* start the tracking server"):
        tracking.champion("request_attack", tracking_uri="http://127.0.0.1:9")


def test_a_database_that_cannot_be_created_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(tracking.TrackingError, match="cannot be created"):
        tracking.champion("request_attack", tracking_uri=f"sqlite:///{tmp_path}/file/mlflow.db")


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(tracking.TrackingError) as caught:
        tracking.champion("request_attack", tracking_uri="http://me:secret@127.0.0.1:9")
    assert "secret" not in str(caught.value)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(tracking.TrackingError, match=r"holds 0 \.skops files"):
        tracking.load_dir(tmp_path)


@pytest.mark.slow
def test_a_version_goes_through_the_registry_and_comes_back_the_same(
    request_model: RequestAttack, examples: pd.DataFrame, tmp_path: Path
) -> None:
    spec = registry.spec("request_attack")
    uri = f"sqlite:///{tmp_path}/registry/mlflow.db"
    found = evaluate(request_model, examples)
    version = tracking.register(
        request_model,
        spec,
        found,
        tracking_uri=uri,
        input_example=examples[COLUMNS].head(3),
        baseline=pd.DataFrame({"column": ["uri_path"], "null_ratio": [0.0]}),
        tags={"git_revision": "abc1234", "training/cloudfront/request_examples": "7"},
        artifacts={"notes/seed.txt": "3"},
    )
    assert version == "1"
    assert tracking.champion(spec.name, tracking_uri=uri) is None
    assert not tracking.passed_gate(spec.name, version, tracking_uri=uri)

    failing = {**found.figures, "fpr": 0.5}
    with pytest.raises(tracking.GateError, match=r"fpr = 0.5, asked at most 0.01: fails"):
        tracking.promote(spec, version, tracking_uri=uri, figures=failing)
    assert tracking.champion(spec.name, tracking_uri=uri) is None

    tracking.promote(spec, version, tracking_uri=uri)
    champion = tracking.champion(spec.name, tracking_uri=uri)
    assert champion is not None
    assert champion[0] == version
    assert champion[1]["git_revision"] == "abc1234"
    assert tracking.passed_gate(spec.name, version, tracking_uri=uri)

    strict = dataclasses.replace(spec, gates=(*spec.gates, dataclasses.replace(spec.gates[0], at_least=1.1)))
    with pytest.raises(tracking.GateError):
        tracking.promote(strict, version, tracking_uri=uri)

    folder = tracking.download(spec.name, version, tmp_path / "models", tracking_uri=uri)
    frame = examples[COLUMNS].head(200)
    pd.testing.assert_frame_equal(tracking.load_dir(folder).predict(frame), request_model.predict(frame))
    logged = {path.relative_to(tmp_path).parts[-1] for path in (tmp_path / "registry" / "artifacts").rglob("*")}
    assert {"card.md", "baseline.csv", "by_class.csv", "precision_recall.png", "seed.txt"} <= logged

    with pytest.raises(tracking.TrackingError, match="refused"):
        tracking.promote(spec, "99", tracking_uri=uri)
