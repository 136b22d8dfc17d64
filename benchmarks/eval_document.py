"""Sections of a document that commands write, between two marks; what stands around them is written by people."""

from __future__ import annotations

from pathlib import Path


def marks(section: str, command: str = "make eval") -> tuple[str, str]:
    """The lines before and after a section that the command writes."""
    return f"<!-- {section}: written by `{command}` -->", f"<!-- end of {section} -->"


def section_of(document: str, section: str, command: str = "make eval") -> str:
    """What stands between the marks."""
    begin, end = marks(section, command)
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(end) < document.index(begin):
        raise ValueError(f"the document needs the lines {begin!r} and {end!r} once each, in this order")
    return document.partition(begin)[2].partition(end)[0]


def write_section(path: Path, section: str, text: str, command: str = "make eval") -> None:
    """Replace what stands between the marks and nothing else."""
    document = path.read_text(encoding="utf-8")
    old = section_of(document, section, command)
    begin, end = marks(section, command)
    path.write_text(document.replace(f"{begin}{old}{end}", f"{begin}\n\n{text.strip()}\n\n{end}"), encoding="utf-8")
