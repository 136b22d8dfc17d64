"""Finds requests that were delivered twice: lines with the request_id of an earlier line.

Ids are compared as 64-bit hashes in sorted runs; only rows with equal hashes are compared by id. A million lines take
8 MB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from spark_jobs.incremental.task_shares import Work, items_of, shared_out
from spark_jobs.sources.cloudfront.hashing import text_hashes
from spark_jobs.sources.cloudfront.layouts import name_hour
from spark_jobs.sources.cloudfront.tables import REQUESTS
from spark_jobs.storage.schema import hour_names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.storage.lake import Lake
    from spark_jobs.storage.writer import WrittenFile

BUCKETS = 32
"""Spans of hashes, each of which one task compares."""
RUN_ROWS = 1_000_000
"""Hashes that a task sorts and passes on at once."""


@dataclass(frozen=True)
class Duplicate:
    """Why a line is rejected, and the hour of its event, which gets the rejection as it would get the request."""

    detail: str
    hour: str


Duplicates = dict[str, dict[int, Duplicate]]
"""Object -> line -> why it is rejected."""


def duplicates(
    spark: SparkSession, lake: Lake, files: Sequence[WrittenFile], missing: Set[str], tasks: int
) -> Duplicates:
    """All lines with a repeated request_id but the first by (source_object, line_number).

    Rows of missing objects come first, since these objects cannot be parsed again; then those of objects named as
    CloudFront names standard logs, which are complete where real-time logs are sampled and cut.
    """
    requests = [file for file in files if file.table == REQUESTS.key]
    if not requests:
        return {}
    work = Work([file.path for file in requests], [file.size_bytes for file in requests], "files")
    shares = shared_out(spark, work, tasks)
    repeated = _repeated(lake, shares, tasks)
    if not len(repeated):
        return {}
    rows = sorted(_rows_of(lake, shares, repeated), key=lambda row: _rank(row[1], row[2], missing))
    originals: dict[str, tuple[str, int]] = {}
    rejections: Duplicates = defaultdict(dict)
    for request_id, source_object, line_number, hour in rows:
        if request_id not in originals:
            originals[request_id] = (source_object, line_number)
            continue
        original, line = originals[request_id]
        rejections[source_object][line_number] = Duplicate(f"The request is line {line} of {original} already.", hour)
    return dict(rejections)


def _rank(source_object: str, line_number: int, missing: Set[str]) -> tuple[bool, bool, str, int]:
    return source_object not in missing, name_hour(source_object) is None, source_object, line_number


def _repeated(lake: Lake, shares: DataFrame, tasks: int) -> np.ndarray:
    """Hashes that occur twice or more, ascending."""

    def runs(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pending: list[np.ndarray] = []
        for batch in lake.read_batches(REQUESTS, items_of(batches), ["request_id"]):
            pending.append(text_hashes(batch.column(0)))
            if sum(map(len, pending)) >= RUN_ROWS:
                yield _run(pending)
                pending = []
        if pending:
            yield _run(pending)

    def compare(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pending: dict[int, list[np.ndarray]] = defaultdict(list)
        for batch in batches:
            for bucket, blob in zip(batch.column(0).to_pylist(), batch.column(1), strict=True):
                pending[bucket].append(np.frombuffer(blob.as_buffer(), np.uint64))
        repeats = [_repeats(pending.pop(bucket)) for bucket in sorted(pending)]
        yield pa.RecordBatch.from_pydict({"hashes": pa.array([hashes.tobytes() for hashes in repeats], pa.binary())})

    by_bucket = shares.mapInArrow(runs, "bucket int, hashes binary").repartition(tasks, F.col("bucket"))
    rows = [row.hashes for row in by_bucket.mapInArrow(compare, "hashes binary").collect()]
    return np.sort(np.frombuffer(b"".join(rows), np.uint64))


def _run(pending: list[np.ndarray]) -> pa.RecordBatch:
    """Sorted hashes, split into buckets."""
    hashes = np.sort(np.concatenate(pending))
    bounds = np.searchsorted(hashes, np.arange(1, BUCKETS, dtype=np.uint64) * np.uint64(2**64 // BUCKETS))
    blobs = [bucket.tobytes() for bucket in np.split(hashes, bounds)]
    return pa.RecordBatch.from_pydict(
        {"bucket": pa.array(range(BUCKETS), pa.int32()), "hashes": pa.array(blobs, pa.binary())}
    )


def _repeats(runs: list[np.ndarray]) -> np.ndarray:
    hashes = np.concatenate(runs)
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def _rows_of(lake: Lake, shares: DataFrame, repeated: np.ndarray) -> Iterable[Any]:
    """(request_id, source_object, line_number, hour) of the requests with one of the hashes."""
    columns = ["request_id", "source_object", "line_number", "event_at"]

    def matching(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in lake.read_batches(REQUESTS, items_of(batches), columns):
            hashes = text_hashes(batch.column(0))
            index = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
            rows = batch.filter(pa.array(repeated[index] == hashes))
            hour = hour_names(rows.column("event_at"))
            yield pa.RecordBatch.from_arrays([*rows.columns[:3], hour], names=[*columns[:3], "hour"])

    ddl = "request_id string, source_object string, line_number bigint, hour string"
    return shares.mapInArrow(matching, ddl).collect()
