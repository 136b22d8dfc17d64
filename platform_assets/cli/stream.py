"""The commands `weir stream …`: the process that reads a data stream, and how far the streams are. Parses and shows."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platform_assets.cli import interrupt
from platform_assets.core.console import Home, Json, console_of, print_json, settings_of, stage_of, time_of
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from platform_assets.ingest.streams.process import Figures
    from platform_assets.settings import Settings
    from spark_jobs.contract import Source

stream_app = typer.Typer(
    help="Data streams: records in the tables within seconds, and closed hours made by batch.", no_args_is_help=True
)
TOLD_SECONDS = 1.0


@stream_app.command("run")
def run_stream(
    source: Annotated[str, typer.Argument(help="cloudfront.")],
    home: Home = None,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so long; 0: on SIGTERM or Ctrl-C.")] = 0,
    start_at: Annotated[
        str | None,
        typer.Option(
            "--start-at", help="Where the first run on a stream begins, ISO 8601 (UTC); default: the oldest record."
        ),
    ] = None,
) -> None:
    """Read a Kinesis data stream: its records are landed, parsed, scored and in the tables within seconds.

    Example: weir stream run cloudfront
    """
    from platform_assets.ingest.streams.process import StreamProcess, streamed_source, with_sentences

    settings = settings_of(home)
    with console_of() as console:
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
        chosen = streamed_source(source)
        start = time_of("--start-at", start_at)
        stream = StreamProcess(settings, chosen, start_at=start)
        _register_shipped(settings, chosen, stage_of(console))
        is_stopping = _stops(seconds)
        console.print(
            f"Reading {stream.name} for {source}; landed objects are in {stream.lander.landing.folder}. "
            "SIGTERM or Ctrl-C stops it cleanly."
        )
        with with_sentences(stream), _live(console) as tell:
            figures = stream.run(is_stopping, tell)
        console.print(f"Stopped. {_sentence(figures)}")


@stream_app.command()
def status(home: Home = None, json: Json = False) -> None:
    """How far the streams are: lag by shard, records a second, age of the newest decision, restarts.

    Example: weir stream status
    """
    from platform_assets.clients.engine import lake_of
    from platform_assets.core.streams import progress, progress_sentence

    settings = settings_of(home)
    found = sorted(progress(lake_of(settings)).values(), key=lambda row: str(row["source"]))
    if json:
        print_json(found)
        return
    with console_of() as console:
        if not found:
            console.print("No stream has been read on this home; `weir stream run cloudfront` reads one.")
        for row in found:
            console.print(f"{progress_sentence(row)}.")


def _register_shipped(settings: Settings, source: Source, progress: Any) -> None:
    """Give the stream's model a first serving version, where Weir ships one."""
    from platform_assets.cli.run import register_shipped

    assert source.stream is not None
    if source.stream.model:
        register_shipped(settings, [source.stream.model], progress)


def _stops(seconds: float) -> Callable[[], bool]:
    """Whether a signal came or the time is over."""
    signals: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)

    interrupt.leave_alone()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    ends_at = time.monotonic() + seconds if seconds else float("inf")
    return lambda: bool(signals) or time.monotonic() >= ends_at


class _live:
    """A line that is drawn anew each second on a terminal; nothing elsewhere."""

    def __init__(self, console: Any) -> None:
        from rich.live import Live

        self.live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        self.told_at = 0.0

    def __enter__(self) -> Callable[[Figures], None]:
        if self.live is not None:
            self.live.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def _tell(self, figures: Figures) -> None:
        if self.live is not None and time.monotonic() - self.told_at >= TOLD_SECONDS:
            self.told_at = time.monotonic()
            self.live.update(_sentence(figures))


def _sentence(figures: Figures) -> str:
    behind = max(figures.behind_milliseconds.values(), default=0) / 1000
    age = "" if figures.age_seconds is None else f", {figures.age_seconds:.1f} s from the newest event to its rows"
    return (
        f"{counted(figures.records, 'record')} read ({figures.rate:.0f} a second), {counted(figures.rejected, 'line')} rejected, "
        f"{counted(figures.late, 'event')} late; {behind:.1f} s behind the stream{age}."
    )
