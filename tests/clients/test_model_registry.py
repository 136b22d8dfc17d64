"""Somebody who reaches MLflow or the files of a model makes another one serve: a version is believed by its signature."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.cli.doctor import data
from platform_assets.clients.champions import Champion, ChampionError, Champions
from platform_assets.clients.model_registry import ModelRegistry, UnsignedModelError
from platform_assets.clients.signatures import TAG, GateRecord, hash_of_files
from platform_assets.core.instance import instance_of
from platform_assets.core.secrets import signing_key
from platform_assets.settings import Settings, load_settings

pytestmark = pytest.mark.attack("models that nobody signed")

NAME = "predictive_scaling"
KEY = "5f" * 32
SENTENCE = (
    r"^The model predictive_scaling version \d has no valid signature of its gate, .*; run `weir train predictive_scaling`, "
    r"or, where another home trains, set WEIR_SIGNING_KEY to the key of that home\.$"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with a champion, version 1, and with version 2, which never passed a gate."""
    from weir_models import registry, tracking
    from weir_models.contract import Candidate
    from weir_models.predictive_scaling.model import PredictiveScaling, evaluate

    settings = load_settings(tmp_path_factory.mktemp("trained"))
    at = pd.date_range("2026-11-02", periods=500, freq="5min", tz="UTC")
    used = 50 + 5 * np.sin(np.arange(500) * 2 * np.pi / 288)
    history = pd.DataFrame({"cluster_id": "shop", "event_at": at, "cpu_utilization": used, "node_count": 4.0})
    model = PredictiveScaling(experts=("persistence", "yesterday")).fit(history)
    evaluation, spec = evaluate(model, history), replace(registry.spec(NAME), gates=())
    baseline = history.describe(include="all").T.astype(str)
    for _ in range(2):
        candidate = Candidate(model, evaluation, history.head(20), baseline, {})
        tracking.register(candidate, spec, tracking_uri=settings.tracking_uri)
    ModelRegistry.of(settings).sign(NAME, "1")
    tracking.promote(spec, "1", tracking_uri=settings.tracking_uri)
    return settings


@pytest.fixture
def attacked(trained: Settings, tmp_path: Path) -> Settings:
    """A copy of the home, without what it has downloaded."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("mlflow.db", "signing.key"):
        shutil.copy(trained.home / name, home)
    return load_settings(home)


@pytest.fixture
def client(attacked: Settings) -> Any:
    """MLflow's own client, as somebody who reaches the database or the server has it."""
    from mlflow import MlflowClient

    return MlflowClient(attacked.tracking_uri, attacked.tracking_uri)


def move_alias(client: Any, settings: Settings) -> None:
    client.set_registered_model_alias(NAME, "champion", "2")


def forge_tag(client: Any, settings: Settings) -> None:
    move_alias(client, settings)
    client.set_model_version_tag(NAME, "2", "gate", "passed")


def copy_signature(client: Any, settings: Settings) -> None:
    forge_tag(client, settings)
    client.set_model_version_tag(NAME, "2", TAG, client.get_model_version(NAME, "1").tags[TAG])


def sign_with_another_key(client: Any, settings: Settings) -> None:
    forge_tag(client, settings)
    other = settings.model_copy(update={"signing_key": settings.signing_key.__class__("guess")})
    ModelRegistry.of(other).sign(NAME, "2")


def point_to_other_files(client: Any, settings: Settings) -> None:
    """Version 1 gets the files of version 2, which differ in their metadata."""
    import sqlite3

    with sqlite3.connect(settings.home / "mlflow.db") as database:
        source, location = database.execute("SELECT source, storage_location FROM model_versions WHERE version = 2").fetchone()  # fmt: skip
        database.execute("UPDATE model_versions SET source = ?, storage_location = ? WHERE version = 1", (source, location))  # fmt: skip


def change_downloaded_files(client: Any, settings: Settings) -> None:
    folder = ModelRegistry.of(settings).fetched(NAME).folder
    (folder / "more.txt").write_text("more")


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    [move_alias, forge_tag, copy_signature, sign_with_another_key, point_to_other_files, change_downloaded_files],
)
def test_a_version_serves_only_with_its_signature(
    attacked: Settings, client: Any, attack: Callable[[Any, Settings], None]
) -> None:
    attack(client, attacked)
    models = ModelRegistry.of(attacked)
    champion = models.champion(NAME)
    assert champion is not None
    for load in (lambda: models.fetched(NAME), lambda: models.loaded(NAME, champion)):
        with pytest.raises(UnsignedModelError, match=SENTENCE) as refused:
            load()
        assert refused.value.exit_code == 5
    assert champion == "1" or not models.passed_gate(NAME, champion)


@pytest.fixture
def moved(attacked: Settings, client: Any) -> Settings:
    """The home when version 2 has passed its gate too and has served."""
    models = ModelRegistry.of(attacked)
    assert models.champion(NAME) == "1"
    models.sign(NAME, "2")
    client.set_registered_model_alias(NAME, "champion", "2")
    assert models.champion(NAME) == "2", "a newer version that is signed serves by itself"
    return attacked


@pytest.mark.slow
def test_an_alias_is_not_set_back(moved: Settings, client: Any) -> None:
    """Both versions carry a right signature; then a person goes back, and nobody else goes forward again."""
    models, weir = ModelRegistry.of(moved), CliRunner()
    client.set_registered_model_alias(NAME, "champion", "1")
    told = (
        f"In MLflow the champion of the model {NAME} is version 1, though version 2 served last, so something else than Weir moved "
        f"it; run `weir model promote {NAME} 2 --reason …` to undo that, or `weir model promote {NAME} 1 --reason …` to accept it."
    )
    with pytest.raises(ChampionError) as refused:
        models.fetched(NAME)
    assert str(refused.value) == told and refused.value.exit_code == 5
    assert data.champions(moved) == ("failed", told)
    done = weir.invoke(app, ["model", "promote", NAME, "1", "--reason", "undone", "--home", str(moved.home)])
    assert (done.exit_code, models.fetched(NAME).version, data.champions(moved)[0]) == (0, "1", "ok"), done.output
    client.set_registered_model_alias(NAME, "champion", "2")
    with pytest.raises(ChampionError, match=r"is version 2, though version 1 served last"):
        models.champion(NAME)
    assert (
        weir.invoke(app, ["model", "promote", NAME, "2", "--reason", "accepted", "--home", str(moved.home)]).exit_code
        == 0
    )
    assert models.champion(NAME) == "2"
    client.delete_registered_model_alias(NAME, "champion")
    with pytest.raises(
        ChampionError,
        match=rf"no champion in MLflow any more, .*; run `weir model promote {NAME} 2 --reason …` to have it",
    ):
        models.champion(NAME)
    state, told = data.champions(moved)
    assert state == "failed" and "has no champion in MLflow any more" in told
    Champions.of(moved).forget()  # as for an MLflow that begins at 1 again
    client.set_registered_model_alias(NAME, "champion", "1")
    assert models.champion(NAME) == "1"


@pytest.mark.slow
def test_an_unsigned_version_is_no_champion_to_go_back_to(attacked: Settings, client: Any) -> None:
    models = ModelRegistry.of(attacked)
    assert models.champion(NAME) == "1"
    move_alias(client, attacked)
    assert models.champion(NAME) == "2", "it is refused as it is loaded"
    assert Champions.of(attacked).known(NAME) == Champion("1", "1")
    refused = CliRunner().invoke(app, ["model", "promote", NAME, "2", "--reason", "back", "--home", str(attacked.home)])
    assert isinstance(refused.exception, UnsignedModelError)
    client.set_registered_model_alias(NAME, "champion", "1")
    assert models.champion(NAME) == "1"


@pytest.mark.slow
def test_a_new_database_begins_with_no_champion(home: Settings) -> None:
    champions = Champions.of(home)
    champions.keep(NAME, Champion("5", "7"))
    assert champions.problem(NAME, "1") and champions.problem(NAME, "7") and champions.problem(NAME, "٨")
    assert champions.problem(NAME, "5") is None and champions.problem(NAME, "8") is None
    elsewhere = Champions.of(home.model_copy(update={"mlflow_uri": "http://elsewhere:5000"}))
    assert elsewhere.problem(NAME, "1") is None
    instance_of(home)  # makes MLflow's database
    assert champions.known(NAME) is None and champions.problem(NAME, "1") is None


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"u": 1}', '{"u": {"m": 1}}', '{"u": {"m": {"version": "1"}}}'])
def test_a_damaged_record_of_champions_is_one_sentence(home: Settings, text: str) -> None:
    champions = Champions.of(home)
    champions.path.write_text(text.replace('"u"', json.dumps(champions.tracking_uri)))
    with pytest.raises(ChampionError, match=r"does not hold the champions of this home any more; restore it, or, "):
        champions.known(NAME)


@pytest.mark.slow
def test_a_signed_champion_serves(attacked: Settings) -> None:
    models = ModelRegistry.of(attacked)
    assert models.fetched(NAME).version == "1" and models.passed_gate(NAME, "1")
    away = ModelRegistry.of(attacked.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"}))
    assert away.loaded(NAME, "1") is not None, "what was downloaded is read without MLflow"


@pytest.mark.slow
def test_changed_figures_pass_no_gate(attacked: Settings, client: Any) -> None:
    run = client.get_model_version(NAME, "1").run_id
    client.log_metric(run, "coverage", 0.999)
    assert not ModelRegistry.of(attacked).passed_gate(NAME, "1")


@pytest.mark.slow
def test_homes_that_share_a_key_share_models(attacked: Settings, tmp_path: Path) -> None:
    other = load_settings(tmp_path / "other", mlflow_uri=attacked.tracking_uri)
    with pytest.raises(UnsignedModelError, match=SENTENCE):
        ModelRegistry.of(other).fetched(NAME)
    key = (attacked.home / "signing.key").read_text()
    sharing = load_settings(tmp_path / "sharing", mlflow_uri=attacked.tracking_uri, signing_key=key)
    assert ModelRegistry.of(sharing).fetched(NAME).version == "1"
    assert not (tmp_path / "sharing" / "signing.key").exists()


@pytest.mark.slow
def test_an_upgrade_signs_what_had_passed_once(attacked: Settings, client: Any) -> None:
    from platform_assets.core.home import mark, upgrade

    mark(attacked.home)
    (attacked.home / "signing.key").unlink()
    assert NAME not in upgrade(attacked).unusable_models
    assert ModelRegistry.of(attacked).fetched(NAME).version == "1"
    forge_tag(client, attacked)
    assert "no valid signature" in upgrade(attacked).unusable_models[NAME]


def test_a_record_is_believed_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"model")
    record = GateRecord.of("tea", "3", tmp_path, {"precision": 0.99})
    text = record.signed(KEY)
    assert GateRecord.verified(text, KEY) == record
    assert GateRecord.verified(text, "another key") is None
    for name in json.loads(text):
        assert GateRecord.verified(json.dumps(json.loads(text) | {name: "4"}), KEY) is None, name
    for broken in ("", "{}", "[]", "null", '{"signature": 1}', text[:-1]):
        assert GateRecord.verified(broken, KEY) is None


def test_every_file_counts_with_its_name(tmp_path: Path) -> None:
    hashes: set[str] = set()
    for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b""}, {"c/a": b"1"}, {}):
        folder = tmp_path / str(len(hashes))
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        hashes.add(hash_of_files(folder))
    assert len(hashes) == 6


@pytest.mark.parametrize("text", ['{"signature": "\\ud800"}', "[" * 5000, '{"signature": ' + "[" * 5000], ids=range(3))
def test_an_odd_tag_is_no_signature(tmp_path: Path, text: str) -> None:
    values = json.loads(GateRecord.of("tea", "3", tmp_path, {}).signed(KEY))
    forged = json.dumps(values | json.loads(text)) if text.endswith("}") else text
    assert GateRecord.verified(forged, KEY) is None


@pytest.mark.parametrize("kind", ["bytes", "folder"])
def test_an_odd_signature_file_counts_as_none(home: Settings, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from weir_models import tracking

    models = ModelRegistry.of(home)
    file = models.cache / "tea-3.signature"
    models.cache.mkdir()
    file.mkdir() if kind == "folder" else file.write_bytes(b"\xff\xfe")
    tags: list[str | None] = [None, GateRecord.of("tea", "3", home.home, {}).signed(signing_key(home))]
    monkeypatch.setattr(tracking, "tag", lambda *_, **__: tags.pop(0))
    assert models._record("tea", "3") is None
    assert models._record("tea", "3") is not None
