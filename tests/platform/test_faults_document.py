"""docs/faults.md names tests that exist, at least one for each fault."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows() -> list[list[str]]:
    lines = (ROOT / "docs/faults.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0] != "fault" and set(row[0]) != {"-"}]


def test_every_fault_has_tests_and_all_of_them_exist() -> None:
    defined = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(rows()) >= 30
    for row in rows():
        assert len(row) == 4 and all(row), row
        named = re.findall(r"`(test_\w+)`", row[3])
        assert named and ", ".join(f"`{name}`" for name in named) == row[3], row
        assert set(named) <= defined, set(named) - defined


def test_no_fault_is_told_twice() -> None:
    faults = [row[0] for row in rows()]
    assert len(set(faults)) == len(faults)
