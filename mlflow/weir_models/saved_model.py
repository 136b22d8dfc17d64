"""A fitted model in a folder: the `.skops` file that MLflow or `save_dir` wrote there.

A file that holds nothing but one of our estimators with numbers, texts, lists and arrays is read here, since importing
skops, and with it scikit-learn and scipy, costs more than scoring an hour. skops reads all others, and builds only the
classes that the registry trusts. A Spark executor needs no more than this module.
"""

from __future__ import annotations

import io
import json
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from weir_models import registry
from weir_models.contract import Model
from weir_models.tracking_uri import TrackingError

PROTOCOL = 2
"""Of skops' files, as this module reads them."""


class NotPlainError(ValueError):
    """A file holds something that only skops can read."""

    exit_code = 5


def save_dir(model: Model, path: Path) -> Path:
    """Save a model for load_dir, without a tracking server."""
    import skops.io

    path.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, path / "model.skops")
    return path


def holds_model(folder: Path) -> bool:
    """Whether a model was saved in the folder or below it."""
    return any(folder.rglob("*.skops"))


def load_dir(path: Path) -> Model:
    """The model in a folder; TrackingError where there is not exactly one."""
    files = sorted(Path(path).rglob("*.skops"))
    if len(files) != 1:
        raise TrackingError(f"{path} holds {len(files)} .skops files, not one: download the version again")
    try:
        return load_plain(files[0])
    except NotPlainError:
        return _load_with_skops(files[0])


def load_plain(file: Path) -> Model:
    """The estimator of a file without skops; NotPlainError where it holds more than plain values."""
    try:
        with zipfile.ZipFile(file) as archive:
            schema = json.loads(archive.read("schema.json"))
            if schema.get("protocol") != PROTOCOL or schema.get("__loader__") != "ObjectNode":
                raise NotPlainError(f"{file.name} is of another protocol, or no object")
            state = _value(schema["content"], archive)
            model = _empty(f"{schema['__module__']}.{schema['__class__']}")
    except (KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise NotPlainError(f"{file.name}: {type(error).__name__}: {error}") from error
    model.__dict__.update(state)
    loaded: Model = model
    return loaded


def _empty(path: str) -> Any:
    """An instance without state of a class that the registry trusts."""
    if path not in registry.trusted_types([path]):
        raise NotPlainError(f"{path} is no class of a registered model")
    module, _, name = path.rpartition(".")
    found = getattr(import_module(module), name)
    if "__setstate__" in vars(found) or "__reduce__" in vars(found):
        raise NotPlainError(f"{path} restores itself")
    return object.__new__(found)


def _value(node: dict[str, Any], archive: zipfile.ZipFile) -> Any:
    """What a node of skops' schema stands for."""
    match node["__loader__"], node["__module__"], node["__class__"]:
        case "JsonNode", "builtins", "str":
            return json.loads(node["content"])
        case "ListNode", "builtins", "list":
            return [_value(item, archive) for item in node["content"]]
        case "DictNode", "builtins", "dict" if _has_text_keys(node):
            return {key: _value(item, archive) for key, item in node["content"].items()}
        case "NdArrayNode", "numpy", "ndarray" if node["type"] == "numpy":
            try:
                return np.load(io.BytesIO(archive.read(node["file"])), allow_pickle=False)
            except ValueError as error:
                raise NotPlainError(f"{node['file']}: {error}") from error
    raise NotPlainError(f"{node['__module__']}.{node['__class__']} is no plain value")


def _has_text_keys(node: dict[str, Any]) -> bool:
    types = node["key_types"]["content"]
    return all((kind["__loader__"], kind["__class__"]) == ("TypeNode", "str") for kind in types)


def _load_with_skops(file: Path) -> Model:
    import skops.io

    requested = skops.io.get_untrusted_types(file=file)
    loaded: Model = skops.io.load(file, trusted=registry.trusted_types(requested))
    return loaded
