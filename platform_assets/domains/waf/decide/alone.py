"""What the certain attacks of an address lead to alone: its other requests make a decision no milder.

Attacks among thousands of pages are a small share, which the request model's mistakes may be as well, and features that the
client model takes for those of people. So the certain ones are judged as if nothing else had been asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.domains.waf.decide.browsing import browsing_agents, certain_attacks
from platform_assets.domains.waf.decide.echo import WINDOW_HOURS, EchoHours
from platform_assets.domains.waf.decide.reading import Loaded, Rows, is_in
from platform_assets.domains.waf.decide.rescoring import day_columns_of, predicted_rows
from platform_assets.domains.waf.decide.seen import SeenDay, frame_alone
from platform_assets.domains.waf.decide.window import RequestHours, ip_of
from platform_assets.domains.waf.rulebook import Rules
from spark_jobs.contract import Interval, parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, CLIENT_SCORES
from spark_jobs.storage.lake import Lake


@dataclass(frozen=True)
class Alone:
    """The certain attacks of an address in 24 hours."""

    row: Mapping[str, Any]
    """The row that the client model reads, of these requests alone."""
    request_count: int
    """All requests of the 24 hours."""
    is_shared: bool
    """Whether several people seem to be behind the address."""


def diluted(kept: RequestHours, hour: str, echo: EchoHours, rules: Rules) -> dict[str, int]:
    """Addresses of the hour whose attacks are less than half of all they asked for, and may be certain -> requests of the day."""
    import pyarrow.dataset as ds

    lake = kept.lake
    least = max(rules.block.min_attack_requests, 1)
    # An hour without an attack has nothing new to judge: the one before saw at least as many.
    is_candidate = (ds.field("client_kind") == "address") & (ds.field("hour_attack_request_count") > 0)
    is_candidate &= ds.field("day_attack_request_count") >= least
    columns = ["client", "day_attack_request_count"]
    attacked = lake.read_arrow(CLIENT_ATTACKS, [hour], columns=columns, filter=is_candidate).to_pydict()
    counts = dict(zip(*attacked.values(), strict=True))
    if not counts:
        return {}
    columns = ["client", "request_count"]
    daily = lake.read_arrow(CLIENT_DAILY, [hour], columns=columns, filter=is_in("client", counts)).to_pydict()
    requests_of = dict(zip(*daily.values(), strict=True))
    few = [client for client, count in requests_of.items() if 2 * counts[client] < count]
    few = _with_certain(kept, hour, [client for client in few if not echo.has(client, parse_hour(hour))], rules)
    return {client: requests_of[client] for client in few}


def attacks_alone(hour: str, day: SeenDay, requests_of: Mapping[str, int], rules: Rules) -> dict[str, Alone]:
    """Of the diluted addresses, those whose certain attacks count. `day`: what they asked for; `requests_of`: from `diluted`."""
    least = max(rules.block.min_attack_requests, 1)
    chosen: dict[str, tuple[str, ...]] = {}
    shared: dict[str, bool] = {}
    for address in requests_of:
        requests = day.by_address.get(address, ())
        caused_by_others = {request.request_id for request in day.foreign.get(address, ())}
        certain = certain_attacks(requests, caused_by_others, day.own_names, rules)
        people = max(certain.session_count, browsing_agents(requests))
        shared[address] = people >= max(rules.shared.min_browsing_agents, 1)
        needed = max(rules.foreign_pages.many_requests, people + 1) if shared[address] else least
        if len(certain.request_ids) >= needed:
            chosen[address] = certain.request_ids
    return {
        row["client"]: Alone(row, requests_of[row["client"]], shared[row["client"]])
        for row in frame_alone(hour, day, chosen)
    }


def _with_certain(kept: RequestHours, hour: str, clients: Sequence[str], rules: Rules) -> list[str]:
    """Of some addresses, those with enough attack requests that are certain by their probability."""
    if not clients:
        return []
    window = Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
    counts = kept.certain_counts(window, clients, rules.certain_attacks.min_probability)
    return [client for client in clients if counts[ip_of(client)] >= rules.block.min_attack_requests]


def inputs_alone(lake: Lake, hour: str, alone: Mapping[str, Alone], loaded: Loaded) -> tuple[Rows, Rows, Rows]:
    """Rows of client_scores, client_daily and client_attacks for these attacks alone."""
    originals = lake.read_arrow(CLIENT_SCORES, [hour], filter=is_in("client", alone)).to_pylist()
    if not originals:
        return [], [], []
    model = loaded(str(originals[0]["model_name"]), str(originals[0]["model_version"]))
    by_client = {row["client"]: row for row in originals}
    rows = [dict(alone[client].row) for client in by_client]
    return judged_alone(rows, predicted_rows(model, rows), by_client, alone)


def judged_alone(
    rows: Rows,
    predicted: Sequence[Mapping[str, Any]],
    originals: Mapping[str, Mapping[str, Any]],
    alone: Mapping[str, Alone],
) -> tuple[Rows, Rows, Rows]:
    """The same from what the model says of the rows."""
    scores = [
        {
            **originals[row["client"]],
            **{name: values[name] for name in ("abuse_probability", "is_abuse", "abuse_kind", "reason")},
            "request_count": row["day_request_count"],
            "evidence_request_ids": row["attack_request_ids"],
            "certain_among": alone[row["client"]].request_count,
            "is_shared": alone[row["client"]].is_shared,
        }
        for row, values in zip(rows, predicted, strict=True)
    ]
    return scores, [day_columns_of(row) for row in rows], rows
