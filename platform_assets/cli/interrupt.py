"""How a command ends: at once when it is interrupted, and always once it has said what it had to say.

Libraries replace signal handlers while they work and keep threads that nothing ends. So signals are also read from a
wakeup descriptor by a thread of our own, and the end does not wait for anybody else's threads.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from spark_jobs.errors import ExitCode

GRACE_SECONDS = 3.0
"""What is under way may end by itself for so long."""
SENTENCE = "Interrupted; what was committed stays, the next run makes the rest."
_lock, _arrived, _left_alone = threading.Lock(), threading.Event(), threading.Event()
_to_say = [SENTENCE]


def watch(say: Callable[[str], None]) -> None:
    """From here on SIGINT and SIGTERM raise KeyboardInterrupt, and end the process a little later whatever catches it."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reader, writer, say), name="interrupts", daemon=True).start()


def _raise(number: int, frame: FrameType | None) -> None:
    if not _arrived.is_set():
        _arrived.set()
        raise KeyboardInterrupt


def _wait(reader: socket.socket, _writer: socket.socket, say: Callable[[str], None]) -> None:
    """Until one of the two signals arrives; `_writer` is only kept open."""
    numbers = b""
    while signal.SIGINT not in numbers and signal.SIGTERM not in numbers:
        numbers = reader.recv(16)
    if _left_alone.is_set():
        return
    _arrived.set()
    say_once(say)
    threading.Event().wait(GRACE_SECONDS)
    os._exit(ExitCode.INTERRUPTED)


def say_once(say: Callable[[str], None]) -> None:
    """Say that the command was interrupted, whoever notices it first."""
    with _lock:
        if _to_say:
            say(_to_say.pop())


def has_happened() -> bool:
    """Whether the command was interrupted."""
    return _arrived.is_set()


def leave_alone() -> None:
    """From here on the command ends by itself when it is interrupted: it has servers to stop first."""
    _left_alone.set()


def end(code: int) -> NoReturn:
    """Leave the process: what is registered for the exit runs for a while, threads that are left are not waited for."""
    threading.Timer(GRACE_SECONDS, os._exit, [code]).start()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    with suppress(KeyboardInterrupt):
        atexit._run_exitfuncs()
    os._exit(code)
