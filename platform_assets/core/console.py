"""What all commands of `weir` share: the option --home, settings, times, the console and its stages."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from platform_assets.core.escape import for_terminal
from platform_assets.core.times import instant

if TYPE_CHECKING:
    from platform_assets.settings import Settings

Home = Annotated[
    Path | None, typer.Option("--home", help="Folder with all state (default: WEIR_HOME or .weir).", show_default=False)
]
Override = Annotated[
    list[str] | None,
    typer.Option(
        "--override", help="A check of the plan that does not count this time; needs --reason.", show_default=False
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded in the audit.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="For machines; what people read goes to standard error.")]
BAR_WIDTH = 12
DRAWN_PER_SECOND = 4
FURTHER_INDENT = 2
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def settings_of(home: Path | None, **overrides: Any) -> Settings:
    """Settings of a home that this version may use; SettingsError or HomeError."""
    from platform_assets.core.home import require_current
    from platform_assets.settings import load_settings

    settings = load_settings(home, **overrides)
    require_current(settings.home)
    return settings


def location_of(text: str) -> str:
    """A URI unchanged, or a path made absolute."""
    return text if "://" in text else str(Path(text).expanduser().resolve())


def time_of(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (OverflowError, ValueError):
        raise typer.BadParameter(f"{option}: {text!r} is no ISO 8601 time such as 2026-11-20T13:00") from None


def duration_of(option: str, text: str) -> timedelta:
    """`30m`, `2h`, `7d` or `1w`."""
    match = re.fullmatch(r"([0-9]{1,5})([mhdw])", text.strip())
    if match is None:
        raise typer.BadParameter(f"{option}: {text!r} is no duration such as 30m, 2h, 7d or 1w")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


@contextmanager
def console_of(to_stderr: bool = False) -> Iterator[Any]:
    """A console on which text of strangers is text: no markup is read, control and direction characters are escaped.

    `to_stderr`: standard output is left to what a machine reads.
    """
    from rich.console import Console
    from rich.segment import Segment

    class LiteralConsole(Console):
        def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                text = segment.text if segment.control else for_terminal(segment.text, keep_lines=True)
                yield Segment(text, segment.style, segment.control)

    with _own_descriptor(sys.stderr if to_stderr else sys.stdout) as file:
        yield LiteralConsole(file=file, stderr=to_stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)


@contextmanager
def _own_descriptor(stream: TextIO) -> Iterator[TextIO | None]:
    """The terminal of a stream by a descriptor of its own, None where it is none: Dagster's steps redirect the stream's."""
    if not stream.isatty():
        yield None
        return
    with os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors=stream.errors) as terminal:
        yield terminal


class Folded:
    """Text whose lines are folded between words at the width of the console, what follows of a line further indented.

    Words stay whole: addresses, ids and names of files are copied from here.
    """

    def __init__(self, text: str, style: str = "") -> None:
        self.text, self.style = text, style

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        for line in self.text.split("\n"):
            indent = " " * (len(line) - len(line.lstrip()) + FURTHER_INDENT)
            folded = textwrap.wrap(
                line, options.max_width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
            yield Text("\n".join(folded), self.style, no_wrap=True, overflow="ignore")


def print_json(value: Any) -> None:
    """A value for machines on standard output, in ASCII, so that no terminal acts on what strangers wrote; times are ISO."""
    print(json.dumps(value, indent=2, default=instant))


def stage_of(console: Any) -> Any:
    """A context manager that shows a running stage, on a terminal with how far its job is, then the time that it took."""
    from rich.text import Text

    @contextmanager
    def stage(title: str) -> Iterator[None]:
        start = time.perf_counter()
        with console.status(Text(f"{title} …")) if not console.is_terminal else _bar(console, title):
            yield
        seconds = f"{time.perf_counter() - start:.1f} s"
        console.print(Text.assemble(("✓", "green"), f" {title} ", (seconds, "dim")))

    return stage


def _bar(console: Any, title: str) -> Any:
    """A live line that vanishes at its end: what runs, for how long, and how much is done of what is counted now."""
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from spark_jobs.runtime import progress

    class Counted(ProgressColumn):
        """The counter of this process, read whenever the line is drawn."""

        def render(self, task: Any) -> Any:
            now = progress.now()
            if now is None or now.total == 0:
                return Text()
            line = Table.grid(padding=(0, 1))
            line.add_row(
                ProgressBar(total=now.total, completed=now.done, width=BAR_WIDTH),
                Text(f"{now.done:,} of {now.total:,} {now.noun}", no_wrap=True, overflow="ellipsis"),
            )
            return line

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        Counted(),
        console=console,
        transient=True,
        refresh_per_second=DRAWN_PER_SECOND,
    )
    bar.add_task(title, total=None)
    return bar
