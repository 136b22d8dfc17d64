"""Fingerprints of code: equal where only comments, docstrings and layout differ, whatever the version of Python."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any

from weir_models import registry

PACKAGE = "weir_models"
LENGTH = 16
IGNORED_FIELDS = {"ctx", "kind", "type_comment"}


def of_model(name: str) -> str:
    """Fingerprint of a model's folder and of the shared modules that it imports."""
    texts = texts_of(registry.HERE / name, f"{PACKAGE}/{name}")
    pending = list(texts.values())
    while pending:
        for module in _shared_modules(pending.pop()):
            path = f"{PACKAGE}/{module}.py"
            if path not in texts:
                texts[path] = (registry.HERE / f"{module}.py").read_text(encoding="utf-8")
                pending.append(texts[path])
    return of_texts(texts)


def texts_of(folder: Traversable, name: str) -> dict[str, str]:
    """The texts of all Python files of a folder, by `name/…/file.py`."""
    texts: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name[0] not in "._":
            texts |= texts_of(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".py"):
            texts[f"{name}/{entry.name}"] = entry.read_text(encoding="utf-8")
    return texts


def of_texts(texts: Mapping[str, str]) -> str:
    """Fingerprint of Python files by name: 16 hexadecimal digits of a SHA-256 of their names and syntax trees."""
    trees = {name: _shape(ast.parse(texts[name])) for name in sorted(texts)}
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()[:LENGTH]


def _shape(node: Any) -> Any:
    """A syntax tree without docstrings and empty fields; which fields there are differs between versions of Python."""
    if isinstance(node, list):
        return [_shape(item) for item in node if not _is_docstring(item)]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: value for name, value in ast.iter_fields(node) if name not in IGNORED_FIELDS}
    return [type(node).__name__, {name: _shape(value) for name, value in fields.items() if value not in (None, [])}]


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _shared_modules(text: str) -> set[str]:
    """Names of the modules beside this one that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    modules = {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE}.")}
    return {module for module in modules if (registry.HERE / f"{module}.py").is_file()}
