"""The third act of the demo on a simulated morning: it ends with a bad version out, and tells what the tables hold."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.tables import all_tables
from platform_assets.domains.learning import demo
from platform_assets.domains.learning.cards import HEADING, write_cards
from platform_assets.domains.learning.telling import told
from platform_assets.releases.record import Releases
from platform_assets.releases.standing import BARRED
from platform_assets.settings import Settings
from tests.end_to_end.conftest import CORPUS_SIZE
from weir_models import tracking
from weir_models.request_attack import corpus

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment")]


def test_the_third_act_tells_what_the_tables_hold(
    home_of: Callable[..., Settings],
    simulated: Any,
    trained: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copyfile(trained.home / "mlflow.db", tmp_path / "mlflow.db")
    home = home_of("demo", mlflow_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", learning_window_hours=1)
    simulated.deliver(simulated.punctual(0, 1, 2, 3), Path(home.cloudfront.raw))
    shutil.copytree(simulated.folder / "truth", home.home / "demo" / "truth")
    run_pipeline(home, "edge")
    generate = corpus.generate
    monkeypatch.setattr(corpus, "generate", lambda seed: generate(seed, CORPUS_SIZE))

    def played() -> list[str]:
        shown = demo.play(Console(file=io.StringIO(), soft_wrap=True), home, lambda _: nullcontext(None))
        assert "was taken out by itself" in shown.summary
        return told(home, demo.MODEL, demo.PLANTED)

    lines = played()
    releases = Releases.of(home)
    (bad,) = {row.version for row in releases.rows(demo.MODEL) if row.reason.startswith(demo.PLANTED)}
    assert releases.standing(demo.MODEL).state_of(bad) == BARRED
    lake, tables = lake_of(home), all_tables()
    verdicts = lake.read_arrow(tables["learning/feedback"]).num_rows
    assert lines[0].startswith(f"Judged: {verdicts} verdicts") and verdicts == demo.VERDICTS
    windows = lake.read_arrow(tables[f"monitoring/{demo.MODEL}/windows"]).sort_by("window_start").to_pylist()
    said = ", ".join(row["verdict"] for row in windows)
    assert f"Watched: {len(windows)} windows of 1 hour: {said}." in lines
    due = [row for row in lake.read_arrow(tables[f"learning/{demo.MODEL}/trigger"]).to_pylist() if row["is_due"]]
    assert [f"Triggered: {'; '.join(row['reasons'])}." for row in due] == [
        line for line in lines if line.startswith("Triggered")
    ]
    assert "labels: 24 new verdicts" in due[0]["reasons"][-1]
    (incident,) = [line for line in lines if line.startswith("Incident")]
    assert f"weir rollback of version {bad}, now barred (flagged_more" in incident
    assert len(lines) <= 13
    assert played() == lines, "a second time nothing is done, and the same is told"
    registry, uri = ModelRegistry.of(home), home.tracking_uri
    champion = releases.standing(demo.MODEL).champion or ""
    card = tracking.attached(demo.MODEL, champion, "card.md", tracking_uri=uri)
    assert card.count(HEADING) == 1 and "| recall |" in card.split(HEADING)[1]
    out = tracking.attached(demo.MODEL, bad, "card.md", tracking_uri=uri)
    assert f"Version {bad} beside {champion}" in out and "breached" in out
    shutil.rmtree(registry.cache)
    assert registry.loaded(demo.MODEL, champion), "what is written onto a version leaves its signature valid"
    rows = lake.read_arrow(tables["learning/model_figures"]).to_pylist()
    assert not write_cards(home, lake, rows), "nothing new, so nothing is written"
