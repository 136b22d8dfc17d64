"""What the statistics of continuous learning hold, by simulation, as `make eval-learning` writes it into docs/learning.md.

    python -m benchmarks.learning.evaluate [--document FILE]

LEARNING_SIZE=0.01 runs that part of the windows and experiments. Same size, same figures.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.evaluation import write_section
from benchmarks.learning import arms, plants, windows
from weir_learning.figures import wilson
from weir_learning.planning import planned_size
from weir_learning.sequential import LEVEL

SECTION, COMMAND = "statistics", "make eval-learning"
WINDOWS, EXPERIMENTS, SHIFTED = 1_000, 10_000, 400
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


def drift_rows(size: float) -> list[str]:
    """False alarms without change, and shifts found."""
    count = max(1, round(WINDOWS * size))
    rows = [
        bar(
            f"windows of {n:,} rows that alarm without change", windows.alarms(count, n, n, SEED), count, most=ALARM_BAR
        )
        for n in (100, 1_000, 1_000_000)
    ]
    few = max(1, count // 4)
    what = "windows of 300 rows that alarm without change, columns correlated by .8"
    rows.append(bar(what, windows.alarms(few, 300, 300, SEED, correlation=0.8), few, most=ALARM_BAR))
    tried = max(1, round(SHIFTED * size))
    return rows + [
        bar(
            f"half a standard deviation of one of {windows.COLUMNS} columns found in two windows in a row, {n:,} rows beside {m:,}",
            windows.found(tried, n, m, 0.5, SEED),
            tried,
            least=POWER_BAR,
        )
        for n, m in ((300, 300), (300, 10_000))
    ]


def sequential_rows(size: float) -> list[str]:
    """Type-I errors of tests that are looked at after every observation."""
    count = max(1, round(EXPERIMENTS * size))
    rows = []
    for rate, part, looks in PROPORTIONS:
        errors = int((arms.proportions(rate, rate, part, looks, count, SEED).at > 0).sum())
        what = f"equal proportions {rate:g}, {part:.0%} of observations in the challenger's arm, called different within {looks:,} looks"
        rows.append(bar(what, errors, count, most=LEVEL))
    for name, draw in PAIRS.items():
        errors = int((arms.pairs(draw, PAIR_LOOKS, count, SEED).at > 0).sum())
        rows.append(
            bar(
                f"pairs without a mean difference ({name}), called different within {PAIR_LOOKS:,} looks",
                errors,
                count,
                most=LEVEL,
            )
        )
    return rows


def leak_rows() -> list[str]:
    """Planted leaks, and training sets without any."""
    found = plants.all_found()
    alarms = sum(any(one.is_leak for one in plants.clean(seed).findings(seed)) for seed in range(50))
    return [
        bar(f"planted leaks found ({', '.join(found)})", sum(found.values()), len(found), least=1.0),
        bar("training sets without a leak in which one is found", alarms, 50, most=0.0),
    ]


def plan_table(size: float) -> str:
    """What the planner says beside what experiments needed."""
    lines = [
        "| champion's rate | effect | share | planned | decided by then | median until decided |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    count = max(1, round(POWER_EXPERIMENTS * size))
    for rate, effect, part in EFFECTS:
        planned = planned_size(effect, rate, share=part).observations
        decided = arms.proportions(rate + effect, rate, part, planned, count, SEED)
        times = sorted(decided.at[decided.at > 0].tolist())
        median = f"{times[len(times) // 2]:,}" if times else "never"
        lines.append(
            f"| {rate:g} | {effect:+g} | {part:.0%} | {planned:,} | {share(len(times), count)} of {count:,} | {median} |"
        )
    return "\n".join(lines)


def report(size: float) -> str:
    """All tables."""
    head = ["| what | n | measured | required | |", "| --- | --- | --- | --- | --- |"]
    rows = [*drift_rows(size), *sequential_rows(size), *leak_rows()]
    plan = plan_table(size)
    return "\n".join(
        [
            "### Bars",
            "",
            *head,
            *rows,
            "",
            "### Planned sizes",
            "",
            "Observations of both arms after which a test at 5 % is planned to have decided with probability 80 %.",
            "",
            plan,
            "",
            "Bounds are Wilson's.",
        ]
    )


def main() -> int:
    """Measure, and write or print the tables."""
    parser = argparse.ArgumentParser(description="Simulate the statistics of continuous learning.")
    parser.add_argument("--document", type=Path, help="write the tables into this file")
    options = parser.parse_args()
    size = float(os.environ.get("LEARNING_SIZE", "1"))
    text = report(size)
    if options.document and size >= 1:
        write_section(options.document, SECTION, text, COMMAND)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
