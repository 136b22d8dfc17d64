"""Faults of the learning loop: MLflow that is down, kills between two steps, a champion whose code is gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning import continuing, retraining
from platform_assets.domains.learning.tables import trigger_table
from platform_assets.releases.record import ReleaseError, Releases
from platform_assets.releases.standing import CANDIDATE, CHAMPION, RETIRED, SHADOW
from platform_assets.settings import Settings, load_settings
from spark_jobs.runtime.scoring import UnusableModelError
from weir_models.tracking_uri import TrackingError

pytestmark = [pytest.mark.slow, pytest.mark.attack("faults: two writers, kills")]
MODEL = "request_attack"
COMMANDS = [
    ["model", "list", MODEL],
    ["model", "show", MODEL, "1"],
    ["model", "compare", MODEL, "2"],
    ["model", "promote", MODEL, "2", "--reason", "x"],
    ["model", "promote", MODEL, "2", "--to", "ab", "--reason", "x"],
    ["model", "rollback", MODEL, "--reason", "x"],
    ["model", "bar", MODEL, "2", "--reason", "x"],
    ["model", "unbar", MODEL, "2", "--reason", "x"],
    ["model", "import", "models:/other/1", "--as", MODEL],
    ["learning", "status"],
]


class Refusing(BaseHTTPRequestHandler):
    """A server that answers, and knows nothing."""

    def do_GET(self) -> None:
        self.send_error(500, "broken")

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def closed() -> str:
    """The address of a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_mlflow_every_command_is_one_sentence(home: Settings, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, [*arguments, "--home", str(home.home)], env={"WEIR_MLFLOW_URI": closed()})
    assert isinstance(done.exception, TrackingError) and done.exception.exit_code == 5, done.output
    told = str(done.exception)
    assert "does not answer" in told and "start the tracking server" in told and len(told.splitlines()) == 1


@pytest.mark.parametrize("arguments", [COMMANDS[0], COMMANDS[3], COMMANDS[8]], ids=" ".join)
def test_a_broken_mlflow_is_one_sentence(home: Settings, refusing: str, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, [*arguments, "--home", str(home.home)], env={"WEIR_MLFLOW_URI": refusing})
    told = str(done.exception)
    assert isinstance(done.exception, TrackingError) and "refused" in told and len(told.splitlines()) == 1, told


def small(model: str) -> Any:
    """Few examples and no gates, in this process."""
    from weir_models import registry
    from weir_models.request_attack import corpus

    patch = pytest.MonkeyPatch()
    generate, spec = corpus.generate, registry.spec
    patch.setattr(corpus, "generate", lambda seed: generate(seed, 3_000))
    patch.setattr(registry, "spec", lambda name: replace(spec(name), gates=()))
    return patch


def _retrain_and_die(folder: str, dies_in: str) -> None:
    """In a process of its own: a retraining that is killed before or after its candidate is proved."""
    small(MODEL)
    home = load_settings(Path(folder))

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if dies_in == "prove":
        retraining.prove = die  # type: ignore[assignment]
    retraining.retrain(home, MODEL, "age: it is old")
    os.kill(os.getpid(), signal.SIGKILL)  # before the row of `trigger`


@pytest.fixture
def served(home: Settings) -> Iterator[Settings]:
    """A home that serves the shipped champion."""
    from platform_assets.training.models import register_shipped

    patch = small(MODEL)
    register_shipped(home, MODEL)
    yield home
    patch.undo()


@pytest.mark.parametrize("dies_in", ["prove", "trigger"])
def test_a_candidate_that_a_kill_left_is_proved_by_the_next_run(served: Settings, dies_in: str) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_retrain_and_die, args=(str(served.home), dies_in))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    lake, releases = lake_of(served), Releases.of(served)
    state = releases.standing(MODEL).state_of("2")
    assert (state == CANDIDATE) == (dies_in == "prove") and state is not None
    told = continuing.continue_candidate(served, lake, MODEL)
    state = releases.standing(MODEL).state_of("2")
    assert state in (SHADOW, RETIRED) and f"is in {state}" in told
    (row,) = lake.read_arrow(trigger_table(MODEL)).to_pylist()
    assert (row["candidate"], row["is_due"], row["reasons"], row["outcome"]) == ("2", True, ["age: it is old"], told)
    assert continuing.continue_candidate(served, lake, MODEL) == "", "once"
    assert len(ModelRegistry.of(served).versions(MODEL)) == 2, "nothing is fitted twice"


def test_a_candidate_that_cannot_be_loaded_is_retired(served: Settings) -> None:
    from weir_models import shipped

    candidate = replace(shipped.read(MODEL), tags={"trigger": "age", "origin": "fitted here"})
    from platform_assets.training.models import register

    version, _, _, passed = register(served, MODEL, candidate, promotes=False)
    assert passed
    for file in (served.home / "models" / f"{MODEL}-{version}").rglob("*.skops"):
        file.write_bytes(b"")
    assert "no valid signature" in continuing.continue_candidate(served, lake_of(served), MODEL)
    assert Releases.of(served).standing(MODEL).state_of(version) == RETIRED


def test_a_champion_whose_code_is_gone_is_one_sentence(served: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from weir_models.request_attack import model as module

    releases, home_option = Releases.of(served), ["--home", str(served.home)]
    monkeypatch.delattr(module, "RequestAttack")
    with pytest.raises(UnusableModelError) as told:
        ModelRegistry.of(served).loaded(MODEL, "1")
    assert "cannot be loaded by this release" in str(told.value) and str(told.value).endswith("run `weir train`.")
    weir = CliRunner()
    for arguments in (["model", "list", MODEL], ["model", "show", MODEL, "1"], ["learning", "status"]):
        assert weir.invoke(app, [*arguments, *home_option]).exit_code == 0, "what there is can be looked at"
    refused = weir.invoke(app, ["model", "rollback", MODEL, "--reason", "x", *home_option])
    assert isinstance(refused.exception, ReleaseError) and "no previous champion to go back to" in str(
        refused.exception
    )
    assert releases.standing(MODEL).states == {"1": CHAMPION}


def test_a_step_that_was_asked_for_meanwhile_is_refused(served: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_assets.domains.learning import replaying
    from platform_assets.training.models import register_shipped

    for _ in range(2):
        register_shipped(served, MODEL)
    releases = Releases.of(served)

    def another(*_: Any) -> None:
        """Somebody else is faster while hours are replayed."""
        releases.move(MODEL, "2", CHAMPION, "faster")

    monkeypatch.setattr(replaying, "require", another)
    promote = ["model", "promote", MODEL, "1", "--reason", "slower", "--home", str(served.home)]
    refused = CliRunner().invoke(app, promote)
    assert isinstance(refused.exception, ReleaseError) and "Another process moved a version" in str(refused.exception)
    assert releases.standing(MODEL).champion == "2"
