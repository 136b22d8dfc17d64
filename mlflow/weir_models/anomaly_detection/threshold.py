"""When a score becomes an alarm: a threshold that every alarm raises and time lowers, so that alarms keep to a budget.

What it guarantees, for any series whatever: over W weeks no more than `budget × W + (HIGHEST - begin) / step + 1` alarms.
For each alarm raises the threshold by `step`, time lowers it by `step × budget` a week, and above HIGHEST nothing is.
No assumption on the data enters, so drift cannot break it. True alarms draw on the budget as false ones do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from weir_models.anomaly_detection.series import Flags, Times, Values

WEEK_SECONDS = 7 * 24 * 3600.0
HIGHEST = 4.0
"""Weekly rarity that is treated as the largest there is: once in ten thousand weeks."""
CRITICAL = 3.0
"""Once in a thousand weeks: an alarm of something less does not speak for that."""


@dataclass(frozen=True)
class Ration:
    """How alarms are rationed."""

    false_alarms_per_week: float = 1.0
    start: float = 0.0
    """Where the threshold begins and to which it falls back: 0 is what the past shows as often as the budget allows,
    1 what it shows ten times more seldom."""
    step: float = 0.5
    """By how much an alarm raises it."""
    quiet_seconds: float = 12 * 3600.0
    """Rows so soon after the last row that was over the threshold belong to the alarm before; but a critical row belongs to a
    critical one only, for a leak must not hide an outage."""

    def __post_init__(self) -> None:
        """ValueError where nothing could be rationed."""
        if not self.false_alarms_per_week > 0 or not self.step > 0 or self.quiet_seconds < 0:
            raise ValueError(
                "false_alarms_per_week and step must be above 0 and quiet_seconds at least 0; correct the settings"
            )

    @property
    def begin(self) -> float:
        """Where the threshold begins, as log10 of the weeks between two such rows."""
        return self.start - math.log10(self.false_alarms_per_week)

    def most_alarms(self, weeks: float) -> float:
        """The most alarms that any series of so many weeks can have."""
        return self.false_alarms_per_week * weeks + max(HIGHEST - self.begin, 0.0) / self.step + 1.0


def alarms(at: Times, rarity: Values, ration: Ration) -> Flags:
    """The rows at which an alarm is raised; `rarity` is log10 of weeks, nan where a row cannot raise one."""
    flags = np.zeros(len(at), dtype=bool)
    seconds = at.astype("datetime64[s]").astype(np.int64)
    begin = ration.begin
    threshold, before = begin, seconds[0] if len(seconds) else 0
    over_at = critical_at = -np.inf
    fall = ration.step * ration.false_alarms_per_week / WEEK_SECONDS
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
