"""Times in answers of AWS, which a stream takes as numbers."""

from __future__ import annotations

from datetime import datetime

import pytest

from platform_assets.clients.aws import aws_client
from tests.kinesis_twin import KinesisTwin


@pytest.mark.parametrize(("times", "kind"), [(float, float), (None, datetime)])
def test_a_client_may_take_times_as_numbers(times: type | None, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with KinesisTwin("edge") as twin:
        shard = twin.put(b"record")
        client = aws_client("kinesis", "us-east-1", twin.url, times=times)
        start = client.get_shard_iterator(StreamName="edge", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        (record,) = client.get_records(ShardIterator=start["ShardIterator"])["Records"]
    assert isinstance(record["ApproximateArrivalTimestamp"], kind) and record["Data"] == b"record"
