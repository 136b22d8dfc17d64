"""The edge in `weir demo`: a day of CloudFront logs after a day of history, into the local WAF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_assets.cli.demo import DomainDemo, Shown, World
from platform_assets.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from platform_assets.cli.run import Progress

LOGS = World(
    folder="demo",
    module="simulator",
    hours_back=48,
    arguments=("--hours", "48", "--families", "all"),
    truth="clients.parquet",
    setting="cloudfront_raw",
    takes_scale=True,
)


def play(console: Console, settings: Settings, progress: Progress) -> Shown:
    """Logs to WAF, measured against the truth."""
    from platform_assets.cli.outcome import stop_where_not_applied
    from platform_assets.cli.run import run_pipeline
    from platform_assets.domains.waf import report
    from platform_assets.domains.waf.planning import WafChange

    outcome = run_pipeline(settings, "edge", progress)
    report.show_run(console, settings, outcome)
    summary = report.show_truth(console, settings, LOGS.path(settings) / "truth")
    return Shown(
        summary,
        report.next_commands(settings),
        lambda: stop_where_not_applied(outcome, settings.waf.apply, WafChange.unchanged),
    )


DEMO = DomainDemo(1, (LOGS,), {"waf_apply": True, "waf_target": "twin"}, play)
