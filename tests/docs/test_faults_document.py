"""docs/faults.md names tests that exist, at least one for each fault."""

from __future__ import annotations

from documented_tests import defined_tests, named_tests, table_rows


def test_every_fault_has_tests_and_all_of_them_exist() -> None:
    rows, defined = table_rows("faults.md"), defined_tests()
    assert len(rows) >= 30
    for row in rows:
        assert len(row) == 4 and all(row), row
        named = set(named_tests(row[3]))
        assert named <= defined, named - defined


def test_no_fault_is_told_twice() -> None:
    faults = [row[0] for row in table_rows("faults.md")]
    assert len(set(faults)) == len(faults)
