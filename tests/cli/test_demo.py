"""How a demo ends: in the lines that matter, in commands that work as printed, and with the error of what was stopped."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from rich.console import Console

from platform_assets.cli import demo
from platform_assets.cli.demo import DomainDemo, Shown, domain_demos, play_all
from platform_assets.settings import Settings


def test_a_demo_ends_in_a_line_of_each_domain_and_the_next_commands(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped() -> None:
        raise RuntimeError("stopped by a check")

    shown = [Shown("WAF: 3.", ("weir explain", "weir ui"), stopped), Shown("Clusters: 4."), Shown("Anomalies: 5.")]

    def playing(one: Shown) -> DomainDemo:
        return DomainDemo(1, (), {}, lambda console, settings, progress: one)

    monkeypatch.setattr(demo, "domain_demos", lambda: [playing(one) for one in shown])
    with pytest.raises(RuntimeError, match="stopped by a check"):
        play_all(Console(width=80), home, lambda _: nullcontext(None))
    said = capsys.readouterr().out.splitlines()
    assert said[-5:] == ["WAF: 3.", "Clusters: 4.", "Anomalies: 5.", "weir explain", "weir ui"]
    assert len(domain_demos()) == 4, "so that there are six lines"
