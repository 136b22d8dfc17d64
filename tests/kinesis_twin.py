"""A Kinesis of the tests with the strictness of AWS's, over HTTP: boto3 reaches it by its endpoint.

Sequence numbers of 56 digits; splits and merges end their parents and name children; records of at most 1 MiB; answers of at
most 10 MiB; five reads a second and shard; iterators that expire; a record that is trimmed is skipped, not an error.
Faults are planted with `fail_next`. Source: AWS, Kinesis Data Streams API reference and "Quotas and limits".
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import uuid
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER_BYTES, RECORD_BYTES, READS_A_SECOND = 10 << 20, 1 << 20, 5
HASHES = 2**128


class Refusal(Exception):
    """An error as AWS words it: its type and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Shard:
    name: str
    first_hash: int
    last_hash: int
    parents: tuple[str, ...] = ()
    records: list[tuple[str, float, bytes]] = field(default_factory=list)
    is_closed: bool = False
    read_at: deque[float] = field(default_factory=deque)


class KinesisTwin:
    """One stream. `with KinesisTwin() as twin:` serves it at `twin.url`."""

    def __init__(
        self,
        stream: str = "logs",
        shards: int = 1,
        iterator_seconds: float = 300.0,
        reads_a_second: float = READS_A_SECOND,
    ) -> None:
        self.stream, self.iterator_seconds, self.reads_a_second = stream, iterator_seconds, reads_a_second
        self.lock = threading.RLock()
        self.sequence = 0
        self.shards: dict[str, Shard] = {}
        self.iterators: dict[str, tuple[str, int, float]] = {}
        self.faults: deque[tuple[str, Refusal]] = deque()
        self.calls: list[str] = []
        bounds = [HASHES * number // shards for number in range(shards + 1)]
        for number in range(shards):
            self._new_shard(bounds[number], bounds[number + 1] - 1, ())

    def __enter__(self) -> KinesisTwin:
        twin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 20  # head and body in one packet: two would wait for each other

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                call = self.headers["X-Amz-Target"].rpartition(".")[2]
                try:
                    status, answer = 200, twin.answer(call, body)
                except Refusal as refusal:
                    status, answer = refusal.status, {"__type": refusal.code, "message": str(refusal)}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()

    # --- what a producer does, and what an owner does -------------------------------------------------------------

    def put(self, data: bytes, key: str = "") -> str:
        """Put one record; returns its shard. Only open shards take records."""
        with self.lock:
            if len(data) > RECORD_BYTES:
                raise Refusal("ValidationException", "1 validation error detected: data is too long")
            place = int.from_bytes(hashlib.md5((key or uuid.uuid4().hex).encode()).digest(), "big")
            shard = next(s for s in self.shards.values() if not s.is_closed and s.first_hash <= place <= s.last_hash)
            shard.records.append((self._next(), time.time(), data))
            return shard.name

    def split(self, name: str) -> None:
        """Split a shard in two halves, as SplitShard does."""
        with self.lock:
            shard = self.shards[name]
            shard.is_closed = True
            middle = (shard.first_hash + shard.last_hash) // 2
            self._new_shard(shard.first_hash, middle, (name,))
            self._new_shard(middle + 1, shard.last_hash, (name,))

    def merge(self, first: str, second: str) -> None:
        """Merge two neighbors, as MergeShards does."""
        with self.lock:
            one, other = self.shards[first], self.shards[second]
            one.is_closed = other.is_closed = True
            self._new_shard(min(one.first_hash, other.first_hash), max(one.last_hash, other.last_hash), (first, second))

    def open_shards(self) -> list[str]:
        """Names of shards that take records."""
        with self.lock:
            return [shard.name for shard in self.shards.values() if not shard.is_closed]

    def trim(self, name: str, keep: int) -> None:
        """Let all but the newest records of a shard pass out of retention."""
        with self.lock:
            shard = self.shards[name]
            del shard.records[: max(len(shard.records) - keep, 0)]

    def fail_next(self, call: str, code: str, times: int = 1, status: int = 400) -> None:
        """The next calls of this name are refused."""
        with self.lock:
            self.faults.extend([(call, Refusal(code, f"planted: {code}", status))] * times)

    # --- calls ----------------------------------------------------------------------------------------------------

    def answer(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a call of the API; Refusal."""
        with self.lock:
            self.calls.append(call)
            if self.faults and self.faults[0][0] == call:
                raise self.faults.popleft()[1]
            calls = {"ListShards": self._list, "GetShardIterator": self._iterator, "GetRecords": self._records}
            return calls[call](body)

    def _list(self, body: dict[str, Any]) -> dict[str, Any]:
        if "NextToken" in body and "StreamName" in body:
            raise Refusal("InvalidArgumentException", "NextToken and StreamName cannot be provided together.")
        self._check_stream(body.get("StreamName", self.stream))
        names, first = list(self.shards), int(body.get("NextToken", 0))
        page = names[first : first + 100]
        answer: dict[str, Any] = {"Shards": [self._described(self.shards[name]) for name in page]}
        return answer | ({"NextToken": str(first + 100)} if first + 100 < len(names) else {})

    def _described(self, shard: Shard) -> dict[str, Any]:
        parents = dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
        return {"ShardId": shard.name, **parents, "SequenceNumberRange": {"StartingSequenceNumber": "0" * 56},
            "HashKeyRange": {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)}}  # fmt: skip

    def _iterator(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_stream(body["StreamName"])
        shard = self.shards.get(body["ShardId"])
        if shard is None:
            raise Refusal(
                "ResourceNotFoundException", f"Shard {body['ShardId']} in stream {self.stream} does not exist"
            )
        kind, place = body["ShardIteratorType"], 0
        if kind == "AFTER_SEQUENCE_NUMBER":
            after = body["StartingSequenceNumber"]
            if not (after.isdigit() and len(after) == 56):
                raise Refusal("InvalidArgumentException", f"StartingSequenceNumber {after} is invalid")
            place = sum(sequence <= after for sequence, _, _ in shard.records)
        elif kind == "AT_TIMESTAMP":
            place = sum(at < float(body["Timestamp"]) for _, at, _ in shard.records)
        elif kind == "LATEST":
            place = len(shard.records)
        elif kind != "TRIM_HORIZON":
            raise Refusal("InvalidArgumentException", f"{kind} is no type of iterator")
        return {"ShardIterator": self._issue(shard, place)}

    def _records(self, body: dict[str, Any]) -> dict[str, Any]:
        token, limit = body["ShardIterator"], int(body.get("Limit", 10_000))
        if not 1 <= limit <= 10_000:
            raise Refusal("ValidationException", "Limit must be between 1 and 10000")
        if token not in self.iterators:
            raise Refusal("InvalidArgumentException", "Invalid ShardIterator.")
        name, after, issued_at = self.iterators[token]
        if time.monotonic() - issued_at > self.iterator_seconds:
            raise Refusal("ExpiredIteratorException", "Iterator expired.")
        shard = self.shards[name]
        now = time.monotonic()
        while shard.read_at and now - shard.read_at[0] > 1:
            shard.read_at.popleft()
        if len(shard.read_at) >= self.reads_a_second:
            raise Refusal("ProvisionedThroughputExceededException", f"Rate exceeded for shard {name}")
        shard.read_at.append(now)
        start = bisect_right(shard.records, after, key=lambda record: int(record[0]))
        found, size = [], 0
        for sequence, at, data in shard.records[start : start + limit]:
            size += len(data)
            if size > ANSWER_BYTES:
                break
            encoded = base64.b64encode(data).decode()
            found.append(
                {"SequenceNumber": sequence, "ApproximateArrivalTimestamp": at, "Data": encoded, "PartitionKey": "k"}
            )
        place = start + len(found)
        is_at_end = place >= len(shard.records)
        behind = 0 if is_at_end else max(int((time.time() - shard.records[place][1]) * 1000), 1)
        answer: dict[str, Any] = {"Records": found, "MillisBehindLatest": behind}
        if shard.is_closed and is_at_end:
            children = [self._described(s) for s in self.shards.values() if name in s.parents]
            shaped = [
                {"ShardId": c["ShardId"], "ParentShards": [name], "HashKeyRange": c["HashKeyRange"]} for c in children
            ]
            return answer | {"ChildShards": shaped}
        return answer | {"NextShardIterator": self._issue(shard, place)}

    # --- within ---------------------------------------------------------------------------------------------------

    def _issue(self, shard: Shard, place: int) -> str:
        """A new iterator behind the first `place` records that are there now; it stays right when records are trimmed."""
        token = uuid.uuid4().hex
        after = int(shard.records[place - 1][0]) if place else 0
        self.iterators[token] = (shard.name, after, time.monotonic())
        return token

    def _new_shard(self, first: int, last: int, parents: tuple[str, ...]) -> None:
        name = f"shardId-{len(self.shards):012d}"
        self.shards[name] = Shard(name, first, last, parents)

    def _next(self) -> str:
        self.sequence += 1
        return f"{49 * 10**54 + self.sequence:056d}"

    def _check_stream(self, name: str) -> None:
        if name != self.stream:
            raise Refusal("ResourceNotFoundException", f"Stream {name} under account 000000000000 not found.")
