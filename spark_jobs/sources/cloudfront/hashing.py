"""Hashes of texts in Arrow columns, for comparing and partitioning. Pure numpy, the same on every machine; no secret."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def text_hashes(texts: pa.Array) -> np.ndarray:
    """64-bit hashes of texts without nulls; equal texts have equal ones on every machine."""
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    lengths = np.diff(offsets)
    hashes = np.empty(len(texts), np.uint64)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        padded = np.zeros((len(rows), -(-length // 8) * 8), np.uint8)
        if len(rows) == len(texts):
            padded[:, :length] = data[offsets[0] : offsets[-1]].reshape(len(rows), length)
        else:
            padded[:, :length] = data[offsets[rows][:, None] + np.arange(length)]
        mixed = np.full(len(rows), length, np.uint64)
        for word in padded.view("<u8").T:
            mixed = (mixed ^ word) * _FACTOR
            mixed ^= mixed >> _HALF
        hashes[rows] = mixed
    return hashes
