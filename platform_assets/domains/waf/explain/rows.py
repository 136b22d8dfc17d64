"""Rows of the tables that an explanation reads, a few hours at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from platform_assets.domains.waf.networks import Network, Ranges, parse_network
from platform_assets.domains.waf.tables import TABLES as WAF_TABLES
from spark_jobs import registry
from spark_jobs.storage.lake import Lake

TABLES = {table.name: table for table in (*registry.sources()["cloudfront"].tables, *WAF_TABLES)}
BLOCK_HOURS = 21 * 24
"""Hours searched at once, newest first; by the default policy no decision lives longer."""


def newest_first(hours: Sequence[str], size: int = BLOCK_HOURS) -> Iterator[list[str]]:
    """Blocks of at most `size` hours, the newest block first; hours within a block stay in order."""
    for end in range(len(hours), 0, -size):
        yield list(hours[max(end - size, 0) : end])


def rows_where(
    lake: Lake, table: str, hours: Sequence[str] | None, columns: Iterable[str], **among: Iterable[str]
) -> list[dict[str, Any]]:
    """Rows of a table where each column of `among` has one of its values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    condition = pc.scalar(True)
    for name, values in among.items():
        condition &= pc.field(name).isin(pa.array(list(values), pa.string()))
    rows: list[dict[str, Any]] = lake.read_arrow(TABLES[table], hours, list(columns), condition).to_pylist()
    return rows


def overlapping(lake: Lake, table: str, hours: Sequence[str] | None, column: str, network: Network) -> list[str]:
    """The values of a CIDR column that share at least one address with the network."""
    values = lake.read_arrow(TABLES[table], hours, [column])[column].unique().to_pylist()
    ranges = Ranges.of([str(network)])
    return [value for value in values if (other := network_or_none(value)) is not None and ranges.overlaps(other)]


def network_or_none(text: str) -> Network | None:
    """The network that a text names; None for any other text."""
    try:
        return parse_network(text)
    except ValueError:
        return None
