"""What the evaluations share: the folder of the public data, and sections of documents that commands write.

Text outside of a section's marks is written by people.
"""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """The folder of WEIR_EVAL_DATA; a relative one is seen from the project."""
    return Path(__file__).parents[1] / os.environ.get("WEIR_EVAL_DATA", "../shared/data")


def marks(section: str, command: str = "make eval") -> tuple[str, str]:
    """The lines before and after a section that the command writes."""
    return f"<!-- {section}: written by `{command}` -->", f"<!-- end of {section} -->"


def section_of(document: str, section: str, command: str = "make eval") -> str:
    """The text between the marks; ValueError unless both are there once."""
    begin, end = marks(section, command)
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(end) < document.index(begin):
        raise ValueError(f"the document needs the lines {begin!r} and {end!r} once each, in this order")
    return document.partition(begin)[2].partition(end)[0]


def write_section(path: Path, section: str, text: str, command: str = "make eval") -> None:
    """Replace the text between the marks."""
    document = path.read_text(encoding="utf-8")
    old = section_of(document, section, command)
    begin, end = marks(section, command)
    path.write_text(document.replace(f"{begin}{old}{end}", f"{begin}\n\n{text.strip()}\n\n{end}"), encoding="utf-8")
