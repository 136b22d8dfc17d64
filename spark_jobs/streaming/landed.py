"""The numbered raw objects that a stream lands in: at once write-ahead log, checkpoint and input of batch.

Object N begins with the lines `#Position: {shard: position}`, where reading goes on after it, and `#Lander: ID`. An object is
written once, or not at all: of two landers that write the same number one fails, and neither can lose or double a record.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from isal import igzip

from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.objects import Storage

POSITION, LANDER = b"#Position: ", b"#Lander: "
COMPRESSION_LEVEL = 1


class OtherLanderError(WeirError):
    """Another process has landed the object first."""

    exit_code = ExitCode.STOPPED


@dataclass(frozen=True)
class LandedObject:
    """A raw object as the ledger of its source holds it, with what a stream needs of it."""

    number: int
    source_object: str
    etag: str
    size_bytes: int
    modified_at: datetime
    positions: dict[str, str]
    content: bytes
    """Its bytes, compressed."""


@dataclass(frozen=True)
class Landing:
    """A folder (or s3:// URI) that holds the numbered objects of one stream."""

    folder: str
    storage: Storage
    lander: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells this process's objects from those of others."""

    def uri(self, number: int) -> str:
        """Where object `number` is, or will be."""
        return f"{self.folder.rstrip('/')}/{number:012d}.gz"

    def number_of(self, uri: str) -> int | None:
        """The inverse of `uri`; None where another file is meant."""
        name = uri.rpartition("/")[2].removesuffix(".gz")
        return int(name) if name.isdigit() and self.uri(int(name)) == uri else None

    def read(self, number: int) -> LandedObject | None:
        """Object `number`; None where there is none."""
        uri = self.uri(number)
        try:
            with self.storage.opened(uri) as stream:
                content = stream.read()
        except FileNotFoundError:
            return None
        return self._object(number, content, positions_of(content, uri))

    def write(self, number: int, positions: Mapping[str, str], header: bytes, records: Iterable[bytes]) -> LandedObject:
        """Land records as object `number`; OtherLanderError where there is one already."""
        at = POSITION + json.dumps(dict(positions), sort_keys=True).encode() + b"\n"
        by = LANDER + self.lander.encode() + b"\n"
        content = igzip.compress(b"".join([at, by, header, *lines_of(records)]), COMPRESSION_LEVEL, mtime=0)
        uri = self.uri(number)
        is_new = _put_in_s3(uri, content, self.storage) if uri.startswith("s3://") else _put_in_folder(uri, content)
        if not is_new and not self._is_own(number, content):
            raise OtherLanderError(
                f"{uri} was landed by another process: two `weir stream run` read one stream; stop one of them."
            )
        return self._object(number, content, dict(positions))

    def forget_written_before(self, at: datetime) -> int:
        """Delete objects that were written before `at`, but never the newest, where reading goes on; returns how many."""
        from pyarrow import fs

        filesystem, path = self.storage.filesystem(self.folder.rstrip("/"))
        found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
        landed = sorted((file for file in found if file.base_name.endswith(".gz")), key=lambda file: file.base_name)
        old = [file for file in landed[:-1] if file.mtime is not None and file.mtime < at]
        for file in old:
            filesystem.delete_file(file.path)
        return len(old)

    def _is_own(self, number: int, content: bytes) -> bool:
        """Whether the object is the one that was to be written: the answer to an earlier attempt was lost."""
        existing = self.read(number)
        return existing is not None and existing.content == content

    def _object(self, number: int, content: bytes, positions: dict[str, str]) -> LandedObject:
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return LandedObject(number, self.uri(number), etag, len(content), datetime.now(UTC), positions, content)


def lines_of(records: Iterable[bytes]) -> Sequence[bytes]:
    """Records as lines that end; one that begins like a header gets a space, so that it cannot become one."""
    lines = []
    for data in records:
        for line in data.removesuffix(b"\n").split(b"\n"):
            if line:
                lines.append((b" " if line.startswith(b"#") else b"") + line + b"\n")
    return lines


def positions_of(content: bytes, uri: str) -> dict[str, str]:
    """The positions in the first line of an object; WeirError where it has none."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        first = stream.readline()
    if not first.startswith(POSITION):
        raise NoPositionError(f"{uri} begins with no position: move it away, for only landed objects may be there.")
    positions: dict[str, str] = json.loads(first.removeprefix(POSITION))
    return positions


class NoPositionError(WeirError):
    """A file where only landed objects may be."""

    exit_code = ExitCode.INPUT


def _put_in_folder(path: str, content: bytes) -> bool:
    """Write a file that does not exist yet, whole or not at all; False where it exists."""
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".landing-", delete=False) as file:
        _write_through(file, content)
    try:
        os.link(file.name, path)
    except FileExistsError:
        return False
    finally:
        Path(file.name).unlink()
    return True


def _write_through(file: IO[bytes], content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _put_in_s3(uri: str, content: bytes, storage: Storage) -> bool:
    """Put an object that does not exist yet; False where it exists."""
    client = storage.s3_client()
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        client.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    except client.exceptions.ClientError as error:
        if _is_conflict(error.response):
            return False
        raise
    return True


def _is_conflict(response: Mapping[str, Any]) -> bool:
    return response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
