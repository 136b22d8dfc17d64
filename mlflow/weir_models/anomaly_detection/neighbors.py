"""Distance of rows to the nearest of a seeded sample of past rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from weir_models.anomaly_detection.series import Values

SAMPLED_ROWS = 1500
NEAREST = 5
CLIP = 20.0
"""Bound of standardized values: beyond it all is far."""
NEGLIGIBLE = 1e-3
"""Distances below this are rounding."""


def sampled(rows: int, seed: int) -> NDArray[np.int64]:
    """Places of at most SAMPLED_ROWS of so many rows, ascending; the same for the same seed."""
    if rows <= SAMPLED_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, SAMPLED_ROWS, replace=False))


def distances(past: Values, now: Values) -> Values:
    """Mean distance of each row of `now` to its nearest rows of `past`; both standardized, shape (rows, features)."""
    past, now = np.clip(past, -CLIP, CLIP), np.clip(now, -CLIP, CLIP)
    squares = (now**2).sum(axis=1)[:, None] + (past**2).sum(axis=1) - 2.0 * (now @ past.T)
    nearest = min(NEAREST, len(past))
    smallest = np.partition(squares, nearest - 1, axis=1)[:, :nearest]
    mean = np.sqrt(np.maximum(smallest, 0.0)).mean(axis=1)
    return np.where(mean < NEGLIGIBLE, 0.0, mean)
