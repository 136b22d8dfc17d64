"""Objects of every name that S3 and folders take can be opened."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from spark_jobs.storage.objects import Storage

NAMES = ["a.gz", "a b.gz", "a//b.gz", "/a.gz", "year=2026/month=11/a.parquet", "a?b%20c&d.gz", "ä+ü#.gz", "..a/b.gz"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_s3_is_opened(moto_endpoint: str, name: str) -> None:
    client = boto3.client("s3", endpoint_url=moto_endpoint)
    client.create_bucket(Bucket="logs")
    client.put_object(Bucket="logs", Key=f"cf/{name}", Body=b"text")
    storage = Storage(endpoint_url=moto_endpoint)
    with storage.opened(f"s3://logs/cf/{name}") as stream:
        assert stream.read() == b"text"
    with pytest.raises(FileNotFoundError):
        storage.opened(f"s3://logs/cf/{name}.gone")


@pytest.mark.parametrize("name", [name for name in NAMES if "//" not in name])
def test_every_name_of_a_file_is_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"text")
    with Storage().opened(str(path)) as stream:
        assert stream.read() == b"text"
