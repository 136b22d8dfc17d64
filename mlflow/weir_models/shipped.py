"""The champion that comes with the package: `make champions` writes it into the folder champion/ of its model.

Its bytes depend on the code and the locked libraries alone. `champion.json` says what it was fitted on, which code it
belongs to and what hash each file has.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from weir_models import cards, registry, saved_model
from weir_models.contract import Candidate, Evaluation

FOLDER, MANIFEST, MODEL = "champion", "champion.json", "model.skops"
EPOCH = (1980, 1, 1, 0, 0, 0)
PLOT_DPI = 60


class ShippedError(RuntimeError):
    """The files of a shipped champion are not those that `make champions` wrote; the message says what to do."""

    exit_code = 5


@dataclass(frozen=True)
class Recipe:
    """What a shipped champion was made of; champions.py of the platform computes it anew from the code."""

    code_fingerprint: str
    """Of the model's code."""
    examples_fingerprint: str
    """Of the code that makes the examples."""
    inputs: Mapping[str, str]
    """Columns that predict reads, with their types, in the order of the table."""
    seed: int


def folder_of(name: str) -> Path:
    """The folder of the model's shipped champion, whether there is one or not."""
    return Path(str(registry.HERE / name / FOLDER))


def is_there(name: str) -> bool:
    """Whether a champion of the model comes with the package."""
    return (folder_of(name) / MANIFEST).is_file()


def manifest(name: str) -> dict[str, Any]:
    """The content of champion.json; ShippedError where it cannot be read."""
    path = folder_of(name) / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ShippedError(f"{path} cannot be read ({type(error).__name__}); install Weir again.") from error
    return content


def recipe(name: str) -> Recipe:
    """What the shipped champion was made of."""
    return Recipe(**manifest(name)["recipe"])


def write(candidate: Candidate, recipe: Recipe, name: str, folder: Path) -> None:
    """Write a champion into `folder`, which is replaced."""
    spec = registry.spec(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    evaluation = candidate.evaluation
    card = cards.write_card(registry.card_template(name), spec, evaluation, candidate.tags)
    cards.write_folder(folder, candidate, card, PLOT_DPI)
    saved_model.save_dir(candidate.model, folder)
    write_same_bytes(folder / MODEL)
    candidate.input_example.reset_index(drop=True).to_parquet(folder / "input_example.parquet")
    content = {
        "model": name,
        "recipe": asdict(recipe),
        "tags": dict(sorted(candidate.tags.items())),
        "gates": [gate.sentence(evaluation.figures) for gate in spec.gates],
        "figures": {key: _or_none(value) for key, value in sorted(evaluation.figures.items())},
        "files": _hashes(folder),
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(name: str) -> Candidate:
    """The shipped champion of a model, to be registered as one that was fitted here; ShippedError where a file is changed.

    Its plots are PNG images.
    """
    folder, content = folder_of(name), manifest(name)
    found, written = _hashes(folder), content["files"]
    if wrong := sorted(path for path in {*found, *written} if found.get(path) != written.get(path)):
        raise ShippedError(f"{folder / wrong[0]} is not the file that Weir came with; install Weir again.")
    figures = {key: math.nan if value is None else float(value) for key, value in content["figures"].items()}
    tables = {path.stem: pd.read_csv(path) for path in sorted((folder / "tables").glob("*.csv"))}
    images = {path.stem: path.read_bytes() for path in sorted((folder / "plots").glob("*.png"))}
    return Candidate(
        model=saved_model.load_dir(folder),
        evaluation=Evaluation(figures, tables, images),
        input_example=pd.read_parquet(folder / "input_example.parquet"),
        baseline=pd.read_csv(folder / "baseline.csv", dtype=str, keep_default_na=False),
        tags=content["tags"],
    )


def write_same_bytes(file: Path) -> None:
    """Rewrite a .skops file so that equal models have equal bytes.

    skops names objects by their address in memory, and a zip holds the time of writing.
    """
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(contents.pop("schema.json"))
    numbers: dict[int, int] = {}
    arrays: dict[str, bytes] = {}

    def number(identity: int) -> int:
        return numbers.setdefault(identity, len(numbers) + 1)

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(item) for item in node]
        if not isinstance(node, dict):
            return node
        result = {}
        for key, value in node.items():
            if key == "__id__":
                value = number(value)
            elif key == "file" and isinstance(value, str) and (match := re.fullmatch(r"(\d+)(\.\w+)", value)):
                value = f"{number(int(match[1]))}{match[2]}"
                arrays[value] = contents[node[key]]
            result[key] = value if key in ("__id__", "file") else renamed(value)
        return result

    schema = renamed(schema)
    if len(arrays) != len(contents):
        raise ValueError(f"{file} holds members that its schema does not name: {sorted(contents)}")
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in [*sorted(arrays.items()), ("schema.json", json.dumps(schema).encode())]:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by path of all files but champion.json."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
