"""Windows of columns with and without drift, as counts of reference deciles and of top categories."""

from __future__ import annotations

import numpy as np

from weir_learning.drift import Column, Kind

EDGES = np.arange(1, 10) / 10
CATEGORIES = 1 / np.arange(1, 13.0) ** 1.2
CATEGORIES /= CATEGORIES.sum()


def numeric_column(
    random: np.random.Generator, name: str, n: int, m: int, shift: float = 0.0, importance: float = 1.0
) -> Column:
    """A normal column, shifted by so many standard deviations; 2 % nulls."""
    samples = [random.normal(size=m), random.normal(shift, size=n)]
    edges = np.quantile(samples[0], EDGES)
    counts = []
    for sample in samples:
        nulls = random.binomial(len(sample), 0.02)
        bins = np.bincount(np.searchsorted(edges, sample[nulls:], side="right"), minlength=10)
        counts.append([*bins.tolist(), int(nulls)])
    return Column(name, Kind.NUMERIC, counts[0], counts[1], importance)


def categorical_column(random: np.random.Generator, name: str, n: int, m: int, importance: float = 1.0) -> Column:
    """A column with few frequent categories and many rare ones, no nulls."""
    counts = [[*random.multinomial(size, CATEGORIES).tolist(), 0] for size in (m, n)]
    return Column(name, Kind.CATEGORICAL, counts[0], counts[1], importance)


def unchanged(random: np.random.Generator, n: int, m: int, columns: int = 50) -> list[Column]:
    """Columns of one distribution on both sides, two of three numeric."""
    return [
        categorical_column(random, f"c{i}", n, m) if i % 3 == 2 else numeric_column(random, f"c{i}", n, m)
        for i in range(columns)
    ]
