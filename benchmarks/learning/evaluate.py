"""What the statistics of continuous learning hold, by simulation, as `make eval-learning` writes it into docs/learning.md.

    python -m benchmarks.learning.evaluate [--document FILE] [--workers N]

LEARNING_SIZE=0.01 runs that part of the windows and experiments. Same size, same figures.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.evaluation import write_section
from benchmarks.learning import arms, hours, plants, windows
from weir_learning.degradation import BASELINE_UNITS, Degradation
from weir_learning.figures import wilson
from weir_learning.planning import planned_size
from weir_learning.sequential import LEVEL

SECTION, COMMAND = "statistics", "make eval-learning"
WINDOWS, EXPERIMENTS, SHIFTED, CLEAN = 1_000, 10_000, 200, 50
NIGHTS, NEW_PARAMETERS = 250, 100
VERSIONS, VERSION_LOOKS = 1_000, 20
ALARM_BAR, POWER_BAR = 0.01, 0.9
SEED = 20_260_101
PROPORTIONS = (
    (0.5, 0.5, 1_000),
    (0.3, 0.05, 1_000),
    (0.02, 0.5, 5_000),
    (0.02, 0.05, 5_000),
    (0.001, 0.5, 20_000),
    (0.001, 0.05, 20_000),
)
"""Rate of both arms, share of the challenger, observations."""
PAIRS = {
    "spread evenly over all that is possible": arms.even,
    "one in 2 % of pairs, else a little below zero": arms.rare_and_large(0.02),
    "one in 20 % of pairs, else below zero": arms.rare_and_large(0.2),
    "one is right and the other wrong in 2 % of pairs": arms.disagreeing(0.02),
}
PAIR_LOOKS = 1_000
EFFECTS = ((0.02, 0.01, 0.5), (0.02, 0.01, 0.05), (0.1, 0.03, 0.5), (0.3, 0.1, 0.05))
"""Rate of the champion, effect, share of the challenger."""
POWER_EXPERIMENTS = 1_000


def share(hits: int, n: int) -> str:
    """A share with its 95 % bounds."""
    low, high = wilson(hits, n)
    return f"{hits / n:.2%} ({low:.2%}–{high:.2%})"


def bar(what: str, hits: int, n: int, least: float | None = None, most: float | None = None) -> str:
    """One row of the table of bars."""
    value = hits / n
    holds = (least is None or value >= least) and (most is None or value <= most)
    required = f"at least {least:.0%}" if least is not None else f"at most {most:.0%}"
    return f"| {what} | {n:,} | {share(hits, n)} | {required} | {'holds' if holds else 'fails'} |"


def alarm_row(size: float, n: int, correlation: float | None) -> str:
    """Windows without change, with as many rows as the reference, that alarm."""
    count = max(1, round(WINDOWS * size / (4 if correlation else 1)))
    what = f"windows of {n:,} rows that alarm without change" + (
        f", columns correlated by {correlation:g}" if correlation else ""
    )
    return bar(what, windows.alarms(count, n, n, SEED, correlation), count, most=ALARM_BAR)


def shift_row(size: float, n: int, m: int) -> str:
    """A shift of half a standard deviation that is found in a window and in the next."""
    count = max(1, round(SHIFTED * size))
    what = f"half a standard deviation of one of {windows.COLUMNS} columns found in two windows in a row, {n:,} rows beside {m:,}"
    return bar(what, windows.found(count, n, m, 0.5, SEED), count, least=POWER_BAR)


def night_row(size: float, rows: int) -> str:
    """Nights without change beside a whole day, of columns that change with the hour."""
    count = max(1, round(NIGHTS * size))
    what = (
        f"nights (8 hours, some {rows:,} rows each) that alarm without change beside a whole day, where {hours.BINNED} binned "
        f"columns and {hours.TEXTS} of texts change with the hour, and one of ids"
    )
    return bar(what, hours.alarms(count, rows, SEED), count, most=ALARM_BAR)


def new_parameter_row(size: float) -> str:
    """A parameter that one of those columns has newly, found in a night and in the next."""
    count = max(1, round(NEW_PARAMETERS * size))
    what = f"a parameter that {hours.NEW:.0%} of the texts of one column have newly, found in two nights in a row beside a whole day"
    return bar(what, hours.found(count, 400, SEED), count, least=POWER_BAR)


def degradation_row(size: float, first: float, then: float) -> str:
    """Versions whose outcomes are looked at after every ten, beside their first 50."""
    count, random, called = max(1, round(VERSIONS * size)), np.random.default_rng(SEED), 0
    for _ in range(count):
        test = Degradation().updated(random.random(BASELINE_UNITS) < first)
        for _ in range(VERSION_LOOKS):
            test = test.updated(random.random(10) < then)
        called += test.is_worse
    what = f"versions that are wrong in {first:.0%} of their first {BASELINE_UNITS} outcomes and in {then:.0%} of {VERSION_LOOKS * 10} later ones, called worse"
    return bar(what, called, count, most=LEVEL) if first == then else bar(what, called, count, least=POWER_BAR)


def proportions_row(size: float, rate: float, part: float, looks: int) -> str:
    """Type-I errors of two arms that are looked at after every observation."""
    count = max(1, round(EXPERIMENTS * size))
    errors = int((arms.proportions(rate, rate, part, looks, count, SEED).at > 0).sum())
    what = f"equal proportions {rate:g}, {part:.0%} of observations in the challenger's arm, called different within {looks:,} looks"
    return bar(what, errors, count, most=LEVEL)


def pairs_row(size: float, name: str) -> str:
    """Type-I errors of paired differences that are looked at after every pair."""
    count = max(1, round(EXPERIMENTS * size))
    errors = int((arms.pairs(PAIRS[name], PAIR_LOOKS, count, SEED).at > 0).sum())
    what = f"pairs without a mean difference ({name}), called different within {PAIR_LOOKS:,} looks"
    return bar(what, errors, count, most=LEVEL)


def leaks_row() -> str:
    """Planted leaks that are found."""
    found = plants.all_found()
    return bar(f"planted leaks found ({'; '.join(found)})", sum(found.values()), len(found), least=1.0)


def clean_row() -> str:
    """Training sets without a leak in which one is found."""
    alarms = sum(any(one.is_leak for one in plants.clean(seed).findings(seed)) for seed in range(CLEAN))
    return bar("training sets without a leak in which one is found", alarms, CLEAN, most=0.0)


def plan_row(size: float, rate: float, effect: float, part: float) -> str:
    """What the planner says beside what experiments needed."""
    count = max(1, round(POWER_EXPERIMENTS * size))
    planned = planned_size(effect, rate, share=part).observations
    decided = arms.proportions(rate + effect, rate, part, planned, count, SEED)
    times = sorted(decided.at[decided.at > 0].tolist())
    median = f"{times[len(times) // 2]:,}" if times else "never"
    return f"| {rate:g} | {effect:+g} | {part:.0%} | {planned:,} | {share(len(times), count)} of {count:,} | {median} |"


def report(size: float, workers: int) -> str:
    """All tables; each row is a task of its own, with its own seed."""
    bars: list[partial[str]] = [
        *(partial(alarm_row, size, n, None) for n in (100, 1_000, 1_000_000)),
        partial(alarm_row, size, 300, 0.8),
        *(partial(shift_row, size, 300, m) for m in (300, 10_000)),
        *(partial(night_row, size, rows) for rows in (60, 400)),
        partial(new_parameter_row, size),
        *(partial(degradation_row, size, *rates) for rates in ((0.05, 0.05), (0.3, 0.3), (0.05, 0.4), (0.3, 0.8))),
        *(partial(proportions_row, size, *case) for case in PROPORTIONS),
        *(partial(pairs_row, size, name) for name in PAIRS),
        partial(leaks_row),
        partial(clean_row),
    ]
    plans = [partial(plan_row, size, *case) for case in EFFECTS]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        rows = [task.result() for task in [pool.submit(task) for task in (*bars, *plans)]]
    return "\n".join(
        [
            "### Bars",
            "",
            "| what | n | measured | required | |",
            "| --- | --- | --- | --- | --- |",
            *rows[: len(bars)],
            "",
            "### Planned sizes",
            "",
            "Observations of both arms after which a test at 5 % is planned to have decided with probability 80 %.",
            "",
            "| champion's rate | effect | share | planned | decided by then | median until decided |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows[len(bars) :],
            "",
            "Bounds are Wilson's.",
        ]
    )


def main() -> int:
    """Measure, and write or print the tables."""
    parser = argparse.ArgumentParser(description="Simulate the statistics of continuous learning.")
    parser.add_argument("--document", type=Path, help="write the tables into this file")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    size = float(os.environ.get("LEARNING_SIZE", "1"))
    text = report(size, options.workers)
    if options.document and size >= 1:
        write_section(options.document, SECTION, text, COMMAND)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
