"""A log object as a stream of bounded blocks of whole lines, whatever is wrong with it.

Opens local paths and s3:// URIs, recognizes gzip by content, survives truncation and corruption. Knows nothing of
any log format.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any

import numpy as np
from isal import isal_zlib

GZIP_MAGIC = b"\x1f\x8b"
READ_BYTES = 1 << 20
PEEK_BYTES = 64 << 10
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Where botocore looks for S3, first one first; pyarrow looks at neither."""
UNREADABLE_OBJECT = "unreadable_object"
"""The reason of an object that could not be opened or read: it is tried again later."""
UNREADABLE_SIGNS = {
    "InvalidObjectState": "The object is archived; restore it, or exclude it; it is tried again later",
    "INVALID_OBJECT_STATE": "The object is archived; restore it, or exclude it; it is tried again later",
    "ACCESS_DENIED": "Reading the object is not allowed; allow s3:GetObject (and its KMS key); it is tried again later",
    "AccessDenied": "Reading the object is not allowed; allow s3:GetObject (and its KMS key); it is tried again later",
    "Permission denied": "This user may not read the file; let it, or move the file away; it is tried again later",
}
"""Part of an error's text -> what happened and what to do."""


@dataclass(frozen=True)
class Storage:
    """How to reach s3:// URIs; credentials come from the environment of the process, as boto3 finds them.

    Without an endpoint it is the one that botocore's variables name, looked up where the instance is created: in the driver, so
    that tasks on other machines use the same store.
    """

    region: str = "us-east-1"
    endpoint_url: str = ""

    def __post_init__(self) -> None:
        candidates = (self.endpoint_url, *(os.environ.get(name, "") for name in ENDPOINT_VARIABLES))
        object.__setattr__(self, "endpoint_url", next(filter(None, candidates), ""))

    def filesystem(self, uri: str) -> tuple[Any, str]:
        """(pyarrow filesystem, path within it) of a local path or an s3:// URI."""
        from pyarrow import fs

        if not uri.startswith("s3://"):
            return fs.LocalFileSystem(), uri
        options: dict[str, Any] = {"region": self.region}
        if self.endpoint_url:
            scheme, _, host = self.endpoint_url.rpartition("://")
            options |= {"endpoint_override": host, "scheme": scheme or "https", "force_virtual_addressing": False}
        return fs.S3FileSystem(**options), uri.removeprefix("s3://")

    def opened(self, uri: str) -> IO[bytes]:
        """The bytes of an object; FileNotFoundError where it does not exist."""
        if "//" in uri.removeprefix("s3://") and uri.startswith("s3://"):
            return self._download(uri)  # pyarrow takes keys for paths, which have no empty parts
        filesystem, path = self.filesystem(uri)
        stream: IO[bytes] = filesystem.open_input_file(path)
        return stream

    def _download(self, uri: str) -> IO[bytes]:
        """The bytes of an S3 object in a temporary file; FileNotFoundError where it does not exist."""
        import tempfile

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        client = self.s3_client()
        stream = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            client.download_fileobj(bucket, key, stream)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
                raise FileNotFoundError(uri) from None
            raise OSError(str(error)) from None
        stream.seek(0)
        return stream

    def s3_client(self) -> Any:
        """A boto3 client of S3, for what pyarrow's filesystem cannot do."""
        import boto3

        return boto3.client("s3", region_name=self.region, endpoint_url=self.endpoint_url or None)

    def delta_options(self) -> dict[str, str]:
        """Region and endpoint as `deltalake` storage options."""
        options = {"AWS_REGION": self.region}
        if self.endpoint_url:
            options |= {ENDPOINT_VARIABLES[0]: self.endpoint_url, "AWS_ALLOW_HTTP": "true"}
        return options


@dataclass(frozen=True)
class Limits:
    """Limits for reading one object, in bytes; the ratio is decompressed to stored size."""

    max_line_bytes: int = 1 << 20
    max_object_bytes: int = 8 << 30
    max_expansion_ratio: int = 1000
    block_bytes: int = 2 << 20


@dataclass
class Problem:
    """Why reading of an object ended early; `reason` is empty where it did not."""

    reason: str = ""
    detail: str = ""


@dataclass
class Block:
    """Whole lines. `data` ends with a newline but for the last line of the object where the object has none.

    `first_line` is the number of its first line, from 1. A line longer than the limit comes alone, cut, with
    `overlong_bytes` = its true length.
    """

    data: bytes
    first_line: int
    line_count: int = 1
    overlong_bytes: int = 0
    cut_off: bool = False
    """The object breaks off inside this line, which is the last one and comes alone."""


@dataclass
class LineReader:
    """Iterates the blocks of one object; `problem` is set when the iteration has ended."""

    stream: IO[bytes]
    limits: Limits
    problem: Problem = field(default_factory=Problem)
    _pieces: Iterator[bytes] | None = None

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the object, decompressed, in pieces of at most some megabytes; once."""
        if self._pieces is None:
            self._pieces = self._decompressed()
        return self._pieces

    def peek(self) -> bytes:
        """The first bytes, at least `PEEK_BYTES` where there are so many; they are still to be read."""
        pieces, head = self.chunks(), b""
        while len(head) < PEEK_BYTES and (piece := next(pieces, b"")):
            head += piece
        self._pieces = chain([head] if head else [], pieces)
        return head

    def __iter__(self) -> Iterator[Block]:
        line, carry = 1, b""
        overlong = 0
        for chunk in self.chunks():
            if overlong:
                end = chunk.find(b"\n")
                if end < 0:
                    overlong += len(chunk)
                    continue
                yield Block(carry, line, overlong_bytes=overlong + end)
                line, carry, overlong = line + 1, b"", 0
                chunk = chunk[end + 1 :]
            end = chunk.rfind(b"\n")
            if end >= 0:
                block, carry = b"".join((carry, memoryview(chunk)[: end + 1])), chunk[end + 1 :]
                for part in self._split_overlong(block, line):
                    yield part
                    line = part.first_line + part.line_count
            else:
                carry += chunk
            if len(carry) > self.limits.max_line_bytes:
                overlong, carry = len(carry), carry[: self.limits.max_line_bytes]
        if overlong:
            yield Block(carry, line, overlong_bytes=overlong, cut_off=bool(self.problem.reason))
        elif carry:
            yield Block(carry, line, cut_off=self.problem.reason not in ("", "trailing_garbage"))

    def _split_overlong(self, block: bytes, line: int) -> Iterator[Block]:
        """The block whole, or in pieces between its overlong lines, which come one by one."""
        limit = self.limits.max_line_bytes
        start = at = 0
        while len(block) - at > limit:
            # The last newline within the limit, if any, shows that all lines up to it are short enough.
            end = block.rfind(b"\n", at, at + limit + 1)
            if end >= 0:
                at = end + 1
                continue
            if at > start:
                count = block.count(b"\n", start, at)
                yield Block(block[start:at], line, count)
                line += count
            end = block.index(b"\n", at)
            yield Block(block[at : at + limit], line, overlong_bytes=end - at)
            line += 1
            start = at = end + 1
        if start < len(block):
            yield Block(block[start:] if start else block, line, newlines(block, start))

    def _decompressed(self) -> Iterator[bytes]:
        head = self.stream.read(READ_BYTES)
        if not head:
            self.problem = Problem("empty_object", "The object has no bytes.")
            return
        chunks = self._inflated(head) if head.startswith(GZIP_MAGIC) else self._plain(head)
        total = 0
        for chunk in chunks:
            total += len(chunk)
            if total > self.limits.max_object_bytes:
                self.problem = Problem(
                    "object_too_large", f"Reading stopped after {self.limits.max_object_bytes} decompressed bytes."
                )
                return
            yield chunk

    def _plain(self, head: bytes) -> Iterator[bytes]:
        while head:
            yield head
            head = self.stream.read(self.limits.block_bytes)

    def _inflated(self, head: bytes) -> Iterator[bytes]:
        stored, produced = len(head), 0
        data, member = head, isal_zlib.decompressobj(wbits=31)
        try:
            while True:
                chunk = member.decompress(data, self.limits.block_bytes)
                produced += len(chunk)
                if chunk:
                    yield chunk
                if produced > (64 << 20) and produced > stored * self.limits.max_expansion_ratio:
                    self.problem = Problem(
                        "expands_too_much",
                        f"Reading stopped: {stored} stored bytes had become {produced}, more than "
                        f"{self.limits.max_expansion_ratio} times as many.",
                    )
                    return
                if member.eof:
                    # Zeros between members and after the last one are padding.
                    data = member.unused_data.lstrip(b"\x00")
                    while not data:
                        more = self._more()
                        stored += len(more)
                        if not more:
                            return
                        data = more.lstrip(b"\x00")
                    if not data.startswith(GZIP_MAGIC[: len(data)]):
                        self.problem = Problem(
                            "trailing_garbage", "Bytes that are not gzip follow the compressed data."
                        )
                        return
                    member = isal_zlib.decompressobj(wbits=31)
                    continue
                data = member.unconsumed_tail
                if not data:
                    data = self._more()
                    stored += len(data)
                    if not data and not chunk:
                        self.problem = Problem("truncated_gzip", "The compressed data ends before its end mark.")
                        return
        except (isal_zlib.error, zlib.error) as error:  # type: ignore[misc]  # isal's stub hides that it is an exception
            self.problem = Problem("corrupt_gzip", f"The compressed data is damaged: {error}.")

    def _more(self) -> bytes:
        return self.stream.read(READ_BYTES)


def newlines(data: bytes, start: int = 0, end: int | None = None) -> int:
    """As `data.count(b"\\n", start, end)`, which takes three times as long where lines are short."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8)[start:end] == 0x0A))


def why_unopened(error: Exception, source_object: str) -> tuple[str, str]:
    """(reason, sentence) for an object that could not be opened."""
    if isinstance(error, FileNotFoundError):
        if "\\x" in source_object:
            return UNREADABLE_OBJECT, "The name of the file is not UTF-8; rename it."
        return "object_gone", "The object was no longer there when it was to be read."
    return UNREADABLE_OBJECT, why_unreadable(error)


def why_unreadable(error: Exception) -> str:
    """One sentence on why an object cannot be read, with what to do about it where that is known."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    for sign, advice in UNREADABLE_SIGNS.items():
        if sign in text:
            return f"{advice} ({text})"
    return f"The object cannot be read ({text}); it is tried again later."
