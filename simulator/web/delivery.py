"""Log lines -> the gzip files that CloudFront leaves in the bucket: names, several files an hour, shuffled rows, some late.

The content of a line is made elsewhere.
"""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from simulator.web.cloudfront import header
from simulator.web.responses import Lines
from simulator.web.site import Site


def write_files(out: Path, lines: Lines, site: Site, start: datetime, seed: int, layout: int, late_share: float) -> int:
    """Write `raw/` and, for the late share of each hour, `late/`; returns the count of files. An hour without rows has none."""
    rng = np.random.default_rng([seed, 7, int(start.timestamp())])
    first = header(layout)
    hours = lines.seconds // 3600
    files = 0
    for hour in np.unique(hours):
        stamp = (start + timedelta(hours=int(hour))).strftime("%Y-%m-%d-%H")
        for api in (0, 1):
            at = rng.permutation(np.flatnonzero((hours == hour) & (lines.on_api == api)))
            late, on_time = np.split(at, [round(len(at) * late_share)])
            several = int(rng.integers(1, 3)) if api else int(rng.integers(1, 5))
            for folder, part, count in (("raw", on_time, several), ("late", late, 1)):
                for share in np.array_split(part, count):
                    if not len(share):
                        continue
                    name = f"{site.distributions[api][0]}.{stamp}.{rng.bytes(4).hex()}.gz"
                    text = first + "\n".join([lines.texts[index] for index in share]) + "\n"
                    (out / folder / name).write_bytes(gzip.compress(text.encode(), compresslevel=5, mtime=0))
                    files += 1
    return files
