"""The report of an edge run for the terminal: lines and speed, rejections, models, WAF changes, and the simulated truth.

All figures come from the lake, the registry or the run; only sums and shares are computed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table as Grid

from platform_assets.cli.outcome import Outcome
from platform_assets.cli.report import command, home_option, show_models, show_time
from platform_assets.clients.engine import lake_of
from platform_assets.core.console import Folded
from platform_assets.domains.waf.apply.targets import waf_name, waf_targets
from platform_assets.domains.waf.apply.web_acls import use_lines
from platform_assets.domains.waf.decisions import ACTIONS
from platform_assets.domains.waf.plan.entries import APPLY_WAITING
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.settings import Settings
from spark_jobs.registry import tables
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from spark_jobs.storage.lake import Lake

PARSING = "Parsing and scoring requests"
MOST_REASONS = 5
MODELS = ("request_attack", "client_abuse")


def show_run(console: Console, settings: Settings, outcome: Outcome) -> None:
    """The report of one run."""
    _logs(console, settings, outcome)
    show_models(console, settings, MODELS)
    show_waf(console, settings, outcome)
    show_time(console, outcome)


def _logs(console: Console, settings: Settings, outcome: Outcome) -> None:
    lake = lake_of(settings)
    console.rule("Logs")
    listing = outcome.metadata.get("raw/cloudfront/objects", {})
    if not outcome.hours:
        console.print(
            f"Nothing new: {counted(listing.get('objects', 0), 'log object')} of {settings.cloudfront.raw}, all known."
        )
        return
    hours = sorted(set(outcome.hours))
    counts = lake.read_arrow(tables()["parsed/cloudfront/object_counts"], hours)
    parsed = sum(counts["parsed_count"].to_pylist())
    rejected_rows = lake.read_arrow(tables()["parsed/cloudfront/rejected_lines"], hours, columns=["reason", "detail"])
    seconds = outcome.seconds.get(PARSING, 0.0)
    total = parsed + sum(counts["rejected_count"].to_pylist())
    console.print(
        f"{counted(total, 'line')} in {counted(len(set(counts['source_object'].to_pylist())), 'object')}, {counted(len(hours), 'hour')} from {hours[0]} to {hours[-1]} (UTC)"
    )
    if seconds:
        console.print(f"parsed, aggregated and scored at {total / seconds:,.0f} lines/s ({seconds:.1f} s)")
    reasons = Counter(rejected_rows["reason"].to_pylist())
    if not reasons:
        console.print("no line was rejected")
    details = {row["reason"]: row["detail"] for row in rejected_rows.to_pylist() if row["detail"]}
    for reason, number in reasons.most_common():
        example = f", such as: {details[reason]}" if reason in details else ""
        console.print(Folded(f"rejected: {counted(number, 'line or object', 'lines or objects')} ({reason}){example}"))
    if reasons:
        console.print(f"see them: {command()} export rejected_lines rejected.csv{home_option(settings)}", style="dim")


def show_waf(console: Console, settings: Settings, outcome: Outcome) -> None:
    """The changes of the plan in each scope, and the result."""
    lake = lake_of(settings)
    console.rule("WAF")
    if outcome.hours and (decided := decided_in(lake, outcome.hours)):
        console.print(Folded(f"{decided}: weir decisions --all{home_option(settings)}"))
    plan = lake.read_arrow(WAF_PLAN).to_pylist()
    scopes = sorted({row["scope"] for row in plan})
    if not scopes:
        console.print(_why_nothing(settings))
    for scope in scopes:
        where = f" in {scope}" if len(settings.waf.parsed_scopes) > 1 else ""
        operations = Counter((row["action"], row["operation"]) for row in plan if row["scope"] == scope)
        for (action, operation), number in sorted(operations.items()):
            console.print(f"{operation:>8} {number:>6,} × {action}{where}")
    if any(row["operation"] == "wait" for row in plan):
        console.print(f"what waits is beyond a bound; apply it with: {APPLY_WAITING}")
    blocked = {row["address"]: row["reason"] for row in plan if (row["operation"], row["action"]) == ("add", "block")}
    for address, reason in list(blocked.items())[:MOST_REASONS]:
        console.print(Folded(f"  {address}: {reason}", "dim"))
    if len(blocked) > MOST_REASONS:
        console.print(f"  and {len(blocked) - MOST_REASONS:,} more: weir decisions{home_option(settings)}", style="dim")
    applied = outcome.metadata.get("waf/ip_sets", {})
    if applied:
        target = waf_name(settings)
        console.print(
            f"{target}: {applied['summary']}"
            if applied["applied"]
            else f"dry run: {target} is unchanged; --apply changes it"
        )
        if applied["applied"]:  # entries alone stop nobody
            for one in waf_targets(settings):
                for line in use_lines(one.calls, one.scope, one.prefix):
                    console.print(Folded(line))
    if late := outcome.metadata.get("exports/freshness", {}).get("summary"):
        console.print(Folded(late))
    for failed in outcome.failed_checks:
        console.print(Folded(f"{'stopped' if settings.waf.apply else 'would be stopped'} by {failed}", "red"))


def decided_in(lake: Lake, hours: Sequence[str]) -> str:
    """What was decided in some hours, in force or over; empty where nothing was."""
    rows = lake.read_arrow(WAF_DECISIONS, sorted({*hours}), columns=["action", "address", "expires_at"]).to_pylist()
    if not rows:
        return ""
    over = sum(row["expires_at"] <= datetime.now(UTC) for row in rows)
    actions = Counter(row["action"] for row in rows)
    made = ", ".join(f"{actions[action]:,} × {action}" for action in reversed(ACTIONS) if actions[action])
    on = counted(len({row["address"] for row in rows}), "address or network", "addresses or networks")
    return (
        f"decided in these hours: {made} on {on}, of which {counted(over, 'decision is', 'decisions are')} over by now"
    )


def _why_nothing(settings: Settings) -> str:
    decided = sum(lake_of(settings).row_counts(WAF_DECISIONS).values())
    if decided:
        return (
            f"nothing to change: of {decided:,} decisions none is in force now (they lie in the past or have expired)"
        )
    return "nothing to change: no client was decided on"


def show_truth(console: Console, settings: Settings, truth: Path) -> str:
    """Precision and recall of the decisions against the simulated truth; returns what matters of it, in one line."""
    import pandas as pd

    console.rule("Against the simulator's truth")
    clients = pd.read_parquet(truth / "clients.parquet")
    addresses = clients[clients["client_kind"] == "address"]
    decisions = lake_of(settings).read_arrow(WAF_DECISIONS).to_pandas()
    grid = Grid("decided", "clients", "precision", "recall", box=None, pad_edge=False)
    truth_by_client = addresses.set_index("client")["is_abuse"]
    for title, actions in (
        ("block", ["block"]),
        ("block or challenge", ["block", "challenge"]),
        ("any action", ["block", "challenge", "count"]),
    ):
        acted_on = set(decisions[decisions["action"].isin(actions)]["address"])
        covered = _covered(acted_on, truth_by_client.index)
        abusive = int(truth_by_client[list(covered)].sum()) if covered else 0
        grid.add_row(
            title, f"{len(covered):,}", _share(abusive, len(covered)), _share(abusive, int(truth_by_client.sum()))
        )
    console.print(grid)
    console.print(
        "precision: share of the acted-upon addresses that are abusive; recall: share of the abusive addresses that are acted upon",
        style="dim",
    )
    blocked = _covered(set(decisions[decisions["action"] == "block"]["address"]), truth_by_client.index)
    protected = addresses[addresses["never_block"] & addresses["client"].isin(blocked)]
    console.print(
        f"blocked although never to be blocked (crawlers, monitors, offices, shared addresses …): {len(protected)}"
    )
    abusive = int(truth_by_client[list(blocked)].sum())
    return (
        f"WAF: {counted(len(blocked), 'simulated client')} decided to be blocked, {abusive:,} of them abusive, "
        f"{len(protected)} of those that are never to be blocked."
    )


def _covered(addresses: set[str], clients: Any) -> set[str]:
    """Clients (single addresses) with a decision on the address itself, or on its /24 or /64."""
    from spark_jobs.sources.cloudfront.clients import network_of

    return {client for client in clients if client in addresses or network_of(client) in addresses}


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part:,} of {whole:,})" if whole else "–"


def next_commands(settings: Settings) -> tuple[str, ...]:
    """The two commands to type next, as one types them here."""
    blocked = [row["address"] for row in lake_of(settings).read_arrow(WAF_PLAN).to_pylist() if row["action"] == "block"]
    weir, home = command(), home_option(settings)
    why = (f"{weir} explain {blocked[0]}{home}    # why, down to the log lines",) if blocked else ()
    return (*why, f"{weir} ui{home}    # the asset graph and the model registry")
