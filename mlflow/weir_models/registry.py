"""Discovery of models: every folder beside this file is a model and must hold REQUIRED_FILES.

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
IMPORTED = "weir_models.imported.ImportedClassifier"
IMPORTED_TYPES = (
    IMPORTED,
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Class paths that belong to no model of ours: a foreign classifier, and parts of it that skops does not trust by itself.

They hold data alone; what compiled code follows in trees is checked as a model is imported (trees.py), and signed then.
"""
HERE = files("weir_models")
"""The folder of the package; on a cluster it lies inside a zip."""


class RegistryError(ValueError):
    """A model folder is incomplete, or there is no model of that name."""

    exit_code = 2


def names(folder: Traversable = HERE) -> tuple[str, ...]:
    """Names of the models in alphabetical order; RegistryError where a folder is incomplete."""
    models = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._")
    for name in models:
        _require_files(folder / name)
    return tuple(models)


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
    specification = import_module(f"weir_models.{name}.spec").SPEC
    if not isinstance(specification, ModelSpec) or specification.name != name:
        raise RegistryError(f"weir_models/{name}/spec.py must hold SPEC, a ModelSpec with the name {name}")
    return specification


def specs() -> dict[str, ModelSpec]:
    """All specifications by name."""
    return {name: spec(name) for name in names()}


def model_module(name: str) -> ModuleType:
    """The module with fit and evaluate; importing it imports scikit-learn."""
    spec(name)
    return import_module(f"weir_models.{name}.model")


def card_template(name: str) -> str:
    """Template of the model's card; cards.py fills it."""
    spec(name)
    return (HERE / name / "card.md").read_text(encoding="utf-8")


def trusted_types(class_names: Iterable[str]) -> list[str]:
    """The trusted types of the models that the class names of a file belong to."""
    class_names = set(class_names)
    models = {
        parts[1]
        for parts in (class_name.split(".") for class_name in class_names - {IMPORTED})
        if len(parts) > 2 and parts[0] == "weir_models"
    }
    own = {class_name for name in models for class_name in spec(name).trusted_types}
    return sorted(own | (class_names & {*IMPORTED_TYPES} if IMPORTED in class_names else set()))
