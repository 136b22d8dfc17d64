"""Which models there are: every folder beside this file that holds a spec.py is a model.

A folder without all of a model's files is an error, so that a half-written model cannot be overlooked.
Reading the specifications imports no model code.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import ModuleType

from weir_models.contract import ModelSpec

REQUIRED_FILES = ("__init__.py", "spec.py", "model.py", "card.md")
HERE = files("weir_models")
"""Its folder, which on a cluster lies within a zip."""


class RegistryError(ValueError):
    """A model folder is incomplete, or a model is not known."""

    exit_code = 2


def names(folder: Traversable = HERE) -> tuple[str, ...]:
    """Names of the models, in alphabetical order; every folder must be complete."""
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._")
    for name in found:
        _require_files(folder / name)
    return tuple(found)


def _require_files(folder: Traversable) -> None:
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if missing:
        raise RegistryError(
            f"the model folder {folder.name} has no {', '.join(missing)}: a model has {', '.join(REQUIRED_FILES)}"
        )


def spec(name: str) -> ModelSpec:
    """The specification of one model."""
    if not name.isidentifier() or not (HERE / name).is_dir():
        raise RegistryError(f"there is no model {name}: known are {', '.join(names())}")
    _require_files(HERE / name)
    found = import_module(f"weir_models.{name}.spec").SPEC
    if not isinstance(found, ModelSpec) or found.name != name:
        raise RegistryError(f"weir_models/{name}/spec.py must hold SPEC, a ModelSpec with the name {name}")
    return found


def specs() -> dict[str, ModelSpec]:
    """All specifications by name."""
    return {name: spec(name) for name in names()}


def model_module(name: str) -> ModuleType:
    """The module with fit and evaluate; importing it imports scikit-learn."""
    spec(name)
    return import_module(f"weir_models.{name}.model")


def card_template(name: str) -> str:
    """The text of the model's card, with {figure} where a figure goes."""
    spec(name)
    return (HERE / name / "card.md").read_text(encoding="utf-8")


def trusted_types(wanted: Iterable[str]) -> list[str]:
    """Of the class names that a file asks for, those that the specification of their own model trusts."""
    models = {
        parts[1] for parts in (kind.split(".") for kind in wanted) if len(parts) > 2 and parts[0] == "weir_models"
    }
    return sorted(kind for name in models for kind in spec(name).trusted_types)
