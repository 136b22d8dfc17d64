"""What is signed when a model version passes its gate, and whether a signature is right. No model is loaded here.

An alias or a tag of MLflow is changed by whoever reaches its database or server; a signature needs the key of the home.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

TAG = "gate_signature"
"""The tag of a version in MLflow that holds the record."""


@dataclass(frozen=True)
class GateRecord:
    """A version with these files and figures has passed its gate."""

    model: str
    version: str
    files_sha256: str
    figures_sha256: str

    @classmethod
    def of(cls, model: str, version: str, folder: Path, figures: Mapping[str, float]) -> GateRecord:
        """The record of a downloaded version and the figures that MLflow has of it."""
        return cls(model, version, hash_of_files(folder), hash_of_figures(figures))

    def signed(self, key: str) -> str:
        """The record with its signature (HMAC-SHA256), as JSON of one line."""
        return json.dumps(asdict(self) | {"signature": self._signature(key)}, sort_keys=True)

    @classmethod
    def verified(cls, text: str, key: str) -> GateRecord | None:
        """The record in a signed text; None where the signature is not right."""
        try:
            values = json.loads(text)
            signature = values.pop("signature")
            record = cls(**values)
            shown = str(signature).encode()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return record if hmac.compare_digest(shown, record._signature(key).encode()) else None

    def _signature(self, key: str) -> str:
        return hmac.new(key.encode(), json.dumps(asdict(self), sort_keys=True).encode(), hashlib.sha256).hexdigest()


def hash_of_files(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(json.dumps([path.relative_to(folder).as_posix(), content]).encode())
    return digest.hexdigest()


def hash_of_figures(figures: Mapping[str, float]) -> str:
    """SHA-256 of figures, exact to the last digit."""
    return hashlib.sha256(json.dumps(dict(sorted(figures.items()))).encode()).hexdigest()
