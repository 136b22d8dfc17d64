"""Checks on lake tables, named as the tables declare them. Each reads back what was committed, not what was meant.

A check is a function (lake, hours) -> (passed, one sentence, metadata).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from spark_jobs.lake import Lake
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, REJECTED_LINES, REQUESTS
from spark_jobs.sources.metrics.tables import OBJECT_COUNTS as METRIC_COUNTS
from spark_jobs.sources.metrics.tables import REJECTED_SAMPLES, SAMPLES

Outcome = tuple[bool, str, dict[str, Any]]


def every_line_is_accounted_for(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Rows found in the tables, object by object and hour by hour, against lines counted in the raw bytes."""
    import pyarrow.dataset as ds

    grain = ["source_object", "event_hour"]
    parsed = _counts(lake.read_arrow(REQUESTS, hours, columns=grain), grain)
    rejected = _counts(lake.read_arrow(REJECTED_LINES, hours, columns=grain, filter=ds.field("line_number") > 0), grain)
    wrong: list[dict[str, Any]] = []
    lines = 0
    rows = lake.read_arrow(OBJECT_COUNTS, hours).to_pylist()
    for row in rows:
        key = (row["source_object"], row["event_hour"])
        found = parsed.pop(key, 0), rejected.pop(key, 0)
        told = row["parsed_count"], row["rejected_count"]
        lines += sum(found)
        if found != told or sum(found) + row["other_hours_count"] != row["lines_present"]:
            wrong.append({**row, "parsed_found": found[0], "rejected_found": found[1]})
    wrong += [{"source_object": o, "event_hour": h, "parsed_found": n} for (o, h), n in {**parsed, **rejected}.items()]
    if wrong:
        first = wrong[0]
        return (
            False,
            f"{len(wrong)} objects do not add up, {first['source_object']} first; run the hours again.",
            {"objects": wrong[:20]},
        )
    return (
        True,
        f"All {lines} lines of {len({r['source_object'] for r in rows})} objects are parsed or rejected.",
        {"lines": lines},
    )


def request_ids_are_unique(lake: Lake, hours: Sequence[str]) -> Outcome:
    """No id twice, over all the hours written."""
    import pyarrow.compute as pc

    ids = lake.read_arrow(REQUESTS, hours, columns=["request_id"])["request_id"]
    repeated = len(ids) - pc.count_distinct(ids).as_py()
    if repeated:
        return False, f"{repeated} rows repeat a request_id; run the hours again.", {"repeated": repeated}
    return True, f"All {len(ids)} request ids are distinct.", {"requests": len(ids)}


def every_sample_is_accounted_for(lake: Lake, hours: Sequence[str]) -> Outcome:
    """Rows found in the tables, file by file and hour by hour, against samples counted while reading the files."""
    import pyarrow.dataset as ds

    grain = ["source_object", "event_hour"]
    found = _counts(lake.read_arrow(SAMPLES, hours, columns=grain), grain)
    rejected = _counts(
        lake.read_arrow(REJECTED_SAMPLES, hours, columns=grain, filter=ds.field("line_number") > 0), grain
    )
    rows = lake.read_arrow(METRIC_COUNTS, hours).to_pylist()
    wrong: list[dict[str, Any]] = []
    for row in rows:
        key = (row["source_object"], row["event_hour"])
        there = found.pop(key, 0), rejected.pop(key, 0)
        told = row["sample_count"], row["rejected_count"]
        if there != told or sum(there) + row["other_hours_count"] != row["present_count"]:
            wrong.append({**row, "samples_found": there[0], "rejected_found": there[1]})
    wrong += [{"source_object": o, "event_hour": h, "samples_found": n} for (o, h), n in {**found, **rejected}.items()]
    if wrong:
        first = wrong[0]["source_object"]
        return False, f"{len(wrong)} files do not add up, {first} first; run the hours again.", {"objects": wrong[:20]}
    samples = sum(row["sample_count"] for row in rows)
    files = len({row["source_object"] for row in rows})
    return True, f"All samples of {files} files are kept or rejected, {samples} of them kept.", {"samples": samples}


def _counts(rows: Any, grain: list[str]) -> Counter[tuple[str, str]]:
    grouped = rows.group_by(grain).aggregate([([], "count_all")])
    return Counter(
        dict(
            zip(
                zip(*(grouped[name].to_pylist() for name in grain), strict=True),
                grouped["count_all"].to_pylist(),
                strict=True,
            )
        )
    )
