"""docs/cli.md is what the command line says of itself."""

from __future__ import annotations

from pathlib import Path

from platform_assets.cli.reference import cli_markdown

ROOT = Path(__file__).parents[2]


def test_the_document_is_written_from_the_commands() -> None:
    said = "run `python -m platform_assets.cli.reference > docs/cli.md`"
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_markdown(), said


def test_the_readme_links_only_to_files() -> None:
    import re

    for page in ("README.md", "ARCHITECTURE.md", "platform_assets/README.md", "docs/decisions/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        assert not [link for link in links if not ((ROOT / page).parent / link).exists()], page


def test_every_path_that_architecture_names_exists() -> None:
    import re

    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:platform_assets|spark_jobs|mlflow|tests)/[\w./]+)`", text)
    assert named and not [path for path in named if not (ROOT / path).exists()]
