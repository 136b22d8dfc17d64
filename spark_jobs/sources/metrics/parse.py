"""One file of metric samples, in whatever form it was delivered -> typed samples and rejected ones, none lost.

Forms, told apart by content: CSV, Parquet and JSON lines with a column per metric (`files.py`); JSON of monitoring systems
(`records.py`). What a metric is called and converted to is `mapping.py`'s. No engine and no lake here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

import pyarrow as pa

from spark_jobs.sources.metrics.content import FilesError, blocks_of, lines_of, stem
from spark_jobs.sources.metrics.files import read_metrics
from spark_jobs.sources.metrics.mapping import MAPPING, Mapped
from spark_jobs.sources.metrics.records import RecordReader, kind_of
from spark_jobs.sources.metrics.sample_columns import RejectedSample, SampleColumns

LOOKED_AT_BYTES = 1 << 20
LOOKED_AT_LINES = 100
"""Of the beginning of a file, to recognize its form."""


@dataclass(frozen=True)
class ParseOptions:
    """What decides about a file besides its content."""

    mapping: Mapping[str, Mapped] = field(default_factory=lambda: MAPPING)
    max_object_bytes: int = 8 << 30


@dataclass(frozen=True)
class Parsed:
    """`samples` has the columns of the table but for source_object and ingested_at; `present` is samples and rejected."""

    samples: pa.Table
    rejected: tuple[RejectedSample, ...]
    present: int


def parse(stream: IO[bytes], name: str, options: ParseOptions, delivered: int | None = None) -> Parsed:
    """All of one file; `delivered` (µs since 1970) tells which samples are ahead of their delivery. Raises nothing.

    Records are read line by line, so that no more than their samples is held; other forms need the whole file.
    """
    samples = SampleColumns()
    try:
        blocks = blocks_of(stream, name, options.max_object_bytes)
        head = _head(blocks)
        if _is_records(head):
            RecordReader(samples, stem(name), options.mapping).read(lines_of(chain([head], blocks)))
        else:
            samples.add_wide(read_metrics(b"".join(chain([head], blocks)), name))
    except FilesError as error:
        rejected = RejectedSample(0, 0, error.reason, str(error))
        return Parsed(SampleColumns().table(delivered), (rejected,), 0)
    return Parsed(samples.table(delivered), tuple(samples.rejected), samples.present)


def _head(blocks: Iterator[bytes]) -> bytes:
    """The beginning of the content: up to `LOOKED_AT_BYTES` after white space, or all of it."""
    head = b""
    for block in blocks:
        head += block
        if len(head.lstrip(b"\xef\xbb\xbf \t\r\n")) >= LOOKED_AT_BYTES:
            break
    return head


def _is_records(head: bytes) -> bool:
    """Whether the lines are JSON of a monitoring system, not of a key per metric."""
    if head.startswith(b"PAR1"):
        return False
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[")):
        return False
    for line in start[:LOOKED_AT_BYTES].splitlines()[:LOOKED_AT_LINES]:
        try:
            record, _ = json.JSONDecoder().raw_decode(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        return not (isinstance(record, dict) and kind_of(record) == "wide")
    return True
