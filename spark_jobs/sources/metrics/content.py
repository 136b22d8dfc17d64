"""The bytes of a file, plain or gzip, in bounded blocks. Knows nothing of any format."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO

from spark_jobs.errors import ExitCode, WeirError

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")
MAX_FILE_BYTES = 8 << 30
BLOCK_BYTES = 1 << 20


class FilesError(WeirError):
    """A file cannot be read at all; the message is one sentence that says why and what to do. `reason` is a stable word."""

    exit_code = ExitCode.INPUT

    def __init__(self, message: str, reason: str = "unreadable") -> None:
        super().__init__(message)
        self.reason = reason


def blocks_of(stream: IO[bytes], name: str, max_bytes: int = MAX_FILE_BYTES) -> Iterator[bytes]:
    """The content block by block, decompressed where it is gzip; `stream` is seekable.

    FilesError where the content is damaged or longer than `max_bytes`, as soon as that shows.
    """
    is_gzip = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    source: IO[bytes] = gzip.GzipFile(fileobj=stream) if is_gzip else stream  # type: ignore[assignment]
    total = 0
    try:
        while block := source.read(BLOCK_BYTES):
            total += len(block)
            if total > max_bytes:
                raise FilesError(f"{name} holds more than {max_bytes} bytes; split it.", "object_too_large")
            yield block
    except (OSError, EOFError, zlib.error):
        raise FilesError(f"{name} is damaged gzip; deliver it again.", "corrupt_gzip") from None


def lines_of(blocks: Iterable[bytes]) -> Iterator[str]:
    """Lines without their newlines, as `text.split("\\n")` gives them; bytes that are no UTF-8 are replaced."""
    carry: list[bytes] = []
    encoding = "utf-8-sig"
    for block in blocks:
        end = block.rfind(b"\n")
        if end < 0:
            carry.append(block)
            continue
        yield from b"".join([*carry, block[:end]]).decode(encoding, "replace").split("\n")
        carry, encoding = [block[end + 1 :]], "utf-8"
    yield b"".join(carry).decode(encoding, "replace")


def stem(name: str) -> str:
    """`a/web-1.csv.gz` -> `web-1`, the cluster of a file that names none."""
    file_name = PurePosixPath(name.replace("\\", "/")).name.removesuffix(".gz")
    suffix = next((suffix for suffix in (*SUFFIXES, ".json") if file_name.lower().endswith(suffix)), "")
    return file_name[: len(file_name) - len(suffix)] or "unnamed"
