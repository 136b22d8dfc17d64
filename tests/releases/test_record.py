"""Releases in a real registry and lake: champion and aliases follow the record, also after a kill at any step."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.releases import record
from platform_assets.releases.record import AUDIT, ReleaseError, Releases
from platform_assets.releases.serving import Serving
from platform_assets.releases.standing import BARRED, CANARY, CHAMPION, SHADOW
from platform_assets.settings import Settings, load_settings
from spark_jobs.runtime.canary import Served
from spark_jobs.runtime.scoring import UnusableModelError
from tests.releases.conftest import NAME

pytestmark = pytest.mark.slow


def releases_of(home: Settings, *moves: tuple[str, str] | tuple[str, str, float]) -> Releases:
    releases = Releases.of(home)
    for version, state, *share in moves:
        releases.move(NAME, version, state, "a test", share=share[0] if share else None)
    return releases


def aliases(home: Settings) -> dict[str, str]:
    model = ModelRegistry.of(home).model(NAME)
    assert model is not None
    return dict(model.aliases)


def test_aliases_follow_the_record(home: Settings) -> None:
    releases = releases_of(home, ("1", CHAMPION), ("2", SHADOW))
    assert aliases(home) == {"champion": "1", "shadow": "2"}
    releases_of(home, ("2", CANARY, 0.25))
    assert aliases(home) == {"champion": "1", "canary": "2"}
    releases_of(home, ("2", CHAMPION))
    assert aliases(home) == {"champion": "2", "previous": "1"}
    assert ModelRegistry.of(home).champion(NAME) == "2"
    assert releases.rollback(NAME, "it is worse") == "2"
    assert aliases(home) == {"champion": "1"} and ModelRegistry.of(home).champion(NAME) == "1"
    with pytest.raises(ReleaseError, match=r"version 2 is barred; `weir model unbar` lets it be a candidate again"):
        releases.move(NAME, "2", CHAMPION, "once more")
    assert [row.serial for row in releases.rows(NAME)] == [1, 2, 3, 4, 5]


STEPS: tuple[tuple[str, str, float | None], ...] = (
    ("1", CHAMPION, None), ("2", SHADOW, None), ("2", CANARY, 0.05), ("2", CHAMPION, None), ("2", BARRED, None),
)  # fmt: skip


def _move_and_die(folder: str, number: int, dies_in: str) -> None:
    """In a process of its own: a transition that is killed at one of its steps."""
    home = load_settings(Path(folder))

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if dies_in == "append":
        record.AUDIT.__class__.append = die  # type: ignore[method-assign]
    elif dies_in == "serve":
        ModelRegistry.serve = die  # type: ignore[method-assign]
    else:
        ModelRegistry.set_alias = die  # type: ignore[method-assign]
    version, state, share = STEPS[number]
    Releases.of(home).move(NAME, version, state, "a step", share=share)


@pytest.mark.parametrize(
    ("number", "dies_in"),
    [(2, "append"), (0, "serve"), (3, "serve"), (4, "serve"), (1, "set_alias"), (2, "set_alias"), (3, "set_alias")],
)
def test_a_kill_ends_in_the_state_of_the_record(home: Settings, number: int, dies_in: str) -> None:
    for version, state, share in STEPS[:number]:
        Releases.of(home).move(NAME, version, state, "a step", share=share)
    process = multiprocessing.get_context("spawn").Process(target=_move_and_die, args=(str(home.home), number, dies_in))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    standing = Releases.of(home).standing(NAME)
    assert standing.serial == number + (0 if dies_in == "append" else 1)
    assert Releases.of(home).settled(NAME) == standing
    assert aliases(home) == {alias: version for alias, version in standing.aliases.items() if version is not None}
    if standing.champion is not None:
        assert ModelRegistry.of(home).fetched(NAME).version == standing.champion


def _promote(folder: str, version: str, outcome: Any) -> None:
    try:
        Releases.of(load_settings(Path(folder))).move(NAME, version, CHAMPION, "at once", expected_serial=1)
        outcome.put("moved")
    except ReleaseError as error:
        outcome.put(str(error))


def test_of_two_that_promote_at_once_one_is_told(home: Settings) -> None:
    releases_of(home, ("1", CHAMPION))
    context = multiprocessing.get_context("spawn")
    outcome: Any = context.Queue()
    processes = [context.Process(target=_promote, args=(str(home.home), version, outcome)) for version in ("2", "3")]
    for process in processes:
        process.start()
    told = sorted(outcome.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    assert told == [
        f"Another process moved a version of {NAME} meanwhile; look at `weir model list {NAME}` and ask again.",
        "moved",
    ]
    standing = Releases.of(home).settled(NAME)
    assert standing.serial == 2 and aliases(home)["champion"] == standing.champion


def test_a_canary_that_fails_leaves_all_to_the_champion(home: Settings) -> None:
    releases_of(home, ("1", CHAMPION), ("2", CANARY, 0.5))
    serving = Serving(home, lake_of(home), NAME)
    assert serving.now() == Served(NAME, "1", canary_version="2", canary_share=0.5)
    asked: list[Served] = []

    def run(used: Served) -> tuple[Served, int]:
        asked.append(used)
        if used.canary_version:
            raise UnusableModelError.of(NAME, "2", "applied", "KeyError: 'x'")
        return used, 7

    assert serving.with_fallback(serving.now(), run) == (Served(NAME, "1"), 7)
    assert [used.canary_version for used in asked] == ["2", ""]
    (*_, last) = AUDIT.read(lake_of(home))
    assert (last.version, last.state, last.actor) == ("2", BARRED, "weir") and "KeyError" in last.reason
    assert serving.now() == Served(NAME, "1")

    def broken(used: Served) -> tuple[Served, int]:
        raise UnusableModelError.of(NAME, "1", "applied", "the champion")

    with pytest.raises(UnusableModelError, match="version 1 cannot be applied"):
        serving.with_fallback(serving.now(), broken)


def test_a_canary_whose_files_are_gone_leaves_all_to_the_champion(home: Settings) -> None:
    releases_of(home, ("1", CHAMPION), ("2", CANARY, 0.5))
    for file in (home.home / "models" / f"{NAME}-2").rglob("*.skops"):
        file.write_bytes(b"")
    serving = Serving(home, lake_of(home), NAME)
    used, folder = serving.with_fallback(serving.now(), lambda used: (used, serving.fetched(used).canary_dir))
    assert (used.canary_version, folder) == ("", "")
    assert Releases.of(home).standing(NAME).state_of("2") == BARRED


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["promote", NAME, "9", "--reason", "x"], "has no version 9 of predictive_scaling"),
        (["promote", NAME, "2"], "A reason of 1 to 300 printable characters is needed; give it with --reason."),
        (["promote", "nothing", "2", "--reason", "x"], "there is no model nothing: known are"),
        (["rollback", NAME, "--reason", "x"], "has no challenger and no previous champion to go back to"),
        (["unbar", NAME, "2", "--reason", "x"], "version 2 is not barred; there is nothing to lift"),
        (["bar", NAME, "1", "--reason", "x"], "version 1 is the only one that can serve; promote another first"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(home: Settings, arguments: list[str], told: str) -> None:
    releases_of(home, ("1", CHAMPION))
    done = CliRunner().invoke(app, ["model", *arguments, "--home", str(home.home)])
    assert done.exit_code != 0 and told in str(done.exception) and len(str(done.exception).splitlines()) == 1


def test_the_commands_move_and_show_versions(home: Settings) -> None:
    def weir(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["model", *arguments, "--home", str(home.home)])
        assert done.exit_code == 0, done.output
        return done.output

    weir("promote", NAME, "1", "--reason", "first")
    told = weir("promote", NAME, "2", "--to", "canary", "--share", "0.25", "--reason", "try it")
    assert f"{NAME} version 1 serves, version 2 25% as a canary." in told
    listed = weir("list", NAME)
    assert "canary 25%" in listed and "try it" in listed and "champion" in listed
    assert "Version" not in weir("show", NAME, "2").splitlines()[0]
    assert "version 2" in weir("compare", NAME, "2") and "coverage" in weir("compare", NAME, "2", "1")
    assert "version 2 is barred" in weir("rollback", NAME, "--reason", "worse")
    assert "is a candidate again" in weir("unbar", NAME, "2", "--reason", "it was not")


def test_a_new_registry_begins_without_releases(home: Settings) -> None:
    releases = releases_of(home, ("1", CHAMPION), ("2", CHAMPION), ("2", BARRED))
    for row in AUDIT.read(lake_of(home)):
        assert row.registry, "each row names its registry"
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home.home / "mlflow.db")) as connection:
        connection.execute("UPDATE registered_models SET creation_time = creation_time + 1")
        connection.commit()
    assert releases.rows(NAME) == [] and releases.standing(NAME).barred == frozenset()
