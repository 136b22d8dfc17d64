"""Sketches of a text column: how often hashed character n-grams occur in groups of texts drawn from each hour of the day.

No text leaves a task. A group is a sum over GROUP_TEXTS texts in BUCKETS buckets, each of which stands for millions of
n-grams, so no text can be read back from it. What sketches mean is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BUCKETS = 256
N_GRAMS = (2, 3, 4)
GROUP_TEXTS, GROUPS = 20, 16
"""Texts of a group, and groups of an hour of the day at most."""
MOST_BYTES = 512
"""Of a text, what is hashed."""
HOURS_OF_DAY = 24
SHAPE = (HOURS_OF_DAY, GROUPS, BUCKETS)
SEED = 20_260_101
Drawn = dict[int, tuple[list[int], list[int]]]
"""Hour of the day -> places of the drawn rows among those of the hour in a file, and the group of each."""


def drawn_rows(files: Sequence[tuple[str, Mapping[int, int]]], seed: int = SEED) -> dict[str, Drawn]:
    """The rows to sketch of each file, at random over all of them; files have a path and their rows by hour of the day.

    Only whole groups are drawn: of an hour with fewer than GROUP_TEXTS rows none.
    """
    import numpy as np

    drawn: dict[str, Drawn] = {path: {} for path, _ in files}
    for hour in range(HOURS_OF_DAY):
        sizes = [rows.get(hour, 0) for _, rows in files]
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        groups = min(GROUPS, total // GROUP_TEXTS)
        if not groups:
            continue
        random = np.random.default_rng([seed, hour])
        rows = random.choice(total, groups * GROUP_TEXTS, replace=False, shuffle=True)
        group = np.repeat(np.arange(groups), GROUP_TEXTS)
        order = np.argsort(rows, kind="stable")
        rows, group = rows[order], group[order]
        of_file = np.searchsorted(ends, rows, side="right")
        for number in np.unique(of_file):
            mine = of_file == number
            start = int(ends[number]) - sizes[number]
            drawn[files[number][0]][hour] = ((rows[mine] - start).tolist(), group[mine].tolist())
    return drawn


def sketch_of(texts: pa.Array, groups: np.ndarray) -> np.ndarray:
    """Counts of hashed n-grams by group, int64 of GROUPS x BUCKETS; a null is an empty text."""
    import numpy as np

    pieces = [("" if text is None else str(text)).encode("utf-8", "replace")[:MOST_BYTES] for text in texts.to_pylist()]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    values = np.frombuffer(b"".join(pieces), dtype=np.uint8).astype(np.uint32)
    text_of = np.repeat(np.arange(len(pieces)), lengths)
    counts = np.zeros(GROUPS * BUCKETS, dtype=np.int64)
    hashed = values.copy()
    for length in range(2, max(N_GRAMS) + 1):
        if len(values) < length:
            break
        # of the gram that begins at each byte: of the one before it, and the next byte
        hashed = hashed[:-1] * np.uint32(16_777_619) ^ values[length - 1 :]
        within = text_of[: len(hashed)] == text_of[length - 1 :]
        if length in N_GRAMS:
            bucket = ((hashed * np.uint32(2_654_435_769)) >> np.uint32(24)).astype(np.int64)
            places = groups[text_of[: len(hashed)]] * BUCKETS + bucket
            counts += np.bincount(places[within], minlength=len(counts))
    return counts.reshape(GROUPS, BUCKETS)
