"""What a check returns, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

from platform_assets.settings import Settings

State = Literal["ok", "missing", "failed", "off"]
Check = Callable[[Settings], tuple[State, str]]
COLORS: dict[State, str] = {"ok": "green", "missing": "yellow", "failed": "red", "off": "dim"}


@dataclass(frozen=True)
class Finding:
    """The result of one check. missing: not there yet, or not set yet; off: not in use."""

    name: str
    state: State
    sentence: str


def exit_code(findings: Iterable[Finding]) -> int:
    return 1 if any(finding.state == "failed" for finding in findings) else 0


def render(findings: Iterable[Finding]) -> Table:
    """For rich's Console; the sentences are plain text, also where they hold brackets."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "State", "What was found"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(Text(finding.name), Text(finding.state, style=COLORS[finding.state]), Text(finding.sentence))
    return table
