"""Gates, and the exit codes of errors."""

from __future__ import annotations

import math
from importlib import import_module
from pkgutil import walk_packages

import weir_models
from weir_models.contract import Gate


def test_a_gate_fails_without_a_number() -> None:
    gate = Gate("tpr", at_least=0.5)
    assert gate.holds({"tpr": 0.5})
    assert not gate.holds({})
    assert not gate.holds({"tpr": math.nan})
    assert not Gate("tpr", at_least_figure="naive_tpr").holds({"tpr": 0.9, "naive_tpr": 0.95})


def test_every_error_carries_an_exit_code() -> None:
    modules = [import_module(found.name) for found in walk_packages(weir_models.__path__, "weir_models.")]
    errors = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__.startswith("weir_models")
    }
    assert {error.__name__ for error in errors} >= {"RegistryError", "TrackingError", "GateError", "SeriesError"}
    assert [error.__name__ for error in errors if type(vars(error).get("exit_code")) is not int] == []
    assert {vars(error)["exit_code"] for error in errors} <= {2, 3, 4, 5}
