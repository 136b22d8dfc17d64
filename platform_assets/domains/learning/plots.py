"""Plots of the loop, from rows of its tables: drift by column, reliability by verdicts, challenger beside champion, release.

matplotlib is imported late. Names of columns are ours; they are shown as text without markup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_COLUMNS = 8
"""Of the plot of drift, those that departed most."""
PSI_FLOOR = 0.1
"""From which on a column can have drifted."""
LEAST_VERDICTS = 10
Row = Mapping[str, Any]


def drift(columns: Sequence[Row], model: str) -> Any:
    """PSI of the columns over the windows, drifted ones with a mark; None without a compared window."""
    known = [row for row in columns if row["psi"] is not None]
    if not known:
        return None
    highest: dict[str, float] = {}
    for row in known:
        highest[row["column_name"]] = max(highest.get(row["column_name"], 0.0), row["psi"])
    axes = _axes(f"{model}: drift by column")
    for name in sorted(highest, key=lambda name: -highest[name])[:MOST_COLUMNS]:
        rows = sorted((row for row in known if row["column_name"] == name), key=lambda row: row["window_start"])
        at, psi = [row["window_start"] for row in rows], [row["psi"] for row in rows]
        (line,) = axes.plot(at, psi, linewidth=1, marker=".", label=_text(name))
        marked = [place for place, row in enumerate(rows) if row["is_drifted"]]
        axes.plot([at[p] for p in marked], [psi[p] for p in marked], "o", color=line.get_color())
    axes.axhline(PSI_FLOOR, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="start of the window (UTC); filled: drifted", ylabel="PSI beside the baseline")
    return _finished(axes)


def reliability(scores: Sequence[float], labels: Sequence[bool], model: str) -> Any:
    """Share of confirmed verdicts by predicted probability; None with few verdicts, or where scores are no probabilities."""
    import numpy as np

    from weir_models import plots

    values = np.asarray(scores, dtype=float)
    if len(values) < LEAST_VERDICTS or not ((values >= 0) & (values <= 1)).all():
        return None
    return plots.reliability(np.asarray(labels, dtype=bool), values, f"{model}: reliability by verdicts of people")


def comparison(comparisons: Sequence[Row], model: str) -> Any:
    """Of the newest challenger, window by window with 95 % intervals: each share that a guard bounds, and each difference of
    the arms; None where there is neither."""
    rows = of_newest(comparisons)
    found = [{name: _point(one) for name, one in json.loads(row["figures"]).items()} for row in rows]
    names = [name for name in dict.fromkeys(n for one in found for n in one) if any(one.get(name) for one in found)]
    if not names:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1 + 1.5 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        for place, (row, points) in enumerate(zip(rows, found, strict=True)):
            if (point := points.get(name)) is None:
                continue
            color = "tab:red" if row["verdict"] == "breached" else "tab:blue"
            spread = [[max(point.value - point.low, 0.0)], [max(point.high - point.value, 0.0)]]
            axes.errorbar([place], [point.value], yerr=spread, fmt="o", capsize=3, color=color)
            at = (place, point.value)
            axes.annotate(f"{point.n:,}", at, xytext=(6, 4), textcoords="offset points", fontsize="x-small")
            axes.axhline(point.bound, color="grey", linestyle="--", linewidth=1)
        axes.set_ylabel(_text(name), fontsize="small")
    versions = f"version {rows[-1]['challenger']} beside {rows[-1]['champion']}"
    panels[0].set_title(f"{model}: {versions}, 95 % intervals; dashed: bound", fontsize="medium")
    panels[-1].set_xticks(range(len(rows)), _starts(rows), fontsize="x-small")
    return figure


@dataclass(frozen=True)
class Point:
    """A figure with its interval, the bound that it is held against, and what it was measured on."""

    value: float
    low: float
    high: float
    bound: float
    n: int


def _point(figure: Mapping[str, Any]) -> Point | None:
    """A share beside the bound of a guard, with Wilson's interval, or a difference of two arms beside none; None of other figures."""
    from weir_learning.figures import wilson

    value, n = figure.get("value", figure.get("difference")), figure.get("n") or 0
    if value is None or not n:
        return None
    if "difference" in figure:
        return Point(value, figure["low"], figure["high"], 0.0, n)
    if not (0 <= value <= 1 and figure["at_most"] < 1):
        return None
    return Point(value, *wilson(value * n, n), figure["at_most"], n)


def release(comparisons: Sequence[Row], model: str) -> Any:
    """Of the newest challenger, the share that it served and the evidence of its tests, window by window."""
    rows = of_newest(comparisons)
    if not rows:
        return None
    from math import log

    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    places = list(range(len(rows)))
    top.step(places, [row["share"] or 0.0 for row in rows], where="post", marker="o")
    top.set_ylabel("share served", fontsize="small")
    top.set_ylim(-0.03, 1.03)
    top.set_title(f"{model}: release of version {rows[-1]['challenger']}", fontsize="medium")
    states = [json.loads(row["evidence"]) for row in rows]
    for name in dict.fromkeys(n for state in states for n in state):
        tests = [state.get(name, {}) for state in states]
        if not all("most_above" in test for test in tests):
            continue
        (line,) = bottom.plot(
            places, [test["most_above"] for test in tests], marker="o", label=f"{_text(name)} above its bound"
        )
        bottom.plot(
            places,
            [test["most_below"] for test in tests],
            marker=".",
            linestyle=":",
            color=line.get_color(),
            label=f"{_text(name)} within it",
        )
        bottom.axhline(log(1 / tests[-1]["level"]), color="grey", linestyle="--", linewidth=1)
    bottom.set_ylabel("log e-value; dashed: proved", fontsize="small")
    if bottom.get_legend_handles_labels()[0]:
        bottom.legend(fontsize="x-small")
    bottom.set_xticks(places, _starts(rows), fontsize="x-small")
    return figure


def of_newest(comparisons: Sequence[Row]) -> list[Row]:
    """The comparisons of the challenger that was compared last, in order of their windows."""
    if not comparisons:
        return []
    newest = max(comparisons, key=lambda row: row["evaluated_at"])["challenger"]
    return sorted((row for row in comparisons if row["challenger"] == newest), key=lambda row: row["window_start"])


def _starts(rows: Sequence[Row]) -> list[str]:
    return [f"{row['window_start']:%m-%d %H:%M}" for row in rows]


def _axes(title: str) -> Any:
    from matplotlib.figure import Figure

    axes = Figure(figsize=(7, 4), layout="constrained").subplots()
    axes.set_title(_text(title), fontsize="medium")
    return axes


def _finished(axes: Any) -> Any:
    axes.legend(fontsize="x-small")
    axes.tick_params(axis="x", labelrotation=30, labelsize="x-small")
    return axes.figure


def _text(name: str) -> str:
    """A name as matplotlib shows it literally: a dollar would begin mathematics."""
    return name.replace("$", r"\$")
