"""Why a listing of decisions and a plan count differently."""

from __future__ import annotations

import pytest

from platform_assets.domains.waf.decisions_command import entries_line

ENTRIES = [
    {"address": "192.0.2.0/24", "operation": "keep"},
    {"address": "198.51.100.1/32", "operation": "add"},
    {"address": "198.51.100.2/32", "operation": "wait"},
    {"address": "198.51.100.3/32", "operation": "remove"},
]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("192.0.2.7/32", "1 lie within a network that has one"),
        ("198.51.100.2/32", "1 wait for room or a person"),
        ("198.51.100.3/32", "1 came after it or are on the allow list"),
        ("2001:db8::7/128", "1 came after it or are on the allow list"),
    ],
)
def test_an_address_without_entry_has_a_reason(address: str, why: str) -> None:
    line = entries_line([{"address": "198.51.100.1/32"}, {"address": address}], ENTRIES)
    assert line == f"The newest plan has entries for 1 of these addresses or networks: {why}."


def test_exempted_addresses_are_counted_as_such() -> None:
    rows = [{"address": "203.0.113.9/32", "exempted_by": "allow by ops"}, {"address": "198.51.100.1/32"}]
    assert entries_line(rows, ENTRIES).endswith("networks: 1 are exempted by a person.")


def test_nothing_is_explained_where_all_have_entries() -> None:
    assert entries_line([{"address": "198.51.100.1/32"}] * 2, ENTRIES) == ""
    assert entries_line([{"address": "198.51.100.9/32"}], []) == ""
