"""The assembly of a simulated span: families act, the edge completes, files and truth are written.

No actor, payload or log format is described here.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from random import Random

from simulator.sites import all_sites
from simulator.web.addresses import Addresses
from simulator.web.cloudfront import LAYOUTS
from simulator.web.delivery import write_files
from simulator.web.families import chosen_families
from simulator.web.responses import complete
from simulator.web.stage import Stage
from simulator.web.truth import write_truth


@dataclass(frozen=True)
class Summary:
    """What was written. `clients` counts addresses; `raw` is the folder to point the platform at."""

    lines: int
    files: int
    clients: int
    abusive_clients: int
    seconds: float
    raw: Path


@dataclass(frozen=True)
class Settings:
    """A span of traffic. ValueError for impossible ones."""

    start: datetime
    """A whole hour; without a time zone it is UTC."""
    hours: int = 24
    seed: int = 7
    scale: float = 1.0
    families: str = "all"
    late_share: float = 0.0
    """Share of each hour's rows that is delivered later."""
    layout: int = 33
    site: str = "shop"

    def __post_init__(self) -> None:
        start = self.start.replace(tzinfo=UTC) if self.start.tzinfo is None else self.start.astimezone(UTC)
        object.__setattr__(self, "start", start)
        if start != start.replace(minute=0, second=0, microsecond=0):
            raise ValueError(f"A simulation starts on a whole UTC hour; got {start.isoformat()}.")
        if self.layout not in LAYOUTS:
            raise ValueError(
                f"CloudFront logs never had {self.layout} fields; use one of {', '.join(map(str, LAYOUTS))}."
            )
        if self.site not in all_sites():
            raise ValueError(f"Site {self.site!r} is unknown; use one of {', '.join(all_sites())}.")
        if self.hours < 1 or self.scale <= 0 or not 0 <= self.late_share <= 1:
            figures = f"{self.hours}, {self.scale} and {self.late_share}"
            raise ValueError(f"Use hours >= 1, scale > 0 and a late share of 0..1; got {figures}.")


def write_day(out: Path, settings: Settings) -> Summary:
    """Write the traffic into `out`, replacing the output of an earlier run."""
    started = time.perf_counter()
    start, seed = settings.start, settings.seed
    site = all_sites()[settings.site](seed)
    families = chosen_families(settings.families, site)
    for folder in ("raw", "late", "truth"):
        shutil.rmtree(out / folder, ignore_errors=True)
        if folder != "late" or settings.late_share:
            (out / folder).mkdir(parents=True)

    stage = Stage(seed, settings.hours, settings.scale, start, site, Addresses(Random(f"addresses:{seed}")))
    # Families with fixed ranges come first, so that no other client takes one of their addresses.
    for family in sorted(families, key=lambda family: not family.never_block):
        stage.play(family)
    rows = sorted(stage.rows, key=attrgetter("at"))
    lines = complete(rows, site, start, settings.hours, seed, settings.layout)
    files = write_files(out, lines, site, start, seed, settings.layout, settings.late_share)
    clients, abusive = write_truth(out, stage, rows, lines, start)
    return Summary(len(rows), files, clients, abusive, time.perf_counter() - started, out / "raw")
