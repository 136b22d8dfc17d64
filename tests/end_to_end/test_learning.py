"""The learning loop on a simulated morning: windows, verdicts, one retraining for ten causes, and a bad version taken out."""

from __future__ import annotations

import gzip
import json
import operator
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from platform_assets.cli.app import app
from platform_assets.cli.run import run_assets, run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.tables import all_tables
from platform_assets.domains.learning import feedback, loop, retraining, version_baselines
from platform_assets.domains.learning.assets import keys_of
from platform_assets.domains.learning.feedback import FeedbackError
from platform_assets.domains.learning.loop import evaluate
from platform_assets.releases.record import Releases
from platform_assets.releases.standing import BARRED, CANARY, CHAMPION, SHADOW
from platform_assets.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("environment"),
    pytest.mark.random_order(disabled=True),  # one home, evaluation after evaluation
]
MODEL = "request_attack"


@pytest.fixture(scope="module")
def home(
    home_of: Callable[..., Settings], simulated: Any, trained: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A home with five hours and the first two of them a day before, evaluated in windows of two."""
    file = tmp_path_factory.mktemp("registry") / "mlflow.db"
    shutil.copyfile(trained.home / "mlflow.db", file)
    settings = home_of("learning", mlflow_uri=f"sqlite:///{file}")
    settings = settings.model_copy(update={"learning_window_hours": 2, "learning_min_new_labels": 2})
    simulated.deliver(simulated.punctual(0, 1, 2, 3, 4), Path(settings.cloudfront.raw))
    a_day_before(simulated.punctual(0, 1), simulated.hours[0][:10], Path(settings.cloudfront.raw))
    run_pipeline(settings, "edge")
    return settings


def a_day_before(files: list[Path], day: str, raw: Path) -> None:
    """The same lines with the date of the day before, and ids of their own."""
    before = f"{date.fromisoformat(day) - timedelta(days=1)}"
    for path in files:
        lines = gzip.decompress(path.read_bytes()).decode().replace(day, before).splitlines(keepends=True)
        fields = [line.split("\t") for line in lines]
        own = [[*values[:14], values[14][::-1], *values[15:]] if len(values) > 15 else values for values in fields]
        text = "".join("\t".join(values) for values in own)
        (raw / path.name.replace(day, before)).write_bytes(gzip.compress(text.encode()))


def rows(home: Settings, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake_of(home).read_arrow(all_tables()[key]).to_pylist()
    return found


def planted(home: Settings, change: Callable[[Any], None]) -> str:
    """A registered and signed version that is the champion, changed, as if its gate had passed it."""
    from weir_models import registry, shipped, tracking
    from weir_models.contract import Candidate

    models, spec = ModelRegistry.of(home), replace(registry.spec(MODEL), gates=())
    model = models.loaded(MODEL, models.champion(MODEL) or "")
    change(model)
    frame = retraining.load_recent(home, MODEL, lake_of(home).hours(all_tables()["parsed/cloudfront/requests"])[:1])
    example = frame[list(spec.inputs["parsed/cloudfront/requests"])].head(5)
    candidate = Candidate(model, shipped.read(MODEL).evaluation, example, example.head(0), {})
    version = tracking.register(candidate, spec, tracking_uri=home.tracking_uri)
    tracking.pass_gate(spec, version, tracking_uri=home.tracking_uri)
    models.sign(MODEL, version)
    Releases.of(home).registered(MODEL, version, True, "planted")
    return version


def test_windows_are_compared_with_the_first_at_their_hours(home: Settings) -> None:
    run_assets(home, "Evaluating", keys_of(MODEL))
    found = sorted(rows(home, f"monitoring/{MODEL}/windows"), key=lambda row: row["window_start"])
    assert [row["verdict"] for row in found] == ["baseline", "none", "baseline"], "the same lines, then other hours"
    first = found[0]
    hours = loop.Window(first["window_start"], first["window_end"]).hours
    counts = lake_of(home).row_counts(all_tables()["predictions/request_scores"], hours)
    assert first["row_count"] == sum(counts.values()) > 100
    columns = {row["column_name"]: row for row in rows(home, f"monitoring/{MODEL}/columns")}
    kept = json.dumps(rows(home, f"monitoring/{MODEL}/baselines"), default=str)
    assert "Mozilla" not in kept and "/index" not in kept, "no personal text outlives its retention here"
    assert {"requests.uri_path", "requests.method", "attack_probability", "is_attack"} <= columns.keys()
    of_bins = [row for name, row in columns.items() if name in {"requests.method", "attack_probability", "is_attack"}]
    assert all(row["baseline_row_count"] == row["row_count"] == first["row_count"] for row in of_bins)
    assert all(row["psi"] == pytest.approx(0, abs=1e-9) for row in of_bins)
    again = evaluate(home, MODEL)
    assert again.windows == [] and not again.trigger["is_due"], "nothing is counted twice"


def test_a_home_that_shares_the_registry_compares_with_the_same(
    home: Settings, home_of: Callable[..., Settings]
) -> None:
    other = home_of("learning-too", mlflow_uri=home.mlflow_uri)
    version = ModelRegistry.of(home).champion(MODEL) or ""
    assert rows(other, f"monitoring/{MODEL}/baselines") == []
    assert version_baselines.take(other, lake_of(other), MODEL, version) == ""
    key = operator.itemgetter("window_start", "column_name")
    kept = [sorted(rows(each, f"monitoring/{MODEL}/baselines"), key=key) for each in (home, other)]
    assert kept[0] == kept[1] and len({row["window_start"] for row in kept[1]}) == 2


def test_a_verdict_is_kept_and_becomes_a_label(home: Settings) -> None:
    flagged = next(row for row in rows(home, "predictions/request_scores") if row["is_attack"])
    weir = CliRunner()
    command = ["feedback", "give", flagged["request_id"], "--reason", "our scanner", "--home", str(home.home)]
    done = weir.invoke(app, [*command, "--verdict", "benign"], env={"WEIR_MLFLOW_URI": home.tracking_uri})
    assert done.exit_code == 0 and f"{MODEL}:" in done.output and "weir waf allow" in done.output, done.output
    refused = weir.invoke(app, [*command, "--verdict", "noise"], env={"WEIR_MLFLOW_URI": home.tracking_uri})
    assert isinstance(refused.exception, FeedbackError) and "choose from attack, benign" in str(refused.exception)
    refused = weir.invoke(app, [*command[:2], "nobody", *command[3:], "--verdict", "benign"])
    assert "Nothing is known of 'nobody'" in str(refused.exception)
    given = datetime.now(UTC)
    (verdict,) = feedback.in_force(feedback.AUDIT.read(lake_of(home)), MODEL, given)
    assert (verdict.is_flagged, verdict.label, verdict.event_at) == (True, False, flagged["event_at"])
    assert feedback.performance([verdict], MODEL, given)["false_positives"] == 1
    example = feedback.examples(lake_of(home), MODEL, given)
    assert example is not None and example["is_attack"].tolist() == [False] and example["split"].tolist() == ["fit"]
    weir.invoke(app, [*command, "--verdict", "attack"])
    changed = feedback.in_force(feedback.AUDIT.read(lake_of(home)), MODEL, datetime.now(UTC))
    assert [row.label for row in changed] == [True]
    before = feedback.in_force(feedback.AUDIT.read(lake_of(home)), MODEL, given)
    assert [row.label for row in before] == [False], "what was known before stays as it was"


def test_ten_causes_at_once_are_one_retraining(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in [row for row in rows(home, "predictions/request_scores") if row["is_attack"]][1:4]:
        given = feedback.verdicts_on(home, row["request_id"], "attack", "it was", actor="a", at=datetime.now(UTC))
        feedback.AUDIT.append(lake_of(home), [verdict for verdict, _ in given])
    asked: list[str] = []

    def retrain(settings: Settings, model: str, reason: str, run_id: str) -> tuple[str, str]:
        asked.append(reason)
        return "77", "fitted"

    monkeypatch.setattr(loop.retraining, "retrain", retrain)
    with ThreadPoolExecutor(10) as pool:
        evaluated = list(pool.map(lambda _: evaluate(home, MODEL), range(10)))
    assert len(asked) == 1 and "labels: 4 new verdicts, 2 are enough" in asked[0]
    assert sum(one.trigger["is_due"] for one in evaluated) == 1
    told = [row for row in rows(home, f"learning/{MODEL}/trigger") if row["reasons"] and not row["is_due"]]
    assert len(told) >= 9 and all("rests until" in " ".join(row["against"]) for row in told), "why not is a row, too"
    judged = [row for row in rows(home, f"monitoring/{MODEL}/performance") if row["evidence"] == "realised by verdicts"]
    assert sum(row["n"] for row in judged if row["figure"] == "accuracy") == 4, (
        "ten evaluations write what changed once"
    )
    assert {row["model_version"] for row in judged} == {ModelRegistry.of(home).champion(MODEL)}
    assert not any(row["is_worse"] for row in judged) and all("of 50 outcomes" in row["sentence"] for row in judged)


def test_a_bad_version_is_taken_out_by_itself(home: Settings) -> None:
    def flag_everything(model: Any) -> None:
        model.threshold_ = 0.0

    releases, champion = Releases.of(home), ModelRegistry.of(home).champion(MODEL)
    version = planted(home, flag_everything)
    releases.move(MODEL, version, CANARY, "a person was sure", share=0.05)
    (compared,) = evaluate(home, MODEL).comparisons
    assert compared["verdict"] == "breached" and "flagged_more" in compared["sentence"]
    assert "it is taken out and barred" in compared["sentence"]
    standing = releases.standing(MODEL)
    assert standing.state_of(version) == BARRED and standing.champion == champion and standing.challenger is None
    arguments = ["model", "compare", MODEL, version, "--home", str(home.home)]
    shown = CliRunner().invoke(app, arguments, env={"WEIR_MLFLOW_URI": home.tracking_uri})
    assert "in canary: breached, flagged_more" in " ".join(shown.output.split()), shown.output + str(shown.exception)
    (*_, last) = releases.rows(MODEL)
    assert (last.actor, last.command) == ("weir", "rollback") and "flagged_more" in last.details


def test_a_good_version_goes_step_by_step_to_all(home: Settings, simulated: Any) -> None:
    releases, before = Releases.of(home), ModelRegistry.of(home).champion(MODEL)
    version = planted(home, lambda model: None)
    releases.move(MODEL, version, SHADOW, "it is proved")
    states = []
    for _ in range(6):
        evaluated = evaluate(home, MODEL)
        standing = releases.standing(MODEL)
        states.append((standing.state_of(version), standing.share))
        if not evaluated.comparisons:
            break
    assert states[0] == (CANARY, 0.05) and states[-1] == states[0], "without a new window nothing moves"
    for share in (0.25, 0.5, 1.0):
        releases.move(MODEL, version, CANARY, "a person looked", share=share)
    releases.move(MODEL, version, CHAMPION, "a person looked")
    assert ModelRegistry.of(home).champion(MODEL) == version and releases.standing(MODEL).previous == before


def test_a_pause_lets_nothing_move(home: Settings) -> None:
    weir, home_option = CliRunner(), ["--home", str(home.home)]
    assert weir.invoke(app, ["learning", "pause", MODEL, "--reason", "a migration", *home_option]).exit_code == 0
    version = planted(home, lambda model: None)
    Releases.of(home).move(MODEL, version, SHADOW, "a test")
    assert evaluate(home, MODEL).comparisons == []
    again = weir.invoke(app, ["learning", "pause", MODEL, "--reason", "twice", *home_option])
    assert "is paused already" in str(again.exception)
    assert weir.invoke(app, ["learning", "resume", MODEL, "--reason", "over", *home_option]).exit_code == 0
    assert len(evaluate(home, MODEL).comparisons) == 1


def test_the_status_names_who_serves_and_why_nothing_is_due(home: Settings) -> None:
    done = CliRunner().invoke(
        app, ["learning", "status", "--home", str(home.home)], env={"WEIR_MLFLOW_URI": home.tracking_uri}
    )
    assert done.exit_code == 0, done.output
    assert "predictive_scaling" in done.output and "no version serves" in done.output
    assert "people judged" in done.output and "beside" in done.output


def test_a_step_that_a_kill_left_out_is_taken_by_the_next_run(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def flag_everything(model: Any) -> None:
        model.threshold_ = 0.0

    class Killed(BaseException):
        """As a kill would, it ends the evaluation where it is."""

    def killed(*_: Any) -> str:
        raise Killed

    releases = Releases.of(home)
    if (challenger := releases.standing(MODEL).challenger) is not None:
        releases.move(MODEL, challenger, "retired", "after the test before")
    version = planted(home, flag_everything)
    releases.move(MODEL, version, CANARY, "a person was sure", share=0.05)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "_move", killed)
        evaluate(home, MODEL)
    assert releases.standing(MODEL).state_of(version) == CANARY and rows(home, f"learning/{MODEL}/comparisons")
    again = evaluate(home, MODEL)
    assert again.comparisons == [] and any("it is taken out and barred" in told for told in again.withdrawn)
    assert releases.standing(MODEL).state_of(version) == BARRED
    assert not any("judged before" in told for told in evaluate(home, MODEL).withdrawn), "once"
