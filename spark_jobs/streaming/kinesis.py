"""Reads all shards of a Kinesis data stream, in the order that splits and merges ask for.

A position names, for each shard, the sequence number of the last record read, `START` or `END`. A child shard is read once
all its parents are at their end. Holds no state that a position does not hold, except shard iterators, which may expire at
any time. Knows neither the records' format nor where they go.

Source: AWS, Kinesis Data Streams API reference (ListShards, GetShardIterator, GetRecords).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

logger = logging.getLogger(__name__)
START, END = "START", "END"
"""Nothing of the shard was read; all of it was."""
READ_INTERVAL_SECONDS = 0.2
"""Kinesis allows five reads a second and shard."""
MOST_RECORDS_A_READ = 10_000
SHARDS_INTERVAL_SECONDS = 30.0
"""How often the list of shards is read while no shard ends."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10.0
"""After a throttled read of a shard; doubled with each further one."""
THROTTLED = {
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "InternalFailure",
    "ServiceUnavailable",
    "InternalServerError",
}
"""Error codes after which a read is tried again later."""
Positions = Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """One record: its shard, its sequence number in it, its bytes."""

    shard: str
    sequence: str
    data: bytes


@dataclass(frozen=True)
class Polled:
    """Records in the order of their shards, the positions after them, and milliseconds behind the tip by shard."""

    records: list[Record]
    positions: dict[str, str]
    behind_milliseconds: dict[str, int] = field(default_factory=dict)
    throttled: int = 0


@dataclass(frozen=True)
class _Shard:
    name: str
    parents: tuple[str, ...]


class KinesisReader:
    """Reads a stream by a boto3 client of Kinesis. Not for several threads."""

    def __init__(
        self,
        client: Any,
        stream: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        start_at: datetime | None = None,
    ) -> None:
        """`start_at`: where shards without a position begin; None: with the oldest record that is kept."""
        self.client, self.stream, self.clock, self.start_at = client, stream, clock, start_at
        self.shards: dict[str, _Shard] = {}
        self.listed_at = float("-inf")
        self.iterators: dict[str, str] = {}
        self.next_read: dict[str, float] = {}
        self.pauses: dict[str, float] = {}

    def poll(self, positions: Positions, most_records: int, most_bytes: int) -> Polled:
        """At most about so many new records after the positions, one read a shard; errors of AWS that persist are raised.

        Throttled shards are left out until their pause is over. Never blocks longer than its calls.
        """
        after = dict(positions)
        self._list(after)
        records: list[Record] = []
        behind: dict[str, int] = {}
        throttled = size = 0
        for name in self._readable(after):
            if len(records) >= most_records or size >= most_bytes:
                break
            if self.next_read.get(name, 0.0) > self.clock():
                continue
            limit = min(MOST_RECORDS_A_READ, most_records - len(records))
            answer = self._read(name, after[name], limit)
            if answer is None:
                throttled += 1
                continue
            found = [Record(name, item["SequenceNumber"], bytes(item["Data"])) for item in answer["Records"]]
            records += found
            size += sum(len(record.data) for record in found)
            behind[name] = int(answer.get("MillisBehindLatest") or 0)
            if found:
                after[name] = found[-1].sequence
            following = answer.get("NextShardIterator")
            if following:
                self.iterators[name] = following
            else:
                after[name] = END
                self.iterators.pop(name, None)
                self.listed_at = float("-inf")  # its children can be read now
        return Polled(records, after, behind, throttled)

    def _list(self, positions: dict[str, str]) -> None:
        """Bring the list of shards up to date, and give each a position."""
        if self.clock() - self.listed_at >= SHARDS_INTERVAL_SECONDS or not self.shards:
            found: dict[str, _Shard] = {}
            arguments: dict[str, Any] = {"StreamName": self.stream}
            while True:
                answer = self.client.list_shards(**arguments)
                for shard in answer["Shards"]:
                    named = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                    found[shard["ShardId"]] = _Shard(shard["ShardId"], tuple(filter(None, named)))
                if not answer.get("NextToken"):
                    break
                arguments = {"NextToken": answer["NextToken"]}
            self.shards, self.listed_at = found, self.clock()
        for name in sorted(positions.keys() - self.shards.keys()):
            if positions[name] != END:
                logger.warning("shard %s is past the stream's retention: what was not read of it is gone", name)
            del positions[name]  # its children, if any, need not wait for it
        for name in self.shards:
            positions.setdefault(name, START)

    def _readable(self, positions: Positions) -> list[str]:
        """Shards that are not at their end and whose parents are, the one read longest ago first."""
        ready = [
            shard.name
            for shard in self.shards.values()
            if positions[shard.name] != END
            and all(positions.get(parent, END) == END for parent in shard.parents if parent in self.shards)
        ]
        return sorted(ready, key=lambda name: (self.next_read.get(name, 0.0), name))

    def _read(self, shard: str, position: str, limit: int) -> dict[str, Any] | None:
        """The answer of one read; None where it is to be tried later."""
        try:
            for attempt in range(2):
                if shard not in self.iterators:
                    self.iterators[shard] = self._iterator(shard, position)
                try:
                    answer: dict[str, Any] = self.client.get_records(ShardIterator=self.iterators[shard], Limit=limit)
                except self.client.exceptions.ExpiredIteratorException:
                    del self.iterators[shard]  # five minutes old: a new one goes on after the position
                    if attempt:
                        raise
                    continue
                self.pauses.pop(shard, None)
                self.next_read[shard] = self.clock() + READ_INTERVAL_SECONDS
                return answer
        except self.client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in THROTTLED:
                raise
        pause = min(self.pauses.get(shard, FIRST_PAUSE_SECONDS / 2) * 2, LONGEST_PAUSE_SECONDS)
        self.pauses[shard] = pause
        self.next_read[shard] = self.clock() + pause
        return None

    def _iterator(self, shard: str, position: str) -> str:
        arguments: dict[str, Any] = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position}
        if position == START:
            arguments = {"ShardIteratorType": "TRIM_HORIZON"}
            if self.start_at is not None and not self.shards[shard].parents:
                arguments = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self.start_at}
        answer = self.client.get_shard_iterator(StreamName=self.stream, ShardId=shard, **arguments)
        return str(answer["ShardIterator"])
