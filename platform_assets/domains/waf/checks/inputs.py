"""Reads the inputs of the checks besides the plan from the lake and the registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.checks.score_shift import newest_score_shift
from platform_assets.domains.waf.networks import Network, Ranges, counted_network, parse_network
from platform_assets.domains.waf.policy import Policy
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour, parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, OBJECT_COUNTS
from spark_jobs.storage.lake import Lake

DAY_HOURS = 24
DAYS = 7
"""The days before the newest 24 hours that define the usual counts."""

Lines = tuple[int, int]
"""Parsed and rejected."""


def check_inputs(
    settings: Settings,
    lake: Lake,
    decisions: Sequence[dict[str, Any]],
    policy: Policy,
    allow_list: Sequence[str],
    decided: Sequence[str] = (),
) -> CheckInputs:
    """The newest 24 hours of the lake against the days before, the models behind the decisions, the exempt addresses.

    `decided`: addresses and networks that are decided on.
    """
    lines = _lines(lake)
    newest = max(lines, default=None)
    counts = [lines[hour] for hour in _day(newest, 0) if hour in lines] if newest else []
    parsed, rejected = sum(parsed for parsed, _ in counts), sum(rejected for _, rejected in counts)
    usual = _usual_of_a_day(lines, newest) if newest else None
    exploded = newest is not None and usual is not None and parsed > policy.checks.volume_explosion * usual
    return CheckInputs(
        allow_list=tuple(allow_list),
        act_on_special=tuple(policy.rules.act_on_special),
        models_without_gate=_without_gate(settings, decisions),
        lines_present=parsed + rejected if newest else None,
        lines_rejected=rejected if newest else None,
        request_count=parsed if newest else None,
        usual_request_count=usual,
        explained_request_count=_explained(lake, _day(newest, 0), decided, usual) if newest and exploded else 0,
        newest_hour_at=parse_hour(newest) if newest else None,
        missing_hours=_missing(lines, newest) if newest else {},
        score_shift=newest_score_shift(lake),
    )


def _lines(lake: Lake) -> dict[str, Lines]:
    """Hour -> its lines, for hours of the newest 24 and of the days before that have lines."""
    hours = lake.hours(OBJECT_COUNTS)
    while hours:
        window = _window(hours[-1], hours)
        if lines := _lines_of(lake, window):
            newest = max(lines)
            return lines if newest == hours[-1] else _lines_of(lake, _window(newest, hours))
        hours = [hour for hour in hours if hour < window[0]]
    return {}


def _window(newest: str, hours: Sequence[str]) -> list[str]:
    return sorted({hour for day in range(DAYS + 1) for hour in _day(newest, day)} & {*hours})


def _lines_of(lake: Lake, hours: Sequence[str]) -> dict[str, Lines]:
    """Hour -> its lines, where it has any. A request that was delivered twice is no rejected line."""
    columns = ["parsed_count", "rejected_count", "duplicate_count"]
    counts = lake.read_arrow(OBJECT_COUNTS, hours, columns=[*columns, HOUR_COLUMN]).to_pydict()
    lines: dict[str, Lines] = {}
    for hour, parsed, rejected, repeated in zip(counts[HOUR_COLUMN], *(counts[name] for name in columns), strict=True):
        before = lines.get(hour, (0, 0))
        lines[hour] = (before[0] + parsed, before[1] + rejected - (repeated or 0))
    return {hour: counted for hour, counted in lines.items() if sum(counted)}


def _day(newest: str, days_before: int) -> list[str]:
    """The 24 hours that end with the newest hour, shifted `days_before` days back, newest first."""
    end = parse_hour(newest) - timedelta(days=days_before)
    return [format_hour(end - timedelta(hours=back)) for back in range(DAY_HOURS)]


def _usual_of_a_day(lines: Mapping[str, Lines], newest: str) -> float | None:
    """Median requests of the seven days before the newest 24 hours; None without any.

    A day with lines in less than half as many hours as the newest one is none, as before a lake began or in an outage.
    """
    latest, *days = ([lines[hour][0] for hour in _day(newest, day) if hour in lines] for day in range(DAYS + 1))
    sums = [sum(day) for day in days if day and 2 * len(day) >= len(latest)]
    return float(median(sums)) if sums else None


def _explained(lake: Lake, hours: Sequence[str], decided: Sequence[str], usual: float | None) -> int:
    """Requests of clients that are decided on, and of networks that alone ask for more than is usual of all together."""
    ranges = Ranges.of(decided)
    rows = lake.read_arrow(CLIENT_HOURLY, sorted(hours), columns=["client", "request_count"]).to_pydict()
    requests, of_network = 0, Counter[Network]()
    for client, count in zip(rows["client"], rows["request_count"], strict=True):
        if ranges.covers(parse_network(client)):
            requests += count
        else:
            of_network[counted_network(client)] += count
    return requests + sum(count for count in of_network.values() if usual is not None and count > usual)


def _missing(lines: Mapping[str, Lines], newest: str) -> dict[str, float | None]:
    """Hours of the newest 24 without a line, oldest first -> the median lines of the same hour on the days before.

    None for hours of the lake's first day, which have nothing to compare with.
    """
    began = min(lines)
    usual: dict[str, float | None] = {}
    for hour in reversed(_day(newest, 0)):
        if hour in lines or hour < began:
            continue
        same_hours = [format_hour(parse_hour(hour) - timedelta(days=day)) for day in range(1, DAYS + 1)]
        counts = [sum(lines.get(hour_before, (0, 0))) for hour_before in same_hours if hour_before >= began]
        usual[hour] = float(median(counts)) if counts else None
    return usual


def _without_gate(settings: Settings, decisions: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """`name version` of models behind the decisions that have not passed their gate in the registry."""
    registry = ModelRegistry.of(settings)
    behind = sorted({(row["model_name"], row["model_version"]) for row in decisions})
    return tuple(f"{name} {version}" for name, version in behind if not registry.passed_gate(name, version))
