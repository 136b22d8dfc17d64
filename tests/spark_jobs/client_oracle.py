"""The expected client features in plain Python, independent of the code under test, and random requests for them."""

from __future__ import annotations

import ipaddress
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from spark_jobs.contract import HOUR_COLUMN, Table, format_hour
from spark_jobs.sources.cloudfront import patterns
from spark_jobs.sources.cloudfront.client_tables import ATTACK_FLOOR, CLIENT_BEHAVIOR, MAXIMA
from spark_jobs.sources.cloudfront.tables import REQUEST_SCORES, REQUESTS
from spark_jobs.storage.schema import arrow_schema

Row = dict[str, Any]
FIRST_HOUR = datetime(2026, 11, 20, 22, tzinfo=UTC)
SUMMED = [c.name for c in CLIENT_BEHAVIOR if c.name not in (*MAXIMA, "address_count", "path_entropy_bits")]

ADDRESSES = [
    *(f"192.0.2.{n}" for n in range(8)),
    *(f"198.51.{n}.1" for n in range(4)),
    *(f"2001:db8::{n:x}" for n in range(4)),
    *(f"2001:db8:0:{n}::1" for n in range(3)),
    "2001:db8:0:1:0:ff::2",
    "::1",
    "fe80::",
]
PATHS = [
    None, "/", "/shop", "/robots.txt", "/a.CSS", "/logo.png", "/x.js?", "/font.woff2", "/login", "/LOGIN/", "/wp-login.php",
    "/api/session", "/sessions.json", "/blog", "/.env", "/.git/config", "/backup.sql.gz", "/wp-admin/x", "/vendor/phpunit",
    "/app.css\n", "/login\n", "/12/2200/1343", "/7/66/43.png", "/api/v1/items", "/simple/numpy/", "/live/seg_12.ts", "/v2/x", "/café.jpg", "/a.ts", "/x.tsx", "/index.php", "/cgi-bin/test", "/Server-Status",
]  # fmt: skip
AGENTS = [
    None, "Mozilla/5.0 (X11; Linux)", "curl/8.5", "python-requests/2", "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "MyRobot", "Robotics Weekly", "UptimeRobot", "sqlmap/1.7", "Java/17", "", "Mozilla bot", "CURLY", "Amazon CloudFront",
]  # fmt: skip
METHODS = ["GET"] * 8 + ["POST"] * 4 + ["HEAD", "OPTIONS", "PUT", "DELETE", "get", None]
STATUSES = [200, 200, 200, 204, 206, 301, 302, 304, 400, 401, 403, 404, 410, 422, 429, 499, 500, 503, 0, 100, None]


def random_requests(count: int, hours: int, seed: int, addresses: Sequence[str] = ADDRESSES) -> list[Row]:
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        at = FIRST_HOUR + timedelta(hours=draw.randrange(hours), seconds=draw.randrange(3600))
        row: Row = {
            "request_id": f"r{i}",
            "event_at": at,
            "client_ip": draw.choice(addresses),
            "method": draw.choice(METHODS),
            "uri_path": draw.choice(PATHS),
            "uri_query": draw.choice([None, "a=1", "q=x"]),
            "status": draw.choice(STATUSES),
            "user_agent": draw.choice(AGENTS),
            "referer": draw.choice([None, "https://www.example.com/"]),
            "cookie_hash": draw.choice([None, "c1"]),
            "content_type": draw.choice(
                [None, None, "text/html; charset=utf-8", "TEXT/HTML", "application/json", "image/png"]
            ),
            "forwarded_for": draw.choice([None, None, "", "203.0.113.7", "203.0.113.8, 10.0.0.1", "unknown"]),
            "bytes_sent": draw.choice([None, 0, 100, 5_000_000_000]),
            "time_taken_seconds": draw.choice([None, 0.0, 0.1, 0.001, 12.345]),
            "source_object": "raw/a.gz",
            "line_number": i + 1,
        }
        rows.append(row)
    return rows


def random_scores(count: int, hours: int, seed: int) -> list[Row]:
    draw = random.Random(seed)
    rows = []
    for row in random_requests(count, hours, seed):
        probability = draw.choice([0.0, 0.005, 0.01, 0.02, 0.3, 0.5, 0.9, 1.0, round(draw.random(), 6)])
        is_attack = probability >= 0.5
        row |= {
            "attack_probability": probability,
            "is_attack": is_attack,
            "attack_class": draw.choice(["sqli", "xss", "traversal"]) if is_attack else None,
            "reason": None,
            "model_name": "request_attack",
            "model_version": "1",
        }
        rows.append({name: row[name] for name in REQUEST_SCORES.column_names})
    return rows


def to_table(rows: Iterable[Mapping[str, Any]], table: Table, at: str) -> pa.Table:
    """Rows as the table's Arrow data; their hour is that of the column `at`."""
    with_hour = [{**row, HOUR_COLUMN: format_hour(row[at])} for row in rows]
    return pa.Table.from_pylist(with_hour, schema=arrow_schema(table, with_hour=True))


def requests_table(rows: Iterable[Row]) -> pa.Table:
    return to_table(rows, REQUESTS, "event_at")


def cidr(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def network(client: str) -> str:
    address = client.split("/")[0]
    return str(ipaddress.ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


def matches(pattern: str, text: str | None) -> bool:
    return re.search(pattern.replace(r"\z", r"\Z"), text or "", re.ASCII) is not None


def entropy(paths: Iterable[str]) -> float:
    counts = Counter(paths)
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def is_page(row: Row) -> bool:
    """Whether a request got a page that a person may read."""
    status, kind = row["status"] or 0, (row["content_type"] or "").lower()
    if row["method"] != "GET" or not ((200 <= status < 300 and status != 206) or status == 304):
        return False
    if kind.startswith(("text/html", "application/xhtml")):
        return not matches(patterns.PACKAGE_INDEX, row["uri_path"])
    return not kind and not matches(patterns.NOT_A_PAGE, row["uri_path"])


def client_hourly(requests: Iterable[Row]) -> dict[tuple[str, datetime], Row]:
    grouped: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in requests:
        grouped[cidr(row["client_ip"]), row["event_at"].replace(minute=0, second=0)].append(row)
    return {(client, hour): _hour_of(client, hour, rows) for (client, hour), rows in grouped.items()}


def _hour_of(client: str, hour: datetime, rows: list[Row]) -> Row:
    def count(desired: Any) -> int:
        return sum(1 for row in rows if desired(row))

    def status(row: Row) -> int:
        return row["status"] or 0

    def signs_in(row: Row) -> bool:
        return row["method"] == "POST" and matches(patterns.SIGN_IN_PATH, row["uri_path"])

    minutes = Counter(row["event_at"].replace(second=0) for row in rows)
    return {
        "client": client,
        "client_kind": "address",
        "hour_at": hour,
        "request_count": len(rows),
        "address_count": 1,
        "active_minute_count": len(minutes),
        "peak_minute_request_count": max(minutes.values()),
        "distinct_path_count": len({row["uri_path"] or "" for row in rows}),
        "distinct_user_agent_count": len({row["user_agent"] or "" for row in rows}),
        "path_entropy_bits": entropy(row["uri_path"] or "" for row in rows),
        "asset_request_count": count(lambda r: matches(patterns.ASSET_PATH, r["uri_path"])),
        "query_request_count": count(lambda r: r["uri_query"] is not None),
        "post_request_count": count(lambda r: r["method"] == "POST"),
        "head_request_count": count(lambda r: r["method"] == "HEAD"),
        "unusual_method_request_count": count(lambda r: r["method"] not in (None, "GET", "HEAD", "POST", "OPTIONS")),
        "sign_in_request_count": count(signs_in),
        "sign_in_failure_count": count(lambda r: signs_in(r) and status(r) in (400, 401, 403, 422, 429)),
        "probe_path_request_count": count(lambda r: matches(patterns.PROBE_PATH, r["uri_path"])),
        "robots_request_count": count(lambda r: r["uri_path"] == "/robots.txt"),
        "ok_count": count(lambda r: 200 <= status(r) < 300 or status(r) == 304),
        "redirect_count": count(lambda r: 300 <= status(r) < 400 and status(r) != 304),
        "unauthorised_count": count(lambda r: status(r) in (401, 403)),
        "not_found_count": count(lambda r: status(r) in (404, 410)),
        "client_error_count": count(lambda r: 400 <= status(r) < 500),
        "server_error_count": count(lambda r: 500 <= status(r) < 600),
        "no_referer_count": count(lambda r: r["referer"] is None),
        "no_user_agent_count": count(lambda r: r["user_agent"] is None),
        "tool_user_agent_count": count(lambda r: matches(patterns.TOOL_AGENT, r["user_agent"])),
        "declared_bot_count": count(lambda r: matches(patterns.BOT_AGENT, r["user_agent"])),
        "cookie_request_count": count(lambda r: r["cookie_hash"] is not None),
        "distinct_page_count": len({r["uri_path"] or "" for r in rows if is_page(r)}),
        "proxy_agent_count": count(lambda r: matches(patterns.PROXY_AGENT, r["user_agent"])),
        "forwarded_client_count": len({r["forwarded_for"] for r in rows if (r["forwarded_for"] or "").strip()}),
        "unlogged_referer_count": count(lambda r: "referer" in (r.get("unlogged") or "")),
        "unlogged_cookie_count": count(lambda r: "cookie" in (r.get("unlogged") or "")),
        "bytes_sent": sum(r["bytes_sent"] or 0 for r in rows),
        "time_taken_seconds": math.fsum(r["time_taken_seconds"] or 0.0 for r in rows),
        "first_event_at": min(r["event_at"] for r in rows),
        "last_event_at": max(r["event_at"] for r in rows),
    }


def summed(rows: Sequence[Row]) -> Row:
    """The behavior of several address-hours together."""
    total = sum(row["request_count"] for row in rows)
    return {
        **{name: math.fsum(row[name] for row in rows) for name in SUMMED},
        **{name: max(row[name] for row in rows) for name in MAXIMA},
        "address_count": len({row["client"] for row in rows}),
        "path_entropy_bits": math.fsum(row["path_entropy_bits"] * row["request_count"] for row in rows) / total,
    }


def client_daily(hourly: Iterable[Row], first: datetime, last: datetime) -> dict[tuple[str, datetime], Row]:
    of_client: dict[str, list[Row]] = defaultdict(list)
    for row in hourly:
        of_client[row["client"]].append(row)
        of_client[network(row["client"])].append(row)
    actual = {}
    for client, rows in of_client.items():
        kind = "address" if client.endswith(("/32", "/128")) else "network"
        for hour in sorted({row["hour_at"] for row in rows}):
            if not first <= hour <= last:
                continue
            day = [row for row in rows if hour - timedelta(hours=23) <= row["hour_at"] <= hour]
            behavior = summed(day)
            if kind == "network" and behavior["address_count"] < 2:
                continue
            by_hour: Counter[datetime] = Counter()
            for row in day:
                by_hour[row["hour_at"]] += row["request_count"]
            actual[client, hour] = {
                "client": client,
                "client_kind": kind,
                "hour_at": hour,
                **behavior,
                "active_hour_count": len(by_hour),
                "peak_hour_request_count": max(by_hour.values()),
                "night_request_count": sum(n for at, n in by_hour.items() if at.hour < 6),
            }
    return actual


def client_attacks(
    scores: Iterable[Row], active: Iterable[tuple[str, str, datetime]]
) -> dict[tuple[str, datetime], Row]:
    of_client: dict[str, list[Row]] = defaultdict(list)
    for row in scores:
        if row["attack_probability"] > ATTACK_FLOOR:
            of_client[cidr(row["client_ip"])].append(row)
            of_client[network(row["client_ip"])].append(row)
    actual = {}
    for client, kind, hour in active:
        end = hour + timedelta(hours=1)
        day = [row for row in of_client[client] if hour - timedelta(hours=23) <= row["event_at"] < end]
        if not day:
            continue
        now = [row for row in day if row["event_at"] >= hour]
        attacks = [row for row in day if row["is_attack"]]
        leading = sorted(day, key=lambda r: r["request_id"])
        leading.sort(key=lambda r: (r["is_attack"], r["attack_probability"], r["event_at"]), reverse=True)
        actual[client, hour] = {
            "client": client,
            "client_kind": kind,
            "hour_at": hour,
            "hour_attack_request_count": sum(row["is_attack"] for row in now),
            "hour_attack_probability_max": max((row["attack_probability"] for row in now), default=0.0),
            "day_attack_request_count": len(attacks),
            "day_attack_probability_max": max(row["attack_probability"] for row in day),
            "day_attack_probability_sum": math.fsum(row["attack_probability"] for row in day),
            "day_attack_class_count": len({row["attack_class"] for row in attacks} - {None}),
            "day_attack_hour_count": len({row["event_at"].replace(minute=0, second=0) for row in attacks}),
            "day_attack_address_count": len({row["client_ip"] for row in attacks}),
            "attack_request_ids": [row["request_id"] for row in leading[:20]],
        }
    return actual


def keyed(rows: Iterable[Row]) -> dict[tuple[str, datetime], Row]:
    actual: dict[tuple[str, datetime], Row] = {}
    for row in rows:
        assert (row["client"], row["hour_at"]) not in actual, "one row of each client and hour"
        actual[row["client"], row["hour_at"]] = row
    return actual


def check_same(actual: Iterable[Row], expected: Mapping[tuple[str, datetime], Row], tolerance: float = 1e-9) -> None:
    """The same rows, whole numbers and texts exactly, others to the tolerance."""
    ours = keyed(actual)
    assert ours.keys() == expected.keys()
    for key, row in expected.items():
        for name, value in row.items():
            mine = ours[key][name]
            same = (
                math.isclose(mine, value, rel_tol=tolerance, abs_tol=tolerance)
                if isinstance(mine, float)
                else mine == value
            )
            assert same, (key, name, mine, value)
        assert ours[key].get(HOUR_COLUMN, format_hour(key[1])) == format_hour(key[1])
