"""The adaptive threshold of alarms: each alarm raises it and time lowers it, so that alarms keep to a budget.

Guarantee for any series: at most `budget × W + (HIGHEST - begin) / step + 1` alarms in W weeks, since each alarm raises the
threshold by `step`, time lowers it by `step × budget` a week, and no rarity exceeds HIGHEST. The guarantee needs no
assumption about the data. True alarms use the budget as false ones do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from weir_models.anomaly_detection.series import Flags, Times, Values

WEEK_SECONDS = 7 * 24 * 3600.0
HIGHEST = 4.0
"""Upper bound of weekly rarities: once in ten thousand weeks."""
QUIET_ALONE, QUIET_TOGETHER = 12 * 3600.0, 2 * 3600.0
"""Quiet seconds of series of one metric, and of many."""
START_TOGETHER = -1.25
"""Where the threshold of metrics that are judged together alone starts, relative to others: their errors persist."""
WARNING = 1.0
"""Rarity of warnings: once in ten weeks."""
CRITICAL = 3.0
"""Rarity of critical rows (once in a thousand weeks), which an alarm of a lesser row does not cover."""


@dataclass(frozen=True)
class Ration:
    """Settings of the threshold."""

    alarms_per_week: float = 3.0
    """The budget of a series."""
    start: float = 0.1
    """Initial and lowest threshold: 0 is as often in the past as the budget allows, 1 is ten times rarer."""
    step: float = 0.25
    """By how much an alarm raises the threshold."""
    quiet_seconds: float = QUIET_ALONE
    """Rows this soon after a row over the threshold continue its alarm; a critical row continues a critical alarm only, so
    that a slow leak cannot hide an outage."""

    def __post_init__(self) -> None:
        """ValueError where a setting is not positive."""
        if not self.alarms_per_week > 0 or not self.step > 0 or self.quiet_seconds < 0:
            raise ValueError(
                "alarms_per_week and step must be above 0 and quiet_seconds at least 0; correct the settings"
            )

    def of(self, metrics: int, is_apart: bool) -> Ration:
        """The ration of a series of so many metrics, of which each is also judged alone or not."""
        quiet = self.quiet_seconds if metrics == 1 else min(self.quiet_seconds, QUIET_TOGETHER)
        return replace(self, start=self.start + (0.0 if is_apart else START_TOGETHER), quiet_seconds=quiet)

    @property
    def begin(self) -> float:
        """Initial threshold as log10 of the weeks between two such rows."""
        return self.start - math.log10(self.alarms_per_week)


def alarms(at: Times, rarity: Values, ration: Ration) -> Flags:
    """Rows that raise an alarm; `rarity` is log10 of weeks, nan where a row cannot raise one."""
    flags = np.zeros(len(at), dtype=bool)
    seconds = at.astype("datetime64[s]").astype(np.int64)
    begin = ration.begin
    threshold, before = begin, seconds[0] if len(seconds) else 0
    over_at = critical_at = -np.inf
    fall = ration.step * ration.alarms_per_week / WEEK_SECONDS
    loud = np.minimum(np.nan_to_num(rarity, nan=-np.inf), HIGHEST)
    for row in np.flatnonzero(loud >= begin):
        now = int(seconds[row])
        threshold = max(begin, threshold - fall * (now - before))
        before = now
        is_critical = loud[row] >= CRITICAL
        belongs = now - (critical_at if is_critical else over_at) < ration.quiet_seconds
        flags[row] = not belongs and loud[row] >= threshold
        threshold += ration.step * flags[row]
        over_at = now if belongs or flags[row] or now - over_at < ration.quiet_seconds else over_at
        critical_at = now if is_critical and (belongs or flags[row]) else critical_at
    return flags
