"""A model version in the registry: its page, gate, figures and training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.settings import Settings
from platform_assets.training.sets import SHIPPED


@dataclass(frozen=True)
class ModelPage:
    """A model version as the registry has it; `problem` where the registry cannot be read."""

    name: str
    version: str
    page: str
    run_id: str = ""
    has_passed_gate: bool | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    training_table: str = ""
    git_revision: str = ""
    """Of the code; its fingerprint for a shipped version."""
    problem: str = ""


def model_page(settings: Settings, name: str, version: str) -> ModelPage:
    """The page of a version. No failure of MLflow stops the rest of the explanation."""
    uri = settings.tracking_uri
    page = f"/#/models/{name}/versions/{version}"
    page = f"{uri.rstrip('/')}{page}" if uri.startswith("http") else f"{page} of the MLflow that `weir ui` starts"
    try:
        from weir_models import tracking

        run_id, tags, figures = tracking.described(name, version, tracking_uri=uri)
        gate = ModelRegistry.of(settings).passed_gate(name, version)
    except Exception as error:
        return ModelPage(name, version, page, problem=first_line(error))
    code = tags.get("git_revision") or tags.get("code_fingerprint", "")
    return ModelPage(name, version, page, run_id, gate, figures, _training(tags), code)


def _training(tags: Mapping[str, str]) -> str:
    """What a version with these tags was fitted on."""
    table = tags.get("training_table", "?")
    if tags.get("origin") == SHIPPED:
        return f"generated rows of {table}, {tags.get('examples', '?')} of them, before it came with Weir {tags.get('weir_version', '?')}"
    return f"{table} version {tags.get('training_table_version', '?')}"


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its class where it has none."""
    return str(error).strip().split("\n")[0] or type(error).__name__
