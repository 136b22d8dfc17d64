"""Which version of a model scores which rows: the champion all, or a canary its share of the entities beside it.

The share is sticky: an entity belongs to it by a hash of its name and of the version, in every process and in any order,
and who is in a share of 5 % is in one of 25 %. Standard library only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

SPACE = 1 << 64


@dataclass(frozen=True)
class Served:
    """The versions of one model that score, as a job gets them in its parameters."""

    model_name: str
    model_version: str
    model_dir: str = ""
    canary_version: str = ""
    """Empty: there is no canary."""
    canary_dir: str = ""
    canary_share: float = 0.0

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Served:
        """From the parameters of a job."""
        return cls(**{name: parameters[name] for name in cls.__dataclass_fields__ if name in parameters})

    def parameters(self) -> dict[str, Any]:
        """As parameters of a job."""
        names = asdict(self)
        return (
            names
            if self.canary_version
            else {name: names[name] for name in ("model_name", "model_version", "model_dir")}
        )

    @property
    def versions(self) -> str:
        """The versions, comma-separated, for people and as a key."""
        return ",".join(filter(None, (self.model_version, self.canary_version)))

    def is_canary(self, entities: Iterable[str]) -> list[bool]:
        """Whether the canary scores each entity, such as a network."""
        salt = f"{self.model_name} {self.canary_version}"
        return [place_of(entity, salt) < self.canary_share for entity in entities]

    def version_of(self, entity: str) -> str:
        """The version that scores an entity."""
        return self.canary_version if self.canary_version and self.is_canary([entity])[0] else self.model_version


def place_of(entity: str, salt: str) -> float:
    """The place of an entity in a share, 0 <= place < 1, uniform over entities."""
    digest = hashlib.blake2b(f"{salt}\n{entity}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / SPACE
