"""The command line: `python -m simulator.clusters --out world --start 2026-11-20T00 --days 14 --clusters 6`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from simulator.clusters.metrics import write_metrics


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m simulator.clusters",
        description="Write metrics of simulated clusters in the formats that monitoring delivers, and the truth about them.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder; raw/ and truth/ in it are replaced")
    parser.add_argument("--start", default="2026-11-20T00", help="first UTC hour, as 2026-11-20T00")
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--clusters", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    start = datetime.strptime(options.start, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    summary = write_metrics(options.out, start, options.days, options.clusters, options.seed)
    print(
        f"{summary.lines:,} lines of {summary.clusters} clusters in {summary.files} files, {summary.incidents} incidents, "
        f"{summary.seconds:.1f} s -> {summary.raw}"
    )


if __name__ == "__main__":
    main()
