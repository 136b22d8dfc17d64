"""docs/cli.md is what the command line says of itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from platform_assets.cli.reference import cli_markdown

ROOT = Path(__file__).parents[2]


def test_the_document_is_written_from_the_commands() -> None:
    said = "run `python -m platform_assets.cli.reference > docs/cli.md`"
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_markdown(), said


def commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with its words."""
    if not getattr(command, "commands", None):
        yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


def test_every_help_holds_an_example_that_the_command_line_takes() -> None:
    import typer

    from platform_assets.cli.app import app

    found = dict(commands(typer.main.get_command(app), ("weir",)))
    assert len(found) > 25
    for words, command in found.items():
        example = re.search(r"^Example: (.*)$", command.help, re.MULTILINE)
        assert example is not None, f"{' '.join(words)} --help has no example"
        given = shlex.split(example[1])
        assert tuple(given[: len(words)]) == words
        with command.make_context(given[-1], given[len(words) :]):  # parses, and raises where that fails
            pass


def test_the_readme_links_only_to_files() -> None:
    for page in ("README.md", "ARCHITECTURE.md", "platform_assets/README.md", "docs/decisions/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        assert not [link for link in links if not ((ROOT / page).parent / link).exists()], page


def test_every_path_that_architecture_names_exists() -> None:
    import re

    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:platform_assets|spark_jobs|mlflow|tests)/[\w./]+)`", text)
    assert named and not [path for path in named if not (ROOT / path).exists()]
