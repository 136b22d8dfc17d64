"""The command `weir decisions`: what was decided about whom, worst first. Parses arguments and prints results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.core.console import Folded, Home, console_of, print_json, settings_of, time_of
from platform_assets.core.times import instant
from platform_assets.domains.waf.decisions import ACTIONS, rank
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from platform_assets.settings import Settings


LISTED = ("add", "restore", "extend", "keep")
"""Operations after which the IP set has the address."""
WAITING = ("wait", "overflow")
FEWEST_ALIKE = 3
"""Decisions with the same reason that are shown as one."""
SHOWN_ADDRESSES = 6
OF_ONE = ("repetition ", "escalated from ")
"""How the parts of a reason begin that tell of earlier decisions on the client."""


@dataclass(frozen=True)
class Listing:
    """Decisions, worst first, and how many there are besides."""

    rows: list[dict[str, Any]]
    """Columns of decisions/waf_decisions, and `exempted_by`: the manual action that exempts the address, or null."""
    expired: int
    """Decisions that fit the options but are over; 0 where expired ones are listed too."""
    at: datetime
    entries: str = ""
    """How the decisions in force became entries of IP sets; empty where only some are listed."""


def decisions_command(
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="An action or a kind of abuse: block, scanner, …", show_default=False),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Decided from then on, ISO 8601 (UTC).", show_default=False)
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Also those that have expired, each by itself.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Decisions shown; 0: all.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="For machines; all of them.")] = False,
    home: Home = None,
) -> None:
    """Decisions in force, worst first, with their reasons; those with the same reason are one entry.

    Example: weir decisions --kind scanner --since 2026-11-20
    """
    from platform_assets.cli.report import home_option

    settings = settings_of(home)
    listing = decisions_of(settings, kind, time_of("--since", since), all)
    if json:
        print_json(listing.rows)
        return
    with console_of() as console:
        console.print(render(listing, limit, all))
        if listing.rows:
            example = f"weir explain {listing.rows[0]['address']}{home_option(settings)}"
            console.print(f"Why, down to the log lines: {example}", style="dim")


def decisions_of(
    settings: Settings, kind: str | None = None, since: datetime | None = None, all: bool = False
) -> Listing:
    """The decisions in force now, or all of them; `kind` is an action or an abuse kind.

    BadParameter where no decision ever was of that kind.
    """
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.waf.manual.actions import ManualActions
    from platform_assets.domains.waf.networks import Ranges, parse_network
    from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN

    now = datetime.now(UTC)
    names = [name for name in WAF_DECISIONS.column_names if name != "event_hour"]
    lake = lake_of(settings)
    rows = lake.read_arrow(WAF_DECISIONS, columns=names).to_pylist()
    known = sorted({*ACTIONS, *(row["abuse_kind"] for row in rows if row["abuse_kind"])})
    if kind is not None and kind not in known:
        raise typer.BadParameter(f"--kind: no decision is of the kind {kind!r}; there are {', '.join(known)}")
    fitting = [
        row
        for row in rows
        if kind in (None, row["action"], row["abuse_kind"]) and (since is None or row["decided_at"] >= since)
    ]
    shown = fitting if all else [row for row in fitting if row["expires_at"] > now]
    exempting = [(Ranges.of([action.subject]), action) for action in ManualActions(settings).in_force().allowed]
    for row in shown:
        network = parse_network(row["address"])
        row["exempted_by"] = next((action.text() for ranges, action in exempting if ranges.overlaps(network)), None)
    shown.sort(key=lambda row: (-rank(row["action"]), -row["score"], row["address"], row["decided_at"]))
    is_whole = kind is None and since is None and not all
    entries = entries_line(shown, lake.read_arrow(WAF_PLAN).to_pylist()) if is_whole else ""
    return Listing(shown, len(fitting) - len(shown), now, entries)


def entries_line(decisions: Sequence[Mapping[str, Any]], plan: Sequence[Mapping[str, Any]]) -> str:
    """How many entries of IP sets the newest plan made of the decisions in force, and why the others have none."""
    from platform_assets.domains.waf.networks import Ranges, parse_network

    listed = {row["address"] for row in plan if row["operation"] in LISTED}
    addresses = {row["address"] for row in decisions}
    others = addresses - listed
    covered = Ranges.of(listed)
    inside = sum(covered.covers(parse_network(address)) for address in others)
    waiting = len({row["address"] for row in plan if row["operation"] in WAITING} & others)
    exempted = len({row["address"] for row in decisions if row.get("exempted_by")} & others)
    reasons = [
        counted(count, *why)
        for count, why in (
            (inside, ("lies within a network that has one", "lie within a network that has one")),
            (waiting, ("waits for room or a person", "wait for room or a person")),
            (exempted, ("is exempted by a person", "are exempted by a person")),
            (
                len(others) - inside - waiting - exempted,
                ("came after it or is on the allow list", "came after it or are on the allow list"),
            ),
        )
        if count > 0
    ]
    if not plan or not addresses or not others:
        return ""
    return f"The newest plan has entries for {len(addresses & listed):,} of these addresses or networks: {', '.join(reasons)}."


def render(listing: Listing, limit: int, all: bool) -> RenderableType:
    """For a terminal: a summary, then two lines or more for each decision, folded at its width.

    Decisions with the same reason are one entry, such as those on the scanners of the whole internet; with `all`, none are.
    """
    from rich.console import Group

    parts: list[RenderableType] = [Folded(_summary(listing, all), "bold")]
    if listing.entries:
        parts.append(Folded(listing.entries))
    entries = [[row] for row in listing.rows] if all else alike(listing.rows)
    shown = entries[: limit or None]
    for rows in shown:
        row = rows[0]
        until = " until " if len(rows) == 1 else " until at least "
        until += instant(min(one["expires_at"] for one in rows)) + (
            " (over)" if row["expires_at"] <= listing.at else ""
        )
        kind = f"{row['abuse_kind']}, " if row["abuse_kind"] else ""
        who = row["address"] if len(rows) == 1 else counted(len(rows), "address", "addresses")
        parts.append(Folded(f"{who}  {row['action']}{until}  {kind}score {row['score']:.3f}"))
        parts.append(Folded(f"    {row['reason'] if len(rows) == 1 else _lead(row)}", "dim"))
        if len(rows) > 1:
            more = f" and {len(rows) - SHOWN_ADDRESSES:,} more (--all)" if len(rows) > SHOWN_ADDRESSES else ""
            addresses = ", ".join(one["address"] for one in rows[:SHOWN_ADDRESSES])
            parts.append(Folded(f"    {addresses}{more}"))
        if row["exempted_by"]:
            parts.append(Folded(f"    not enforced: {row['exempted_by']}"))
    if len(shown) < len(entries):
        rest = sum(len(rows) for rows in entries[len(shown) :])
        parts.append(Folded(f"{counted(rest, 'decision')} more; --limit 0 shows all.", "dim"))
    return Group(*parts)


def alike(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Decisions by the entry that shows them, in their order: from `FEWEST_ALIKE` on those with the same reason are one.

    What a reason says of repetition and escalation is of one client and makes none another one.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["action"], row["abuse_kind"], row["exempted_by"], _lead(row)), []).append(row)
    entries = []
    for same in groups.values():
        entries += [same] if len(same) >= FEWEST_ALIKE else [[row] for row in same]
    places = {id(row): place for place, row in enumerate(rows)}
    return sorted(entries, key=lambda entry: places[id(entry[0])])


def _lead(row: Mapping[str, Any]) -> str:
    """The reason without what it says of repetition and escalation."""
    return "; ".join(part for part in row["reason"].split("; ") if not part.startswith(OF_ONE))


def _summary(listing: Listing, all: bool) -> str:
    expired = (
        f"; {counted(listing.expired, 'has expired', 'have expired')}, --all shows them" if listing.expired else ""
    )
    if not listing.rows:
        return f"No decision that fits {'was ever made' if all else 'is in force'}{expired}."
    addresses = len({row["address"] for row in listing.rows})
    return f"{_counted(listing.rows)} on {counted(addresses, 'address or network', 'addresses or networks')}{expired}."


def _counted(rows: Sequence[dict[str, Any]]) -> str:
    """`3 × block, 2 × count`, strongest first."""
    by_action = Counter(row["action"] for row in rows)
    return ", ".join(f"{by_action[action]:,} × {action}" for action in reversed(ACTIONS) if by_action[action])
