"""Interrupted at any moment, a command ends soon with one sentence; and it ends whatever threads are left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = "from platform_assets.cli.app import main; main()"
LOG = "#Fields: date time c-ip cs-uri-stem\n" + "".join(
    f"2026-11-20\t13:{n:02}:07\t192.0.2.1\t/{n}\n" for n in range(60)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGTERM, "version"),
        (signal.SIGINT, "lake/raw"),
        (signal.SIGTERM, "artifacts/request_attack"),
        (signal.SIGTERM, "lake/parsed"),
    ],
)
def test_an_interrupt_ends_a_run(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    """Each moment is the first of a file or folder of the home."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "log").write_text(LOG)
    arguments = ["run", "edge", "--input", str(tmp_path / "raw"), "--home", str(tmp_path / "home")]
    run = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "home" / moment).exists() and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert errors == "weir: Interrupted; what was committed stays, the next run makes the rest.\n"


ENDLESS = """
import threading, time
from platform_assets.cli import interrupt
threading.Thread(target=time.sleep, args=(3600,)).start()
print("said")
interrupt.end(7)
"""
DEAF = """
import os, signal, time
from platform_assets.cli import interrupt
interrupt.watch(print)
signal.signal(signal.SIGTERM, lambda *_: None)  # as libraries do while they work
os.kill(os.getpid(), signal.SIGTERM)
while True:
    time.sleep(0.1)
"""


REDIRECTING = """
import io, os, signal, sys, time
from contextlib import redirect_stderr
from platform_assets.cli import app
sys.argv = ["weir", "doctor"]
def while_a_library_works():
    with redirect_stderr(io.StringIO()):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            time.sleep(60)
app.run_command = while_a_library_works
app.main()
"""


def test_the_sentence_is_shown_while_a_library_redirects_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", REDIRECTING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        130,
        "weir: Interrupted; what was committed stays, the next run makes the rest.\n",
    )


@pytest.mark.parametrize(
    ("program", "code", "output"),
    [(ENDLESS, 7, "said\n"), (DEAF, 130, "Interrupted; what was committed stays, the next run makes the rest.\n")],
)
def test_nothing_that_is_left_keeps_a_command_alive(program: str, code: int, output: str) -> None:
    done = subprocess.run([sys.executable, "-u", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (code, output)
