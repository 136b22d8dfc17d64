"""Errors of planning and applying; every message is one sentence that says what happened and what to do.

Domains derive their own errors from ActionError and use the others as they are.
"""

from __future__ import annotations

from typing import Any

from spark_jobs.errors import ExitCode, WeirError


class ActionError(WeirError):
    """A system that is to be changed, or the state of earlier changes, cannot be used."""

    exit_code = ExitCode.SERVICE


class RequestError(ActionError):
    """A person requested something that cannot be done."""

    exit_code = ExitCode.USAGE


class StalePlanError(ActionError):
    """Another plan was applied since this one was made."""

    exit_code = ExitCode.STOPPED


class PlanStoppedError(ActionError):
    """A blocking check stops a plan that is to be applied."""

    exit_code = ExitCode.STOPPED


class IncompleteApplyError(ActionError):
    """Only a part of a plan was applied; the next run continues. `reports`: the changes, part by part."""

    def __init__(self, message: str, *reports: Any) -> None:
        super().__init__(message)
        self.reports = reports
