"""A stream lands whole: in order of shards, through splits, merges, throttling and crashes, by one process at a time."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from spark_jobs.storage.objects import Storage
from spark_jobs.streaming.kinesis import END, KinesisReader
from spark_jobs.streaming.land import BatchBounds, Lander
from spark_jobs.streaming.landed import LANDER, POSITION, Landing, NoPositionError, OtherLanderError, lines_of
from tests.kinesis_twin import KinesisTwin

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
SMALL = BatchBounds(records=40, record_bytes=1 << 20, seconds=0.0)


@pytest.fixture
def twin() -> Iterator[KinesisTwin]:
    with KinesisTwin(shards=2, reads_a_second=1e9) as twin:
        yield twin


class Clock:
    """A clock that every look moves on, so that no test waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.3
        return self.now


@lru_cache
def client(url: str) -> Any:
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    return boto3.client("kinesis", endpoint_url=url, config=once, **KEYS)


def lander(twin: KinesisTwin, folder: Path, bounds: BatchBounds = SMALL, header: bytes = b"") -> Lander:
    clock = Clock()
    reader = KinesisReader(client(twin.url), twin.stream, clock=clock)
    return Lander(reader, Landing(str(folder), Storage()), header, bounds, clock=clock, wait=lambda _: None)


def land_all(lands: Lander, idle_rounds: int = 12) -> int:
    """Land until nothing comes; returns the objects landed."""
    objects = idle = 0
    while idle < idle_rounds:
        if lands.land() is None:
            idle += 1
        else:
            objects, idle = objects + 1, 0
    return objects


def landed_lines(folder: Path) -> list[bytes]:
    lines = []
    for path in sorted(folder.glob("*.gz")):
        lines += [line for line in gzip.decompress(path.read_bytes()).split(b"\n") if line]
    return [line for line in lines if not line.startswith((POSITION, LANDER))]


def test_a_silent_stream_is_read_once_a_second(twin: KinesisTwin, tmp_path: Path) -> None:
    now, waits = [0.0], [0.0]

    def wait(seconds: float) -> None:
        now[0] += seconds
        waits.append(seconds)

    reader = KinesisReader(client(twin.url), twin.stream, clock=lambda: now[0])
    lands = Lander(reader, Landing(str(tmp_path), Storage()), b"", BatchBounds(), clock=lambda: now[0], wait=wait)
    for _ in range(5):
        assert lands.land() is None
    twin.calls.clear()
    shards = len(twin.shards)
    for _ in range(10):
        assert lands.land() is None
    assert twin.calls.count("GetRecords") <= 11 * shards
    twin.put(b"fresh")
    assert lands.land() is not None
    waits.clear()
    assert lands.land() is None and max(waits) < 1


def test_all_records_of_all_shards_are_landed_once(twin: KinesisTwin, tmp_path: Path) -> None:
    sent = [f"record {number}".encode() for number in range(500)]
    for data in sent:
        twin.put(data)
    assert land_all(lander(twin, tmp_path)) >= 13
    assert sorted(landed_lines(tmp_path)) == sorted(sent)


def test_children_begin_once_their_parents_have_ended(twin: KinesisTwin, tmp_path: Path) -> None:
    before = {data: twin.put(data, "k") for data in (b"a1", b"a2")}
    parent = before[b"a1"]
    twin.split(parent)
    twin.put(b"b1", "k")
    child = twin.put(b"b2", "k")
    neighbor = next(
        name for name in twin.open_shards() if name not in (child, "shardId-000000000000", "shardId-000000000001")
    )
    twin.merge(child, neighbor)
    twin.put(b"c1", "k")
    lands = lander(twin, tmp_path)
    land_all(lands)
    assert landed_lines(tmp_path) == [b"a1", b"a2", b"b1", b"b2", b"c1"]
    assert [lands.positions[name] for name in (parent, child, neighbor)] == [END] * 3


def test_throttled_and_expired_reads_lose_nothing(twin: KinesisTwin, tmp_path: Path) -> None:
    twin.put(b"first", "k")
    lands = lander(twin, tmp_path)
    land_all(lands)
    twin.fail_next("GetRecords", "ProvisionedThroughputExceededException", times=3)
    twin.put(b"second", "k")
    land_all(lands)
    twin.iterator_seconds = -1.0
    twin.put(b"third", "k")
    with pytest.raises(Exception, match="ExpiredIterator"):  # twice at once is no passing fault
        land_all(lands)
    twin.iterator_seconds = 300.0
    land_all(lands)
    assert landed_lines(tmp_path) == [b"first", b"second", b"third"] and lands.figures.throttled_reads == 3


def test_what_is_past_retention_stops_nothing(
    twin: KinesisTwin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shard = twin.put(b"gone", "k")
    lands = lander(twin, tmp_path)
    twin.split(shard)
    twin.put(b"kept", "k")
    twin.trim(shard, 0)
    lands.positions = {"shardId-000000000099": "49" + "0" * 54}
    land_all(lands)
    assert landed_lines(tmp_path) == [b"kept"]
    assert "shardId-000000000099 is past the stream's retention" in caplog.text


def test_a_fault_that_stays_is_raised(twin: KinesisTwin, tmp_path: Path) -> None:
    twin.fail_next("GetRecords", "AccessDeniedException")
    with pytest.raises(Exception, match="AccessDenied"):
        lander(twin, tmp_path).land()


def test_two_landers_never_write_one_object(twin: KinesisTwin, tmp_path: Path) -> None:
    one, other = lander(twin, tmp_path), lander(twin, tmp_path)
    twin.put(b"first")
    twin.put(b"second")
    assert one.land() is not None
    with pytest.raises(OtherLanderError, match=r"^\S+ was landed by another process[^\n]*\.$"):
        other.land()
    assert sorted(landed_lines(tmp_path)) == [b"first", b"second"]


def test_an_object_whose_answer_was_lost_is_ones_own(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path), Storage())
    landing.write(1, {"s": "1"}, b"", [b"a"])
    assert landing.write(1, {"s": "1"}, b"", [b"a"]).positions == {"s": "1"}


def test_a_record_cannot_become_a_header() -> None:
    assert lines_of([b"#Fields: c-ip\n", b"a\nb\n\n", b""]) == [b" #Fields: c-ip\n", b"a\n", b"b\n"]


def test_a_stray_file_is_named(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path), Storage())
    (tmp_path / "000000000001.gz").write_bytes(gzip.compress(b"a log\n"))
    with pytest.raises(NoPositionError, match=r"000000000001.gz begins with no position"):
        landing.read(1)


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.mark.parametrize("seed", range(6))
def test_crashes_splits_and_faults_lose_and_double_nothing(twin: KinesisTwin, tmp_path: Path, seed: int) -> None:
    chance, faults = random.Random(seed), 0
    sent: list[bytes] = []
    lands = lander(twin, tmp_path)
    codes = ["ProvisionedThroughputExceededException", "InternalFailure", "ExpiredIteratorException"]

    def maybe_killed(function: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            result = function(*arguments, **named) if chance.random() < 0.5 else None
            if chance.random() < 0.4:
                raise Killed
            return function(*arguments, **named) if result is None else result

        return call

    for turn in range(120):
        for _ in range(chance.randrange(30)):
            sent.append(f"{turn}-{len(sent)}".encode())
            twin.put(sent[-1])
        event = chance.random()
        opened = twin.open_shards()
        if event < 0.08:
            twin.split(chance.choice(opened))
        elif event < 0.14 and len(opened) > 2:
            by_hash = sorted(opened, key=lambda name: twin.shards[name].first_hash)
            place = chance.randrange(len(by_hash) - 1)
            twin.merge(by_hash[place], by_hash[place + 1])
        elif event < 0.4:
            twin.fail_next("GetRecords", chance.choice(codes))
        faults += event < 0.4
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Landing, "write", maybe_killed(Landing.write))
            try:
                lands.land()
            except (Killed, OtherLanderError):
                faults += 1
                lands = lander(twin, tmp_path)
                done = chance.randrange(len(list(tmp_path.glob("*.gz"))) + 1)
                list(lands.recovered(done))
    land_all(lands, idle_rounds=30)
    assert sorted(landed_lines(tmp_path)) == sorted(sent)
    assert faults > 60


def test_old_objects_are_forgotten_but_the_newest(tmp_path: Path) -> None:
    landing = Landing(str(tmp_path), Storage())
    for number in (1, 2):
        landing.write(number, {}, b"", [b"a record"])
    assert landing.forget_written_before(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert landing.forget_written_before(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert landing.read(1) is None and landing.read(2) is not None
    assert Landing(str(tmp_path / "none"), Storage()).forget_written_before(datetime.now(UTC)) == 0


@pytest.mark.slow
def test_an_object_in_s3_is_written_once(moto_endpoint: str) -> None:
    boto3.client("s3").create_bucket(Bucket="lake")
    one, other = (Landing("s3://lake/_landed/edge", Storage()) for _ in range(2))
    landed = one.write(1, {"s": "7"}, b"#Fields: c-ip\n", [b"192.0.2.1"])
    assert one.write(1, {"s": "7"}, b"#Fields: c-ip\n", [b"192.0.2.1"]).etag == landed.etag
    with pytest.raises(OtherLanderError, match=r"^s3://lake/_landed/edge/000000000001.gz was landed by another"):
        other.write(1, {"s": "7"}, b"#Fields: c-ip\n", [b"192.0.2.1"])
    read = other.read(1)
    assert read is not None and read.positions == {"s": "7"} and read.etag == landed.etag
    assert other.read(2) is None
