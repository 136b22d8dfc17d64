"""Sentences count in one way: `1 object`, `2,028 objects`; no noun in the plural follows a number that may be one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from spark_jobs.wording import counted

ROOT = Path(__file__).parents[2]
NOUNS = (
    "addresses alarms alerts attacks blocks changes clients clusters columns days decisions entries files groups hours "
    "ips lines members messages metrics models networks nodes objects pages queries requests rows runs samples scores servers signals "
    "series sets tables values versions"
).split()
PLURAL = re.compile(rf" (?:(?!of |has |announces )[a-z]+ )?(?:{'|'.join(NOUNS)}|IP sets)\b(?!/)")

CONSTANT = re.compile(r"(?:\w+\.)?[A-Z_]+(?:\.days)?")
"""Such as MOST_FILES, which is more than one."""


def uncounted(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each formatted value that a plural follows, but for the whole of which a part is told (`2 of 3 lines`)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part, following in zip(node.values, [*node.values[1:], None], strict=True):
            if isinstance(part, ast.Constant):
                before = str(part.value)
                continue
            assert isinstance(part, ast.FormattedValue)
            text = str(following.value) if isinstance(following, ast.Constant) else ""
            is_by_itself = not ast.unparse(part.value).startswith("counted(") and not CONSTANT.fullmatch(
                ast.unparse(part.value)
            )
            if (
                is_by_itself
                and PLURAL.match(text)
                and not re.search(r"(?:\bof (?:its |the |at most |all )?|most |more than |least )$", before)
            ):
                yield node.lineno, text
            before = ""


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(number, "object") for number in (0, 1, 2, 2028)] == [
        "0 objects",
        "1 object",
        "2 objects",
        "2,028 objects",
    ]
    assert counted(1, "node changes", "nodes change") == "1 node changes"
    assert counted(3, "entry", "entries") == "3 entries"


def test_no_sentence_counts_by_itself() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}:{text[:40]}"
        for package in ("platform_assets", "spark_jobs")
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, text in uncounted(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)
