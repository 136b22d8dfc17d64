"""`weir explain SUBJECT` is answered by the first domain that recognizes the subject."""

from __future__ import annotations

from typing import Any, Protocol

from platform_assets.core.domain import parts
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError


class ExplainError(WeirError):
    """There is nothing to explain; one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


def not_recognized(subject: str, takes: str) -> ExplainError:
    """The error for a subject that no domain recognizes."""
    return ExplainError(f"{subject[:80]!r} cannot be explained; give {takes}.")


class Explainer(Protocol):
    """The module that `Domain.explain` names."""

    TAKES: str
    """What it explains, for use in a sentence: an address, …"""

    def recognizes(self, subject: str) -> bool: ...

    def explain(self, settings: Settings, subject: str) -> Any: ...

    def render(self, explanation: Any) -> Any:
        """For rich's Console."""
        ...

    def to_json(self, explanation: Any) -> str: ...


def explainer_of(subject: str) -> Explainer:
    """The explainer of a subject; ExplainError if no domain recognizes it."""
    explainers = [explainer for _, explainer in parts("explain")]
    for explainer in explainers:
        if explainer.recognizes(subject):
            return explainer
    raise not_recognized(subject, " or ".join(explainer.TAKES for explainer in explainers))
