"""What an estimator of scikit-learn offers beside fit and predict, without importing it to score."""

from __future__ import annotations

import inspect
from typing import Any


class Estimator:
    """Parameters are the arguments of `__init__`, kept under their names; what `fit` learns ends in an underscore."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; `deep` is scikit-learn's, and these have none that hold others."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def __repr__(self) -> str:
        parameters = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({parameters})"
