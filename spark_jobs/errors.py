"""The base of errors whose message is for the user: one sentence that says what happened and what to do.

Each class has the exit code of a command that it ends. weir_models imports nothing of this package; its errors have
the same attribute.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code tells a script."""

    FAILED = 1
    """Unexpected; a defect of Weir unless the message says otherwise."""
    USAGE = 2
    """Wrong usage or setting."""
    INPUT = 3
    """Input is missing or cannot be read."""
    STOPPED = 4
    """Stopped by a check or by another run; nothing was changed."""
    SERVICE = 5
    """A service or a file of Weir's own cannot be reached or used."""
    INTERRUPTED = 130
    """Ended by Ctrl-C or SIGTERM; what was committed stays."""


class WeirError(Exception):
    """An error that a user can cause or fix; subclasses set `exit_code`."""

    exit_code: int = ExitCode.FAILED


def exit_code_of(error: BaseException) -> int | None:
    """Exit code of an error whose message is for the user; None for any other error."""
    code = getattr(error, "exit_code", None)
    return int(code) if isinstance(code, int) else None
