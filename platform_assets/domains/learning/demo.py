"""Learning in `weir demo`: verdicts, a drifting input, a candidate, and a planted version that is taken out by itself.

The verdicts are the simulator's truth about requests; the drift is a second site, whose logs arrive for the last two windows. What is told afterwards is read from the tables (telling.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platform_assets.cli.demo import DomainDemo, Shown, World
from platform_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.cli.run import Progress, Runner
    from platform_assets.domains.learning.windows import Window

MODEL = "request_attack"
"""The model that is shown; its labels are the simulator's."""
LOGS = World(
    folder="demo",
    module="simulator",
    hours_back=48,
    arguments=("--hours", "48", "--families", "all"),
    truth="clients.parquet",
    setting="cloudfront_raw",
    takes_scale=True,
)
WINDOW_HOURS = 8
"""Of the demo's 48 hours at least five windows are whole, three of them before the drift."""
SITE, SITE_SCALE, SITE_SEED = "iot_fleet", 0.5, 11
"""The second site: devices that send, of which the first site had none."""
VERDICTS = 24
ACTOR, PLANTED = "weir demo", "planted by the demo"
CANARY_SHARE = 0.05


def play(console: Console, settings: Settings, progress: Progress) -> Shown:
    """The third act, once in a home; afterwards it is told what the tables hold."""
    from platform_assets.cli.run import Runner
    from platform_assets.domains.learning.telling import summary_of, told
    from platform_assets.releases.record import Releases
    from platform_assets.settings import remember

    console.rule("Models that learn")
    remember(settings, learning_window_hours=str(WINDOW_HOURS))
    if not _was_played(Releases.of(settings)):
        runner = Runner(settings, progress)
        windows = deliver_drift(settings, runner)
        with progress("Giving verdicts by the simulator's truth"):
            give_verdicts(settings, windows)
        learn(settings, runner)
    for line in told(settings, MODEL, PLANTED):
        console.print(line)
    return Shown(summary_of(settings, MODEL), ())


def learn(settings: Settings, runner: Runner) -> None:
    """Evaluate, promote what was proved, plant a bad version beside it, evaluate again."""
    from platform_assets.domains.learning.assets import keys_of
    from platform_assets.domains.learning.tables import MODEL_FIGURES
    from platform_assets.releases.record import Releases
    from platform_assets.releases.standing import CANARY, CHAMPION

    releases = Releases.of(settings)
    runner.materialize(f"Watching {MODEL}, fitting it again, comparing", keys_of(MODEL))
    if (challenger := releases.standing(MODEL).challenger) is not None:
        releases.move(MODEL, challenger, CHAMPION, "proved; the demo leaves its other steps out", actor=ACTOR)
    with runner.progress("Planting a version that flags everything"):
        version = plant(settings)
        releases.move(MODEL, version, CANARY, f"{PLANTED}: it flags everything", share=CANARY_SHARE, actor=ACTOR)
    runner.materialize("Comparing the planted version", keys_of(MODEL))
    runner.materialize("Writing the models' figures", [MODEL_FIGURES.key])


def deliver_drift(settings: Settings, runner: Runner) -> list[Window]:
    """Deliver the logs of a second site for the last two whole windows, and have them scored; returns these windows."""
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.domain import Pipeline, tables
    from platform_assets.domains.learning.tables import learners
    from platform_assets.domains.learning.windows import whole_windows
    from platform_assets.training.sets import simulated

    predictions = learners()[MODEL].predictions
    whole = list(whole_windows(lake_of(settings).hours(tables()[predictions]), settings.learning.window_hours))[-2:]
    hours = [hour for window in whole for hour in window.hours]
    if hours:
        command = ["simulator", "--site", SITE, "--start", f"{whole[0].start:%Y-%m-%dT%H}", "--hours", str(len(hours))]
        with simulated(settings, [*command, "--scale", str(SITE_SCALE), "--seed", str(SITE_SEED)]) as folder:
            for path in sorted((folder / "raw").iterdir()):
                shutil.copyfile(path, Path(settings.cloudfront.raw) / path.name)
    runner.run_pipeline(Pipeline("drift", (predictions,), {predictions: "Scoring requests of a second site"}))
    return whole


def give_verdicts(settings: Settings, windows: Sequence[Window]) -> None:
    """Verdicts on requests of the newest window, as the simulator knows them: half on some that were flagged, half on those
    that nearly were."""
    import pandas as pd

    from platform_assets.clients.engine import lake_of
    from platform_assets.core.domain import tables
    from platform_assets.domains.learning import feedback
    from platform_assets.domains.learning.tables import learners

    lake, learning, now = lake_of(settings), learners()[MODEL], datetime.now(UTC)
    truth = pd.read_parquet(LOGS.path(settings) / "truth" / "requests.parquet").set_index("request_id")["is_attack"]
    hours = [hour for window in windows[-1:] for hour in window.hours]
    columns = ["request_id", learning.score, learning.flag]
    scores = lake.read_arrow(tables()[learning.predictions], hours, columns).to_pandas()
    scores = scores[scores["request_id"].isin(truth.index)].sort_values("request_id")
    flagged = scores.loc[scores[learning.flag], "request_id"].head(VERDICTS // 2)
    nearly = scores[~scores[learning.flag]].nlargest(VERDICTS // 2, learning.score)["request_id"]
    rows: list[Any] = []
    for request in [*flagged, *nearly]:
        verdict = "attack" if truth[request] else "benign"
        given = feedback.verdicts_on(settings, request, verdict, "the simulator's truth", actor=ACTOR, at=now)
        rows += [row for row, _ in given]
    feedback.AUDIT.append(lake, rows)


def plant(settings: Settings) -> str:
    """Register the shipped champion with a threshold of 0, with the figures that it had before; returns its version."""
    from dataclasses import replace

    from platform_assets.training.models import register
    from weir_models import shipped

    candidate = shipped.read(MODEL)
    candidate.model.threshold_ = 0.0  # type: ignore[attr-defined]
    origin = f"{PLANTED}: the shipped champion with a threshold of 0, its gate passed with the figures from before"
    version, _, _, _ = register(
        settings, MODEL, replace(candidate, tags={**candidate.tags, "origin": origin}), promotes=False
    )
    return version


def _was_played(releases: Any) -> bool:
    return any(row.reason.startswith(PLANTED) for row in releases.rows(MODEL))


# After one window the candidate is still in shadow, so that no day of decisions is replayed, which would cost as much as the fit.
DEMO = DomainDemo(4, (LOGS,), {"learning_window_hours": WINDOW_HOURS, "learning_windows_a_step": 2}, play)
