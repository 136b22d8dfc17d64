"""The commands `weir scaling …` and `weir run scaling`: recommendations, plan, apply, undo. Parses arguments and prints results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.core.console import (
    Folded,
    Home,
    Json,
    Override,
    Reason,
    console_of,
    duration_of,
    location_of,
    print_json,
    settings_of,
    stage_of,
)

if TYPE_CHECKING:
    from platform_assets.settings import Settings

scaling_app = typer.Typer(help="Sizes of clusters: recommendations, plan, apply, undo.", no_args_is_help=True)
Apply = Annotated[bool, typer.Option("--apply", help="Change sizes; without it they are only shown.")]


def run_scaling_command(
    input: Annotated[
        str | None,
        typer.Option(
            "--input", help="Folder, file or s3:// URI of metrics; remembered in the home.", show_default=False
        ),
    ] = None,
    home: Home = None,
    apply: Apply = False,
    override: Override = None,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Metrics -> features -> forecasts -> scaling plan (and change, with --apply).

    Example: weir run scaling --input metrics/
    """
    from platform_assets.cli import run
    from platform_assets.cli.outcome import stop_where_hours_are_missing
    from platform_assets.clients.engine import lake_of
    from platform_assets.settings import remember
    from spark_jobs.sources.metrics.left_out import left_out

    values: dict[str, Any] = {"metrics_raw": location_of(input)} if input is not None else {}
    settings = _settings(home, apply, **values)
    with console_of(to_stderr=json) as console:
        outcome = run.run_pipeline(
            settings, "scaling", stage_of(console), _overridden(settings, override, reason, "run scaling")
        )
        if input is not None:
            remember(settings, metrics_raw=settings.metrics.raw)
        show(console, settings)
        for sentence in left_out(lake_of(settings)).sentences:
            console.print(Folded(sentence))
        if json:
            print_json(outcome.for_machines())
        _end(console, settings, outcome)
        stop_where_hours_are_missing(outcome)


@scaling_app.command()
def status(home: Home = None, json: Json = False) -> None:
    """The newest forecast of each cluster, what is live, what is held, and what applying would change.

    Example: weir scaling status --json
    """
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.scaling import audit
    from platform_assets.domains.scaling.forecasting import newest_forecasts

    settings = _settings(home, False)
    with console_of(to_stderr=json) as console:
        lake = lake_of(settings)
        show(console, settings)
        holds = audit.undo_holds(audit.AUDIT.read(lake), datetime.now(UTC))
        for cluster, why in sorted(holds.items()):
            console.print(Folded(f"{cluster}: {why}"))
        shown = _show_plan(console, _settings(home, True))
        if json:
            print_json({"forecasts": newest_forecasts(lake), "held": holds, "plan": shown})


@scaling_app.command()
def plan(home: Home = None, json: Json = False) -> None:
    """What applying would change now, cluster by cluster, with why; nothing is written.

    Example: weir scaling plan --json
    """
    with console_of(to_stderr=json) as console:
        shown = _show_plan(console, _settings(home, True))
        if json:
            print_json(shown)


@scaling_app.command("apply")
def apply_command(home: Home = None, override: Override = None, reason: Reason = "") -> None:
    """Plan again from the newest forecasts, check, and change sizes.

    Example: weir scaling apply --override metrics_are_fresh --reason "a replay"
    """
    settings = _settings(home, True)
    with console_of() as console:
        overrides = _overridden(settings, override, reason, "scaling apply")
        _end(console, settings, _replan(settings, console, overrides))


@scaling_app.command()
def undo(
    reason: Reason = "",
    period: Annotated[str, typer.Option("--for", help="How long sizes are held then, such as 30m, 2h.")] = "1h",
    home: Home = None,
    apply: Apply = False,
) -> None:
    """Go back to the sizes before the last apply, and hold them for a time.

    Example: weir scaling undo --for 2h --reason "too small" --apply
    """
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.scaling.planning import ScalingChange

    span, settings = duration_of("--for", period), _settings(home, apply)
    change = ScalingChange(settings, lake_of(settings))
    plan = change.plan_undo()
    with console_of() as console:
        if not apply:
            console.print(Folded(plan.text()))
            console.print("Nothing is changed; --apply does it and needs --reason.")
            return
        console.print(Folded(change.apply_undo(plan, reason, span).text()))


def _replan(settings: Settings, console: Any, overrides: Sequence[str]) -> Any:
    """Run the plan, its checks and the sizes alone, from the newest forecasts."""
    from platform_assets.cli.run import run_assets

    keys = ("scaling/plan", "scaling/recommendations")
    return run_assets(settings, "Planning the scaling", keys, stage_of(console), overrides)


def _settings(home: Any, apply: bool, **values: Any) -> Settings:
    return settings_of(home, **({"scaling_apply": True} if apply else {}), **values)


def _overridden(settings: Settings, checks: Sequence[str] | None, reason: str, run: str) -> list[str]:
    """Record the checks that are overridden in this run; returns the audit ids that the run has to name."""
    from platform_assets.domains.scaling import audit
    from platform_assets.domains.scaling.tables import SCALING_PLAN

    return audit.AUDIT.override_for_run(
        settings, SCALING_PLAN.checks, checks, who=audit.who, reason=reason, details=f"weir {run}"
    )


def show(console: Any, settings: Settings) -> None:
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.scaling.report import reasons, recommendations

    lake = lake_of(settings)
    console.print(recommendations(lake))
    console.print(Folded(reasons(lake)))


def _show_plan(console: Any, settings: Settings) -> dict[str, Any]:
    """The plan by the judgement of `weir scaling apply`, which takes no old metrics; nothing is written. Returns it for machines."""
    from platform_assets.actions.checks import failures, for_machines
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.scaling.planning import make_plan

    checked_plan, results = make_plan(settings, lake_of(settings))
    console.print(Folded(checked_plan.text()))
    stopping = failures(results)
    for result in stopping:
        console.print(Folded(f"It would be stopped by {result.name}: {result.sentence}"))
    if checked_plan.changes and not stopping:
        console.print("Sizes are unchanged; `weir scaling apply` changes them.")
    return for_machines(checked_plan, results)


def _end(console: Any, settings: Settings, outcome: Any) -> None:
    """What was or would be changed; a plan that was to be applied and was not is a failure."""
    from platform_assets.cli.outcome import stop_where_not_applied
    from platform_assets.domains.scaling.planning import ScalingChange

    if not outcome.failed_checks:
        console.print(outcome.metadata["scaling/recommendations"]["summary"])
        return
    stop_where_not_applied(outcome, settings.scaling.apply, ScalingChange.unchanged)
    for failure in outcome.failed_checks:
        console.print(Folded(f"It would be stopped by {failure}"))
