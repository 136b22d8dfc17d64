"""Checks of this source's tables, named as `tables.py` declares them. Each reads back what was committed.

A check is a function (lake, hours) -> (passed, one sentence, metadata).
"""

from __future__ import annotations

from collections.abc import Sequence

from spark_jobs.incremental.accounting import Accounts, Outcome, balance
from spark_jobs.sources.metrics.tables import OBJECT_COUNTS, REJECTED_SAMPLES, SAMPLES
from spark_jobs.storage.lake import Lake

ACCOUNTS = Accounts(SAMPLES, REJECTED_SAMPLES, OBJECT_COUNTS, "sample_count", "present_count")


def every_sample_is_accounted_for(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Rows in the tables, file by file and hour by hour, against samples counted while reading the files."""
    samples = balance(lake, hours, ACCOUNTS)
    if failure := samples.failure("files"):
        return failure
    count, files = samples.total("sample_count"), samples.object_count
    return True, f"All samples of {files} files are kept or rejected, {count} of them kept.", {"samples": count}
