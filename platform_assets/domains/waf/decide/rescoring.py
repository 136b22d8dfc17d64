"""Client scores without the echo of our own blocks: features and scores from the remaining requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf.decide.echo import WINDOW_HOURS, EchoHours
from platform_assets.domains.waf.decide.reading import Loaded, Rows, is_in
from platform_assets.domains.waf.decide.window import RequestHours, ip_of
from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.rulebook import Rules
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.settings import Settings
from spark_jobs.contract import Interval, parse_hour
from spark_jobs.sources.cloudfront.client_tables import CLIENT_MODEL_INPUTS
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, REQUESTS
from spark_jobs.storage.lake import Lake


def loader_of(settings: Settings) -> Loaded:
    """A loader of registry models that caches them; each is loaded when it is first needed."""
    models: dict[tuple[str, str], Any] = {}

    def loaded(name: str, version: str) -> Any:
        if (name, version) not in models:
            models[name, version] = ModelRegistry.of(settings).loaded(name, version)
        return models[name, version]

    return loaded


def without_echo(lake: Lake, examples: Any, rules: Rules) -> Any:
    """Labelled clients (a frame with client and hour_at) without those that have an echo in their 24 hours."""
    decisions = [Decision.from_row(row) for row in lake.read_arrow(WAF_DECISIONS).to_pylist()]
    echo = EchoHours.of(decisions, rules.echo)
    client_hours = zip(examples["client"], examples["hour_at"], strict=True)
    return examples[[not echo.within(str(client), hour) for client, hour in client_hours]]


def echo_of(earlier: Iterable[Decision], hour: str, rules: Rules) -> EchoHours:
    since = parse_hour(hour) - timedelta(hours=WINDOW_HOURS - 1 + rules.echo.slack_hours)
    return EchoHours.of([decision for decision in earlier if decision.expires_at > since], rules.echo)


def inputs_without_echo(
    kept: RequestHours, hour: str, inputs: tuple[Rows, Rows, Rows], echo: EchoHours, loaded: Loaded
) -> tuple[Rows, Rows, Rows]:
    """The inputs of an hour, where clients with an echo in their 24 hours are scored again without it.

    Clients under a block in the hour itself have no score: nothing that they did in it counts.
    """
    at = parse_hour(hour)
    touched = {row["client"]: row for row in inputs[0] if echo.within(row["client"], at)}
    if not touched:
        return inputs
    rescored = {client: row for client, row in touched.items() if not echo.has(client, at)}
    rescored_rows = scored_again(kept, hour, rescored, echo, loaded) if rescored else ([], [], [])
    others = [[row for row in rows if row["client"] not in touched] for rows in inputs]
    return others[0] + rescored_rows[0], others[1] + rescored_rows[1], others[2] + rescored_rows[2]


def scored_again(
    kept: RequestHours, hour: str, originals: Mapping[str, dict[str, Any]], echo: EchoHours, loaded: Loaded
) -> tuple[Rows, Rows, Rows]:
    """Rows of client_scores, client_daily and client_attacks from the requests outside of our own blocks."""
    import pyarrow as pa

    from spark_jobs.sources.cloudfront.clients import address_cidr as cidr
    from spark_jobs.sources.cloudfront.rescoring import client_rows, evidence

    at, window = parse_hour(hour), Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
    members = kept.members(window, originals)
    hourly = kept.hourly(window, members)
    pairs = list(zip(hourly["client"].to_pylist(), hourly["hour_at"].to_pylist(), strict=True))
    is_echo = [echo.has(client, hour_at) for client, hour_at in pairs]
    uncounted: dict[str, set[datetime]] = defaultdict(set)
    for (address, hour_at), left_out in zip(pairs, is_echo, strict=True):
        if left_out:
            for client in members[address]:
                uncounted[client].add(hour_at)
    counted = hourly.filter(pa.array([not left_out for left_out in is_echo], pa.bool_()))
    counted_attacks = [
        row
        for row in kept.scores(window, members).to_pylist()
        if not echo.has(cidr(row["client_ip"]), row["event_at"].replace(minute=0, second=0, microsecond=0))
    ]
    rows = client_rows(originals, at, counted, counted_attacks)
    if not rows:
        return [], [], []
    first = next(iter(originals.values()))  # one model version per hour
    predicted = predicted_rows(loaded(str(first["model_name"]), str(first["model_version"])), rows)
    requests: dict[str, Rows] = defaultdict(list)
    columns, addresses = ["request_id", "event_at", "status", "client_ip"], is_in("client_ip", map(ip_of, members))
    for row in kept.lake.read_arrow(REQUESTS, [hour], columns=columns, filter=addresses).to_pylist():
        if not echo.has(cidr(row["client_ip"]), at):
            for client in members[cidr(row["client_ip"])]:
                requests[client].append(row)
    scores = [
        {
            **originals[row["client"]],
            **{name: values[name] for name in ("abuse_probability", "is_abuse", "abuse_kind", "reason")},
            "request_count": row["day_request_count"],
            "evidence_request_ids": row["attack_request_ids"]
            or (evidence(requests[row["client"]]) if values["is_abuse"] else []),
            "echo_hour_count": len(uncounted[row["client"]]),
        }
        for row, values in zip(rows, predicted, strict=True)
    ]
    return scores, [day_columns_of(row) for row in rows], rows


def predicted_rows(model: Any, rows: Rows) -> list[dict[str, Any]]:
    """What the client model says of each row of its frame."""
    import pandas as pd

    predicted: list[dict[str, Any]] = model.predict(pd.DataFrame(rows)[list(CLIENT_MODEL_INPUTS)]).to_dict("records")
    return predicted


def day_columns_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of client_daily in a row of the client model's frame."""
    columns = {name.removeprefix("day_"): value for name, value in row.items() if name in _DAY_COLUMNS}
    return {"client": row["client"], "hour_at": row["hour_at"], **columns}


_DAY_COLUMNS = {f"day_{column.name}" for column in CLIENT_DAILY.columns[3:]}
