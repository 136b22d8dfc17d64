"""A simulated span of time, assembled: families act, the edge completes, files and truth are written.

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

from simulator.web.addresses import Addresses
from simulator.web.cloudfront import LAYOUTS
from simulator.web.delivery import write_files
from simulator.web.families import chosen_families
from simulator.web.responses import complete
from simulator.web.site import Site
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


def write_day(
    out: Path,
    start: datetime,
    hours: int = 24,
    seed: int = 7,
    scale: float = 1.0,
    families: str = "all",
    late_share: float = 0.0,
    layout: int = 33,
) -> Summary:
    """Write `hours` of traffic from `start` on into `out`, replacing what a former run left there."""
    started = time.perf_counter()
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    if start != start.replace(minute=0, second=0, microsecond=0):
        raise ValueError(f"A simulation starts on a whole UTC hour; got {start.isoformat()}.")
    if layout not in LAYOUTS:
        raise ValueError(f"No CloudFront log ever had {layout} fields; use one of {', '.join(map(str, LAYOUTS))}.")
    if hours < 1 or scale <= 0 or not 0 <= late_share <= 1:
        raise ValueError(f"Use hours >= 1, scale > 0 and a late share of 0..1; got {hours}, {scale} and {late_share}.")
    for folder in ("raw", "late", "truth"):
        shutil.rmtree(out / folder, ignore_errors=True)
        if folder != "late" or late_share:
            (out / folder).mkdir(parents=True)

    site = Site(seed)
    stage = Stage(seed, hours, scale, start, site, Addresses(Random(f"addresses:{seed}")))
    # Those with addresses of their own come first, so that no passer-by takes one of these.
    for family in sorted(chosen_families(families), key=lambda family: not family.never_block):
        stage.play(family)
    rows = sorted(stage.rows, key=attrgetter("at"))
    lines = complete(rows, site, start, hours, seed, layout)
    files = write_files(out, lines, site, start, seed, layout, late_share)
    clients, abusive = write_truth(out, stage, rows, lines, start)
    return Summary(len(rows), files, clients, abusive, time.perf_counter() - started, out / "raw")
