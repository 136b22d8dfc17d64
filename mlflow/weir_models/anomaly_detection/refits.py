"""The schedule of refits, which depends on row numbers only, and padding to whole blocks.

Each block is computed in arrays whose shape depends only on its position; a series that ends within a block is padded. So
a row has the same result, to the bit, however the series continues.
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
"""Early blocks grow by this share of the rows so far, up to the cadence."""


def blocks(rows: int, cadence: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of each block until `rows` are covered; the last may reach beyond. Each block has its own fit."""
    start, stop = 0, FIRST
    while start < rows:
        yield start, stop
        start, stop = stop, stop + min(cadence, int(stop * GROWTH))


def end_of_blocks(rows: int, cadence: int) -> int:
    """End of the last block."""
    return max((stop for _, stop in blocks(rows, cadence)), default=0)


def padded(values: NDArray[Any], length: int) -> NDArray[Any]:
    """The rows, padded to the length with the last one."""
    return np.concatenate([values, np.repeat(values[-1:], length - len(values), axis=0)])


def padded_times(at: Times, length: int) -> Times:
    """The times, padded to the length with seconds after the last one."""
    return np.concatenate([at, at[-1] + np.arange(1, length - len(at) + 1).astype("timedelta64[s]")])


def carried_forward(values: Values) -> Values:
    """Missing values replaced by the last known value of their column, or 0 before the first."""
    return pd.DataFrame(values).ffill().fillna(0.0).to_numpy()
