"""An explanation as text for a terminal, and as JSON for machines. What is explained is found in explain.py.

Whatever an attacker sent is shown escaped, so that no terminal acts on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from platform_assets.core.times import instant
from platform_assets.domains.waf.explain.lookup import Evidence, Explanation, Feature, FoundDecision, ModelPage, Score
from platform_assets.domains.waf.explain.request import FiredSignal, HourScores

if TYPE_CHECKING:
    from rich.console import RenderableType

RENDERED_ENTRIES, RENDERED_CHARACTERS, RENDERED_WORDS = 6, 500, 80


def to_json(explanation: Explanation) -> str:
    """All of it as JSON, in ASCII, so that no terminal acts on what an attacker sent."""
    return json.dumps(asdict(explanation), indent=2, default=instant)


def render(explanation: Explanation) -> RenderableType:
    """For a terminal."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(_clean(explanation.summary), "bold")]

    def section(title: str, lines: Iterable[str]) -> None:
        if shown := [_clean(line) for line in lines]:
            parts.extend([Text(), Text(title, "bold cyan"), *(Text(line) for line in shown)])

    section("Notes", explanation.notes)
    section("Decisions", _few([line for one in explanation.decisions for line in _decision_lines(one)], 2))
    section("WAF", _few(explanation.planned, 1))
    section("Score", _score_lines(explanation.score))
    section("Models", (line for one in explanation.models for line in _model_lines(one)))
    if explanation.features:
        section("Features, beside the clients of the same kind in the same hour", ["furthest from the usual first"])
        parts.append(_feature_table(explanation.features))
    section("Among the requests of its hour", _hour_lines(explanation.hour_scores))
    if explanation.signals:
        section("Signals, beside the requests of the same hour", ["those of the piece that decided first"])
        parts.append(_signal_table(explanation.signals))
    section("Requests", (line for one in explanation.requests for line in _request_lines(one)))
    section("Log objects", _object_lines(explanation.requests))
    return Group(*parts)


def _few(lines: Sequence[str], lines_an_entry: int) -> Sequence[str]:
    if (more := len(lines) // lines_an_entry - RENDERED_ENTRIES) <= 0:
        return lines
    return [*lines[: RENDERED_ENTRIES * lines_an_entry], f"and {more} more, which --json shows"]


def _clean(text: str) -> str:
    """Without what a terminal would act on: control and direction characters as escapes, and not endless."""
    cut = text if len(text) <= RENDERED_CHARACTERS else f"{text[:RENDERED_CHARACTERS]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def _decision_lines(found: FoundDecision) -> Iterator[str]:
    one, state = found.decision, "in force until" if found.is_in_force else "ended"
    made = f"decided {instant(one.decided_at)} by {one.model_name} {one.model_version}"
    yield f"{one.action} {one.address}, {state} {instant(one.expires_at)}; {made}, id {one.decision_id}"
    yield f"    {one.reason}"


def _score_lines(score: Score | None) -> Iterator[str]:
    if score is not None:
        verdict = f"abuse ({score.abuse_kind})" if score.is_abuse else "no abuse"
        yield f"{score.model_name} {score.model_version} gives {score.client} {score.abuse_probability:.3f} in the hour {instant(score.hour_at)}: {verdict}, {score.request_count} requests in 24 hours"
        yield from [f"    {score.reason}"] if score.reason else []


def _model_lines(page: ModelPage) -> Iterator[str]:
    yield f"{page.name} {page.version}: {page.page}"
    if page.problem:
        yield f"    MLflow does not say more: {page.problem}"
        return
    yield f"    run {page.run_id}, gate {'passed' if page.has_passed_gate else 'not passed'}, fitted on {page.training_table}, code {page.git_revision or 'unknown'}"
    if figures := _gate_figures(page):
        yield "    " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _gate_figures(page: ModelPage) -> dict[str, float]:
    """The figures that the gate is about; all where the model is not known any more."""
    from weir_models import registry as models

    try:
        names = [gate.figure for gate in models.spec(page.name).gates]
    except ValueError:
        names = list(page.figures)
    return {name: page.figures[name] for name in names if name in page.figures}


def _hour_lines(scores: HourScores | None) -> Iterator[str]:
    if scores is not None:
        yield f"{scores.at_least_as_high:,} of {scores.request_count:,} are scored as high; median {scores.median:.3f}, 99 % {scores.p99:.3f}"


def _signal_table(signals: Sequence[FiredSignal]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("signal", "class", "where", "words"):
        table.add_column(name, overflow="fold")
    for name in ("weight", "have it"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in signals:
        where = one.field if one.is_deciding else f"{one.field} (not what decided)"
        words = Text(_clean(one.words[:RENDERED_WORDS]))
        table.add_row(one.signal, one.attack_class, where, words, f"{one.weight:.2f}", f"{100 * one.hour_share:.3g} %")
    return table


def _feature_table(features: Sequence[Feature]) -> RenderableType:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("feature", no_wrap=True, min_width=24)
    for name in ("this hour", "median", "99 %", "24 hours", "median", "99 %"):
        table.add_column(name, justify="right")
    for one in features:
        cells = [
            _number(getattr(beside, name)) if beside else ""
            for beside in (one.hour, one.day)
            for name in ("value", "median", "p99")
        ]
        table.add_row(one.name, *cells)
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:.3g}"


def _request_lines(one: Evidence) -> Iterator[str]:
    status = "" if one.status is None else f" -> {one.status}"
    yield f"{instant(one.event_at)} {one.client_ip} {one.method or '-'} {one.host or '-'}{one.target}{status}"
    if one.attack_probability is None:
        yield "    not scored"
    else:
        verdict = f"{one.attack_class}, by {one.words}" if one.attack_class else "no attack"
        yield f"    {one.attack_probability:.3f} {verdict}"
    yield f"    id {one.request_id}, line {one.line_number} of {one.source_object.rpartition('/')[2]}"


def _object_lines(requests: Sequence[Evidence]) -> Iterator[str]:
    lines: dict[tuple[str, str], list[int]] = {}
    for one in requests:
        lines.setdefault((one.source_object, one.etag or "unknown"), []).append(one.line_number)
    for (source_object, etag), numbers in sorted(lines.items()):
        yield f"{source_object}, etag {etag}, line {', '.join(str(number) for number in sorted(numbers))}"
