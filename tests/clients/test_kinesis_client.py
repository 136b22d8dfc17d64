"""The client of Kinesis answers as botocore's own does, but for times."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from platform_assets.clients.kinesis import kinesis_client
from tests.kinesis_twin import KinesisTwin


def read(client: Any, shard: str) -> dict[str, Any]:
    start = client.get_shard_iterator(StreamName="edge", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    answer: dict[str, Any] = client.get_records(ShardIterator=start["ShardIterator"])
    return answer


@pytest.mark.parametrize("is_closed", [False, True])
def test_records_are_those_of_botocore(is_closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with KinesisTwin("edge") as twin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", twin.url)
        shard = twin.put(b"one\xff\0")
        twin.put(b"")
        if is_closed:
            twin.split(shard)
        ours, own = (read(c, shard) for c in (kinesis_client("us-east-1"), boto3.client("kinesis", "us-east-1")))
        assert ours["ResponseMetadata"]["HTTPStatusCode"] == own["ResponseMetadata"]["HTTPStatusCode"] == 200
        for mine, record in zip(ours["Records"], own["Records"], strict=True):
            at = record.pop("ApproximateArrivalTimestamp").timestamp()
            assert mine.pop("ApproximateArrivalTimestamp") == pytest.approx(at)
        differing = {"ResponseMetadata", "NextShardIterator"}
        assert {k: v for k, v in ours.items() if k not in differing} == {
            k: v for k, v in own.items() if k not in differing
        }
        assert ("NextShardIterator" in ours) == ("NextShardIterator" in own) == (not is_closed)


def test_errors_are_those_of_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with KinesisTwin("edge") as twin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", twin.url)
        shard = twin.put(b"record")
        client = kinesis_client("us-east-1")
        twin.fail_next("GetRecords", "ExpiredIteratorException")
        with pytest.raises(client.exceptions.ExpiredIteratorException):
            read(client, shard)
