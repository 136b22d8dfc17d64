"""MLflow for real, on SQLite: register, gates, alias, download, load; and a clear sentence where it is not there."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.weir_models.request_attack.request_samples import COLUMNS
from weir_models import registered, registry, saved_model, tracking
from weir_models.contract import Candidate
from weir_models.request_attack.model import RequestAttack, evaluate
from weir_models.tracking_uri import without_password


def test_an_unreachable_server_is_one_sentence() -> None:
    with pytest.raises(
        tracking.TrackingError, match=r"does not answer .* start the tracking server, or point WEIR_MLFLOW_URI"
    ):
        tracking.champion("request_attack", tracking_uri="http://127.0.0.1:9")


def test_an_impossible_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(tracking.TrackingError, match=r"cannot be created .* point WEIR_MLFLOW_URI"):
        tracking.champion("request_attack", tracking_uri=f"sqlite:///{tmp_path}/file/mlflow.db")


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(tracking.TrackingError) as caught:
        tracking.champion("request_attack", tracking_uri="http://me:secret@127.0.0.1:9")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://h/db?user=u&password=S3", "postgresql://h/db?user=***&password=***"),
        ("http://S3@h/", "http://***@h/"),
        ("http://me:S3@h:5000/a", "http://***@h:5000/a"),
        ("http://me:S3/x@h", "http://***@h"),
        ("http://h/?token=S%203", "http://h/?token=***"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("sqlite:////home/mlflow.db", "sqlite:////home/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_secrets(uri: str, shown: str) -> None:
    assert without_password(uri) == shown
    assert without_password(uri, f"{uri} refused") == f"{shown} refused"


@pytest.mark.slow
def test_a_broken_connection_hides_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            while True:
                server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        uri = f"http://me:secret@127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(tracking.TrackingError, match=r"refused: .* or correct WEIR_MLFLOW_URI") as caught:
            tracking.champion("request_attack", tracking_uri=uri)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


# Fetching a version; mlflow's own part is stood in for


def served(monkeypatch: pytest.MonkeyPatch, fetch: Callable[[Path], None]) -> None:
    """What mlflow does when it is asked for the files of a version."""

    def download_artifacts(uri: str, dst_path: str) -> str:
        assert uri == "models:/request_attack/7"
        fetch(Path(dst_path))
        return dst_path

    @contextmanager
    def stand_in(tracking_uri: str) -> Iterator[tuple[Any, None]]:
        yield SimpleNamespace(artifacts=SimpleNamespace(download_artifacts=download_artifacts)), None

    monkeypatch.setattr(tracking, "_mlflow", stand_in)


def fetched(folder: Path) -> Path:
    return tracking.download("request_attack", "7", folder, tracking_uri="")


def whole(folder: Path) -> None:
    (folder / "model.skops").write_bytes(b"whole")
    (folder / "MLmodel").write_bytes(b"whole")


def test_a_partial_download_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(folder: Path) -> None:
        (folder / "model.skops").write_bytes(b"ha")
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        served(patch, half)
        killed = multiprocessing.get_context("fork").Process(target=fetched, args=(tmp_path / "models",))
        killed.start()
        killed.join()
    assert killed.exitcode == -signal.SIGKILL
    served(monkeypatch, whole)
    found = fetched(tmp_path / "models")
    assert {path.name: path.read_bytes() for path in found.iterdir()} == {"model.skops": b"whole", "MLmodel": b"whole"}


def test_what_could_not_be_fetched_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> None:
        whole(folder)
        raise tracking.TrackingError("gone")

    served(monkeypatch, broken)
    with pytest.raises(tracking.TrackingError, match="gone"):
        fetched(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_concurrent_downloads_all_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)

    def at_once(folder: Path) -> None:
        together.wait(10)
        whole(folder)
        together.wait(10)

    served(monkeypatch, at_once)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(fetched, [tmp_path] * 3))
    assert set(found) == {tmp_path / "request_attack-7"}
    assert [path.name for path in tmp_path.iterdir()] == ["request_attack-7"]
    assert sorted(path.name for path in found[0].iterdir()) == ["MLmodel", "model.skops"]
    served(monkeypatch, lambda folder: pytest.fail("it is there already"))
    assert fetched(tmp_path) == found[0]


def test_a_folder_in_the_way_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "request_attack-7").mkdir()
    (tmp_path / "request_attack-7" / "MLmodel").touch()
    served(monkeypatch, whole)
    with pytest.raises(tracking.TrackingError, match=r"request_attack-7 cannot be written .* delete it"):
        fetched(tmp_path)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(tracking.TrackingError, match=r"holds 0 \.skops files"):
        saved_model.load_dir(tmp_path)


def test_no_database_of_mlflow_is_left_to_mlflow(tmp_path: Path) -> None:
    for name, content in (
        ("none.db", None),
        ("empty.db", b""),
        ("other.db", b"no database at all, but of some length"),
    ):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(registered.UnknownDatabaseError):
            registered.read(file, "request_attack", alias="champion")
        assert file.exists() == (content is not None)


@pytest.mark.slow
def test_a_version_survives_the_registry(
    request_model: RequestAttack, examples: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = registry.spec("request_attack")
    uri = f"sqlite:///{tmp_path}/registry/mlflow.db"
    found = evaluate(request_model, examples)
    baseline = pd.DataFrame({"column": ["uri_path"], "null_ratio": [0.0]})
    tags = {"git_revision": "abc1234", "training/cloudfront/request_examples": "7"}
    candidate = Candidate(request_model, found, examples[COLUMNS].head(3), baseline, tags)
    version = tracking.register(candidate, spec, tracking_uri=uri)
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

    database = tmp_path / "registry" / "mlflow.db"
    by_alias = registered.read(database, spec.name, alias=tracking.CHAMPION)
    monkeypatch.setattr(registered, "SCHEMA", "of another release")
    with pytest.raises(registered.UnknownDatabaseError):
        registered.read(database, spec.name, alias=tracking.CHAMPION)
    assert tracking.champion(spec.name, tracking_uri=uri) == champion  # MLflow itself says the same
    by_mlflow = tracking.described(spec.name, version, tracking_uri=uri)
    assert by_alias is not None
    assert (by_alias.run_id, dict(by_alias.tags), dict(by_alias.figures)) == by_mlflow
    assert tracking.figures(spec.name, version, tracking_uri=uri) == by_alias.figures
    monkeypatch.undo()
    assert tracking.schema_version() == registered.SCHEMA
    assert registered.read(database, spec.name, version="99") is None
    with pytest.raises(tracking.TrackingError, match="has no version 99 of request_attack"):
        tracking.figures(spec.name, "99", tracking_uri=uri)

    strict = dataclasses.replace(spec, gates=(*spec.gates, dataclasses.replace(spec.gates[0], at_least=1.1)))
    with pytest.raises(tracking.GateError):
        tracking.promote(strict, version, tracking_uri=uri)

    folder = tracking.download(spec.name, version, tmp_path / "models", tracking_uri=uri)
    frame = examples[COLUMNS].head(200)
    pd.testing.assert_frame_equal(saved_model.load_dir(folder).predict(frame), request_model.predict(frame))
    logged = {path.relative_to(tmp_path).parts[-1] for path in (tmp_path / "registry" / "artifacts").rglob("*")}
    assert {"card.md", "baseline.csv", "by_class.csv", "precision_recall.png"} <= logged

    with pytest.raises(tracking.TrackingError, match="refused"):
        tracking.promote(spec, "99", tracking_uri=uri)
