"""Promotion by replay in a real home: the same version changes nothing, a suspicious one is refused for an innocent's sake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.tables import all_tables
from platform_assets.domains.learning import experiments, feedback, loop, outcomes, replaying
from platform_assets.domains.learning.comparing import PASSED, Judgement
from platform_assets.domains.learning.windows import Window
from platform_assets.releases.record import Releases
from platform_assets.releases.standing import CANARY, RETIRED, SHADOW
from platform_assets.settings import Settings
from spark_jobs.contract import parse_hour
from spark_jobs.runtime.canary import Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("environment"),
    pytest.mark.random_order(disabled=True),  # one home, version after version
]
MODELS = ("request_attack", "client_abuse")


@pytest.fixture(scope="module")
def home(
    home_of: Callable[..., Settings], simulated: Any, trained: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A home with three decided hours."""
    file = tmp_path_factory.mktemp("registry") / "mlflow.db"
    shutil.copyfile(trained.home / "mlflow.db", file)
    settings = home_of("replaying", mlflow_uri=f"sqlite:///{file}")
    simulated.deliver(simulated.punctual(0, 1, 2), Path(settings.cloudfront.raw))
    run_pipeline(settings, "edge")
    return settings


def planted(home: Settings, model: str, change: Callable[[Any], None]) -> str:
    """A registered and signed version that is the champion, changed, as if its gate had passed it."""
    from weir_models import registry, shipped, tracking
    from weir_models.contract import Candidate

    models, spec, shown = ModelRegistry.of(home), replace(registry.spec(model), gates=()), shipped.read(model)
    estimator = models.loaded(model, models.champion(model) or "")
    change(estimator)
    candidate = Candidate(estimator, shown.evaluation, shown.input_example, shown.baseline, {})
    version = tracking.register(candidate, spec, tracking_uri=home.tracking_uri)
    tracking.pass_gate(spec, version, tracking_uri=home.tracking_uri)
    models.sign(model, version)
    Releases.of(home).registered(model, version, True, "planted")
    return version


def tables(home: Settings) -> dict[str, int | None]:
    """The versions of the tables that a replay must not write."""
    keys = ("predictions/request_scores", "predictions/client_scores", "features/cloudfront/client_attacks", "decisions/waf_decisions", "evidence/bot_identities")  # fmt: skip
    return {key: lake_of(home).version(all_tables()[key]) for key in keys}


@pytest.mark.parametrize("model", MODELS)
def test_the_same_model_changes_nothing(home: Settings, model: str) -> None:
    before, version = tables(home), planted(home, model, lambda estimator: None)
    (total,) = replaying.replay_of(home, model, version, ModelRegistry.of(home).champion(model) or "")
    assert total["verdict"] == PASSED and "0 enter, 0 leave, 0 change" in total["sentence"]
    assert int(total["sentence"].partition(" then")[0].rpartition(" ")[2]) > 0, "hours in which something is decided"
    assert tables(home) == before and not list(home.home.glob("replay-*"))


def suspicious(estimator: Any) -> None:
    estimator.shift_ += 8.0
    estimator.threshold_ = 0.01


def test_a_suspicious_version_is_refused_for_innocents(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    model = "client_abuse"
    version, champion = planted(home, model, suspicious), ModelRegistry.of(home).champion(model) or ""
    rows = replaying.replay_of(home, model, version, champion)
    entering = [row for row in rows if row["change"] == "enters" and row["challenger_action"] in ("challenge", "block")]
    assert entering and all(row["request_count"] >= row["benign_request_count"] for row in entering)
    victim = max(entering, key=lambda row: row["benign_request_count"])
    assert victim["benign_request_count"] > 0, "somebody who was served"
    address = victim["entry"].partition("/")[0]
    hours = [rows[0]["window_end"] - timedelta(hours=number) for number in (1, 2, 3)]
    given = next(verdict for hour in hours for verdict in _verdict(home, f"{address}@{hour:%Y-%m-%dT%H}:00"))
    feedback.AUDIT.append(lake_of(home), [given])
    promote = ["model", "promote", model, version, "--to", "canary", "--reason", "a test", "--home", str(home.home)]
    weir = CliRunner()
    env = {"WEIR_MLFLOW_URI": home.tracking_uri}
    monkeypatch.setattr(replaying, "REUSED_FOR", timedelta())
    refused = weir.invoke(app, promote, env=env)
    assert refused.exit_code == 1 and "known innocent" in str(refused.exception), refused.output
    assert "judged benign" in str(refused.exception) and "--override replay" in str(refused.exception)
    assert Releases.of(home).standing(model).challenger is None
    shown = weir.invoke(app, ["model", "compare", model, version, "--home", str(home.home)], env=env)
    assert shown.exit_code == 0 and "Replay:" in shown.output and address in shown.output, shown.output
    releases = Releases.of(home)
    releases.move(model, version, SHADOW, "it is compared")
    monkeypatch.setattr(loop, "_passed_in_a_row", lambda *_: 1)
    told = loop._move(home, lake_of(home), model, releases.standing(model), Judgement(PASSED, "nothing was noticed"))
    assert "it is retired" in told and "known innocent" in told
    assert releases.standing(model).state_of(version) == RETIRED


def test_a_person_overrides_with_a_reason(home: Settings) -> None:
    model = "client_abuse"
    version = planted(home, model, suspicious)
    promote = [
        "model",
        "promote",
        model,
        version,
        "--to",
        "canary",
        "--reason",
        "we know them",
        "--home",
        str(home.home),
    ]
    done = CliRunner().invoke(app, [*promote, "--override", "replay"], env={"WEIR_MLFLOW_URI": home.tracking_uri})
    assert done.exit_code == 0, done.output + str(done.exception)
    releases = Releases.of(home)
    assert releases.standing(model).state_of(version) == CANARY
    assert '"overridden": true' in releases.rows(model)[-1].details
    releases.rollback(model, "after the test")


def _verdict(home: Settings, subject: str) -> list[Any]:
    try:
        given = feedback.verdicts_on(home, subject, "benign", "a customer", actor="a", at=datetime.now(UTC))
    except feedback.FeedbackError:
        return []
    return [verdict for verdict, _ in given if verdict.model == "client_abuse"]


def test_a_canary_is_judged_by_what_it_did_to_its_own(home: Settings, simulated: Any) -> None:
    from weir_models import registry

    model = "client_abuse"
    version, releases = planted(home, model, suspicious), Releases.of(home)
    releases.move(model, version, CANARY, "a test", share=0.5)
    simulated.deliver(simulated.punctual(3, 4), Path(home.cloudfront.raw))
    run_pipeline(home, "edge")
    lake, learning = lake_of(home), registry.spec(model).learning
    assert learning is not None
    hours = sorted(outcomes.canary_hours(lake, model, version))
    assert hours == simulated.hours[3:5]
    start = parse_hour(hours[0])
    window, second = (Window(start + timedelta(hours=at), start + timedelta(hours=at + 1)) for at in (0, 1))
    arms = outcomes.arms_of(lake, model, version, learning, window)
    served = Served(model, "1", canary_version=version, canary_share=0.5)
    assert {arm for arm, _ in arms.values()} == {True, False}
    assert all(arm == served.is_canary([entity])[0] for entity, (arm, _) in arms.items()), "as the hash says"
    again = outcomes.arms_of(lake, model, version, learning, second)
    assert again and not again.keys() & arms.keys(), "each entity counts once"
    champion = releases.standing(model).champion or ""
    models = [ModelRegistry.of(home).loaded(model, one) for one in (version, champion)]
    found = outcomes.outcome(lake, model, releases.rows(model), (version, champion), models, window, [])
    flagged, n, others, others_n = found.figures[outcomes.FLAGGED_ARMS]["counts"]
    assert n + others_n == len(arms) and flagged / n > others / others_n
    assert found.breached and "flags more than the champion of the others" in found.breached[0]
    releases.rollback(model, "after the test")


def test_an_experiment_begins_with_its_plan(home: Settings) -> None:
    model = "client_abuse"
    version, weir, env = (
        planted(home, model, lambda estimator: None),
        CliRunner(),
        {"WEIR_MLFLOW_URI": home.tracking_uri},
    )
    shown = weir.invoke(app, ["model", "compare", model, version, "--plan", "0.01", "--home", str(home.home)], env=env)
    assert shown.exit_code == 0 and "judged examples" in shown.output, shown.output + str(shown.exception)
    arguments = ["model", "promote", model, version, "--to", "ab", "--share", "0.5", "--reason", "a test"]
    begun = weir.invoke(app, [*arguments, "--home", str(home.home)], env=env)
    assert begun.exit_code == 0 and "50% as a canary" in begun.output, begun.output + str(begun.exception)
    releases = Releases.of(home)
    plan = experiments.running(releases.rows(model), version)
    assert plan is not None and plan["effect"] == 0.02 and plan[outcomes.WRONG_PAIRS] > 100
    told = loop._move(home, lake_of(home), model, releases.standing(model), Judgement(PASSED, "nothing was noticed"))
    assert "of its observations" in told and releases.standing(model).share == 0.5, "its share stays"
    better = {outcomes.WRONG_PAIRS: {"verdict": "better", "n": 300, "difference": -0.1}}
    told = loop._move(home, lake_of(home), model, releases.standing(model), Judgement(PASSED, "s", better))
    assert "the A/B test has ended" in told and releases.standing(model).champion == version
