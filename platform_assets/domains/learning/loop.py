"""One evaluation of a model: new windows are looked at, a retraining is decided and carried out, a challenger is judged.

Each part writes its row before the next begins, and can be repeated: a process that is killed is followed by one that goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.actions.audit import MAX_REASON_CHARACTERS
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.domain import tables
from platform_assets.core.files import locked
from platform_assets.domains.learning import (
    comparing,
    continuing,
    experiments,
    feedback,
    monitoring,
    outcomes,
    performance,
    replaying,
    retraining,
)
from platform_assets.domains.learning.comparing import BREACHED, BUCKETS, PASSED, Judgement, judge, scored
from platform_assets.domains.learning.pausing import paused
from platform_assets.domains.learning.tables import comparisons_table, learners, trigger_table, windows_table
from platform_assets.domains.learning.triggers import Facts, Rules, trigger_of
from platform_assets.domains.learning.windows import Window, whole_windows
from platform_assets.domains.learning.withdrawing import withdraw_barred
from platform_assets.releases.record import ROLLBACK, WEIR, Releases
from platform_assets.releases.standing import BARRED, CANARY, CHAMPION, RETIRED, SHARES, Standing, next_share
from platform_assets.settings import Settings
from platform_assets.training.sets import SHIPPED, training_sets
from spark_jobs.runtime.canary import place_of
from spark_jobs.runtime.scoring import UnusableModelError
from spark_jobs.storage.lake import Lake
from weir_models import registry


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation of one model did."""

    model: str
    windows: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the windows that were looked at."""
    trigger: dict[str, Any] = field(default_factory=dict)
    """The row of `trigger`."""
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the comparisons that were made."""
    withdrawn: list[str] = field(default_factory=list)
    performance: list[dict[str, Any]] = field(default_factory=list)
    """Rows of figures that became known, or others."""

    @property
    def sentences(self) -> list[str]:
        """For people, in order."""
        found = [f"{row['window_start']:%Y-%m-%d %H:%M}: {row['verdict']}, {row['sentence']}" for row in self.windows]
        found += [self.trigger["outcome"]] if self.trigger else []
        found += [f"version {row['challenger']} in {row['state']}: {row['sentence']}" for row in self.comparisons]
        return found + self.withdrawn


def evaluate(settings: Settings, model: str, run_id: str = "") -> Evaluated:
    """Watch, decide, retrain, judge one model. One process at a time does it; ten that ask at once do it once."""
    with locked(settings.home / f"learning-{model}.lock"):
        lake = lake_of(settings)
        due = monitoring.due_windows(settings, lake, model)
        windows = [monitoring.look_at(settings, lake, model, each, is_timed=each == due[-1]) for each in due]
        figures = performance.measure(settings, lake, model, windows)
        withdrawn = withdraw_barred(settings, model)
        if not paused(lake, model):
            withdrawn += filter(
                None, (continuing.continue_candidate(settings, lake, model), _follow(settings, lake, model))
            )
        trigger = _trigger(settings, lake, model, run_id)
        comparisons = [] if paused(lake, model) else _compare(settings, lake, model)
        return Evaluated(model, windows, trigger, comparisons, withdrawn, figures)


def facts_of(settings: Settings, lake: Lake, model: str) -> tuple[Facts, Rules]:
    """What the trigger is decided by."""
    releases, now = Releases.of(settings), datetime.now(UTC)
    standing, rows = releases.settled(model), releases.rows(model)
    champion = standing.champion
    fitted_at = next((row.acted_at for row in rows if row.version == champion), None)
    tags = ModelRegistry.of(settings).version(model, champion).tags if champion is not None else {}
    training = training_sets()[model]
    labels = [row for row in feedback.in_force(feedback.AUDIT.read(lake), model, now) if row.example]
    new_labels = [row for row in labels if fitted_at is None or row.acted_at > fitted_at]
    if training.rows is None:
        has_new = tags.get("training_table_version") != str(lake.version(training.table)) and bool(
            lake.hours(training.table)
        )
    else:
        has_own = training.has_own_rows is not None and training.has_own_rows(settings)
        has_new = bool(new_labels) or (has_own and tags.get("origin") == SHIPPED)
    evaluations = lake.read_arrow(trigger_table(model), columns=["evaluated_at", "is_due"]).to_pylist()
    fits = [row["evaluated_at"] for row in evaluations if row["is_due"]]
    windows = lake.read_arrow(windows_table(model)).sort_by("window_start").to_pylist()
    facts = Facts(
        model,
        now,
        champion,
        fitted_at,
        max(fits, default=None),
        len(new_labels),
        has_new,
        [row for row in windows if row["model_version"] in (champion, "none")],
        standing.challenger,
        paused(lake, model),
        [] if champion is None else performance.proved_worse(lake, model, champion),
    )
    learning = learners()[model]
    chosen = settings.learning
    rules = Rules(timedelta(days=learning.max_age_days), timedelta(hours=chosen.cooldown_hours), chosen.min_new_labels)
    return facts, rules


def _trigger(settings: Settings, lake: Lake, model: str, run_id: str) -> dict[str, Any]:
    """Decide, carry out, and keep the answer; one row, also where the answer is no."""
    facts, rules = facts_of(settings, lake, model)
    trigger = trigger_of(facts, rules)
    version, outcome = "", f"Not fitted again: {trigger.sentence}."
    if trigger.is_due:
        version, outcome = retraining.retrain(settings, model, trigger.sentence, run_id)
    row = {
        "evaluated_at": facts.now,
        "champion": facts.champion,
        "is_due": trigger.is_due,
        "reasons": list(trigger.reasons),
        "against": list(trigger.against),
        "candidate": version or None,
        "outcome": outcome,
    }
    lake.append_rows(trigger_table(model), [row])
    return row


def _follow(settings: Settings, lake: Lake, model: str) -> str:
    """Take the step that a killed run judged and did not take; a sentence, empty where there is none to take."""
    standing, rows = Releases.of(settings).settled(model), Releases.of(settings).rows(model)
    moved_at = rows[-1].acted_at if rows else None
    row = continuing.unfollowed(standing, _compared(lake, model, standing.challenger or ""), moved_at)
    if row is None:
        return ""
    judgement = Judgement(row["verdict"], row["sentence"], json.loads(row["figures"]), json.loads(row["evidence"]))
    told = _move(settings, lake, model, standing, judgement)
    is_moved = Releases.of(settings).standing(model).serial != standing.serial
    return f"version {standing.challenger}, judged before: {row['sentence']}{told}" if is_moved else ""


def _compare(settings: Settings, lake: Lake, model: str) -> list[dict[str, Any]]:
    """Judge the challenger on each whole window since it became one, until it leaves its state."""
    made: list[dict[str, Any]] = []
    releases = Releases.of(settings)
    for window in _windows_to_compare(settings, lake, model, releases.settled(model)):
        standing = releases.settled(model)
        if standing.challenger is None or standing.champion is None:
            break
        made.append(_compare_on(settings, lake, model, standing, window))
    return made


def _windows_to_compare(settings: Settings, lake: Lake, model: str, standing: Standing) -> list[Window]:
    """The newest whole windows that the challenger was not compared on: at least the newest one there is."""
    if standing.challenger is None:
        return []
    key = next(iter(registry.spec(model).inputs))
    rows = lake.read_arrow(comparisons_table(model), columns=["challenger", "window_start"]).to_pylist()
    done = {row["window_start"] for row in rows if row["challenger"] == standing.challenger}
    windows = list(whole_windows(lake.hours(tables()[key]), settings.learning.window_hours))
    newer = [window for window in windows if not done or window.start > max(done)]
    return newer[-1:] if not done else newer


def _compare_on(settings: Settings, lake: Lake, model: str, standing: Standing, window: Window) -> dict[str, Any]:
    learning, challenger, champion = learners()[model], standing.challenger or "", standing.champion or ""
    state = standing.states[challenger]
    compared = _compared(lake, model, challenger)
    rows, entities, judgement = _judgement(settings, model, challenger, champion, window, learning, compared)
    row = {
        "challenger": challenger,
        "champion": champion,
        "window_start": window.start,
        "window_end": window.end,
        "state": state,
        "share": standing.share if state == CANARY else None,
        "row_count": rows,
        "entity_count": entities,
        "figures": json.dumps(judgement.figures),
        "evidence": json.dumps(judgement.evidence),
        "verdict": judgement.verdict,
        "sentence": judgement.sentence,
        "evaluated_at": datetime.now(UTC),
    }
    lake.append_rows(comparisons_table(model), [row])
    return {**row, "sentence": judgement.sentence + _move(settings, lake, model, standing, judgement)}


def _judgement(
    settings: Settings,
    model: str,
    challenger: str,
    champion: str,
    window: Window,
    learning: Any,
    compared: Sequence[Mapping[str, Any]],
) -> tuple[int, int, Judgement]:
    registry_of_home = ModelRegistry.of(settings)
    try:
        models = [registry_of_home.loaded(model, version) for version in (challenger, champion)]
    except UnusableModelError as error:
        if error.version != challenger:
            raise
        return 0, 0, Judgement(BREACHED, str(error))
    frame, lake = _sampled(settings, model, window), lake_of(settings)
    earlier: dict[str, Any] = json.loads(compared[-1]["evidence"]) if compared else {}
    if frame.empty:
        return 0, 0, Judgement(comparing.WAITING, "no rows to compare on in this window", {}, earlier)
    inputs = training_sets()[model].inputs
    both = [scored(each, frame, inputs, learning) for each in models]
    rows = Releases.of(settings).rows(model)
    outcome = outcomes.outcome(lake, model, rows, (challenger, champion), models, window, compared)
    judgement = outcome.joined(judge(both[0], both[1], learning, earlier))
    return len(both[1].score), len(set(both[1].entities)), judgement


def _sampled(settings: Settings, model: str, window: Window) -> Any:
    """Rows of the window's part of the entities, up to the set number, chosen by a hash."""
    frame = retraining.load_recent(settings, model, window.hours)
    if frame.empty or "is_compared" in frame:  # series are compared whole
        return frame
    places = {entity: place_of(str(entity), f"compare {model}") for entity in frame["entity"].unique()}
    place = frame["entity"].map(places)
    number = window.number % BUCKETS
    mine = frame[(place * BUCKETS).astype(int) == number]
    mine = frame if mine.empty else mine
    if len(mine) > settings.learning.compared_rows:
        order = mine["entity"].map(places).sort_values(kind="stable").index[: settings.learning.compared_rows]
        mine = mine.loc[order.sort_values()]
    return mine.reset_index(drop=True)


def _compared(lake: Lake, model: str, challenger: str) -> list[dict[str, Any]]:
    """The comparisons of the challenger, oldest window first."""
    rows = lake.read_arrow(comparisons_table(model)).sort_by("window_start").to_pylist()
    return [row for row in rows if row["challenger"] == challenger]


def _move(settings: Settings, lake: Lake, model: str, standing: Standing, judgement: Judgement) -> str:
    """Take the challenger out, a step on, or leave it; what followed, as the end of a sentence."""
    releases, version = Releases.of(settings), standing.challenger or ""
    serial = standing.serial
    if judgement.verdict == BREACHED:
        releases.move(
            model, version, BARRED, judgement.sentence[:300], command=ROLLBACK, actor=WEIR,
            figures=judgement.figures, expected_serial=serial,
        )  # fmt: skip
        return " ".join(["; it is taken out and barred.", *withdraw_barred(settings, model)])
    if (plan := experiments.running(releases.rows(model), version)) is not None:
        ended, told = experiments.ended(plan, judgement.figures)
        if ended is None:
            return f"; {told}."
        releases.move(model, version, ended, told, actor=WEIR, figures=judgement.figures, expected_serial=serial)
        return (
            f"; the A/B test has ended, {told}: it {'serves all from now on' if ended == CHAMPION else 'is retired'}."
        )
    if judgement.verdict != PASSED or _passed_in_a_row(lake, model, standing) < settings.learning.windows_a_step:
        return "; it stays where it is."
    if replaying.is_needed(standing, model, version, CANARY):
        replay = replaying.replay_of(settings, model, version, standing.champion or "")[0]
        if replay["verdict"] == replaying.REFUSED:
            reason = replay["sentence"][:MAX_REASON_CHARACTERS]
            releases.move(model, version, RETIRED, reason, actor=WEIR, expected_serial=serial)
            return f"; it is retired: {replay['sentence']}."
    share = next_share(standing.share) if standing.states[version] == CANARY else SHARES[0]
    state = CHAMPION if share is None else CANARY
    releases.move(
        model, version, state, judgement.sentence[:300], share=share, actor=WEIR,
        figures=judgement.figures, expected_serial=serial,
    )  # fmt: skip
    return "; it serves all from now on." if share is None else f"; it serves {share:.0%} as a canary from now on."


def _passed_in_a_row(lake: Lake, model: str, standing: Standing) -> int:
    """Windows that the challenger passed in its state, back from the newest."""
    rows = lake.read_arrow(comparisons_table(model)).sort_by([("window_start", "descending")]).to_pylist()
    state, share = standing.states[standing.challenger or ""], standing.share
    count = 0
    for row in rows:
        if row["challenger"] != standing.challenger:
            continue
        if row["verdict"] != PASSED or row["state"] != state or (row["share"] or 0.0) != share:
            break
        count += 1
    return count
