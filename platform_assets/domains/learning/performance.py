"""How well versions do, window by window: realised once outcomes are known, by measurement or by people, else estimated.

Outcomes come late, so a window may have several rows of a figure; the newest counts. Each row of a realised figure has the
state of its test for having become worse, which takes every outcome once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from platform_assets.core.domain import load, tables
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.tables import learners, performance_table
from platform_assets.domains.learning.windows import Window, whole_windows, window_of
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets
from spark_jobs.contract import Interval, format_hour
from spark_jobs.storage.lake import Lake
from weir_models import registry

if TYPE_CHECKING:
    import pandas as pd

    from weir_learning.figures import Measured

MEASURED, JUDGED, ESTIMATED = "realised by measurement", "realised by verdicts", "estimated"
UNIT = "2h"
"""Errors of one entity within it are not independent: four times as long as what a forecast looks ahead."""
MOST_WINDOWS = 28
"""Of a first look at what was measured."""
ESTIMATES = ("precision", "recall")
Row = dict[str, Any]


def measure(settings: Settings, lake: Lake, model: str, windows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Write what became known since the last evaluation, and estimates of `windows` (rows of the table); returns the rows."""
    known = _rows(lake, model)
    rows = [*_estimated(lake, model, windows), *_realised(settings, lake, model, known)]
    lake.append_rows(performance_table(model), rows)
    return rows


def newest(lake: Lake, model: str, version: str) -> list[Row]:
    """Of each figure and kind of evidence of a version, the newest row about its newest window."""
    found: dict[tuple[str, str], Row] = {}
    for row in sorted(_rows(lake, model), key=lambda row: (row["window_start"], row["evaluated_at"])):
        if row["model_version"] == version:
            found[row["figure"], row["evidence"]] = row
    return list(found.values())


def proved_worse(lake: Lake, model: str, version: str) -> list[str]:
    """The figures in which a version is proved to have become worse, as sentences."""
    last: dict[str, Row] = {}
    for row in _rows(lake, model):
        if row["model_version"] == version and row["evidence"] != ESTIMATED:
            last[row["figure"]] = row
    return [f"{figure}: {row['sentence']}" for figure, row in sorted(last.items()) if row["is_worse"]]


def _rows(lake: Lake, model: str) -> list[Row]:
    rows: list[Row] = lake.read_arrow(performance_table(model)).sort_by("evaluated_at").to_pylist()
    return rows


def _realised(settings: Settings, lake: Lake, model: str, known: Sequence[Row]) -> Iterator[Row]:
    """Rows of windows whose outcomes became known, or others than before."""
    evidence = MEASURED if training_sets()[model].outcomes else JUDGED
    if evidence == MEASURED:
        outcomes = _measured_since(settings, lake, model, known)
    else:
        outcomes = judged_outcomes(settings, lake, model)
    if outcomes is None:
        return
    for version, of_version in outcomes.groupby("model_version"):
        mine = [row for row in known if row["model_version"] == version and row["evidence"] == evidence]
        for figure in learners()[model].realised:
            of_figure = [row for row in mine if row["figure"] == figure]
            share = len(learners()[model].realised)
            yield from rows_of_figure(figure, str(version), evidence, of_version, of_figure, share)


def rows_of_figure(
    figure: str, version: str, evidence: str, outcomes: pd.DataFrame, known: Sequence[Row], figures: int
) -> Iterator[Row]:
    """Rows of one figure of a version, of the windows in which it is another than in the rows that are known. Pure.

    `outcomes` have window, unit, known_at and the columns of the figure; `figures` are tested together, at 5 %.
    """
    from weir_learning.degradation import Degradation, losses
    from weir_learning.sequential import LEVEL

    before = {row["window_start"]: (row["value"], row["n"]) for row in known}
    until = max((row["known_until"] for row in known), default=datetime.min.replace(tzinfo=UTC))
    state = json.loads(known[-1]["state"]) if known else None
    test = Degradation.from_state(state) if state else Degradation(LEVEL / figures)
    new = outcomes[outcomes["known_at"] > until].sort_values("known_at", kind="stable")
    test = test.updated(losses(figure, new, new["unit"]))
    for window, rows in outcomes.groupby("window"):
        found = _figure(figure, evidence, rows)
        if not found.n or before.get(window.start) == (found.value, found.n):
            continue
        yield {
            "model_version": version,
            "window_start": window.start,
            "window_end": window.end,
            "figure": figure,
            "evidence": evidence,
            "value": _known(found.value),
            "low_95": _known(found.low),
            "high_95": _known(found.high),
            "n": found.n,
            "is_worse": test.is_worse,
            "sentence": test.sentence,
            "state": json.dumps(test.state()),
            "known_until": max(outcomes["known_at"].max().to_pydatetime(), until),
            "evaluated_at": datetime.now(UTC),
        }


def _figure(figure: str, evidence: str, rows: pd.DataFrame) -> Measured:
    from weir_learning.figures import REGRESSOR, blocked_figure, classifier_figures

    if evidence == MEASURED:
        return blocked_figure(next(one for one in REGRESSOR if one.name == figure), rows, rows["unit"])
    return next(one for one in classifier_figures(rows["truth"], rows["predicted"]) if one.name == figure)


def _measured_since(settings: Settings, lake: Lake, model: str, known: Sequence[Row]) -> pd.DataFrame | None:
    """Predictions of the whole windows after those that are known, beside what was measured."""

    measured = next((table for key in registry.spec(model).inputs if (table := tables()[key]).hourly), None)
    if measured is None:
        return None
    last = max((row["window_start"] for row in known if row["evidence"] == MEASURED), default=None)
    windows = list(whole_windows(lake.hours(measured), settings.learning.window_hours))[-MOST_WINDOWS:]
    windows = [window for window in windows if last is None or window.start > last]
    if not windows:
        return None
    hours = Interval(windows[0].start, windows[-1].end).hours
    rows: pd.DataFrame = load(training_sets()[model].outcomes)(settings, hours)
    if rows.empty:
        return None
    stretch = rows["event_at"].dt.floor(UNIT).astype(str)
    return rows.assign(
        window=_windows(settings, rows["event_at"]), unit=rows["entity"] + " " + stretch, known_at=rows["event_at"]
    )


def judged_outcomes(settings: Settings, lake: Lake, model: str) -> pd.DataFrame | None:
    """What people judged, beside what the model said then; a correction changes a verdict, not when it was known first."""
    import pandas as pd

    given = feedback.AUDIT.read(lake)
    first: dict[str, datetime] = {}
    for verdict in given:
        if verdict.model == model:
            first.setdefault(verdict.subject, verdict.acted_at)
    rows = [
        {
            "event_at": verdict.event_at,
            "known_at": first[verdict.subject],
            "unit": verdict.entity,
            "model_version": verdict.model_version or "none",
            "truth": verdict.label,
            "predicted": verdict.is_flagged,
        }
        for verdict in feedback.in_force(given, model, datetime.now(UTC))
        if verdict.is_flagged is not None and verdict.event_at is not None
    ]
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    return frame.assign(window=_windows(settings, frame["event_at"]))


def _windows(settings: Settings, times: pd.Series) -> list[Window]:
    return [window_of(format_hour(at), settings.learning.window_hours) for at in times]


def _estimated(lake: Lake, model: str, windows: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """What calibrated probabilities of the windows imply, without outcomes."""
    from weir_learning.estimate import cbpe

    learning = learners()[model]
    if not (learning.flag and learning.outcome):
        return
    for window in windows:
        hours = Interval(window["window_start"], window["window_end"]).hours
        rows = lake.read_arrow(tables()[learning.predictions], hours, columns=[learning.score, learning.flag])
        if not rows.num_rows:
            continue
        for estimate in cbpe(rows[learning.score].to_numpy(), rows[learning.flag].to_numpy().astype(bool)):
            if estimate.name in ESTIMATES:
                yield {
                    **{name: window[name] for name in ("model_version", "window_start", "window_end")},
                    "figure": estimate.name,
                    "evidence": ESTIMATED,
                    "value": _known(estimate.value),
                    "low_95": _known(estimate.low),
                    "high_95": _known(estimate.high),
                    "n": estimate.n,
                    "evaluated_at": datetime.now(UTC),
                }


def _known(value: float) -> float | None:
    return None if value != value else float(value)
