"""The command `weir run edge`: parses arguments and prints results."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from platform_assets.core.console import (
    Home,
    Json,
    Override,
    Reason,
    console_of,
    location_of,
    print_json,
    settings_of,
    stage_of,
)


def run_edge_command(
    input: Annotated[
        str | None,
        typer.Option(
            "--input", help="Folder, file or s3:// URI of CloudFront logs; remembered in the home.", show_default=False
        ),
    ] = None,
    home: Home = None,
    apply: Annotated[bool, typer.Option("--apply", help="Change WAF; without it the plan is only shown.")] = False,
    override: Override = None,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Logs -> features -> scores -> decisions -> WAF plan (and change, with --apply).

    Example: weir run edge --input s3://my-log-bucket/prefix
    """
    from platform_assets.cli.outcome import stop_where_hours_are_missing, stop_where_not_applied
    from platform_assets.cli.run import run_pipeline
    from platform_assets.domains.waf import report
    from platform_assets.domains.waf.cli import overridden
    from platform_assets.domains.waf.planning import WafChange
    from platform_assets.settings import remember

    values: dict[str, Any] = {}
    if input is not None:
        values["cloudfront_raw"] = location_of(input)
    if apply:
        values["waf_apply"] = True
    settings = settings_of(home, **values)
    with console_of(to_stderr=json) as console:
        outcome = run_pipeline(settings, "edge", stage_of(console), overridden(settings, override, reason, "run edge"))
        if input is not None:
            remember(settings, cloudfront_raw=settings.cloudfront.raw)
        report.show_run(console, settings, outcome)
        if json:
            print_json(outcome.for_machines())
        stop_where_hours_are_missing(outcome)
        stop_where_not_applied(outcome, settings.waf.apply, WafChange.unchanged)
