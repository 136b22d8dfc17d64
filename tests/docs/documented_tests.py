"""Tables of documents that name tests, and the tests that there are. No test here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def table_rows(document: str) -> list[list[str]]:
    """The cells of every table row of a document under docs/, header rows left out."""
    lines = (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rules = [number for number, row in enumerate(cells) if set(row[0]) == {"-"}]
    return [row for number, row in enumerate(cells) if number not in rules and number + 1 not in rules]


def named_tests(cell: str) -> list[str]:
    """The tests of a cell that holds nothing but names of tests."""
    named = re.findall(r"`(test_\w+)`", cell)
    assert named and ", ".join(f"`{name}`" for name in named) == cell, cell
    return named


def defined_tests(pattern: str = "test_*.py") -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob(pattern)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
