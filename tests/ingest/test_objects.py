"""Listing of log objects on a folder and on S3, and the sentences that its failures end in."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from platform_assets.ingest import objects
from platform_assets.ingest.objects import UNREAD, ObjectsError, count_objects, list_objects

CONTENT = b"#Version: 1.0\n"


def put(folder: Path, *names: str, content: bytes = CONTENT) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def listed_names(folder: Path) -> list[str]:
    return [Path(found.source_object).relative_to(folder).as_posix() for found in list_objects(str(folder))]


def sentence_of(location: str, **where: Any) -> str:
    with pytest.raises(ObjectsError) as caught:
        list(list_objects(location, **where))
    sentence = str(caught.value)
    assert re.fullmatch(r"[^\n]+[.]", sentence), "one sentence"
    return sentence


# A folder


def test_a_folder_is_listed_with_its_subfolders_in_the_order_of_s3(tmp_path: Path) -> None:
    put(tmp_path, "a/b.gz", "a-b.gz", "a.gz", "z.gz", "E1.2026-11-20-13.x.gz", "ä.gz")
    assert listed_names(tmp_path) == sorted(
        ["a/b.gz", "a-b.gz", "a.gz", "z.gz", "E1.2026-11-20-13.x.gz", "ä.gz"], key=str.encode
    )


def test_an_object_carries_its_path_md5_size_and_time(tmp_path: Path) -> None:
    put(tmp_path, "a.gz", content=b"x" * 3_000_000)
    os.utime(tmp_path / "a.gz", ns=(0, 1_700_000_000_123_456_789))
    (found,) = list_objects(str(tmp_path))
    assert found.source_object == (tmp_path / "a.gz").as_posix()
    assert found.etag == hashlib.md5(b"x" * 3_000_000).hexdigest()
    assert found.size_bytes == 3_000_000
    assert found.modified_at == datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)


def test_a_relative_location_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "raw/a.gz")
    monkeypatch.chdir(tmp_path / "raw")
    (found,) = list_objects("../raw")
    assert found.source_object == (tmp_path / "raw/a.gz").as_posix()


def test_hidden_and_partial_files_are_not_objects(tmp_path: Path) -> None:
    put(tmp_path, "a.gz", ".DS_Store", ".hidden/b.gz", "c.gz.tmp", "sub/.d.gz")
    assert listed_names(tmp_path) == ["a.gz"]


def test_a_folder_below_a_hidden_one_is_listed(tmp_path: Path) -> None:
    put(tmp_path, ".weir/raw/a.gz")
    assert listed_names(tmp_path / ".weir/raw") == ["a.gz"]


def test_a_single_file_is_a_location(tmp_path: Path) -> None:
    put(tmp_path, "a.gz", "b.gz")
    assert [found.source_object for found in list_objects(str(tmp_path / "a.gz"))] == [(tmp_path / "a.gz").as_posix()]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    put(tmp_path, "raw/a.gz", "elsewhere/b.gz")
    (tmp_path / "raw/circle").symlink_to(tmp_path / "raw")
    (tmp_path / "raw/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw/dangling.gz").symlink_to(tmp_path / "gone.gz")
    assert listed_names(tmp_path / "raw") == ["a.gz", "linked/b.gz"]


def test_a_pipe_is_not_an_object(tmp_path: Path) -> None:
    put(tmp_path, "a.gz")
    os.mkfifo(tmp_path / "pipe.gz")
    assert listed_names(tmp_path) == ["a.gz"]


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    put(tmp_path, "a.gz")
    path = (tmp_path / "a.gz").as_posix()
    (first,) = list_objects(str(tmp_path))
    known = {path: (first.size_bytes, (tmp_path / "a.gz").stat().st_mtime_ns // 1000, "etag of the ledger")}
    (again,) = list_objects(str(tmp_path), known=known)
    assert again.etag == "etag of the ledger"


@pytest.mark.parametrize("changed", ["size", "time"])
def test_a_changed_file_is_read_again(tmp_path: Path, changed: str) -> None:
    put(tmp_path, "a.gz")
    path = tmp_path / "a.gz"
    (first,) = list_objects(str(tmp_path))
    at = path.stat().st_mtime_ns
    path.write_bytes(CONTENT + b"more" if changed == "size" else CONTENT[::-1])
    os.utime(path, ns=(0, at if changed == "size" else at + 1000))
    known = {path.as_posix(): (first.size_bytes, at // 1000, first.etag)}
    (again,) = list_objects(str(tmp_path), known=known)
    assert again.etag == hashlib.md5(path.read_bytes()).hexdigest() != first.etag


def test_a_file_that_vanishes_meanwhile_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a.gz", "b.gz", "c.gz")
    listing = list_objects(str(tmp_path))
    next(listing)
    (tmp_path / "b.gz").unlink()
    assert [Path(found.source_object).name for found in listing] == ["c.gz"]


def test_a_file_that_vanishes_before_it_is_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.gz", "b.gz")
    identify = objects._identify

    def unlink_first(path: str, *rest: Any) -> objects.ListedObject:
        if path.endswith("a.gz"):
            Path(path).unlink()
        return identify(path, *rest)

    monkeypatch.setattr(objects, "_identify", unlink_first)
    assert listed_names(tmp_path) == ["b.gz"]


def test_counting_reads_nothing_and_stops_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, *(f"{number}.gz" for number in range(5)))
    monkeypatch.setattr(objects, "_identify", None)
    assert count_objects(str(tmp_path)) == 5
    assert count_objects(str(tmp_path), limit=3) == 3


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    assert "does not exist; correct the path" in sentence_of(str(tmp_path / "nowhere"))


def test_no_location_says_where_to_name_one() -> None:
    assert "WEIR_CLOUDFRONT_RAW" in sentence_of("")


def test_another_scheme_says_what_is_possible() -> None:
    assert "neither a folder nor an s3:// URI" in sentence_of("gs://bucket/logs")


def test_one_odd_name_or_link_keeps_no_other_file_back(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.gz")).write_bytes(CONTENT)
    (tmp_path / "loop.gz").symlink_to("loop.gz")
    put(tmp_path, "z.gz")
    listed = {Path(item.source_object).name: item.etag for item in list_objects(str(tmp_path))}
    assert listed.pop("z.gz") not in ("", UNREAD)
    assert listed == {r"\xff.gz": UNREAD, "loop.gz": UNREAD}


def test_an_unreadable_file_is_not_passed_over_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.gz")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # root, who runs the tests in containers, is never refused

    monkeypatch.setattr(Path, "open", refuse)
    (listed,) = list_objects(str(tmp_path))
    assert (Path(listed.source_object).name, listed.etag) == ("a.gz", UNREAD)


# S3


@pytest.fixture
def bucket(moto_endpoint: str) -> dict[str, str]:
    """An empty bucket `logs`; the arguments that reach it."""
    boto3.client("s3", endpoint_url=moto_endpoint).create_bucket(Bucket="logs")
    return {"region": "us-east-1", "endpoint_url": moto_endpoint}


@pytest.mark.slow
def test_s3_objects_are_listed_over_all_pages(bucket: dict[str, Any]) -> None:
    client = boto3.client("s3", endpoint_url=bucket["endpoint_url"])
    for number in range(1003):
        client.put_object(Bucket="logs", Key=f"cf/{number:04}.gz", Body=b"")
    client.put_object(Bucket="logs", Key="other/a.gz", Body=CONTENT)
    found = list(list_objects("s3://logs/cf/", **bucket))
    assert [item.source_object for item in found] == [f"s3://logs/cf/{number:04}.gz" for number in range(1003)]
    assert count_objects("s3://logs/cf/", limit=1000, **bucket) == 1000


@pytest.mark.slow
def test_an_s3_object_carries_what_a_local_one_does(bucket: dict[str, Any]) -> None:
    boto3.client("s3", endpoint_url=bucket["endpoint_url"]).put_object(Bucket="logs", Key="cf/a b+ä.gz", Body=CONTENT)
    (found,) = list_objects("s3://logs", **bucket)
    assert found.source_object == "s3://logs/cf/a b+ä.gz"
    assert found.etag == hashlib.md5(CONTENT).hexdigest()
    assert found.size_bytes == len(CONTENT)
    assert found.modified_at.tzinfo is UTC


@pytest.mark.slow
def test_a_prefix_may_end_within_a_name_and_hidden_keys_are_left_out(bucket: dict[str, Any]) -> None:
    client = boto3.client("s3", endpoint_url=bucket["endpoint_url"])
    for key in (
        "cf/",
        "cf/E1.2026-11-20-13.a.gz",
        "cf/E2.2026-11-20-13.a.gz",
        "cf/.b.gz",
        "cf/E1.c.gz.tmp",
        "cf/E1/.d/e.gz",
        "cf/E1-old/f.gz",
    ):
        client.put_object(Bucket="logs", Key=key, Body=b"")
    assert [found.source_object for found in list_objects("s3://logs/cf/E1", **bucket)] == [
        "s3://logs/cf/E1.2026-11-20-13.a.gz"
    ]
    assert count_objects("s3://logs/cf/", **bucket) == 3
    assert count_objects("s3://logs/c", **bucket) == 0
    assert count_objects("s3://logs/cf", **bucket) == 3


@pytest.mark.slow
def test_a_missing_bucket_says_so(bucket: dict[str, Any]) -> None:
    assert "s3://nowhere/cf does not exist (NoSuchBucket)" in sentence_of("s3://nowhere/cf", **bucket)


def test_an_unreachable_endpoint_says_which_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    sentence = sentence_of("s3://logs", region="us-east-1", endpoint_url="http://me:hunter2@127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached for s3://logs" in sentence
    assert sentence.endswith("check the network, WEIR_AWS_REGION and WEIR_S3_ENDPOINT_URL.")
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("location", "said"),
    [("s3://", "names no bucket; write s3://bucket/prefix"), ("s3://Not_A_Bucket!/x", "check its name")],
)
def test_a_malformed_s3_location_says_so(location: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    sentence = sentence_of(location, region="us-east-1")
    assert location in sentence and said in sentence


def test_a_malformed_endpoint_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "and WEIR_S3_ENDPOINT_URL." in sentence_of("s3://logs", endpoint_url="not an endpoint")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "not an endpoint")
    assert "and AWS_ENDPOINT_URL." in sentence_of("s3://logs")


@pytest.mark.slow
def test_without_a_store_of_its_own_s3_is_where_botocore_finds_it(
    bucket: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = bucket["endpoint_url"].replace("127.0.0.1", "localhost")
    boto3.client("s3").put_object(Bucket="logs", Key="cf/a.gz", Body=CONTENT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", by_name)
    assert count_objects("s3://logs/cf/") == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", by_name)
    assert count_objects("s3://logs/cf/") == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert count_objects("s3://logs/cf/", endpoint_url=by_name) == 1
