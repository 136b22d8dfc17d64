"""The requests behind a decision or score, each with its log object and line number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.explain.rows import overlapping, rows_where
from platform_assets.domains.waf.networks import parse_network
from spark_jobs.contract import format_hour
from spark_jobs.storage.lake import Lake

LATEST_REQUESTS = 20


@dataclass(frozen=True)
class LogLine:
    """A request, its score by the request model, and the log line that it comes from."""

    request_id: str
    event_at: datetime
    client_ip: str
    method: str | None
    host: str | None
    target: str
    status: int | None
    user_agent: str | None
    source_object: str
    etag: str | None
    line_number: int
    attack_probability: float | None
    attack_class: str | None
    words: str | None
    model_version: str | None


def evidence_ids(lake: Lake, client: str, hour: str) -> Sequence[str]:
    """Ids of the requests kept with the score; where there are none, of the latest 20 of the hour."""
    rows = rows_where(lake, "client_scores", [hour], ["evidence_request_ids"], client=[client])
    if rows and rows[0]["evidence_request_ids"]:
        return list(rows[0]["evidence_request_ids"])
    active = overlapping(lake, "client_hourly", [hour], "client", parse_network(client))
    addresses = [name.partition("/")[0] for name in active]
    requests = rows_where(lake, "requests", [hour], ["event_at", "request_id"], client_ip=addresses)
    latest = sorted(requests, key=lambda row: (row["event_at"], row["request_id"]), reverse=True)
    return [row["request_id"] for row in latest[:LATEST_REQUESTS]]


def log_lines(lake: Lake, ids: Sequence[str], hours: Sequence[str]) -> tuple[LogLine, ...]:
    """The requests with these ids, in the order of the ids; those that the lake no longer holds are left out."""
    columns = ["request_id", "event_at", "attack_probability", "attack_class", "reason", "model_version"]
    scores = {row["request_id"]: row for row in rows_where(lake, "request_scores", hours, columns, request_id=ids)}
    if len(scores) == len(set(ids)):
        hours = sorted({format_hour(row["event_at"]) for row in scores.values()})
    columns = ["request_id", "event_at", "client_ip", "method", "host", "uri_path", "uri_query", "status", "user_agent"]
    columns += ["source_object", "line_number", "event_hour"]
    rows = {row["request_id"]: row for row in rows_where(lake, "requests", hours, columns, request_id=ids)}
    names = {row["source_object"] for row in rows.values()}
    counts = rows_where(lake, "object_counts", hours, ["source_object", "etag", "event_hour"], source_object=names)
    etags = {(row["source_object"], row["event_hour"]): row["etag"] for row in counts}
    lines = []
    for row in (rows[request_id] for request_id in ids if request_id in rows):
        path, query, hour = row.pop("uri_path") or "", row.pop("uri_query"), row.pop("event_hour")
        score = scores.get(row["request_id"], {})
        row |= {name: score.get(name) for name in ("attack_probability", "attack_class", "model_version")}
        row |= {"words": score.get("reason"), "etag": etags.get((row["source_object"], hour))}
        row |= {"event_at": as_utc(row["event_at"]), "target": path if query is None else f"{path}?{query}"}
        lines.append(LogLine(**row))
    return tuple(lines)
