"""What a run of `weir` did, or why it failed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import dagster as dg


LONGEST = 500
"""Characters of a text of metadata that `--json` prints."""


class RunFailed(WeirError):
    """A run did not succeed; the message is one sentence for the user."""

    def __init__(self, message: str, exit_code: int = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class Outcome:
    """What a run did, for the report."""

    hours: list[str] = field(default_factory=list)
    """Parsed hours."""
    looked_back: set[str] = field(default_factory=set)
    """Hours made again only because earlier hours were."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Title of a stage -> how long it took."""
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Asset key -> metadata of its last materialization in this run."""
    failed_checks: list[str] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    """Hours that could not be made, and why; all others were."""
    unread: str = ""
    """One sentence where nothing of what was new could be read."""
    run_seconds: float = 0.0
    """Of all Dagster runs."""
    dagster_seconds: float = 0.0
    """Of these, the overhead of Dagster: everything outside of the steps, and storing their events."""

    def for_machines(self) -> dict[str, Any]:
        """What `--json` prints: everything but long texts and pictures of the metadata."""
        assets = {
            key: {name: value for name, value in sorted(values.items()) if _is_short(value)}
            for key, values in sorted(self.metadata.items())
        }
        return {
            "hours": self.hours,
            "hours_looked_back": sorted(self.looked_back),
            "hours_set_aside": self.set_aside,
            "unread": self.unread or None,
            "failed_checks": self.failed_checks,
            "seconds": {title: round(seconds, 3) for title, seconds in self.seconds.items()},
            "assets": assets,
        }


def _is_short(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= LONGEST)


def stop_where_hours_are_missing(outcome: Outcome) -> None:
    """RunFailed if hours were set aside, or nothing of the new input could be read; called after all else was shown."""
    if outcome.set_aside:
        hour, reason = min(outcome.set_aside.items())
        count = len(outcome.set_aside)
        first = f"{counted(count, 'hour')} could not be made, {hour} first"
        hours = f"The hour {hour} could not be made" if count == 1 else first
        raise RunFailed(f"{hours}; all others were, and the next run tries again. {reason}")
    if outcome.unread:
        raise RunFailed(outcome.unread, ExitCode.INPUT)


def stop_where_not_applied(outcome: Outcome, is_on: bool, unchanged: str) -> None:
    """RunFailed if a check stopped a plan that was to be applied (`is_on`).

    `unchanged`: a clause that names what stays as it was.
    """
    if outcome.failed_checks and is_on:
        sentence = f"{unchanged[0].upper()}{unchanged[1:]}; a check stopped the plan: {outcome.failed_checks[0]}"
        raise RunFailed(sentence, ExitCode.STOPPED)


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, int]:
    """The sentence and the exit code of a failed run."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        error: Any = event.step_failure_data.error
        innermost = error
        while error is not None:
            innermost = error
            if (code := _exit_code(error)) is not None:
                return _text(error), code
            error = error.cause
        if innermost is not None:
            advice = f"The step {event.step_key} failed; `weir ui` shows run {result.run_id} with its log."
            return f"{_text(innermost)} {advice}", ExitCode.FAILED
    return f"The run {result.run_id} failed before its first step; `weir ui` shows its log.", ExitCode.FAILED


def _exit_code(error: Any) -> int | None:
    """Exit code of an error as Dagster keeps it, as text: `package.module.Class: message`."""
    module, _, name = str(error.message).partition(":")[0].strip().rpartition(".")
    code = getattr(getattr(sys.modules.get(module), name, None), "exit_code", None)
    return int(code) if isinstance(code, int) else None


def _text(error: Any) -> str:
    message = str(error.message).strip()
    name, separator, sentence = message.partition(": ")
    return sentence.strip() if separator and name.rsplit(".", 1)[-1] == error.cls_name else message
