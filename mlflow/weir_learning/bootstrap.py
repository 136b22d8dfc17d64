"""The block bootstrap: blocks (stretches of time, or all rows of an entity) are drawn again with replacement, whole.

Bounds are expanded percentiles (Hesterberg, The American Statistician 2015): with few blocks percentiles alone are too narrow,
as the normal distribution is beside Student's. Blocks: Kunsch (Annals of Statistics 1989); clusters: Field and Welsh (JRSS B 2007).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
RESAMPLES = 4_000
LEAST_BLOCKS = 6
"""With fewer there are no bounds."""
MOST_UNDEFINED = 0.05
"""Share of resamples without a value from which on there are no bounds."""
LEVEL = 0.05
MOST_CELLS = 20_000_000


def time_blocks(times: ArrayLike, length: str | pd.Timedelta) -> NDArray[np.int64]:
    """Number of each row's stretch of time; stretches begin at multiples of `length` since 1970.

    Longer than what neighboring errors have in common: a day for hourly figures of load.
    """
    since = pd.DatetimeIndex(pd.to_datetime(np.asarray(times), utc=True)) - pd.Timestamp(0, tz="UTC")
    return np.asarray(since // pd.Timedelta(length), dtype=np.int64)


def block_sums(terms: Values, blocks: ArrayLike) -> Values:
    """Sums of the terms (rows x terms) in each block (blocks x terms), in the order of the labels."""
    codes, labels = pd.factorize(np.asarray(blocks), sort=True)
    if (codes < 0).any():
        raise ValueError(f"{int((codes < 0).sum())} rows are in no block")
    return np.stack([np.bincount(codes, column, len(labels)) for column in terms.T], axis=1)


def resampled_sums(sums: Values, resamples: int, seed: int) -> Values:
    """Sums over blocks drawn with replacement: resamples x terms. The same seed and number of blocks draw the same blocks."""
    return np.concatenate([weights @ sums for weights in _weights(len(sums), resamples, seed)])


def _weights(blocks: int, resamples: int, seed: int) -> Iterator[Values]:
    """How often each block is drawn, in parts that fit into memory."""
    random = np.random.default_rng(seed)
    part = max(1, min(resamples, MOST_CELLS // blocks))
    for start in range(0, resamples, part):
        count = min(part, resamples - start)
        drawn = random.integers(0, blocks, (count, blocks)) + blocks * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * blocks).reshape(count, blocks).astype(np.float64)


def bounds(values: Values, blocks: int, level: float = LEVEL) -> tuple[float, float]:
    """Bounds of a figure by its resampled values; (nan, nan) of too few blocks or where it is too often undefined."""
    from scipy.special import ndtr, stdtrit

    if blocks < LEAST_BLOCKS or np.isnan(values).mean() > MOST_UNDEFINED:
        return (math.nan, math.nan)
    tail = float(ndtr(stdtrit(blocks - 1, level / 2) * math.sqrt(blocks / (blocks - 1))))
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def p_value(values: Values, blocks: int, null: float = 0.0) -> float:
    """Two-sided p of `null`, which lies on the bounds where p is their level; nan where there are no bounds."""
    from scipy.special import ndtri, stdtr

    known = values[~np.isnan(values)]
    if blocks < LEAST_BLOCKS or len(known) < (1 - MOST_UNDEFINED) * len(values):
        return math.nan
    below = ((known < null).sum() + 0.5 * (known == null).sum() + 0.5) / (len(known) + 1)
    t = abs(float(ndtri(below))) / math.sqrt(blocks / (blocks - 1))
    return float(2 * stdtr(blocks - 1, -t))
