"""What a version is compared with: of each hour of the day the counts of the first window in which the version served it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.domains.learning.tables import baselines_table
from platform_assets.domains.learning.windows import Window
from spark_jobs.profiling.bins import Bins
from spark_jobs.profiling.counts import Counts
from spark_jobs.storage.lake import Lake


@dataclass(frozen=True)
class Profile:
    """Counts of one column, by the bins of its version's baseline."""

    role: str
    bins: Bins
    counts: Counts


Profiles = Mapping[str, Profile]
"""Column, with its table, -> profile."""


@dataclass(frozen=True)
class Baseline:
    """Of one version; without profiles before there is one."""

    version: str
    profiles: Profiles = field(default_factory=dict)

    def lacks(self, profiles: Profiles) -> Profiles:
        """Of a window, the hours of the day that are not in it; a baseline that does not tell hours apart lacks none."""
        found = {}
        for name, profile in profiles.items():
            known = self.profiles.get(name)
            if known is not None and len(known.counts.values) == 1:
                continue
            hours = set(profile.counts.hours) - set(known.counts.hours if known else ())
            if hours:
                found[name] = Profile(profile.role, profile.bins, profile.counts.of_hours(hours))
        return found


def baseline_of(lake: Lake, model: str, version: str, window: Window) -> Baseline:
    """The baseline of a version. What a killed evaluation added of `window` itself takes no part."""
    profiles: dict[str, Profile] = {}
    for row in _rows(lake, model, version):
        if row["window_start"] == window.start:
            continue
        counts, name = Counts.from_json(row["counts"]), row["column_name"]
        if name in profiles:
            counts = Counts.total(profiles[name].bins, (profiles[name].counts, counts))
        profiles[name] = Profile(row["role"], Bins.from_json(json.loads(row["bins"])), counts)
    return Baseline(version, profiles)


def is_kept(lake: Lake, model: str, version: str) -> bool:
    """Whether the lake has a baseline of the version."""
    return bool(_rows(lake, model, version))


def add(lake: Lake, model: str, version: str, window: Window, profiles: Profiles) -> None:
    """Add profiles of a window to the baseline of a version, once."""
    known = {row["column_name"] for row in _rows(lake, model, version) if row["window_start"] == window.start}
    lake.append_rows(
        baselines_table(model),
        (
            {
                "model_version": version,
                "window_start": window.start,
                "window_end": window.end,
                "column_name": name,
                "role": profile.role,
                "bins": json.dumps(profile.bins.to_json()),
                "counts": json.dumps(profile.counts.to_json()),
            }
            for name, profile in profiles.items()
            if name not in known
        ),
    )


def _rows(lake: Lake, model: str, version: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.read_arrow(baselines_table(model)).sort_by("window_start").to_pylist()
    return [row for row in rows if row["model_version"] == version]
