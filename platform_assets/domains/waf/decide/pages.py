"""How many different pages some clients read in 24 hours, where client_daily adds up those of each hour.

A program that asks for the same ten paths every hour reads ten pages, not 240; what had not changed (304) was not read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from platform_assets.domains.waf.decide.echo import WINDOW_HOURS
from platform_assets.domains.waf.decide.more_than_volume import reads_many_pages
from platform_assets.domains.waf.decide.reading import Rows, is_in
from platform_assets.domains.waf.decide.window import RequestHours, ip_of
from platform_assets.domains.waf.decisions import Row, whole
from platform_assets.domains.waf.rulebook import Volume
from spark_jobs.contract import Interval
from spark_jobs.sources.cloudfront.tables import REQUESTS
from spark_jobs.storage.lake import Lake

Paths = frozenset[int]
"""Hashes of paths."""


class PagesRead:
    """Paths that clients were served, hour by hour; each hour of a client is read once and kept for as long as it counts."""

    def __init__(self, lake: Lake, volume: Volume) -> None:
        self.lake, self.volume = lake, volume
        self._paths: dict[str, dict[str, Paths]] = {}

    def bounded(self, kept: RequestHours, hour: str, rows: Iterable[Row]) -> Rows:
        """Rows of client_daily of the hour; those that read many pages, with as many as they read different ones at most."""
        found: Rows = [dict(row) for row in rows]
        many = {str(row["client"]): row for row in found if reads_many_pages(row, self.volume)}
        window = Interval.of_hour(hour).widened(hours_before=WINDOW_HOURS - 1).hours
        self._paths = {of_hour: found for of_hour, found in self._paths.items() if of_hour in window}
        if not many:
            return found
        read: dict[str, int] = defaultdict(int)
        members = kept.members(window, many)
        paths = self._of(window, members)
        for address, clients in members.items():
            for client in clients:
                read[client] += len(paths[address])
        for client, row in many.items():
            row["distinct_page_count"] = min(whole(row["distinct_page_count"]), read[client])
        return found

    def _of(self, hours: Sequence[str], addresses: Collection[str]) -> dict[str, set[int]]:
        """Address -> the paths that it was served in the hours."""
        found: dict[str, set[int]] = {address: set() for address in addresses}
        for hour in hours:
            of_hour = self._paths.setdefault(hour, {})
            if missing := [address for address in addresses if address not in of_hour]:
                of_hour.update(self._read(hour, missing))
            for address in addresses:
                found[address] |= of_hour[address]
        return found

    def _read(self, hour: str, addresses: Sequence[str]) -> dict[str, Paths]:
        import pyarrow.dataset as ds

        status = ds.field("status")
        is_read = (ds.field("method") == "GET") & (status >= 200) & (status <= 299) & (status != 206)
        by_ip = {ip_of(address): address for address in addresses}
        columns = ["client_ip", "uri_path"]
        rows = self.lake.read_arrow(REQUESTS, [hour], columns=columns, filter=is_in("client_ip", by_ip) & is_read)
        pairs = rows.group_by(columns).aggregate([]).to_pydict()
        paths: dict[str, set[int]] = {address: set() for address in addresses}
        for ip, path in zip(pairs["client_ip"], pairs["uri_path"], strict=True):
            paths[by_ip[ip]].add(hash(path))
        return {address: frozenset(found) for address, found in paths.items()}
