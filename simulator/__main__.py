"""The command line: `python -m simulator --out world --start 2026-11-20T00 --hours 24 --seed 7`.

The work is in `web/day.py`.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from simulator.sites import all_sites
from simulator.web.cloudfront import LAYOUTS
from simulator.web.day import Settings, write_day
from simulator.web.families import FAMILIES_CHOICES


def _start(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Write CloudFront logs of a simulated site, with the truth about every client and request.",
    )
    parser.add_argument("--site", choices=all_sites(), default="shop")
    parser.add_argument("--out", type=Path, required=True, help="folder; raw/, truth/ and late/ in it are replaced")
    parser.add_argument("--start", type=_start, default="2026-11-20T00", help="first UTC hour, as 2026-11-20T00")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is about 150,000 lines and 3,000 clients a day")
    parser.add_argument("--families", choices=FAMILIES_CHOICES, default="all")
    parser.add_argument("--late-share", type=float, default=0.0, help="share of each hour's rows that goes to late/")
    parser.add_argument("--layout", type=int, choices=LAYOUTS, default=33, help="number of log fields")
    options = vars(parser.parse_args())
    summary = write_day(options.pop("out"), Settings(**options))
    print(
        f"{summary.lines:,} lines in {summary.files} files, {summary.clients:,} clients ({summary.abusive_clients:,} abusive), "
        f"{summary.seconds:.1f} s ({summary.lines / summary.seconds:,.0f} lines/s) -> {summary.raw}"
    )


if __name__ == "__main__":
    main()
