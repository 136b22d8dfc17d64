"""A data stream of real-time log records in a process of its own: the strict twin of Kinesis, which it feeds at a rate.

    python -m benchmarks.streaming.producer FOLDER STREAM SHARDS READS_A_SECOND

Prints its address, and then obeys a line each: `put RECORDS` as fast as it can, `feed RATE SECONDS`, `end`. Each is answered
by a line. The first field of a record is when it was put, to the millisecond.
"""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from spark_jobs.sources.cloudfront.layouts import REAL_TIME_FIELDS, V1_FIELDS
from tests.kinesis_twin import KinesisTwin, Shard

OF_REAL_TIME = {"cs-host": "x-host-header", "x-host-header": "cs(Host)", "cs-user-agent": "cs(User-Agent)",
    "cs-referer": "cs(Referer)", "cs-cookie": "cs(Cookie)"}  # fmt: skip
"""Real-time field -> the standard one of the same meaning."""
KEPT_SECONDS = 30.0
"""Records are forgotten after it, so that the twin's memory is bounded."""
TICK_SECONDS = 0.05


def templates(folder: Path, most: int = 200_000) -> list[tuple[bytes, bytes]]:
    """What stands before and after the request id in records with all fields, of the sound lines of standard logs."""
    at, found = REAL_TIME_FIELDS.index("x-edge-request-id"), []
    for path in sorted(folder.glob("*.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            values = line.split("\t")
            if len(values) != len(V1_FIELDS):
                continue
            row = dict(zip(V1_FIELDS, values, strict=True))
            query = row["cs-uri-query"]
            row["cs-uri-stem"] += f"?{query}" if query != "-" else ""
            fields = [row.get(OF_REAL_TIME.get(name, name), "-") for name in REAL_TIME_FIELDS]
            found.append(("\t".join(fields[1:at]).encode(), "\t".join(fields[at + 1 :]).encode()))
            if len(found) == most:
                return found
    return found


class Producer:
    """Puts records on all shards in turn, under the twin's lock, as PutRecords does with many at once."""

    def __init__(self, twin: KinesisTwin, records: list[tuple[bytes, bytes]]) -> None:
        self.twin, self.records, self.numbers = twin, records, count()

    def put(self, number: int) -> None:
        """So many records, now."""
        now = time.time()
        stamp = f"{now:.3f}".encode()
        shards = list(self.twin.shards.values())
        with self.twin.lock:
            for shard, record in zip(self._in_turn(shards, number), self._made(stamp, number), strict=True):
                shard.records.append((self.twin._next(), now, record))

    def feed(self, rate: float, seconds: float) -> None:
        """`rate` records a second, `rate * seconds` in all; what was put KEPT_SECONDS ago is forgotten."""
        started, done = time.monotonic(), 0
        while (elapsed := time.monotonic() - started) < seconds:
            due = int(elapsed * rate) - done
            self.put(due)
            done += due
            with self.twin.lock:
                for shard in self.twin.shards.values():
                    if shard.records and shard.records[0][1] < time.time() - KEPT_SECONDS - 1:
                        self.twin.trim(shard.name, sum(at >= time.time() - KEPT_SECONDS for _, at, _ in shard.records))
            time.sleep(TICK_SECONDS)
        self.put(int(rate * seconds) - done)

    def _made(self, stamp: bytes, number: int) -> Iterator[bytes]:
        for _ in range(number):
            index = next(self.numbers)
            before, after = self.records[index % len(self.records)]
            yield b"%b\t%b\tbench-%020d-abcdefghijklmnopqrstuvwxyz01==\t%b\n" % (stamp, before, index, after)

    def _in_turn(self, shards: list[Shard], number: int) -> Iterator[Shard]:
        for index in range(number):
            yield shards[index * len(shards) // max(number, 1)]


def main(folder: str, stream: str, shards: str, reads_a_second: str) -> None:
    """Serve until `end`."""
    records = templates(Path(folder))
    with KinesisTwin(stream, shards=int(shards), reads_a_second=float(reads_a_second)) as twin:
        producer = Producer(twin, records)
        print(twin.url, flush=True)
        for line in sys.stdin:
            command, *numbers = line.split()
            if command == "put":
                producer.put(int(numbers[0]))
            elif command == "feed":
                producer.feed(*map(float, numbers))
            print(command, flush=True)
            if command == "end":
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
