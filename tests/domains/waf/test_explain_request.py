"""`weir explain <request id>`: the signals and words that made the score, beside the other requests of the hour."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from platform_assets.clients.signatures import GateRecord
from platform_assets.core.secrets import signing_key
from platform_assets.domains.waf.explain.lookup import explain
from platform_assets.domains.waf.explain.text import to_json
from platform_assets.settings import Settings, load_settings
from spark_jobs.sources.cloudfront.tables import REQUEST_MODEL_INPUTS
from tests.domains.waf.test_explain import HOUR, ID, NOW, fill, request, row, shown
from weir_models import saved_model
from weir_models.request_attack import corpus
from weir_models.request_attack.model import RequestAttack, fit

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
ATTACK = "page=2&id=1%2520UNION%2520SELECT%2520card%252Ccvv%2520FROM%2520payments--%2520&ref=it%27s"
OTHERS = ("q=shoes", "q=O%27Reilly", "id=1&id=2", None)


@pytest.fixture(scope="module")
def model() -> RequestAttack:
    return fit(corpus.generate(seed=3, size=6_000))


@pytest.fixture(scope="module")
def model_dir(model: RequestAttack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model.save_dir(model, tmp_path_factory.mktemp("saved"))


def sign(settings: Settings) -> None:
    """Sign the files of the version as they are now, as its gate does."""
    folder = settings.home / "models/request_attack-5"
    text = GateRecord.of("request_attack", "5", folder, {}).signed(signing_key(settings))
    folder.with_name("request_attack-5.signature").write_text(text)


@pytest.fixture
def home(tmp_path: Path, model: RequestAttack, model_dir: Path) -> Settings:
    """An hour of 400 requests, of which ID is an attack, scored by version 5; the version was fetched, MLflow is away."""
    settings = load_settings(tmp_path / "home")
    shutil.copytree(model_dir, settings.home / "models" / "request_attack-5")
    sign(settings)
    made = [request(ID, uri_query=ATTACK, user_agent=AGENT, referer=None)]
    made += [
        request(f"other-request-of-{n:04d}", uri_query=OTHERS[n % 4], user_agent=AGENT, referer=None)
        for n in range(399)
    ]
    fill(settings, "requests", *made)
    said = model.predict(pd.DataFrame(made)[list(REQUEST_MODEL_INPUTS)]).to_dict("records")
    at = HOUR + timedelta(minutes=5)
    scores = [
        row("request_scores", request_id=one["request_id"], event_at=at, model_version="5", **score)
        for one, score in zip(made, said, strict=True)
    ]
    fill(settings, "request_scores", *scores)
    return settings


def test_a_request_is_explained_by_the_signals_and_words_that_made_its_score(home: Settings) -> None:
    found = explain(home, ID, NOW)
    first = found.signals[0]
    assert found.summary.count("sqli by its query: ") == 1
    assert (first.field, first.attack_class, first.is_deciding) == ("query", "sqli", True)
    by_name = {one.signal: one for one in found.signals}
    assert "union select" in by_name["union_select"].words
    weights = [one.weight for one in found.signals if one.is_deciding]
    assert weights == sorted(weights, reverse=True) and min(weights) > 0


def test_its_signals_and_its_score_stand_beside_those_of_the_hour(home: Settings) -> None:
    found = explain(home, ID, NOW)
    assert {one.signal: one.hour_share for one in found.signals}["union_select"] == pytest.approx(1 / 400)
    beside = found.hour_scores
    assert beside is not None
    assert (beside.request_count, beside.at_least_as_high) == (400, 1)
    assert beside.median < 0.05 and beside.p99 < 0.6


def test_the_terminal_shows_words_weights_and_shares(home: Settings) -> None:
    text = shown(explain(home, ID, NOW))
    assert "1 of 400 are scored as high; median 0.0" in text
    (line,) = [line for line in text.splitlines() if "union_select" in line]
    assert "sqli" in line and "query" in line and "union select" in line and "0.25 %" in line
    assert json.loads(to_json(explain(home, ID, NOW)))["signals"][0]["words"]


def test_a_request_without_a_signal_is_explained_by_its_score(home: Settings) -> None:
    found = explain(home, "other-request-of-0000", NOW)
    assert found.signals == ()
    assert found.hour_scores is not None and found.hour_scores.at_least_as_high == 400
    assert "no attack" in found.summary


def test_without_the_version_the_rest_is_explained_and_no_database_is_made(home: Settings) -> None:
    shutil.rmtree(home.home / "models")
    found = explain(home, ID, NOW)
    assert found.signals == () and found.hour_scores is not None
    assert not (home.home / "mlflow.db").exists()


def test_a_version_that_this_release_cannot_load_is_one_sentence(home: Settings) -> None:
    (file,) = (home.home / "models").rglob("*.skops")
    file.write_bytes(b"no model")
    sign(home)
    found = explain(home, ID, NOW)
    assert found.signals == ()
    assert [note for note in found.notes if note.startswith("The signals are not shown: The model request_attack")]
