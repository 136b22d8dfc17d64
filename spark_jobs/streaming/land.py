"""Lands a stream: its records, batch by batch, in numbered objects; after a crash it goes on where the objects end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from spark_jobs.streaming.kinesis import KinesisReader
from spark_jobs.streaming.landed import LandedObject, Landing

SILENT_SECONDS = 1.0
"""Between reads of a stream that brought nothing for a batch's seconds: each read costs as much as many records."""


@dataclass(frozen=True)
class BatchBounds:
    """When a batch is full: records, bytes, or seconds since its first record."""

    records: int = 50_000
    record_bytes: int = 32 << 20
    seconds: float = 1.0


@dataclass
class LandingFigures:
    """How often a lander was throttled since it started, and how far it is behind."""

    throttled_reads: int = 0
    behind_milliseconds: dict[str, int] = field(default_factory=dict)


class Lander:
    """Lands one stream. `header`: lines that each object begins with, such as the fields of its records."""

    def __init__(
        self,
        reader: KinesisReader,
        landing: Landing,
        header: bytes = b"",
        bounds: BatchBounds | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.reader, self.landing, self.header, self.bounds = reader, landing, header, bounds or BatchBounds()
        self.clock, self.wait = clock, wait
        self.positions: dict[str, str] = {}
        self.next_number = 1
        self.figures = LandingFigures()
        self.is_silent = False

    def recovered(self, after: int) -> Iterator[LandedObject]:
        """Objects behind number `after` that an earlier process landed; afterwards `land` goes on behind them.

        Object `after` itself is read for its positions. Iterate to the end before landing.
        """
        self.next_number = after + 1
        if after and (last := self.landing.read(after)):
            self.positions = last.positions
        while (landed := self.landing.read(self.next_number)) is not None:
            self._passed(landed)
            yield landed

    def land(self, is_stopping: Callable[[], bool] = lambda: False) -> LandedObject | None:
        """The next object, once a batch is full; None where no record came within the batch's seconds.

        OtherLanderError where another process lands the same stream. Errors of AWS that do not pass are raised.
        """
        records: list[bytes] = []
        positions, size = dict(self.positions), 0
        ends_at = self.clock() + self.bounds.seconds
        while True:
            polled = self.reader.poll(positions, self.bounds.records - len(records), self.bounds.record_bytes - size)
            records += [record.data for record in polled.records]
            size += sum(len(record.data) for record in polled.records)
            positions = polled.positions
            self.figures.throttled_reads += polled.throttled
            self.figures.behind_milliseconds.update(polled.behind_milliseconds)
            is_full = len(records) >= self.bounds.records or size >= self.bounds.record_bytes
            remaining = ends_at - self.clock()
            if is_full or remaining <= 0 or is_stopping():
                break
            self.wait(min(remaining, 0.05 if polled.records else SILENT_SECONDS if self.is_silent else 0.2))
            self.is_silent = self.is_silent and not records
        self.is_silent = not records
        if not records:
            self.positions = positions  # only ends of shards: they are found again after a crash
            return None
        landed = self.landing.write(self.next_number, positions, self.header, records)
        self._passed(landed)
        return landed

    def _passed(self, landed: LandedObject) -> None:
        self.positions, self.next_number = landed.positions, landed.number + 1
