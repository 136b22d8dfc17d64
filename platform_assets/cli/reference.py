"""docs/cli.md, written from the command line itself: `python -m platform_assets.cli.reference > docs/cli.md`."""

from __future__ import annotations

INTRODUCTION = """\
Written from the command line by `python -m platform_assets.cli.reference`; a test compares.

All state lies in one folder, `--home` (default: `WEIR_HOME`, else `.weir`). Settings are environment variables or lines of
`<home>/weir.env` (all of them: [.env.example](../.env.example)). A home carries the version that made it; `weir upgrade` brings
an older one up.

Exit codes: 0 done; 1 unexpected; 2 wrong usage or setting; 3 input missing or unreadable; 4 stopped by a check (nothing is
changed) or by another run; 5 a service cannot be reached; 130 interrupted.
"""


def cli_markdown() -> str:
    """The text of docs/cli.md."""
    import typer
    from typer.cli import get_docs_for_click

    from platform_assets.cli.app import app

    command = typer.main.get_command(app)
    with command.make_context("weir", [], resilient_parsing=True) as context:
        text = get_docs_for_click(obj=command, ctx=context, name="weir", title="The command weir")  # type: ignore[arg-type]
    title, body = text.split("\n", 1)
    return f"{title}\n\n{INTRODUCTION}{body.rstrip()}\n"


if __name__ == "__main__":
    print(cli_markdown(), end="")
