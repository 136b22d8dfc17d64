"""Stages on a terminal and without one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from platform_assets.core.console import Folded, console_of


def printed(text: str, width: int) -> list[str]:
    with console_of() as console:
        console.width = width
        with console.capture() as capture:
            console.print(Folded(text))
    return capture.get().splitlines()


def test_lines_fold_between_words_and_indent() -> None:
    assert printed("  + add  one two three", 14) == ["  + add  one", "    two three"]


def test_a_long_word_stays_whole() -> None:
    address = "https://example.com/" + "a" * 40
    assert printed(f"see {address} first", 30) == ["see", f"  {address}", "  first"]


SCRIPT = """
import os, sys, time
from platform_assets.core.console import console_of, stage_of
from spark_jobs.runtime import progress

with console_of() as console, stage_of(console)("Parsing"):
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 1)  # as Dagster's steps do
    progress.begin(10, "objects")
    for _ in range(3):
        progress.item_done()
    time.sleep(1)
"""


def shown(tmp_path: Path, on_terminal: bool) -> str:
    """What the script's terminal, or else its pipe, shows."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "step.log")]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
    if not on_terminal:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    content = b""
    with suppress(OSError):  # Linux: the other end is closed
        while block := os.read(ours, 4096):
            content += block
    os.close(ours)
    assert process.wait() == 0, content.decode()
    return content.decode()


@pytest.mark.slow
def test_terminal_shows_progress_while_output_is_redirected(tmp_path: Path) -> None:
    content = shown(tmp_path, on_terminal=True)
    assert "3 of 10 objects" in content
    assert "✓" in content
    assert (tmp_path / "step.log").read_text() == ""


@pytest.mark.slow
def test_pipe_gets_no_progress_line(tmp_path: Path) -> None:
    shown(tmp_path, on_terminal=False)
    content = (tmp_path / "step.log").read_text()
    assert content.startswith("✓ Parsing")
    assert "objects" not in content
