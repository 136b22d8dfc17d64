"""A canary judged by its own decisions: what each arm flagged, and what people said of that. Each entity counts once.

Arms are compared block by block given what a block holds in both, a block being the entities that a window saw first
(weir_learning.sequential). Verdicts on a window count when the next one is looked at, so that people have time to give them.
Verdicts with an example are also pairs: both versions judge it, whoever served it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.core.domain import load, tables
from platform_assets.core.times import as_utc
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.comparing import BREACHED, FLAGGED_LESS, FLAGGED_MORE, Judgement
from platform_assets.domains.learning.feedback import Verdict
from platform_assets.domains.learning.tables import learners
from platform_assets.domains.learning.windows import Window
from platform_assets.releases.record import Release
from platform_assets.releases.tables import CANARY_HOURS
from platform_assets.training.sets import training_sets
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted
from weir_models.contract import Learning

if TYPE_CHECKING:
    from weir_learning.sequential import PairedMeans, Proportions

FLAGGED_ARMS, WRONG_ARMS, WRONG_PAIRS = "flagged_by_arm", "wrong_by_arm", "wrong_on_judged"
"""Tests of this module, beside those of the guards, in figures and evidence of a comparison."""
Arms = Mapping[str, tuple[bool, bool]]
"""Entity -> whether the canary served it, and whether it was flagged."""


@dataclass(frozen=True)
class Outcome:
    """What followed from the decisions of a canary and its champion, after one more window."""

    breached: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def joined(self, judgement: Judgement) -> Judgement:
        """The judgement on the rows that both scored, with this."""
        figures, evidence = {**judgement.figures, **self.figures}, {**judgement.evidence, **self.evidence}
        if not self.breached:
            return Judgement(judgement.verdict, judgement.sentence, figures, evidence)
        told = [judgement.sentence] if judgement.verdict == BREACHED else []
        return Judgement(BREACHED, "; ".join([*told, *self.breached]), figures, evidence)


def arms_of(
    lake: Lake, model: str, challenger: str, learning: Learning, window: Window
) -> dict[str, tuple[bool, bool]]:
    """The entities that the window saw first since the canary serves, as it and the champion really served them."""
    served = canary_hours(lake, model, challenger)
    hours = [hour for hour in window.hours if hour in served]
    if not hours:
        return {}
    before = _entities(lake, model, learning, [hour for hour in sorted(served) if hour < hours[0]])
    return first_served(served_rows(lake, model, learning, hours), challenger, before)


def canary_hours(lake: Lake, model: str, challenger: str) -> set[str]:
    """The hours in which the version served its share."""
    rows = lake.read_arrow(CANARY_HOURS).to_pylist()
    return {row[HOUR_COLUMN] for row in rows if (row["model"], row["canary"]) == (model, challenger)}


def first_served(
    rows: Iterable[tuple[str, str, str, bool]], challenger: str, before: Collection[str]
) -> dict[str, tuple[bool, bool]]:
    """Entity -> arm and flag, of those not seen before: in its first hour's arm, flagged by it at any time. Pure.

    `rows`: hour, entity, version and flag, in any order.
    """
    first: dict[str, tuple[str, bool]] = {}
    flagged: dict[tuple[str, bool], bool] = {}
    for hour, entity, version, flag in rows:
        if entity in before:
            continue
        arm = version == challenger
        if entity not in first or (hour, arm) < first[entity]:
            first[entity] = (hour, arm)
        flagged[entity, arm] = flagged.get((entity, arm), False) or bool(flag)
    return {entity: (arm, flagged[entity, arm]) for entity, (_, arm) in first.items()}


def served_rows(lake: Lake, model: str, learning: Learning, hours: Sequence[str]) -> list[tuple[str, str, str, bool]]:
    """Hour, entity, version and flag of what was predicted, each combination once."""
    columns = [HOUR_COLUMN, learning.entity, "model_version", *([learning.flag] if learning.flag else [])]
    rows = lake.read_arrow(tables()[learning.predictions], hours, columns).group_by(columns).aggregate([])
    values = [rows[name].to_pylist() for name in columns]
    flags = values[3] if learning.flag else [False] * rows.num_rows
    entity_of = load(reference) if (reference := training_sets()[model].entity_of) else str
    return [
        (hour, entity_of(text), version, flag) for hour, text, version, flag in zip(*values[:3], flags, strict=True)
    ]


def _entities(lake: Lake, model: str, learning: Learning, hours: Sequence[str]) -> set[str]:
    entity_of = load(reference) if (reference := training_sets()[model].entity_of) else str
    table, found = tables()[learning.predictions], set[str]()
    for hour in hours:
        found |= {*lake.read_arrow(table, [hour], [learning.entity])[learning.entity].unique().to_pylist()}
    return {entity_of(text) for text in found}


def wrongly_judged(verdicts: Iterable[Verdict], window: Window) -> set[str]:
    """Entities of which people said that a decision about them in the window was wrong."""
    return {
        row.entity
        for row in verdicts
        if row.event_at is not None
        and window.start <= row.event_at < window.end
        and row.is_flagged is not None
        and bool(row.is_flagged) != row.label
    }


def judged(
    newest: Arms, settled: Arms, wrong: Collection[str], pairs: tuple[Sequence[bool], Sequence[bool]],
    learning: Learning, earlier: Mapping[str, Any],
) -> Outcome:  # fmt: skip
    """The tests after one more window. Pure.

    `newest`: arms of the window; `settled`: those of the window before, whose verdicts (`wrong`) count now; `pairs`: whether
    challenger and champion are wrong at each newly judged example; `earlier`: the evidence so far.
    """
    from weir_learning.sequential import PairedMeans, Proportions, Verdict

    flags, wrongs = (
        Proportions.from_state(earlier[name]) if name in earlier else Proportions(higher_is_better=False)
        for name in (FLAGGED_ARMS, WRONG_ARMS)
    )
    paired = (
        PairedMeans.from_state(earlier[WRONG_PAIRS]) if WRONG_PAIRS in earlier else PairedMeans(higher_is_better=False)
    )
    breached = []
    if learning.flag and newest:
        flags = flags.updated(*_counts(newest, {entity for entity, (_, flag) in newest.items() if flag}))
        breached += _beyond(flags, learning)
    if settled:
        wrongs = wrongs.updated(*_counts(settled, wrong))
        if wrongs.verdict == Verdict.WORSE:
            breached.append(f"people called more of its decisions wrong: {_told(wrongs)}")
    if pairs[0]:
        paired = paired.updated([float(value) for value in pairs[0]], [float(value) for value in pairs[1]])
        if paired.verdict == Verdict.WORSE:
            low, high = paired.interval
            breached.append(
                f"it is wrong more often by {paired.difference:.2g} ({low:.2g} to {high:.2g}) at {counted(paired.n, 'example')} that people judged"
            )
    tests: dict[str, Proportions | PairedMeans] = {FLAGGED_ARMS: flags, WRONG_ARMS: wrongs, WRONG_PAIRS: paired}
    figures = {name: figure_of(test) for name, test in tests.items()}
    return Outcome(tuple(breached), figures, {name: test.state() for name, test in tests.items()})


def figure_of(test: Proportions | PairedMeans) -> dict[str, Any]:
    """What is shown of a test: difference (challenger less champion), bounds, counts and p."""
    low, high = test.interval
    counts = getattr(test, "counts", None)
    n = test.n if counts is None else counts[1] + counts[3]  # type: ignore[union-attr]
    difference = None if test.difference != test.difference else test.difference
    return {
        "difference": difference, "low": low, "high": high, "n": n, "counts": counts, "p": test.p_value,
        "verdict": str(test.verdict),
    }  # fmt: skip


def _counts(arms: Arms, successes: Collection[str]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(successes, entities) of the canary and of the champion."""
    both = []
    for is_canary in (True, False):
        own = [entity for entity, (arm, _) in arms.items() if arm == is_canary]
        both.append((sum(entity in successes for entity in own), len(own)))
    return both[0], both[1]


def _beyond(test: Proportions, learning: Learning) -> list[str]:
    """Where what the arms flagged is proved to differ by more than the guards allow."""
    bounds = {guard.figure: guard.at_most for guard in learning.guards}
    low, high = test.interval
    successes, n = test.counts[2:]
    rate = successes / n if n else 0.0
    if FLAGGED_MORE in bounds and low > bounds[FLAGGED_MORE]:
        return [f"of its entities it flags more than the champion of the others: {_told(test)}"]
    if FLAGGED_LESS in bounds and rate and high < -bounds[FLAGGED_LESS] * rate:
        return [f"of its entities it flags less than the champion of the others: {_told(test)}"]
    return []


def _told(test: Proportions) -> str:
    (own, own_n, others, others_n), (low, high) = test.counts, test.interval
    return (
        f"{own} of {counted(own_n, 'entity', 'entities')} beside {others} of {others_n:,}, {low:.2g} to {high:.2g} more"
    )


def new_examples(
    verdicts: Iterable[Verdict], since: datetime, until: datetime, used_before: datetime | None
) -> list[Verdict]:
    """Verdicts with an example to judge by both versions now: one an entity, the first since `since` (the version was made).

    Those up to `used_before` (the last look) were judged then. Pure.
    """
    first: dict[str, Verdict] = {}
    for row in sorted(verdicts, key=lambda row: row.acted_at):
        if since < row.acted_at <= until and row.example:
            first.setdefault(row.entity, row)
    return [row for row in first.values() if used_before is None or row.acted_at > used_before]


def errors_of(
    models: Sequence[Any], verdicts: Sequence[Verdict], inputs: Sequence[str], flag: str
) -> tuple[list[bool], ...]:
    """Of each model, whether it is wrong at each verdict's example; one that fails is wrong at all of them."""
    import numpy as np
    import pandas as pd

    if not verdicts:
        return tuple([] for _ in models)
    frame = pd.DataFrame([json.loads(row.example) for row in verdicts]).reindex(columns=list(inputs))
    labels = np.array([row.label for row in verdicts])
    found: list[list[bool]] = []
    for model in models:
        try:
            wrong = np.asarray(model.predict(frame)[flag], dtype=bool) != labels
        except MemoryError:
            raise
        except Exception:  # whatever foreign code raises is a failure of the version
            wrong = np.ones(len(verdicts), dtype=bool)
        found.append(wrong.tolist())
    return tuple(found)


def outcome(
    lake: Lake, model: str, releases: Sequence[Release], versions: tuple[str, str],
    models: Sequence[Any], window: Window, compared: Sequence[Mapping[str, Any]],
) -> Outcome:  # fmt: skip
    """What follows from a window for challenger and champion (`versions`, `models` loaded), in shadow by examples alone.

    `compared`: the challenger's rows of earlier comparisons, oldest first; `releases`: the model's transitions.
    """
    learning, now = learners()[model], datetime.now(UTC)
    challenger, last = versions[0], compared[-1] if compared else None
    earlier = json.loads(last["evidence"]) if last else {}
    rows = [row for row in feedback.AUDIT.read(lake) if row.model == model]
    since = next(row.acted_at for row in releases if row.version == challenger)
    fresh = new_examples(rows, since, now, as_utc(last["evaluated_at"]) if last else None)
    pairs = errors_of(models, fresh, training_sets()[model].inputs, learning.flag) if learning.flag else ([], [])
    settled: Arms = {}
    wrong: set[str] = set()
    if last is not None:
        before = Window(as_utc(last["window_start"]), as_utc(last["window_end"]))
        settled = arms_of(lake, model, challenger, learning, before)
        wrong = wrongly_judged(feedback.in_force(rows, model, now), before)
    newest = arms_of(lake, model, challenger, learning, window)
    return judged(newest, settled, wrong, (pairs[0], pairs[1]), learning, earlier)
