"""What the backtests of all domains share: writing the result and reporting rejected input."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import pandas as pd

Input = Annotated[Path, typer.Option("--input", help="File or folder of metrics, in any form that `weir run` reads.")]
Out = Annotated[Path, typer.Option("--out", help="Target, .parquet.")]


MAX_FILES_SHOWN = 5


class BacktestError(WeirError):
    """The backtest is not possible; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


def require_writable(out: Path) -> None:
    """BacktestError if `out` cannot be written, raised before the work starts."""
    if out.suffix != ".parquet":
        raise BacktestError(f"{out} must end in .parquet; name it so.")
    if not out.expanduser().parent.is_dir():
        raise BacktestError(f"The folder {out.parent} does not exist; create it.")


def write(frame: pd.DataFrame, out: Path) -> None:
    """Write the rows to `out` atomically."""
    out = out.expanduser()
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        frame.to_parquet(unfinished, index=False)
        unfinished.replace(out)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise BacktestError(f"{out} cannot be written ({error.strerror}); choose another place.") from None


def show_left_out(console: Any, content: Any) -> None:
    """How many files, lines or values of a FileContent were left out, and why; and the columns that were not read."""
    rejected = content.rejected
    for sentence in content.unreadable[:MAX_FILES_SHOWN]:
        console.print(f"not read: {sentence}")
    if len(content.unreadable) > MAX_FILES_SHOWN:
        console.print(
            f"and {counted(len(content.unreadable) - MAX_FILES_SHOWN, 'further file')} that could not be read"
        )
    if content.ignored_columns:
        console.print(f"columns that are not read: {', '.join(content.ignored_columns)}")
    if rejected:
        reasons = ", ".join(f"{count} {name}" for name, count in Counter(row.reason for row in rejected).items())
        example = rejected[0]
        console.print(
            f"{counted(len(rejected), 'line or value was', 'lines or values were')} left out ({reasons}), such as line {example.line_number}: "
            f"{example.detail}",
        )
