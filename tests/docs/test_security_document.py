"""docs/security.md claims no defense without a test that exists."""

from __future__ import annotations

from documented_tests import defined_tests, named_tests, table_rows

ASSETS = 6


def test_every_defense_has_tests_that_exist() -> None:
    rows, defined = table_rows("security.md")[ASSETS:], defined_tests()
    assert len(rows) >= 7
    for row in rows:
        assert len(row) == 3 and all(row), row
        named = set(named_tests(row[2]))
        assert named <= defined, named - defined
