"""Why a listing of decisions and a plan count differently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_assets.domains.waf.decisions_command import Listing, entries_line, render

ENTRIES = [
    {"address": "192.0.2.0/24", "operation": "keep"},
    {"address": "198.51.100.1/32", "operation": "add"},
    {"address": "198.51.100.2/32", "operation": "wait"},
    {"address": "198.51.100.3/32", "operation": "remove"},
]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("192.0.2.7/32", "1 lies within a network that has one"),
        ("198.51.100.2/32", "1 waits for room or a person"),
        ("198.51.100.3/32", "1 came after it or is on the allow list"),
        ("2001:db8::7/128", "1 came after it or is on the allow list"),
    ],
)
def test_an_address_without_entry_has_a_reason(address: str, why: str) -> None:
    line = entries_line([{"address": "198.51.100.1/32"}, {"address": address}], ENTRIES)
    assert line == f"The newest plan has entries for 1 of these addresses or networks: {why}."


def test_exempted_addresses_are_counted_as_such() -> None:
    rows = [{"address": "203.0.113.9/32", "exempted_by": "allow by ops"}, {"address": "198.51.100.1/32"}]
    assert entries_line(rows, ENTRIES).endswith("networks: 1 is exempted by a person.")


def test_nothing_is_explained_where_all_have_entries() -> None:
    assert entries_line([{"address": "198.51.100.1/32"}] * 2, ENTRIES) == ""
    assert entries_line([{"address": "198.51.100.9/32"}], []) == ""


NOW = datetime(2026, 11, 20, tzinfo=UTC)
PROBE = "1 of 1 request in 24 h is an attack (scanner probe), which met status 404"


def listed(reasons: list[str], all: bool = False, limit: int = 20) -> list[str]:
    """The lines that list decisions with these reasons, the first on 45.0.0.0."""
    from platform_assets.core.console import console_of

    rows: list[dict[str, Any]] = [
        {
            "address": f"45.0.0.{number}/32",
            "action": "challenge",
            "abuse_kind": "prober",
            "score": 1.0,
            "reason": reason,
            "exempted_by": None,
            "expires_at": NOW + timedelta(hours=9 - number),
        }
        for number, reason in enumerate(reasons)
    ]
    with console_of() as console, console.capture() as capture:
        console.width = 200
        console.print(render(Listing(rows, 0, NOW), limit, all))
    return capture.get().splitlines()


def test_decisions_with_the_same_reason_are_one_entry() -> None:
    lines = listed([PROBE, f"{PROBE}; repetition 2 within 168 h", "a flood", f"{PROBE}; escalated from count 12"])
    assert lines[1:] == [
        "3 addresses  challenge until at least 2026-11-20T06:00:00Z  prober, score 1.000",
        f"    {PROBE}",
        "    45.0.0.0/32, 45.0.0.1/32, 45.0.0.3/32",
        "45.0.0.2/32  challenge until 2026-11-20T07:00:00Z  prober, score 1.000",
        "    a flood",
    ]


def test_all_shows_each_decision_by_itself() -> None:
    lines = listed([f"{PROBE}; repetition {number} within 168 h" for number in range(4)], all=True)
    assert len(lines) == 9 and lines[2] == f"    {PROBE}; repetition 0 within 168 h"


def test_two_alike_are_not_folded() -> None:
    assert sum(PROBE in line for line in listed([PROBE, PROBE])) == 2


def test_what_is_not_shown_is_counted_in_decisions() -> None:
    assert listed(["a flood", PROBE, PROBE, PROBE], limit=1)[-1] == "3 decisions more; --limit 0 shows all."
