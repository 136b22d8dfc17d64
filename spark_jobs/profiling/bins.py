"""Bins of a column and counts of its values in them; counts of parts add up. What counts mean is decided elsewhere.

Numbers, flags and times of day fall into deciles of the reference, texts into deciles of their length or, where they have
few values that may be kept, into those values; nulls have a bin of their own, the last. Ids fall into hashed buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

DECILES = 10
MOST_CATEGORIES = 20
"""Of a text column with no more distinct values in the reference, each is a bin."""
Kind = Literal["numeric", "categorical", "text", "id"]
ID_BUCKETS = 16_384


@dataclass(frozen=True)
class Bins:
    """The bins of one column: intervals by `edges` (of lengths, for a text), or `categories` and the others; then nulls.

    Of an id hashed buckets, in which nulls are left out.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of bins, with that of nulls."""
        if self.kind == "id":
            return ID_BUCKETS
        return (len(self.categories) + 1 if self.kind == "categorical" else len(self.edges) + 1) + 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Bins:
        """The inverse of `to_json`, also after a round trip through text."""
        edges, categories = tuple(map(float, values["edges"])), tuple(map(str, values["categories"]))
        return cls(str(values["name"]), values["kind"], edges, categories)


def bins_of(name: str, values: pa.ChunkedArray | pa.Array, *, keeps_values: bool = True) -> Bins:
    """The bins for a column, from values of the reference; without `keeps_values` no text of it becomes a category."""
    import numpy as np
    import pyarrow.compute as pc

    kind: Kind = "numeric"
    if _is_text(values.type):
        counts = pc.value_counts(_plain(values).drop_null())
        if keeps_values and 0 < len(counts) <= MOST_CATEGORIES:
            return Bins(name, "categorical", categories=tuple(sorted(counts.field("values").to_pylist())))
        kind = "text"
    numbers = _numbers(values)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return Bins(name, kind)
    quantiles = np.quantile(numbers, np.arange(1, DECILES) / DECILES, method="inverted_cdf")
    edges = np.unique(quantiles)
    if len(edges) and edges[-1] == numbers.max():
        edges = edges[:-1]  # the last bin would be empty
    return Bins(name, kind, edges=tuple(float(edge) for edge in edges))


def counts_of(bins: Bins, values: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """How many values fall into each bin, int64 of `bins.size`; a value equal to an edge falls below it."""
    import numpy as np

    places, is_null = _categories(bins, values) if bins.kind in ("categorical", "id") else _intervals(bins, values)
    counts = np.bincount(places[~is_null], minlength=bins.size).astype(np.int64)
    if bins.kind != "id":
        counts[-1] += int(is_null.sum())
    return counts


def _intervals(bins: Bins, values: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The interval of each value, and which values are null."""
    import numpy as np

    numbers = _numbers(values)
    return np.searchsorted(np.array(bins.edges, dtype=float), numbers, side="left"), np.isnan(numbers)


def _categories(bins: Bins, values: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The category or the bucket of each value, and which values are null; each distinct value is looked up once."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    known = {category: place for place, category in enumerate(bins.categories)}
    distinct = map(str, encoded.dictionary.to_pylist())
    if bins.kind == "id":
        places = [crc32(text.encode()) % ID_BUCKETS for text in distinct]
    else:
        places = [known.get(text, len(known)) for text in distinct]
    codes = pc.fill_null(encoded.indices, len(places)).to_numpy(zero_copy_only=False)
    return np.array([*places, 0])[codes], codes == len(places)


def _numbers(values: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Values as floats, texts as their lengths, times as seconds of the day; NaN for nulls."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # of no chunk at all
        return np.empty(0)
    kind = values.type
    if pa.types.is_dictionary(kind):
        lengths = np.append(_numbers(values.dictionary), np.nan)
        return lengths[pc.fill_null(values.indices, len(lengths) - 1).to_numpy(zero_copy_only=False)]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = pc.utf8_length(values)
    elif pa.types.is_timestamp(kind):
        at = pc.local_timestamp(values) if kind.tz else values
        values = pc.add(pc.multiply(pc.hour(at), 3600), pc.multiply(pc.minute(at), 60))
    elif pa.types.is_list(kind):
        values = pc.list_value_length(values)
    return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=float)


def _plain(values: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Texts without their dictionary."""
    import pyarrow as pa

    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
