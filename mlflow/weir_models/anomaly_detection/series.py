"""A series of metrics: times and values, one row a time, missing values as NaN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Times = NDArray[np.datetime64]


class SeriesError(ValueError):
    """A series has the wrong shape or order; the message says how to correct it."""

    exit_code = 3


@dataclass(frozen=True)
class MetricSeries:
    """One or more metrics of one object at the same times."""

    series_id: str
    at: Times
    """UTC, to the second, ascending, each once."""
    values: Values
    """Shape (times, metrics); NaN where a value is missing."""
    metrics: tuple[str, ...]

    def __post_init__(self) -> None:
        """SeriesError where shapes disagree or times do not ascend."""
        if self.values.ndim != 2 or self.values.shape != (len(self.at), len(self.metrics)) or not self.metrics:
            raise SeriesError(
                f"{self.series_id}: values of shape {self.values.shape} for {len(self.at)} times and "
                f"{len(self.metrics)} metrics; give one row a time and one column a metric"
            )
        if len(self.at) > 1 and not bool((np.diff(self.at) > np.timedelta64(0, "s")).all()):
            raise SeriesError(
                f"{self.series_id}: times are not ascending or occur twice; sort and merge the rows first"
            )
