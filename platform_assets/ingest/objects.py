"""Lists and identifies the log objects of a location: a local folder or file, or an s3:// prefix."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.clients.aws import (
    AWS_ENDPOINT_VARIABLE,
    AWS_ERRORS,
    S3_ENDPOINT_SETTING,
    aws_client,
    aws_sentence,
)
from spark_jobs.errors import ExitCode, WeirError

PARTIAL_SUFFIX = ".tmp"
"""Suffix of incomplete files, of our writers and most copying tools."""

UNREAD = "unread"
"""The etag of a file that could not be opened."""

EPOCH = datetime.fromtimestamp(0, UTC)

Known = Mapping[str, tuple[int, int, str]]
"""Earlier listing: source_object -> (size_bytes, modified_at in microseconds since 1970, etag)."""


class ObjectsError(WeirError):
    """A location cannot be listed; the message is one sentence that says why and what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class ListedObject:
    """One object as its storage describes it. Equal etag and size mean equal content."""

    source_object: str
    """Absolute posix path, or s3:// URI."""
    etag: str
    """S3's ETag without quotes; of a local file the MD5 of its content."""
    size_bytes: int
    modified_at: datetime


def list_objects(
    location: str, *, region: str = "us-east-1", endpoint_url: str = "", known: Known | None = None
) -> Iterator[ListedObject]:
    """Every object under `location`, ordered by name; hidden and partial ones are left out.

    A folder is read with its subfolders. An s3:// prefix names a folder, or how the names in one begin: `s3://b/logs/E1`
    matches the files of one distribution, while `s3://b/logs` does not match `logs-old/…`. A local file whose size and time are those in `known`
    keeps its etag without being read. Raises ObjectsError while being iterated, never half-way in silence.
    """
    if location.startswith("s3://"):
        yield from S3Prefix(location, region, endpoint_url).objects()
        return
    for path, status in _local_files(location):
        try:
            listed = _identify(path, status, known or {})
        except FileNotFoundError:
            continue  # removed since the folder was read: it is not an object of this location any more
        except OSError:
            listed = _unread(path)
        yield listed


def count_objects(
    location: str, *, region: str = "us-east-1", endpoint_url: str = "", limit: int = 1000, seconds: float = 20
) -> int:
    """Number of objects in `location`, up to `limit`, without reading any; asks S3 once."""
    if location.startswith("s3://"):
        objects: Iterator[object] = S3Prefix(location, region, endpoint_url, seconds=seconds, attempts=1).objects()
    else:
        objects = _local_files(location)
    return sum(1 for _ in zip(range(limit), objects, strict=False))


def _is_ignored(relative: str) -> bool:
    is_folder_marker = not relative or relative.endswith("/")  # an empty object that consoles create for a "folder"
    return (
        is_folder_marker
        or relative.endswith(PARTIAL_SUFFIX)
        or any(part.startswith(".") for part in relative.split("/"))
    )


# Local files


def _local_files(location: str) -> Iterator[tuple[str, os.stat_result | None]]:
    if not location.strip():
        raise ObjectsError(
            "No location of log objects is set; name a folder or an s3:// URI in WEIR_CLOUDFRONT_RAW or --input."
        )
    if "://" in location:
        raise ObjectsError(
            f"The location {location} is neither a folder nor an s3:// URI; copy its objects to one of these."
        )
    root = os.path.abspath(Path(location).expanduser())  # noqa: PTH100 - Path.absolute() keeps "..", resolve() follows links
    try:
        status = os.stat(root)  # noqa: PTH116 - paths stay strings: a folder may hold a million
    except FileNotFoundError:
        raise ObjectsError(f"The folder {root} does not exist; correct the path or create it.") from None
    except OSError as error:
        raise ObjectsError(_unreadable(root, error)) from error
    if stat.S_ISDIR(status.st_mode):
        yield from _walk(root, ((status.st_dev, status.st_ino),))
    elif stat.S_ISREG(status.st_mode):
        yield root, status
    else:
        raise ObjectsError(f"{root} is neither a folder nor a file; correct the path.")


def _walk(folder: str, ancestors: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.stat_result | None]]:
    """Files below `folder` in the byte order of their whole names, which is S3's order too; None for what is unreadable."""
    try:
        with os.scandir(folder) as entries:
            kept = [(entry, _is_folder(entry)) for entry in entries if not _is_ignored(entry.name)]
    except OSError as error:
        if len(ancestors) == 1:
            raise ObjectsError(_unreadable(folder, error)) from error
        yield folder, None
        return
    for entry, is_dir in sorted(kept, key=lambda pair: os.fsencode(pair[0].name) + b"/" * pair[1]):
        try:
            status = entry.stat()
            is_regular = entry.is_file()  # a pipe would never end
        except FileNotFoundError:
            continue  # a dangling link, or removed since the folder was read
        except OSError:
            yield entry.path, None
            continue
        identity = (status.st_dev, status.st_ino)
        if is_dir and identity not in ancestors:  # a link to a folder above itself has no end
            yield from _walk(entry.path, (*ancestors, identity))
        elif is_regular:
            yield entry.path, status


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, say
        return False


def _unread(path: str) -> ListedObject:
    """A file or folder that cannot be opened, or whose name is not UTF-8: to be rejected by name, and tried again."""
    name = os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")
    return ListedObject(name, UNREAD, 0, datetime.now(UTC))


def _identify(path: str, status: os.stat_result | None, known: Known) -> ListedObject:
    if status is None or not _is_utf8(path):
        return _unread(path)
    source_object = path.replace(os.sep, "/")  # a Path for each of a million is what would take longest
    microseconds = status.st_mtime_ns // 1000
    modified_at = EPOCH + timedelta(microseconds=microseconds)  # floats lose the end
    earlier = known.get(source_object)
    if earlier and earlier[:2] == (status.st_size, microseconds):
        return ListedObject(source_object, earlier[2], status.st_size, modified_at)
    with Path(path).open("rb") as content:
        etag = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        # Size and etag are of the bytes read, the time is from before: a growing file looks changed next time.
        return ListedObject(source_object, etag, content.tell(), modified_at)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unreadable(path: str, error: OSError) -> str:
    return f"{path} cannot be read ({error.strerror or error}); let this user read it or move it out of the folder."


# S3


@dataclass(frozen=True)
class Page:
    """One answer of ListObjectsV2."""

    objects: list[ListedObject]
    groups: list[str]
    """Common prefixes up to the delimiter, in order, if one was requested."""
    last: str
    """The last key or group, including ignored objects."""
    is_last: bool


class S3Prefix:
    """An s3:// location and the client that lists it; every call raises ObjectsError with one sentence."""

    def __init__(self, location: str, region: str, endpoint_url: str, **limits: Any) -> None:
        self.location = location
        self.bucket, _, self.prefix = location.removeprefix("s3://").partition("/")
        if not self.bucket:
            raise ObjectsError(f"The location {location} names no bucket; write s3://bucket/prefix.")
        self._endpoint = S3_ENDPOINT_SETTING if endpoint_url else AWS_ENDPOINT_VARIABLE
        with self._explained():
            self._client = aws_client("s3", region, endpoint_url, **limits)

    def objects(self) -> Iterator[ListedObject]:
        """All of them, ordered by name."""
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            for page in pages:
                yield from self._objects(page)

    def page(self, prefix: str, start_after: str, keys: int, delimiter: str = "") -> Page:
        """Up to `keys` keys with `prefix` and after `start_after`, grouped at the delimiter."""
        options = {"Prefix": prefix, "StartAfter": start_after, "Delimiter": delimiter}
        with self._explained():
            response = self._client.list_objects_v2(
                Bucket=self.bucket, MaxKeys=keys, **{name: value for name, value in options.items() if value}
            )
        groups = [group["Prefix"] for group in response.get("CommonPrefixes", ())]
        last = max((*(item["Key"] for item in response.get("Contents", ())), *groups), default="")
        return Page(list(self._objects(response)), groups, last, not response.get("IsTruncated"))

    def holds(self, bucket: str, key: str) -> bool:
        """Whether a key of a bucket is one of the objects, if it is there."""
        in_folder, rest = key[self.prefix.rfind("/") + 1 :], key[len(self.prefix) :]
        is_within = not self.prefix or self.prefix.endswith("/") or rest.startswith("/") or "/" not in rest
        return bucket == self.bucket and key.startswith(self.prefix) and is_within and not _is_ignored(in_folder)

    def _objects(self, page: Mapping[str, Any]) -> Iterator[ListedObject]:
        for item in page.get("Contents", ()):
            if self.holds(self.bucket, item["Key"]):
                modified_at = item["LastModified"].astimezone(UTC)
                name = f"s3://{self.bucket}/{item['Key']}"
                yield ListedObject(name, item["ETag"].strip('"'), item["Size"], modified_at)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except AWS_ERRORS as error:
            sentence = aws_sentence(error, self.location, permission="s3:ListBucket", endpoint=self._endpoint)
            raise ObjectsError(sentence) from error
