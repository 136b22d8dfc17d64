"""docs/peers.md names a scenario for each failure, and no scenario is left out of it."""

from __future__ import annotations

from documented_tests import ROOT, defined_tests, named_tests, table_rows


def test_every_failure_has_a_scenario_and_every_scenario_a_failure() -> None:
    rows, scenarios = table_rows("peers.md"), defined_tests("test_peers_[rw]*.py")
    assert rows[0][0], "the first row names its project"
    named = set()
    for row in rows:
        assert len(row) == 4 and all(row[1:]), row
        named |= set(named_tests(row[3]))
    in_text = {name for name in scenarios if "_by_every_peer_and_by_us" in name}
    assert named == scenarios - in_text
    text = (ROOT / "docs/peers.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in in_text)
