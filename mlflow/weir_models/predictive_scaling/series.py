"""A cluster's load on a regular grid, and the demand behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class DemandSeries:
    """CPU use of one cluster on a regular grid; NaN is a step without a measurement."""

    cluster_id: str
    start: np.datetime64
    """Time of the first step, UTC, to the second."""
    cpu_utilization: Values
    """Percent of the nodes in force, 0 to 100."""
    step_seconds: int = 300
    node_count: Values | None = None
    """Nodes in force; None where unknown, which makes the capacity one."""
    others: Mapping[str, Values] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """ValueError where the columns differ in length or the step does not divide a day."""
        columns = {"node_count": self.node_count, **self.others}
        for name, values in columns.items():
            if values is not None and len(values) != len(self):
                raise ValueError(
                    f"series {self.cluster_id}: {name} has {len(values)} steps and cpu_utilization {len(self)}: "
                    "give every column on the same grid"
                )
        if self.step_seconds <= 0 or DAY_SECONDS % self.step_seconds:
            raise ValueError(
                f"series {self.cluster_id}: a step of {self.step_seconds} s does not divide a day: resample to 300 s"
            )

    def __len__(self) -> int:
        return len(self.cpu_utilization)

    @property
    def seconds(self) -> NDArray[np.int64]:
        """Time of each step in seconds since 1970, UTC."""
        first = self.start.astype("datetime64[s]").astype(np.int64)
        return np.asarray(first + np.arange(len(self), dtype=np.int64) * self.step_seconds)

    @property
    def times(self) -> pd.DatetimeIndex:
        """Time of each step, UTC."""
        return pd.to_datetime(self.seconds, unit="s", utc=True)

    @property
    def steps_per_day(self) -> int:
        """Steps in 24 hours."""
        return DAY_SECONDS // self.step_seconds

    @property
    def capacity(self) -> Values:
        """Nodes in force at each step: the last known count, 1 before the first."""
        if self.node_count is None:
            return np.ones(len(self))
        known_counts = np.where(self.node_count > 0, self.node_count, np.nan)
        filled = carried(known_counts)
        return np.where(np.isnan(filled), 1.0, filled)

    @property
    def nodes_in_force(self) -> Values:
        """The same, and 0 where the cluster is scaled to zero: demand is not known then, its capacity before is kept."""
        if self.node_count is None:
            return self.capacity
        counted = carried(self.node_count)
        return np.where(counted == 0.0, 0.0, self.capacity)

    @property
    def demand(self) -> Values:
        """Utilization times nodes, in percent of one node; NaN where the utilization is missing."""
        return np.asarray(self.cpu_utilization, dtype=np.float64) * self.capacity


def carried(values: Values) -> Values:
    """Values filled forward; NaN before the first."""
    return pd.Series(values, dtype=np.float64).ffill().to_numpy()
