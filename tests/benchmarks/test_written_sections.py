"""Documents whose tables are written by commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.evaluation import marks, section_of, write_section
from benchmarks.requests.evaluate import SECTION

DETECTION = Path(__file__).parents[2] / "docs" / "detection.md"
FIGURE = re.compile(r"\d\s?%|\b0\.\d|\b\d{1,3}(?:,\d{3})+\b")


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    begin, end = marks("a")
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{begin}\nold\n{end}\n\nafter\n")
    write_section(page, "a", "| new |\n")
    assert page.read_text() == f"before\n\n{begin}\n\n| new |\n\n{end}\n\nafter\n"
    write_section(page, "a", "| newer |")
    assert section_of(page.read_text(), "a").strip() == "| newer |"


@pytest.mark.parametrize("text", ["no marks", "{end} {begin}", "{begin}{begin}{end}", "{begin}"])
def test_a_document_without_its_marks_is_not_touched(tmp_path: Path, text: str) -> None:
    begin, end = marks("a")
    page = tmp_path / "page.md"
    page.write_text(text.format(begin=begin, end=end))
    with pytest.raises(ValueError, match="once each, in this order"):
        write_section(page, "a", "new")
    assert page.read_text() == text.format(begin=begin, end=end)


def test_every_figure_is_in_the_written_section() -> None:
    page = DETECTION.read_text(encoding="utf-8")
    written = section_of(page, SECTION)
    assert FIGURE.search(written)
    assert FIGURE.findall(page.split(marks(SECTION)[0])[0]) == []
