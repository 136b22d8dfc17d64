"""What the learning loop asks of the edge: recent rows, what a verdict is about, and withdrawing what a version decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import pyarrow.compute as pc

from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.explain.rows import network_or_none
from platform_assets.domains.waf.manual.actions import ManualActions
from platform_assets.settings import Settings
from platform_assets.training.leaks import LeakProbes
from platform_assets.training.sets import Judged
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront.client_scores import client_frame_rows
from spark_jobs.sources.cloudfront.clients import address_cidr, network_of, network_of_address
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_EXAMPLES,
    CLIENT_HOURLY,
    CLIENT_SCORES,
    REQUEST_MODEL_INPUTS,
    REQUEST_SCORES,
    REQUESTS,
)


def recent_requests(settings: Settings, hours: Sequence[str]) -> pd.DataFrame:
    """Requests of some hours as request_attack reads them; the entity is the network."""
    rows = lake_of(settings).read_arrow(REQUESTS, hours, [*REQUEST_MODEL_INPUTS, "client_ip"]).to_pandas()
    return rows.assign(entity=rows.pop("client_ip").map(network_of_address))


def recent_clients(settings: Settings, hours: Sequence[str]) -> pd.DataFrame:
    """Clients of some hours as client_abuse reads them; the entity is the network."""
    frames = [_frame_of(settings, hour) for hour in hours]
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return rows if rows.empty else rows.assign(entity=rows["client"].map(network_of))


def _frame_of(settings: Settings, hour: str) -> pd.DataFrame:
    """The client model's frame of one hour."""
    lake = lake_of(settings)
    tables = [
        lake.read_arrow(table, [hour]).drop_columns([HOUR_COLUMN])
        for table in (CLIENT_HOURLY, CLIENT_DAILY, CLIENT_ATTACKS)
    ]
    return client_frame_rows(*tables).to_pandas()


def judged_request(settings: Settings, subject: str) -> Judged | None:
    """A request by its id."""
    lake, columns = lake_of(settings), ["request_id", "event_at", "client_ip", *REQUEST_MODEL_INPUTS]
    for hour in reversed(lake.hours(REQUESTS)):
        rows = lake.read_arrow(REQUESTS, [hour], columns, filter=pc.field("request_id") == subject).to_pylist()
        if not rows:
            continue
        scores = lake.read_arrow(REQUEST_SCORES, [hour], filter=pc.field("request_id") == subject).to_pylist()
        row, score = rows[0], scores[0] if scores else {}
        return Judged(
            row["event_at"],
            network_of(address_cidr(row["client_ip"])),
            f"{row['method']} {row['uri_path']} by {row['client_ip']}",
            score.get("attack_probability"),
            score.get("is_attack"),
            score.get("model_version"),
            {name: row[name] for name in REQUEST_MODEL_INPUTS},
            _offers(row["client_ip"]),
        )
    return None


def judged_client(settings: Settings, subject: str) -> Judged | None:
    """An address and an hour, such as `203.0.113.7@2026-11-20T13:00`."""
    address, separator, at = subject.partition("@")
    network = network_or_none(address)
    try:
        event_at = datetime.fromisoformat(at) if separator else None
    except ValueError:
        event_at = None
    if network is None or event_at is None:
        return None
    event_at = event_at.replace(tzinfo=UTC) if event_at.tzinfo is None else event_at.astimezone(UTC)
    frame = _frame_of(settings, format_hour(event_at))
    rows = frame[frame["client"] == str(network)].to_dict("records")
    if not rows:
        return None
    scores = (
        lake_of(settings)
        .read_arrow(CLIENT_SCORES, [format_hour(event_at)], filter=pc.field("client") == str(network))
        .to_pylist()
    )
    score = scores[0] if scores else {}
    return Judged(
        event_at,
        network_of(str(network)),
        f"{network} in the hour {format_hour(event_at)}",
        score.get("abuse_probability"),
        score.get("is_abuse"),
        score.get("model_version"),
        {name: rows[0][name] for name in CLIENT_EXAMPLES.column_names if name in rows[0]},
        _offers(str(network)),
    )


def _offers(address: str) -> dict[str, str]:
    return {
        "benign": f"weir waf allow {address} --for 7d --reason …",
        "attack": f"weir waf block {address} --for 24h --reason …",
    }


def withdraw(settings: Settings, model: str, version: str, reason: str) -> str:
    """Withdraw what a version decided; a sentence, empty where there is nothing to withdraw."""
    return ManualActions(settings).withdraw_if_needed(model, version, reason)


LEAK_PROBES = {
    "request_attack": LeakProbes(entity="family", companions=("attack_class",)),
    "client_abuse": LeakProbes(later="hour_at", companions=("abuse_kind",)),
}
"""Model -> what its examples are split by. Days of clients are on one side; addresses are not, as crawlers keep theirs."""
