"""What is usual on this site: how many different pages its own clients read in 24 hours, as far as that harms nobody.

Some sites are read by programs: terminals, handhelds, batches of partners. What many networks read again and again is no
scraping there, however much the policy's fixed number says. Pure; standard library only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from platform_assets.domains.waf.decide.more_than_volume import does_harm
from platform_assets.domains.waf.decisions import Row, whole
from platform_assets.domains.waf.networks import counted_network
from platform_assets.domains.waf.rulebook import Volume

USUAL_DAYS = 7
MIN_DAYS = 2
"""Days on which a network must have read as much: what happens once is not usual."""
FEWEST_NETWORKS = 5
MOST_TIMES = 10
"""Times min_pages that a vote is at most: whoever rents enough networks must not make any number of pages usual."""


@dataclass(frozen=True)
class PagesOfDay:
    """An hour of client_daily: how many networks it holds, and what those read that read many pages."""

    network_count: int
    pages: Mapping[str, int]
    """Network -> the most pages of an address of it in 24 hours, up to `MOST_TIMES` times min_pages."""


def pages_of_day(network_count: int, rows: Iterable[Row], attackers: Collection[str], volume: Volume) -> PagesOfDay:
    """`rows`: rows of client_daily of addresses with many pages; `attackers`: those with attack requests. Neither counts
    who attacks, fails to sign in or probes.
    """
    pages: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["client"] not in attackers and not does_harm(row, volume):
            vote = str(counted_network(str(row["client"])))
            count = min(whole(row.get("distinct_page_count")), MOST_TIMES * volume.min_pages)
            pages[vote] = max(pages[vote], count)
    return PagesOfDay(network_count, pages)


def usual_pages(days: Iterable[PagesOfDay], share: float) -> int:
    """The pages that `share` of the site's networks, and five at least, read on two days or more; 0 where so many read few.

    Each network has one vote, its second-busiest day.
    """
    days = list(days)
    of_network: dict[str, list[int]] = defaultdict(list)
    for day in days:
        for network, pages in day.pages.items():
            of_network[network].append(pages)
    votes = sorted(
        (sorted(pages, reverse=True)[MIN_DAYS - 1] for pages in of_network.values() if len(pages) >= MIN_DAYS),
        reverse=True,
    )
    networks = max((day.network_count for day in days), default=0)
    needed = max(math.ceil(share * networks), FEWEST_NETWORKS)
    return votes[needed - 1] if share > 0 and len(votes) >= needed else 0
