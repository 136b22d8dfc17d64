"""Certain attacks of an address that the site refused, counted in sliding windows of event time. Pure; counts alone.

More requests only ever raise a count, so what is reached is reached in whatever order they come, as long as none is later
than LATENESS. Used while records stream in, and on the tables of an hour.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spark_jobs.sources.cloudfront.patterns import NOT_ENCODED

if TYPE_CHECKING:
    import pyarrow as pa

LATENESS_SECONDS = 300
"""How much older than the newest event an event may be and still count."""
KEPT_AN_ADDRESS = 200
"""Requests that are kept of an address, the newest."""
FIRST_ERROR = 400
_NOT_ENCODED = re.compile(NOT_ENCODED)
COLUMNS = ("request_id", "client_ip", "event_at", "status", "uri_path", "uri_query", "forwarded_for")
"""Columns of requests that evidence is made of."""
SCORE_COLUMNS = ("request_id", "attack_probability", "is_attack", "attack_class", "model_version")


@dataclass(frozen=True, order=True)
class Evidence:
    """One certain attack that the site refused. `at`: seconds since 1970."""

    at: int
    request_id: str
    address: str = field(compare=False)
    attack_class: str = field(compare=False)
    model_version: str = field(compare=False)
    text: str = field(compare=False, repr=False)
    """Path and query."""

    @property
    def is_of_a_program(self) -> bool:
        """Whether no browser can be made to send it."""
        return _NOT_ENCODED.search(self.text) is not None


@dataclass(frozen=True)
class Threshold:
    """Requests of an address for so many different things within a window reach it: a job that repeats one counts once."""

    name: str
    least_count: int
    window_seconds: int
    programs_alone: bool = False
    """Whether only requests count that no browser can be made to send."""


@dataclass(frozen=True)
class Reached:
    """A threshold that an address has reached, with the requests of the first window that did."""

    threshold: str
    address: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Windows:
    """What is kept between steps: requests by address, and what each address has reached already."""

    by_address: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    reached: Mapping[tuple[str, str], int] = field(default_factory=dict)
    newest: int = 0


def evidence_of(requests: pa.Table, scores: pa.Table, min_probability: float) -> list[Evidence]:
    """Refused certain attacks among rows of requests and of request_scores of the same requests, in any order.

    What somebody forwards for another (x-forwarded-for) is no evidence against the address that it comes from.
    """
    import pyarrow.compute as pc

    is_certain = pc.and_(scores["is_attack"], pc.greater_equal(scores["attack_probability"], min_probability))
    certain = {row["request_id"]: row for row in scores.filter(is_certain).select(list(SCORE_COLUMNS)).to_pylist()}
    if not certain:
        return []
    import pyarrow as pa

    is_refused = pc.fill_null(pc.greater_equal(requests["status"], FIRST_ERROR), False)
    is_own = pc.is_null(requests["forwarded_for"])
    refused = requests.filter(pc.and_(is_refused, is_own)).select(list(COLUMNS))
    is_among = pc.is_in(refused["request_id"].cast(pa.string()), pa.array(sorted(certain), pa.string()))
    return [
        Evidence(
            int(row["event_at"].timestamp()),
            row["request_id"],
            row["client_ip"],
            certain[row["request_id"]]["attack_class"] or "attack",
            certain[row["request_id"]]["model_version"],
            f"{row['uri_path'] or ''}?{row['uri_query'] or ''}",
        )
        for row in refused.filter(is_among).to_pylist()
    ]


def step(
    windows: Windows, evidence: Iterable[Evidence], thresholds: Sequence[Threshold]
) -> tuple[Windows, list[Reached]]:
    """The windows with more evidence, and the thresholds that are reached anew."""
    longest = max((one.window_seconds for one in thresholds), default=0)
    by_address = {address: list(kept) for address, kept in windows.by_address.items()}
    newest, touched = windows.newest, set()
    for one in evidence:
        newest = max(newest, one.at)
        kept = by_address.setdefault(one.address, [])
        if all(one.request_id != other.request_id for other in kept):
            kept.append(one)
            touched.add(one.address)
    earliest = newest - longest - LATENESS_SECONDS
    reached = {key: at for key, at in windows.reached.items() if at >= earliest}
    found: list[Reached] = []
    for address in sorted(touched):
        ordered = sorted(by_address[address])
        for threshold in thresholds:
            if (address, threshold.name) in reached:
                continue
            counted = [one for one in ordered if not threshold.programs_alone or one.is_of_a_program]
            if (first := _first_window(counted, threshold)) is not None:
                reached[address, threshold.name] = first[-1].at
                found.append(Reached(threshold.name, address, tuple(first)))
    kept_by_address = {
        address: tuple(kept)
        for address, all_kept in by_address.items()
        if (kept := sorted(one for one in all_kept if one.at >= earliest)[-KEPT_AN_ADDRESS:])
    }
    return Windows(kept_by_address, reached, newest), found


def _first_window(ordered: Sequence[Evidence], threshold: Threshold) -> list[Evidence] | None:
    """The newest request for each thing asked for, in the first window that holds enough; None where none does."""
    start, texts = 0, Counter[str]()
    for end, one in enumerate(ordered):
        texts[one.text] += 1
        while one.at - ordered[start].at >= threshold.window_seconds:
            texts[ordered[start].text] -= 1
            texts += Counter()  # drops what is 0
            start += 1
        if len(texts) >= threshold.least_count:
            return sorted({each.text: each for each in ordered[start : end + 1]}.values())
    return None
