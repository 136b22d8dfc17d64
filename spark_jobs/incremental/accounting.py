"""Whether rows in the tables add up to what was counted while reading the raw objects: shared by the checks of sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.storage.lake import Lake

Outcome = tuple[bool, str, dict[str, Any]]
"""Whether a check passed, one sentence, metadata."""
GRAIN = ["source_object", HOUR_COLUMN]


@dataclass(frozen=True)
class Accounts:
    """The tables to compare, and the columns of `counts` that hold the number of kept rows and of all that was present."""

    kept: Table
    rejected: Table
    counts: Table
    kept_column: str
    present_column: str


@dataclass(frozen=True)
class Balance:
    """`counts`: rows of the table of counts. `mismatches`: those that do not add up, with what the tables hold instead."""

    counts: list[dict[str, Any]]
    mismatches: list[dict[str, Any]]

    def total(self, *columns: str) -> int:
        """Sum of columns of the counts."""
        return sum(row[name] for row in self.counts for name in columns)

    @property
    def object_count(self) -> int:
        """Distinct raw objects of the hours."""
        return len({row["source_object"] for row in self.counts})

    def failure(self, noun: str) -> Outcome | None:
        """The outcome where objects, called `noun`, do not add up; None where all do."""
        if not self.mismatches:
            return None
        sentence = f"{len(self.mismatches)} {noun} do not add up, {self.mismatches[0]['source_object']} first; run the hours again."
        return False, sentence, {"objects": self.mismatches[:20]}


def balance(lake: Lake, hours: Sequence[str], accounts: Accounts) -> Balance:
    """Rows of the hours, object by object and hour by hour, against the table of counts.

    Rejected line 0, which stands for an object as a whole, is no line.
    """
    import pyarrow.dataset as ds

    is_line = ds.field("line_number") > 0
    kept_counts = _row_counts(lake.read_arrow(accounts.kept, hours, columns=GRAIN))
    rejected_counts = _row_counts(lake.read_arrow(accounts.rejected, hours, columns=GRAIN, filter=is_line))
    counts = lake.read_arrow(accounts.counts, hours).to_pylist()
    mismatches: list[dict[str, Any]] = []
    for row in counts:
        key = (row["source_object"], row[HOUR_COLUMN])
        actual = kept_counts.pop(key, 0), rejected_counts.pop(key, 0)
        expected = row[accounts.kept_column], row["rejected_count"]
        if actual != expected or sum(actual) + row["other_hours_count"] != row[accounts.present_column]:
            mismatches.append({**row, "kept_found": actual[0], "rejected_found": actual[1]})
    for (name, hour), rows in {**kept_counts, **rejected_counts}.items():
        mismatches.append({"source_object": name, HOUR_COLUMN: hour, "kept_found": rows})
    return Balance(counts, mismatches)


def _row_counts(rows: Any) -> Counter[tuple[str, str]]:
    grouped = rows.group_by(GRAIN).aggregate([([], "count_all")])
    keys = zip(*(grouped[name].to_pylist() for name in GRAIN), strict=True)
    return Counter(dict(zip(keys, grouped["count_all"].to_pylist(), strict=True)))
