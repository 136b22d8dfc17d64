"""An explanation as text for a terminal, and as JSON for machines. lookup.py finds what is explained.

Whatever an attacker sent is escaped, so that no terminal acts on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from platform_assets.core.console import Folded
from platform_assets.core.escape import for_terminal
from platform_assets.core.times import instant
from platform_assets.domains.waf.explain.client import Feature
from platform_assets.domains.waf.explain.decision import RelatedDecision
from platform_assets.domains.waf.explain.log_lines import LogLine
from platform_assets.domains.waf.explain.lookup import Explanation
from platform_assets.domains.waf.explain.model_page import ModelPage
from platform_assets.domains.waf.explain.request import FiredSignal, HourScores
from spark_jobs.wording import counted

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

    parts: list[RenderableType] = [Folded(_clean(explanation.summary), "bold")]

    def section(title: str, lines: Iterable[str]) -> None:
        if shown := [_clean(line) for line in lines]:
            parts.extend([Text(), Text(title, "bold cyan"), *(Folded(line) for line in shown)])

    section("Notes", explanation.notes)
    section("Decisions", _few([line for related in explanation.decisions for line in _decision_lines(related)], 2))
    section("WAF", _few(explanation.planned, 1))
    section("Score", _score_lines(explanation))
    section("Models", (line for page in explanation.models for line in _model_lines(page)))
    if explanation.features:
        section("Features, beside the clients of the same kind in the same hour", ["furthest from the usual first"])
        parts.append(_feature_table(explanation.features))
    section("Among the requests of its hour", _hour_lines(explanation.hour_scores))
    if explanation.signals:
        section("Signals, beside the requests of the same hour", ["those of the piece that decided first"])
        parts.append(_signal_table(explanation.signals))
    section("Requests", (line for request in explanation.requests for line in _request_lines(request)))
    section("Log objects", _object_lines(explanation.requests))
    return Group(*parts)


def _few(lines: Sequence[str], lines_per_entry: int) -> Sequence[str]:
    if (more := len(lines) // lines_per_entry - RENDERED_ENTRIES) <= 0:
        return lines
    return [*lines[: RENDERED_ENTRIES * lines_per_entry], f"and {more} more, which --json shows"]


def _clean(text: str) -> str:
    """Without what a terminal would act on (control and direction characters become escapes), and cut to 500 characters."""
    cut = text if len(text) <= RENDERED_CHARACTERS else f"{text[:RENDERED_CHARACTERS]}…"
    return for_terminal(cut)


def _decision_lines(related: RelatedDecision) -> Iterator[str]:
    decision, state = related.decision, "in force until" if related.is_in_force else "ended"
    origin = f"decided {instant(decision.decided_at)} by {decision.model_name} {decision.model_version}"
    ends = instant(decision.expires_at)
    yield f"{decision.action} {decision.address}, {state} {ends}; {origin}, id {decision.decision_id}"
    yield f"    {decision.reason}"


def _score_lines(explanation: Explanation) -> Iterator[str]:
    score = explanation.score
    if score is not None:
        verdict = f"abuse ({score.abuse_kind})" if score.is_abuse else "no abuse"
        yield f"{score.model_name} {score.model_version} gives {score.client} {score.abuse_probability:.3f} in the hour {instant(score.hour_at)}: {verdict}, {counted(score.request_count, 'request')} in 24 hours"
        yield from [f"    {score.reason}"] if score.reason else []
        leading = explanation.decisions[0].decision if explanation.decisions else None
        if leading is not None and f"{leading.score:.3f}" != f"{score.abuse_probability:.3f}":
            yield f"    This is the score of all its requests. The {leading.action} rests on {leading.score:.3f}, the score of those that its reason names."


def _model_lines(page: ModelPage) -> Iterator[str]:
    yield f"{page.name} {page.version}: {page.page}"
    if page.problem:
        yield f"    MLflow does not say more: {page.problem}"
        return
    yield f"    run {page.run_id}, gate {'passed' if page.has_passed_gate else 'not passed'}, fitted on {page.training_table}, code {page.git_revision or 'unknown'}"
    if figures := _gate_figures(page):
        yield "    " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _gate_figures(page: ModelPage) -> dict[str, float]:
    """The figures that the gate checks; all of them where the model is no longer registered."""
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
    for fired in signals:
        where = fired.field if fired.is_deciding else f"{fired.field} (not what decided)"
        words, share = Text(_clean(fired.words[:RENDERED_WORDS])), f"{100 * fired.hour_share:.3g} %"
        table.add_row(fired.signal, fired.attack_class, where, words, f"{fired.weight:.2f}", share)
    return table


def _feature_table(features: Sequence[Feature]) -> RenderableType:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("feature", no_wrap=True)
    for name in ("hour", "median", "99 %", "24 h", "median", "99 %"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    for feature in features:
        cells = [
            _number(getattr(comparison, name)) if comparison else ""
            for comparison in (feature.hour, feature.day)
            for name in ("value", "median", "p99")
        ]
        table.add_row(feature.name, *cells)
    return table


def _number(value: float) -> str:
    """At most six characters: `1,234`, `0.052`, `18.4 M`."""
    for unit, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if value >= 9_999.5 * size / 1e3:
            return f"{value / size:.3g}{unit}"
    return f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:.3g}"


def _request_lines(request: LogLine) -> Iterator[str]:
    status = "" if request.status is None else f" -> {request.status}"
    yield f"{instant(request.event_at)} {request.client_ip} {request.method or '-'} {request.host or '-'}{request.target}{status}"
    if request.attack_probability is None:
        yield "    not scored"
    else:
        verdict = f"{request.attack_class}, by {request.words}" if request.attack_class else "no attack"
        yield f"    {request.attack_probability:.3f} {verdict}"
    yield f"    id {request.request_id}, line {request.line_number} of {request.source_object.rpartition('/')[2]}"


def _object_lines(requests: Sequence[LogLine]) -> Iterator[str]:
    lines: dict[tuple[str, str], list[int]] = {}
    for request in requests:
        lines.setdefault((request.source_object, request.etag or "unknown"), []).append(request.line_number)
    for (source_object, etag), numbers in sorted(lines.items()):
        yield f"{source_object}, etag {etag}, line {', '.join(str(number) for number in sorted(numbers))}"
