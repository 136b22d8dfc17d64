"""The commands `weir waf …`: manual actions, status, plan, install. Parses arguments and prints results.

Each manual action is recorded first, then the resulting plan is shown; WAF changes with --apply, or with the next run
that applies. docs/enforcement.md explains the actions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from platform_assets.core.console import (
    Folded,
    Home,
    Json,
    Override,
    Reason,
    console_of,
    duration_of,
    settings_of,
    stage_of,
    time_of,
)
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from platform_assets.domains.waf.manual.actions import ManualActions
    from platform_assets.domains.waf.manual.in_force import ManualAction
    from platform_assets.settings import Settings

waf_app = typer.Typer(help="What WAF holds and why; allow, block, withdraw, roll back, install.", no_args_is_help=True)

Apply = Annotated[bool, typer.Option("--apply", help="Change WAF; without it the plan is only shown.")]
Cidr = Annotated[str, typer.Argument(help="Address or CIDR.")]
Period = Annotated[str, typer.Option("--for", help="How long, such as 30m, 2h, 7d.")]


@waf_app.command()
def install(
    home: Home = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="count or enforce; default: as it is, count where it is new.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make the IP sets and the rule group that uses them in each scope, after showing it; no web ACL is touched.

    Example: weir waf install --mode count
    """
    from functools import partial

    from platform_assets.domains.waf.apply.calls import for_each_scope
    from platform_assets.domains.waf.apply.install import apply_install, plan_install
    from platform_assets.domains.waf.apply.targets import waf_calls
    from platform_assets.domains.waf.errors import WafError
    from platform_assets.domains.waf.policy import load_policy
    from platform_assets.domains.waf.scopes import format_by_scope

    modes: dict[str | None, Literal["count", "enforce"] | None] = {None: None, "count": "count", "enforce": "enforce"}
    if mode not in modes:
        raise typer.BadParameter(f"--mode: {mode!r} is neither count nor enforce")
    settings = settings_of(home)
    calls = waf_calls(settings)
    options: dict[str, Any] = {"prefix": settings.waf.prefix, "mode": modes[mode]}
    options["shards"] = load_policy(settings.waf.policy_file).plan.shards
    planned, failed = for_each_scope(
        {scope: partial(plan_install, calls[scope], scope=scope, **options) for scope in calls}
    )
    with console_of() as console:
        for plan in planned.values():
            console.print(Folded(plan.text()))
        if failed:  # before anything is created: the person confirms all scopes or none
            raise WafError(format_by_scope({scope: str(error) for scope, error in failed.items()}, calls))
        if not any(plan.changes for plan in planned.values()):
            return
        if not yes:
            typer.confirm("Make this?", abort=True)
        changed, failed = for_each_scope(
            {scope: partial(apply_install, calls[scope], plan) for scope, plan in planned.items()}
        )
        plans = {scope: f"Made or changed: {', '.join(names) or 'nothing'}." for scope, names in changed.items()}
        console.print(format_by_scope(plans, calls))
        if failed:
            raise WafError(format_by_scope({scope: str(error) for scope, error in failed.items()}, calls))


@waf_app.command()
def status(home: Home = None, json: Json = False) -> None:
    """The IP sets and web ACLs of each scope, the manual actions in force, and what applying would change.

    Example: weir waf status --json
    """
    from platform_assets.actions.checks import failures
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.console import print_json
    from platform_assets.domains.waf.apply.targets import waf_name, waf_targets
    from platform_assets.domains.waf.apply.web_acls import use_lines
    from platform_assets.domains.waf.manual.actions import ManualActions
    from platform_assets.domains.waf.planning import make_plan

    settings = settings_of(home)
    active = ManualActions(settings).in_force().actions
    targets = waf_targets(settings)
    plans, results = make_plan(settings, lake_of(settings), targets)
    scopes: dict[str, dict[str, Any]] = {}
    for target in targets:
        if target.scope in plans.missing:
            scopes[str(target.scope)] = {"missing": plans.missing[target.scope]}
            continue
        live, applied = target.read_sets(), target.last_applied()
        sets = [
            {
                "name": ip_set.name,
                "entries": len(ip_set.addresses),
                "of_weir": len(set(ip_set.addresses) & applied.of(ip_set.name).for_set(ip_set.id).owned.keys()),
            }
            for ip_set in live.values()
        ]
        scopes[str(target.scope)] = {"ip_sets": sets, "use": use_lines(target.calls, target.scope, target.prefix)}
    stopped_by = {result.name: result.sentence for result in failures(results)}
    if json:
        in_force = [action.text() for action in active]
        print_json({"scopes": scopes, "in_force": in_force, "changes": plans.summary(), "stopped_by": stopped_by})
        return plans.check_complete()
    lines = [f"{waf_name(settings)}:"]
    for scope, found in scopes.items():
        if "missing" in found:
            lines.append(f"{scope}: {found['missing']}")
            continue
        made = "" if found["ip_sets"] else "; `weir waf install` makes them"
        lines.append(f"{scope}: {counted(len(found['ip_sets']), 'IP set')}{made}")
        lines += [
            f"  {one['name']}: {counted(one['entries'], 'entry', 'entries')}, {one['of_weir']} of Weir's"
            for one in found["ip_sets"]
        ]
        lines += [f"  {line}" for line in found["use"]]
    lines += ["In force by people:"] + ([f"  {action.text()}" for action in active] or ["  nothing"])
    lines.append(f"Applying would change: {plans.summary()}")
    lines += [f"It would be stopped by {name}: {sentence}" for name, sentence in stopped_by.items()]
    with console_of() as console:
        console.print(Folded("\n".join(lines)))
    plans.check_complete()


@waf_app.command()
def plan(
    home: Home = None, apply: Apply = False, override: Override = None, reason: Reason = "", json: Json = False
) -> None:
    """What applying would change now, entry by entry, with why; with --apply it is applied.

    Example: weir waf plan --json
    """
    if json and apply:
        raise typer.BadParameter(
            "--json shows a plan; leave --apply out, or read what was applied with weir waf status --json"
        )
    settings = settings_of(home, **({"waf_apply": True} if apply else {}))
    _show_or_apply(settings, apply, overridden(settings, override, reason, "waf plan"), json)


@waf_app.command()
def allow(
    cidr: Cidr, period: Period, reason: Reason, home: Home = None, apply: Apply = False, override: Override = None
) -> None:
    """Exempt addresses for a time: their entries are removed, and no new ones are decided.

    Example: weir waf allow 203.0.113.0/24 --for 7d --reason "our office" --apply
    """
    duration = duration_of("--for", period)
    _record_and_plan(home, apply, override, reason, "waf allow", lambda actions: actions.allow(cidr, duration, reason))


@waf_app.command()
def block(
    cidr: Cidr, period: Period, reason: Reason, home: Home = None, apply: Apply = False, override: Override = None
) -> None:
    """Block addresses for a time, whatever the models decide; never private ranges or allowed addresses.

    Example: weir waf block 198.51.100.9 --for 2h --reason "floods the search"
    """
    duration = duration_of("--for", period)
    _record_and_plan(home, apply, override, reason, "waf block", lambda actions: actions.block(cidr, duration, reason))


@waf_app.command()
def withdraw(
    model: Annotated[str, typer.Option("--model", help="request_attack or client_abuse.")],
    version: Annotated[str, typer.Option("--version", help="Its version in the registry.")],
    reason: Reason,
    home: Home = None,
    apply: Apply = False,
    override: Override = None,
) -> None:
    """Remove exactly the entries that only this model version caused; it causes no more until resumed.

    Example: weir waf withdraw --model client_abuse --version 3 --reason "blocks partners"
    """
    _record_and_plan(
        home, apply, override, reason, "waf withdraw", lambda actions: actions.withdraw(model, version, reason)
    )


@waf_app.command()
def rollback(
    to: Annotated[str, typer.Option("--to", help="Time, ISO 8601 (UTC).")],
    reason: Reason,
    home: Home = None,
    apply: Apply = False,
    override: Override = None,
) -> None:
    """Return to the entries of an earlier time; nothing new is added until `weir waf resume`.

    Example: weir waf rollback --to 2026-11-20T13:00 --reason "a wrong model" --apply
    """
    at = time_of("--to", to)
    assert at is not None
    _record_and_plan(home, apply, override, reason, "waf rollback", lambda actions: actions.rollback(at, reason))


@waf_app.command()
def resume(
    reason: Reason,
    subject: Annotated[str, typer.Argument(help="rollback, a CIDR, or 'MODEL VERSION'.")] = "rollback",
    home: Home = None,
    apply: Apply = False,
    override: Override = None,
) -> None:
    """End a rollback, or the actions in force on an address or a model version.

    Example: weir waf resume 203.0.113.0/24 --reason "the office moved"
    """
    _record_and_plan(home, apply, override, reason, "waf resume", lambda actions: actions.resume(subject, reason))


def overridden(settings: Settings, checks: Sequence[str] | None, reason: str, run: str) -> list[str]:
    """Record the checks that are overridden in this run; returns the audit ids that the run has to name."""
    from platform_assets.domains.waf.manual import audit_log
    from platform_assets.domains.waf.tables import WAF_PLAN

    details = f"weir {run} --apply" if settings.waf.apply else f"weir {run}, which only shows"
    audit, declared = audit_log.AUDIT, WAF_PLAN.checks
    return audit.override_for_run(settings, declared, checks, who=audit_log.who, reason=reason, details=details)


def _record_and_plan(
    home: Path | None,
    apply: bool,
    override: Sequence[str] | None,
    reason: str,
    name: str,
    record: Callable[[ManualActions], ManualAction],
) -> None:
    """Record a manual action, then show or apply the resulting plan."""
    from platform_assets.actions.checks import check_overridable
    from platform_assets.domains.waf.manual.actions import ManualActions
    from platform_assets.domains.waf.tables import WAF_PLAN

    settings = settings_of(home, **({"waf_apply": True} if apply else {}))
    check_overridable(override or (), WAF_PLAN.checks)  # before anything is recorded
    action = record(ManualActions(settings))
    with console_of() as console:
        console.print(f"Recorded: {action.text()}")
    _show_or_apply(settings, apply, overridden(settings, override, reason, name))


def _show_or_apply(settings: Settings, apply: bool, overrides: Sequence[str], json: bool = False) -> None:
    """Show the current plan without storing it; or run the same assets as `weir run edge`, and show their plan."""
    from platform_assets.actions.checks import failures, for_machines
    from platform_assets.actions.protocol import NO_OVERRIDES
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.console import print_json
    from platform_assets.domains.waf.manual.audit_log import AUDIT
    from platform_assets.domains.waf.planning import WafChange

    lake = lake_of(settings)
    change = WafChange(settings, lake)
    with console_of() as console:
        if not apply:
            checked = change.make(AUDIT.overrides_of(lake, overrides) or NO_OVERRIDES)
            if json:
                print_json(for_machines(checked.plan, checked.results))
                return checked.plan.check_complete()
            console.print(Folded(checked.plan.text()))
            for result in failures(checked.results):
                console.print(Folded(f"It would be stopped by {result.name}: {result.sentence}"))
            if checked.plan.changes:
                console.print("WAF is unchanged; --apply changes it, here or with `weir run edge`.")
            checked.plan.check_complete()
            return
        from platform_assets.cli import run
        from platform_assets.cli.outcome import stop_where_not_applied

        before = change.pending.load()
        try:
            outcome = run.run_assets(
                settings, "Planning the WAF change", ("waf/plan", "waf/ip_sets"), stage_of(console), overrides
            )
        finally:  # also after a failed apply: the plan shows what was attempted
            stored = change.pending.load()
            if stored is not None and stored != before:
                console.print(Folded(change.from_document(stored.plan).text()))
        stop_where_not_applied(outcome, settings.waf.apply, change.unchanged)
        console.print(outcome.metadata["waf/ip_sets"]["summary"])
