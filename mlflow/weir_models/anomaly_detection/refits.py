"""When the detectors refit: at rows that the row number alone decides, so that no later row moves them.

Each block is computed in arrays of a shape that only its place fixes; a series that ends within a block is padded to
its end. So a row's figures are the same to the bit however the series goes on, or whether it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models.anomaly_detection.series import Times, Values

FIRST = 64
"""Rows before the first fit."""
GROWTH = 0.25
"""Early blocks grow by this share of the rows so far, until they reach the cadence."""


def blocks(rows: int, cadence: int) -> Iterator[tuple[int, int]]:
    """First row and end of each block until `rows` are covered; the last may reach beyond. A fit stands before each."""
    start, stop = 0, FIRST
    while start < rows:
        yield start, stop
        start, stop = stop, stop + min(cadence, int(stop * GROWTH))


def end_of_blocks(rows: int, cadence: int) -> int:
    """Where the last block ends."""
    return max((stop for _, stop in blocks(rows, cadence)), default=0)


def padded(values: NDArray[Any], length: int) -> NDArray[Any]:
    """The rows, and the last of them again up to the length."""
    return np.concatenate([values, np.repeat(values[-1:], length - len(values), axis=0)])


def padded_times(at: Times, length: int) -> Times:
    """The times, and seconds after the last of them up to the length."""
    return np.concatenate([at, at[-1] + np.arange(1, length - len(at) + 1).astype("timedelta64[s]")])


def carried_forward(values: Values) -> Values:
    """Missing values replaced by the last known one of their column; 0 where none is known yet."""
    return pd.DataFrame(values).ffill().fillna(0.0).to_numpy()
