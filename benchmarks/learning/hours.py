"""Windows whose columns change with the hour of the day, beside a baseline of a whole day: bins, texts and ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weir_learning.drift import Column, Evidence, Kind, Verdict, compare, new_share, text_auc

HOURS, BINNED, TEXTS = 24, 41, 8
TEXTS_A_GROUP, GROUPS, BUCKETS, PAGES = 20, 16, 256, 120
CLUSTERS = 10
NIGHT = tuple(range(8))
NEW = 0.1
"""Share of texts with the new parameter."""


@dataclass(frozen=True)
class Side:
    """Counts of the columns of a window or of a baseline, by hour of the day."""

    binned: list[np.ndarray]
    texts: list[np.ndarray]
    ids: np.ndarray


def rows_of(hour: int, rows: int) -> int:
    """Three times as many at noon as at midnight."""
    return round(rows * (2 - np.cos(hour / HOURS * 2 * np.pi)) / 2)


def side(random: np.random.Generator, hours: Sequence[int], rows: int, part: float = 0.0) -> Side:
    """Rows of some hours; a part of the first column's texts has a new parameter."""
    binned, ids = [np.zeros((HOURS, 11)) for _ in range(BINNED)], np.zeros((HOURS, 64))
    texts = [np.zeros((HOURS, GROUPS, BUCKETS)) for _ in range(TEXTS)]
    grams = np.random.default_rng(1).poisson(0.2, (PAGES, BUCKETS))  # the site is the same on both sides
    parameter = np.arange(BUCKETS) % 12 == 0
    for hour in hours:
        n = rows_of(hour, rows)
        for counts in binned:
            middle = 5 + 3 * np.sin(hour / HOURS * 2 * np.pi)
            shares = np.exp(-((np.arange(11) - middle) ** 2) / 8)
            counts[hour] = random.multinomial(n, shares / shares.sum())
        groups = min(GROUPS, n // TEXTS_A_GROUP)
        shares = 1 / (1 + (np.arange(PAGES) + 5 * hour) % PAGES)  # other pages are read at other hours
        for number, sketch in enumerate(texts):
            sketch[hour, :groups] = random.multinomial(TEXTS_A_GROUP, shares / shares.sum(), groups) @ grams
            new = random.binomial(TEXTS_A_GROUP, part if number == 0 else 0.0, groups)
            sketch[hour, :groups] += new[:, None] * parameter
        ids[hour, :CLUSTERS] = 1
    return Side(binned, texts, ids)


def columns_of(baseline: Side, window: Side) -> list[Column | Evidence]:
    """Evidence of each column, as monitoring takes it."""
    found: list[Column | Evidence] = [
        Column(f"c{i}", Kind.NUMERIC, r, w) for i, (r, w) in enumerate(zip(baseline.binned, window.binned, strict=True))
    ]
    for i, (r, w) in enumerate(zip(baseline.texts, window.texts, strict=True)):
        found.append(text_auc(r, w, TEXTS_A_GROUP).evidence(f"t{i}"))
    seen = baseline.ids.sum(axis=0)
    new, rows = int(window.ids[:, seen == 0].sum()), int(window.ids.sum())
    once, twice = int((seen == 1).sum()), int((seen == 2).sum())
    return [*found, new_share(new, rows, int(seen.sum()), once, twice).evidence("id")]


def alarms(windows: int, rows: int, seed: int) -> int:
    """How many nights without change have a verdict other than none beside a whole day."""
    random, count = np.random.default_rng(seed), 0
    for i in range(windows):
        columns = columns_of(side(random, range(HOURS), rows), side(random, NIGHT, rows))
        count += compare(columns, seed=seed + i).verdict is not Verdict.NONE
    return count


def found(windows: int, rows: int, seed: int) -> int:
    """In how many of so many nights the new parameter of the first column's texts is found in this window and in the next."""
    random, count = np.random.default_rng(seed), 0
    for i in range(windows):
        baseline = side(random, range(HOURS), rows)
        twice = [compare(columns_of(baseline, side(random, NIGHT, rows, NEW)), seed=seed + i) for _ in range(2)]
        count += all("t0" in one.drifted for one in twice)
    return count
