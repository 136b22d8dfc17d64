"""Windows of columns with and without drift, as counts of reference deciles and of top categories, and how they are judged."""

from __future__ import annotations

import numpy as np

from weir_learning.drift import Column, Kind, Verdict, compare

COLUMNS = 50
NULLS = 0.02
"""Share of nulls of a numeric column."""
EDGES = np.arange(1, 10) / 10
CATEGORIES = 1 / np.arange(1, 13.0) ** 1.2
CATEGORIES /= CATEGORIES.sum()


def shifted_column(random: np.random.Generator, name: str, n: int, m: int, shift: float) -> Column:
    """A normal column whose window moved by so many standard deviations; bins are the deciles of the reference."""
    return binned(random, name, random.normal(size=m), random.normal(shift, size=n))


def binned(random: np.random.Generator, name: str, reference: np.ndarray, window: np.ndarray) -> Column:
    """Counts of two samples, some of them taken for nulls."""
    edges, counts = np.quantile(reference, EDGES), []
    for sample in (reference, window):
        nulls = int(random.binomial(len(sample), NULLS))
        bins = np.bincount(np.searchsorted(edges, sample[nulls:], side="right"), minlength=10)
        counts.append([*bins.tolist(), nulls])
    return Column(name, Kind.NUMERIC, counts[0], counts[1])


def numeric_column(random: np.random.Generator, name: str, n: int, m: int) -> Column:
    """A continuous column without change, at any size: what lies between two order statistics has a Dirichlet share."""
    nulls = random.binomial([m, n], NULLS)
    reference = np.diff(np.rint(np.linspace(0, m - nulls[0], 11))).astype(int)
    window = random.multinomial(n - nulls[1], random.dirichlet(reference))
    return Column(name, Kind.NUMERIC, [*reference.tolist(), int(nulls[0])], [*window.tolist(), int(nulls[1])])


def categorical_column(random: np.random.Generator, name: str, n: int, m: int) -> Column:
    """A column with few frequent categories and many rare ones, without change and without nulls."""
    counts = [[*random.multinomial(size, CATEGORIES).tolist(), 0] for size in (m, n)]
    return Column(name, Kind.CATEGORICAL, counts[0], counts[1])


def unchanged(random: np.random.Generator, n: int, m: int, columns: int = COLUMNS) -> list[Column]:
    """Columns of one distribution on both sides, two of three numeric."""
    return [
        categorical_column(random, f"c{i}", n, m) if i % 3 == 2 else numeric_column(random, f"c{i}", n, m)
        for i in range(columns)
    ]


def together(random: np.random.Generator, n: int, m: int, correlation: float, columns: int = COLUMNS) -> list[Column]:
    """Numeric columns without change that move together, as features of one request do."""
    common, own = np.sqrt(correlation), np.sqrt(1 - correlation)
    sides = [common * random.normal(size=(size, 1)) + own * random.normal(size=(size, columns)) for size in (m, n)]
    return [binned(random, f"c{i}", sides[0][:, i], sides[1][:, i]) for i in range(columns)]


def alarms(windows: int, n: int, m: int, seed: int, correlation: float | None = None) -> int:
    """How many of so many windows without change have a verdict other than none."""
    random, count = np.random.default_rng(seed), 0
    for i in range(windows):
        columns = unchanged(random, n, m) if correlation is None else together(random, n, m, correlation)
        count += compare(columns, seed=seed + i).verdict is not Verdict.NONE
    return count


def found(windows: int, n: int, m: int, shift: float, seed: int) -> int:
    """In how many of so many windows the one of 50 columns that shifted is found in this window and in the next."""
    random, count = np.random.default_rng(seed), 0
    for i in range(windows):
        reference = random.normal(size=m)
        twice = []
        for _ in range(2):
            moved = binned(random, "shifted", reference, random.normal(shift, size=n))
            twice.append(compare([moved, *unchanged(random, n, m, COLUMNS - 1)], seed=seed + i))
        count += all("shifted" in one.drifted for one in twice)
    return count
