"""One file of metric samples, in whatever form it was delivered -> typed samples and rejected ones, none lost.

Forms, told apart by content: CSV, Parquet and JSON with a column per metric (`files.py`); JSON of monitoring systems
(`records.py`); outputs of kubectl (`kubectl_top.py`). What a metric is called and converted to is `mapping.py`'s. No engine and no lake here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

import pyarrow as pa

from spark_jobs.sources.metrics.content import FilesError, as_utf8, blocks_of, lines_of, stem
from spark_jobs.sources.metrics.files import read_metrics
from spark_jobs.sources.metrics.kubectl_top import is_kubectl_top, read_kubectl_top
from spark_jobs.sources.metrics.mapping import MAPPING, Mapped
from spark_jobs.sources.metrics.records import RecordReader, kind_of
from spark_jobs.sources.metrics.sample_columns import RejectedSample, SampleColumns
from spark_jobs.sources.metrics.times import LATEST_US
from spark_jobs.storage.json_records import JsonReader
from spark_jobs.storage.objects import UNREADABLE_OBJECT, why_unopened, why_unreadable

LOOKED_AT_BYTES = 1 << 20
LOOKED_AT_LINES = 100
"""Of the beginning of a file, to recognize its form."""


@dataclass(frozen=True)
class ParseOptions:
    """What decides about a file besides its content."""

    mapping: Mapping[str, Mapped] = field(default_factory=lambda: MAPPING)
    max_object_bytes: int = 8 << 30
    latest: int = LATEST_US
    """Times from then on (µs since 1970) are out of range."""


@dataclass(frozen=True)
class Parsed:
    """`samples` has the columns of the table but for source_object and ingested_at; `present` is samples and rejected."""

    samples: pa.Table
    rejected: tuple[RejectedSample, ...]
    present: int


def parse(stream: IO[bytes], name: str, options: ParseOptions, delivered: int | None = None) -> Parsed:
    """All of one file; `delivered` (µs since 1970) tells which samples are ahead of their delivery. Raises nothing.

    Records are read one by one, so that no more than their samples is held; other forms need the whole file.
    """
    samples = SampleColumns()
    try:
        blocks = as_utf8(blocks_of(stream, name, options.max_object_bytes))
        head = _head(blocks)
        content = chain([head], blocks)
        form = form_of(head)
        if form == "records":
            RecordReader(samples, stem(name), options.mapping, options.latest).read(JsonReader(content))
        elif form == "kubectl_top":
            read_kubectl_top(samples, lines_of(content), stem(name), options.latest)
        else:
            samples.add_wide(read_metrics(b"".join(content), name, options.latest), options.mapping)
    except FilesError as error:
        return _rejected_whole(error.reason, str(error), delivered)
    except OSError as error:  # of the storage, in the middle of the file
        return _rejected_whole(UNREADABLE_OBJECT, why_unreadable(error), delivered)
    return Parsed(samples.table(delivered), tuple(samples.rejected), samples.present)


def form_of(head: bytes) -> str:
    """The form of a file that begins so: `records` of a monitoring system, `kubectl_top`, or else `columns`."""
    if _is_records(head):
        return "records"
    lines = head[:LOOKED_AT_BYTES].decode("utf-8", "replace").split("\n", LOOKED_AT_LINES)[:LOOKED_AT_LINES]
    return "kubectl_top" if is_kubectl_top(lines) else "columns"


def unopened(error: Exception, name: str) -> Parsed:
    """In place of a file that cannot be opened: its one rejection."""
    return _rejected_whole(*why_unopened(error, name), None)


def _rejected_whole(reason: str, detail: str, delivered: int | None) -> Parsed:
    return Parsed(SampleColumns().table(delivered), (RejectedSample(0, 0, reason, detail),), 0)


def _head(blocks: Iterator[bytes]) -> bytes:
    """The beginning of the content: up to `LOOKED_AT_BYTES` after white space, or all of it."""
    head = b""
    for block in blocks:
        head += block
        if len(head.lstrip(b"\xef\xbb\xbf \t\r\n")) >= LOOKED_AT_BYTES:
            break
    return head


def _is_records(head: bytes) -> bool:
    """Whether the content is JSON of a monitoring system, not of a key per metric."""
    if head.startswith(b"PAR1"):
        return False
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[")):
        return False
    records = chain.from_iterable(JsonReader([start[:LOOKED_AT_BYTES]]))
    first = next((record.fields for record in records if isinstance(record.fields, dict)), None)
    return first is None or kind_of(first) != "wide"
