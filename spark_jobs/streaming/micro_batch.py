"""What a landed object becomes at once: rows for the open hours of tables, and which hours it is late for.

Each source has a function of this contract beside its parser, which the loop and Structured Streaming call alike:
`micro_batch(landed, parameters, open_from, served, storage) -> MicroBatch`. Pure: the same object gives the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from spark_jobs.contract import Table


@dataclass(frozen=True)
class MicroBatch:
    """Rows with `event_hour`, by table, in the order in which they are to be appended."""

    rows: Mapping[Table, pa.Table]
    event_hours: tuple[str, ...]
    """All hours that the object holds events of, oldest first."""
    late_count: int = 0
    """Events of hours that are closed: batch makes these hours again from the landed object."""
    rejected_count: int = 0
    event_count: int = 0
    newest_at: float = 0.0
    """The newest event, in seconds since 1970; 0.0: none."""
