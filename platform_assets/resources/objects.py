"""Which log objects a location holds: a local folder or file, or an s3:// prefix.

Lists and identifies; reads no log line (spark_jobs does) and keeps no ledger (the asset does). How AWS is reached is
in aws.py.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.resources.aws import (
    AWS_ENDPOINT_VARIABLE,
    AWS_ERRORS,
    S3_ENDPOINT_SETTING,
    aws_client,
    aws_sentence,
)

PARTIAL_SUFFIX = ".tmp"
"""What our own writers (and most copying tools) call a file that is not complete yet."""

Known = Mapping[str, tuple[int, datetime, str]]
"""What an earlier listing found: source_object -> (size_bytes, modified_at, etag)."""


class ObjectsError(Exception):
    """A location cannot be listed; the message is one sentence that says why and what to do."""


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

    A folder is read with its subfolders. An s3:// prefix is S3's own: `s3://b/logs` also matches `logs-old/…`, and
    `s3://b/logs/E1` matches the files of one distribution. A local file whose size and time are those in `known`
    keeps its etag without being read. Raises ObjectsError while being iterated, never half-way in silence.
    """
    if location.startswith("s3://"):
        yield from _s3_objects(location, region, endpoint_url)
        return
    for path, found in _local_files(location):
        try:
            listed = _identify(path, found, known or {})
        except FileNotFoundError:
            continue  # removed since the folder was read: it is not an object of this location any more
        except OSError as error:
            raise ObjectsError(_unreadable(path, error)) from error
        yield listed


def count_objects(
    location: str, *, region: str = "us-east-1", endpoint_url: str = "", limit: int = 1000, seconds: float = 20
) -> int:
    """How many objects `location` holds, counting no further than `limit`, reading none and asking S3 once."""
    if location.startswith("s3://"):
        found: Iterator[object] = _s3_objects(location, region, endpoint_url, seconds=seconds, attempts=1)
    else:
        found = _local_files(location)
    return sum(1 for _ in zip(range(limit), found, strict=False))


def _is_ignored(relative: str) -> bool:
    is_folder_marker = not relative or relative.endswith("/")  # an empty object that consoles make for a "folder"
    return (
        is_folder_marker
        or relative.endswith(PARTIAL_SUFFIX)
        or any(part.startswith(".") for part in relative.split("/"))
    )


# Local files


def _local_files(location: str) -> Iterator[tuple[str, os.stat_result]]:
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
        found = os.stat(root)  # noqa: PTH116 - paths stay strings: a folder may hold a million
    except FileNotFoundError:
        raise ObjectsError(f"The folder {root} does not exist; correct the path or create it.") from None
    except OSError as error:
        raise ObjectsError(_unreadable(root, error)) from error
    if stat.S_ISDIR(found.st_mode):
        yield from _walk(root, ((found.st_dev, found.st_ino),))
    elif stat.S_ISREG(found.st_mode):
        yield root, found
    else:
        raise ObjectsError(f"{root} is neither a folder nor a file; correct the path.")


def _walk(folder: str, ancestors: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.stat_result]]:
    """Files below `folder` in the byte order of their whole names, which is S3's order too."""
    try:
        with os.scandir(folder) as entries:
            kept = [(entry, entry.is_dir()) for entry in entries if not _is_ignored(entry.name)]
    except OSError as error:
        raise ObjectsError(_unreadable(folder, error)) from error
    for entry, is_dir in sorted(kept, key=lambda pair: os.fsencode(pair[0].name) + b"/" * pair[1]):
        try:
            found = entry.stat()
            is_regular = entry.is_file()  # a pipe would never end
        except FileNotFoundError:
            continue  # a dangling link, or removed since the folder was read
        except OSError as error:
            raise ObjectsError(_unreadable(entry.path, error)) from error
        identity = (found.st_dev, found.st_ino)
        if is_dir and identity not in ancestors:  # a link to a folder above itself has no end
            yield from _walk(entry.path, (*ancestors, identity))
        elif is_regular:
            yield entry.path, found


def _identify(path: str, found: os.stat_result, known: Known) -> ListedObject:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ObjectsError(f"The name of the file {os.fsencode(path)!r} is not UTF-8; rename it.") from None
    source_object = Path(path).as_posix()
    modified_at = datetime.fromtimestamp(0, UTC) + timedelta(
        microseconds=found.st_mtime_ns // 1000
    )  # floats lose the end
    before = known.get(source_object)
    if before and before[:2] == (found.st_size, modified_at):
        return ListedObject(source_object, before[2], found.st_size, modified_at)
    with Path(path).open("rb") as content:
        etag = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        # Size and etag are of the bytes read, the time is from before: what grew meanwhile looks changed next time.
        return ListedObject(source_object, etag, content.tell(), modified_at)


def _unreadable(path: str, error: OSError) -> str:
    return f"{path} cannot be read ({error.strerror or error}); let this user read it or move it out of the folder."


# S3


def _s3_objects(location: str, region: str, endpoint_url: str, **patience: Any) -> Iterator[ListedObject]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    if not bucket:
        raise ObjectsError(f"The location {location} names no bucket; write s3://bucket/prefix.")
    folder_length = prefix.rfind("/") + 1
    try:
        client = aws_client("s3", region, endpoint_url, **patience)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                if not _is_ignored(item["Key"][folder_length:]):
                    modified_at = item["LastModified"].astimezone(UTC)
                    yield ListedObject(
                        f"s3://{bucket}/{item['Key']}", item["ETag"].strip('"'), item["Size"], modified_at
                    )
    except AWS_ERRORS as error:
        setting = S3_ENDPOINT_SETTING if endpoint_url else AWS_ENDPOINT_VARIABLE
        raise ObjectsError(aws_sentence(error, location, permission="s3:ListBucket", endpoint=setting)) from error
