"""Verdicts of people: a table that only grows, with the time of what happened and the time at which the verdict came.

A later verdict on the same subject counts from when it came; what was known before stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from platform_assets.actions.audit import AuditRow, reason_of
from platform_assets.actions.audit_table import AuditTable
from platform_assets.actions.errors import RequestError
from platform_assets.core.domain import load
from platform_assets.core.times import as_utc
from platform_assets.domains.learning.tables import FEEDBACK
from platform_assets.settings import Settings
from platform_assets.training.sets import Judged, training_sets

if TYPE_CHECKING:
    import pandas as pd

    from spark_jobs.storage.lake import Lake

VERDICTS = ("attack", "benign", "incident", "noise")
FAMILY = "verdict"
"""Of the examples that verdicts become."""


class FeedbackError(RequestError):
    """A verdict cannot be taken; one sentence with what to do."""


@dataclass(frozen=True)
class Verdict(AuditRow):
    """One verdict, a row of learning/feedback; `command` is the verdict."""

    model: str = ""
    event_at: datetime | None = None
    entity: str = ""
    score: float | None = None
    is_flagged: bool | None = None
    model_version: str | None = None
    example: str = ""

    @property
    def label(self) -> bool:
        """The label that it stands for."""
        return training_sets()[self.model].verdicts[self.command]

    @classmethod
    def from_row(cls, row: Any) -> Verdict:
        return super().from_row({**row, "event_at": as_utc(row["event_at"])})


AUDIT = AuditTable(FEEDBACK, Verdict)


def judged(settings: Settings, subject: str) -> list[tuple[str, Judged]]:
    """Model -> what the subject is to it. FeedbackError where no model judges it."""
    found = []
    for name, training in training_sets().items():
        if training.judged and (about := load(training.judged)(settings, subject)) is not None:
            found.append((name, about))
    if not found:
        raise FeedbackError(
            f"Nothing is known of {subject!r}; name a request id, an address and an hour (203.0.113.7@2026-11-20T13:00), a cluster and a time (checkout@2026-11-20T13:05), or the id of an alert that is in the lake."
        )
    return found


def verdicts_on(
    settings: Settings, subject: str, verdict: str, reason: str, *, actor: str, at: datetime
) -> list[tuple[Verdict, Judged]]:
    """The rows of a verdict, one for each model that judges the subject. FeedbackError."""
    if verdict not in VERDICTS:
        raise FeedbackError(f"{verdict!r} is no verdict; choose from {', '.join(VERDICTS)}.")
    why = reason_of(reason)
    known = judged(settings, subject)
    fitting = [(name, about) for name, about in known if verdict in training_sets()[name].verdicts]
    if not fitting:
        choices = sorted({choice for name, _ in known for choice in training_sets()[name].verdicts})
        raise FeedbackError(f"The verdict {verdict} does not fit {subject!r}; choose from {', '.join(choices)}.")
    return [
        (
            Verdict.make(
                at, actor, verdict, subject, why,
                model=name, event_at=about.event_at, entity=about.entity, score=about.predicted,
                is_flagged=about.is_flagged, model_version=about.model_version,
                example="" if about.example is None else json.dumps(dict(about.example), default=str),
            ),
            about,
        )
        for name, about in fitting
    ]  # fmt: skip


def in_force(rows: Iterable[Verdict], model: str, at: datetime) -> list[Verdict]:
    """The verdicts on a model's subjects as they were known at a time: of each subject the newest."""
    newest: dict[str, Verdict] = {}
    for row in sorted(rows, key=lambda row: row.acted_at):
        if row.model == model and row.acted_at <= at:
            newest[row.subject] = row
    return list(newest.values())


def examples(lake: Lake, model: str, at: datetime) -> pd.DataFrame | None:
    """Rows of the model's training set that verdicts stand for; None where there are none."""
    import pandas as pd

    training = training_sets()[model]
    known = [row for row in in_force(AUDIT.read(lake), model, at) if row.example]
    if not training.label or not known:
        return None
    rows = [{**json.loads(row.example), training.label: row.label, "family": FAMILY, "split": "fit"} for row in known]
    frame = pd.DataFrame(rows).reindex(columns=list(training.table.column_names))
    for column in training.table.columns:
        if column.type == "timestamp":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True)
    return frame


def performance(rows: Sequence[Verdict], model: str, at: datetime) -> dict[str, Any]:
    """How well the model did on what people judged: counts by verdict and prediction."""
    known = [row for row in in_force(rows, model, at) if row.is_flagged is not None]
    return {
        "true_positives": sum(bool(row.is_flagged) and row.label for row in known),
        "false_positives": sum(bool(row.is_flagged) and not row.label for row in known),
        "false_negatives": sum(not row.is_flagged and row.label for row in known),
        "true_negatives": sum(not row.is_flagged and not row.label for row in known),
    }
