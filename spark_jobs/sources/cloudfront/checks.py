"""Checks of this source's tables, named as `tables.py` declares them. Each reads back what was committed.

A check is a function (lake, hours) -> (passed, one sentence, metadata).
"""

from __future__ import annotations

from collections.abc import Sequence

from spark_jobs.incremental.accounting import Accounts, Outcome, balance
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, REJECTED_LINES, REQUESTS
from spark_jobs.storage.lake import Lake

LINES = Accounts(REQUESTS, REJECTED_LINES, OBJECT_COUNTS, "parsed_count", "lines_present")


def every_line_is_accounted_for(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Rows in the tables, object by object and hour by hour, against lines counted in the raw bytes."""
    lines = balance(lake, hours, LINES)
    if failure := lines.failure("objects"):
        return failure
    count = lines.total("parsed_count", "rejected_count")
    return True, f"All {count} lines of {lines.object_count} objects are parsed or rejected.", {"lines": count}


def request_ids_are_unique(lake: Lake, hours: Sequence[str]) -> Outcome:
    """No request_id twice in all the hours written."""
    import pyarrow.compute as pc

    ids = lake.read_arrow(REQUESTS, hours, columns=["request_id"])["request_id"]
    repeated = len(ids) - pc.count_distinct(ids).as_py()
    if repeated:
        return False, f"{repeated} rows repeat a request_id; run the hours again.", {"repeated": repeated}
    return True, f"All {len(ids)} request ids are distinct.", {"requests": len(ids)}
