"""What two versions decide about the same hours, compared: who enters, who leaves, and who of them is innocent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from platform_assets.domains.waf.decisions import Decision
from platform_assets.domains.waf.networks import Ranges
from platform_assets.domains.waf.replaying import changes, request_counts
from spark_jobs.contract import Interval
from spark_jobs.sources.cloudfront.tables import REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake

AT = datetime(2026, 11, 20, 13, tzinfo=UTC)


def decided(*pairs: tuple[str, str]) -> dict[str, Decision]:
    return {
        address: Decision(
            address, action, f"{action} it", AT, AT + timedelta(hours=24), "client_abuse", "1", f"{address} {action}", 0.9,
            "scanner", "address", 100, 10, 1, ("r1",), 0,
        )
        for address, action in pairs
    }  # fmt: skip


def test_who_enters_leaves_and_changes_is_named() -> None:
    before = decided(
        ("192.0.2.1/32", "block"), ("192.0.2.2/32", "block"), ("192.0.2.3/32", "count"), ("192.0.2.4/32", "block")
    )
    after = decided(("192.0.2.1/32", "block"), ("192.0.2.3/32", "block"), ("192.0.2.4/32", "count"), ("198.51.100.0/24", "challenge"), ("192.0.2.5/32", "count"))  # fmt: skip
    innocent = {"on the allow list": Ranges.of(["198.51.100.7/32"]), "judged benign": Ranges.of(["192.0.2.0/24"])}
    rows = changes(before, after, innocent)
    assert [(row.entry, row.change, row.is_newly_acted_on) for row in rows] == [
        ("192.0.2.2/32", "leaves", False),
        ("192.0.2.3/32", "stronger", True),
        ("192.0.2.4/32", "weaker", False),
        ("192.0.2.5/32", "enters", False),
        ("198.51.100.0/24", "enters", True),
    ]
    assert [row.innocent for row in rows] == ["judged benign"] * 4 + ["on the allow list"]
    assert [row.reason for row in rows[:2]] == ["block it", "block it"]
    assert changes(before, before, {}) == []


def test_collateral_is_what_was_served_and_is_no_attack(tmp_path: Path) -> None:
    lake, hour = Lake(str(tmp_path)), "2026-11-20-12"
    requests = [("r1", "192.0.2.1", 200), ("r2", "192.0.2.1", 404), ("r3", "192.0.2.1", 200), ("r4", "192.0.2.9", 304), ("r5", "203.0.113.1", 200)]  # fmt: skip
    lake.overwrite_rows(
        REQUESTS,
        [
            {"request_id": name, "client_ip": ip, "status": status, "event_at": AT, "event_hour": hour}
            for name, ip, status in requests
        ],
        [hour],
    )
    lake.overwrite_rows(
        REQUEST_SCORES,
        [{"request_id": "r3", "client_ip": "192.0.2.1", "is_attack": True, "event_at": AT, "event_hour": hour}],
        [hour],
    )
    counts = request_counts(lake, Interval.of_hour(hour), ["192.0.2.1/32", "192.0.2.0/24", "198.51.100.1/32"])
    assert counts == {"192.0.2.1/32": (3, 1), "192.0.2.0/24": (4, 2), "198.51.100.1/32": (0, 0)}
