"""Checks of this source's tables, named as `tables.py` declares them. Each reads back what was committed.

A check is a function (lake, hours) -> (passed, one sentence, metadata).
"""

from __future__ import annotations

from collections.abc import Sequence

from spark_jobs.incremental.accounting import Accounts, Outcome, balance
from spark_jobs.incremental.score_checks import each_has_a_score, scores_are_in_range
from spark_jobs.sources.cloudfront.client_tables import CLIENT_DAILY, CLIENT_SCORES
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, REJECTED_LINES, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

LINES = Accounts(REQUESTS, REJECTED_LINES, OBJECT_COUNTS, "parsed_count", "lines_present")


def every_line_is_accounted_for(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Rows in the tables, object by object and hour by hour, against lines counted in the raw bytes."""
    lines = balance(lake, hours, LINES)
    if failure := lines.failure("objects"):
        return failure
    count = lines.total("parsed_count", "rejected_count")
    return (
        True,
        f"{counted(count, 'line')} of {counted(lines.object_count, 'object')}, all parsed or rejected.",
        {"lines": count},
    )


def request_ids_are_unique(lake: Lake, hours: Sequence[str]) -> Outcome:
    """No request_id twice in all the hours written."""
    import pyarrow.compute as pc

    ids = lake.read_arrow(REQUESTS, hours, columns=["request_id"])["request_id"]
    repeated = len(ids) - pc.count_distinct(ids).as_py()
    if repeated:
        return (
            False,
            f"{counted(repeated, 'row repeats', 'rows repeat')} a request_id; run the hours again.",
            {"repeated": repeated},
        )
    return True, f"All {len(ids)} request ids are distinct.", {"requests": len(ids)}


def each_request_has_a_score(lake: Lake, hours: Sequence[str]) -> Outcome:
    """request_scores against requests."""
    return each_has_a_score(lake, hours, REQUESTS, REQUEST_SCORES, "request")


def request_scores_are_in_range(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Of attack_probability."""
    return scores_are_in_range(lake, hours, REQUEST_SCORES, "attack_probability")


def each_client_has_a_score(lake: Lake, hours: Sequence[str]) -> Outcome:
    """client_scores against client_daily, which has the clients that are active in the hour."""
    return each_has_a_score(lake, hours, CLIENT_DAILY, CLIENT_SCORES, "active client")


def client_scores_are_in_range(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Of abuse_probability."""
    return scores_are_in_range(lake, hours, CLIENT_SCORES, "abuse_probability")
