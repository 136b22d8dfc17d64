"""Counts of one column by hour of the day, with a sketch of its texts; counts of parts add up, also as JSON."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_jobs.profiling.bins import Bins
from spark_jobs.profiling.texts import HOURS_OF_DAY, SHAPE

if TYPE_CHECKING:
    import numpy as np

MOST_LISTED = 64


@dataclass
class Counts:
    """Values in each bin by hour of the day (24 x bins, int64); one row where the hours were not told apart.

    Of an id, 1 where an hour has a value in the bucket. `sketch` is GROUPS x BUCKETS by hour (texts.py), None if no text.
    """

    values: np.ndarray
    sketch: np.ndarray | None = None

    @classmethod
    def none(cls, bins: Bins) -> Counts:
        import numpy as np

        sketch = np.zeros(SHAPE, dtype=np.int64) if bins.kind == "text" else None
        return cls(np.zeros((HOURS_OF_DAY, bins.size), dtype=np.int64), sketch)

    @classmethod
    def total(cls, bins: Bins, parts: Iterable[Counts]) -> Counts:
        """The sum of parts."""
        found = cls.none(bins)
        for part in parts:
            found.values = found.values + part.values
            if found.sketch is not None and part.sketch is not None:
                found.sketch = found.sketch + part.sketch
        if bins.kind == "id":
            found.values = found.values.clip(max=1)
        return found

    def add(self, hour_of_day: int, counts: np.ndarray) -> None:
        self.values[hour_of_day] += counts

    def add_sketch(self, hour_of_day: int, sketch: np.ndarray) -> None:
        assert self.sketch is not None
        self.sketch[hour_of_day] += sketch

    @property
    def hours(self) -> list[int]:
        """Hours of the day with values."""
        return [int(hour) for hour in self.values.sum(axis=1).nonzero()[0]]

    def of_hours(self, hours: Iterable[int]) -> Counts:
        """The counts of some hours of the day, and none of the others."""
        import numpy as np

        kept = np.isin(np.arange(HOURS_OF_DAY), list(hours))
        sketch = None if self.sketch is None else self.sketch * kept[:, None, None]
        return Counts(self.values * kept[:, None], sketch)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, but for wide arrays, which are packed."""
        is_wide = self.values.shape[1] > MOST_LISTED
        found: dict[str, Any] = {"values": _packed(self.values) if is_wide else self.values.tolist()}
        return found if self.sketch is None else {**found, "sketch": _packed(self.sketch)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | list[int] | str) -> Counts:
        """The inverse of `to_json`, also of its text; a list of numbers is of all hours together."""
        import numpy as np

        document = json.loads(document) if isinstance(document, str) else document
        if isinstance(document, list):
            return cls(np.array([document], dtype=np.int64))
        values = document["values"]
        values = _unpacked(values).reshape(HOURS_OF_DAY, -1) if isinstance(values, str) else np.array(values, np.int64)
        sketch = _unpacked(document["sketch"]).reshape(SHAPE) if "sketch" in document else None
        return cls(values, sketch)


def _packed(values: np.ndarray) -> str:
    """Whole numbers as text, compressed."""
    return base64.b64encode(zlib.compress(values.astype("<i8").tobytes())).decode()


def _unpacked(text: str) -> np.ndarray:
    import numpy as np

    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8").astype(np.int64)
