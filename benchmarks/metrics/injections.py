"""Anomalies of known kind, size and place in real load series, for detectors that were never shown them.

    python -m benchmarks.metrics.injections [--split dev|aside]

prints how many series and windows each kind and size has, and how many of them stand out by their height. `injected` yields the series. Two thirds of the virtual
machines are `dev`; one third, and the series of ASIDE_SETS, are `aside`: their errors are not looked at. Sizes are
multiples of a series' robust noise, except that a frozen sensor has hours. Values keep to the bounds of the metric.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.evaluation import data_folder
from weir_models.cards import markdown_table

Values = NDArray[np.float64]
FOLDER = Path("azure_v1_100vm")
FILES = ("microsoft_avg_100", "periodic_avg_78")
ASIDE_SETS = {
    "azure_v1_aggregate": ("azure_v1_aggregate/azure.csv", "avg cpu", np.inf),
    "azure_v2": ("dc_traces_aggregate/azure_v2/vm_cpu_readings_month_aggregated_cpu_mem.csv", "cpu_usage", np.inf),
    "alibaba2018": ("dc_traces_aggregate/alibaba2018/machine_usage_days_1_to_8_grouped_300_seconds.csv", "cpu_util_percent", 100.0),
    "google2019": ("dc_traces_aggregate/google2019/instance_usage_grouped_300_seconds_month.csv", "avg_cpu", 1.0),
}  # fmt: skip
"""Name -> file, column and greatest value of the metric. Chosen by name, before any result; no evaluation read them before."""
SPLITS = ("dev", "aside")
STEP = np.timedelta64(300, "s")
DAY = 288
"""Steps of a day."""
START = np.datetime64("2026-01-01", "s")
QUIET = DAY // 4
"""Steps of which one alarm is enough."""
SEED = 20261130
TRIES = 200


@dataclass(frozen=True)
class Series:
    """Load on a grid of five minutes, and the greatest value that the metric can have; the least is 0."""

    name: str
    values: Values
    most: float


@dataclass(frozen=True)
class Injected:
    """A series with windows of one kind and size.

    `frame`: at (UTC), value, is_anomaly. `windows`: first and last row of each, both inside.
    """

    series: str
    kind: str
    size: str
    frame: pd.DataFrame
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Kind:
    """Sizes, the least and greatest duration in steps, and how many windows a series gets."""

    sizes: dict[str, float]
    steps: tuple[int, int]
    windows: int
    change: Callable[[Values, slice, float, Values], Values]
    """Values, rows, signed amount and the daily profile -> the rows as they become."""


def _spike(values: Values, rows: slice, amount: float, profile: Values) -> Values:
    """All of a few steps higher or lower, the middle of them by the whole amount."""
    steps = np.arange(rows.stop - rows.start)
    middle = (len(steps) - 1) / 2
    return values[rows] + amount * (1 - 0.5 * np.abs(steps - middle) / max(middle, 1))


def _level_shift(values: Values, rows: slice, amount: float, profile: Values) -> Values:
    return values[rows] + amount


def _slow_leak(values: Values, rows: slice, amount: float, profile: Values) -> Values:
    """Linear growth to the amount, and back at once, as after a restart."""
    steps = rows.stop - rows.start
    return values[rows] + amount * np.arange(1, steps + 1) / steps


def _lost_season(values: Values, rows: slice, amount: float, profile: Values) -> Values:
    """Less of the daily profile: what is taken away has the amount as its root mean square, or all of it is too little."""
    strength = float(np.sqrt(np.mean(profile**2)))
    if strength < abs(amount):
        return values[rows]
    return values[rows] - abs(amount) / strength * profile[np.arange(rows.start, rows.stop) % DAY]


def _frozen_sensor(values: Values, rows: slice, amount: float, profile: Values) -> Values:
    """The last value before, again and again."""
    return np.full(rows.stop - rows.start, values[rows.start - 1])


KINDS = {
    "spike": Kind({"small": 4, "medium": 8, "large": 16}, (1, 6), 4, _spike),
    "level_shift": Kind({"small": 2, "medium": 4, "large": 8}, (DAY // 4, 2 * DAY), 2, _level_shift),
    "slow_leak": Kind({"small": 4, "medium": 8, "large": 16}, (DAY, 3 * DAY), 2, _slow_leak),
    "lost_season": Kind({"small": 0.5, "medium": 1, "large": 2}, (DAY, 2 * DAY), 2, _lost_season),
    "frozen_sensor": Kind({"small": 2, "medium": 8, "large": 24}, (1, 1), 3, _frozen_sensor),
}
"""Sizes are multiples of the noise; those of frozen_sensor are hours."""


def daily_profile(values: Values) -> Values:
    """The median at each step of the day, around 0; shape (288,)."""
    days = len(values) // DAY
    profile: Values = np.median(values[: days * DAY].reshape(days, DAY), axis=0)
    return profile - profile.mean()


def robust_noise(values: Values) -> float:
    """The scaled median absolute deviation from the daily profile and the median."""
    rest = values - np.resize(daily_profile(values), len(values))
    return float(1.4826 * np.median(np.abs(rest - np.median(rest))))


def all_series(root: Path, split: str) -> Iterator[Series]:
    """The series of a split below `root`, the folder ops; `aside` ends with those of ASIDE_SETS."""
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; choose from {', '.join(SPLITS)}")
    frames, aside = _frames(root), machines_aside(root)
    for name, frame in frames.items():
        for column in frame:
            if (column.split()[0] in aside) == (split == "aside"):
                yield Series(f"{name}/{column}", _complete(frame[column]), 100.0)
    if split == "aside":
        for name, (file, column, most) in ASIDE_SETS.items():
            yield Series(name, _complete(pd.read_csv(root / file)[column]), most)


def machines_aside(root: Path) -> set[str]:
    """The virtual machines whose series are `aside`."""
    machines = sorted({column.split()[0] for frame in _frames(root).values() for column in frame}, key=_hash)
    return set(machines[: len(machines) // 3])


def _frames(root: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(root / FOLDER / f"{name}.csv.gz", index_col=0) for name in FILES}


def _complete(column: pd.Series) -> Values:
    return column.astype(float).ffill().bfill().to_numpy()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def injected(root: Path, split: str, seed: int = SEED, least_days: int = 7) -> Iterator[Injected]:
    """Each series of the split with each kind and size that fits into it, windows from `least_days` after its start."""
    for series in all_series(root, split):
        for kind in KINDS:
            for size in KINDS[kind].sizes:
                one = inject(series, kind, size, seed, least_days)
                if one is not None:
                    yield one


def inject(series: Series, kind: str, size: str, seed: int = SEED, least_days: int = 7) -> Injected | None:
    """The series with windows of a kind and size; None where its noise is 0 or no window of that size fits.

    Windows are a day apart at least. Their first and last rows differ from what was measured, none exceeds the bounds.
    """
    about = KINDS[kind]
    noise = robust_noise(series.values)
    if noise <= 0:
        return None
    rng = np.random.default_rng(int(_hash(f"{seed}/{series.name}/{kind}/{size}")[:16], 16))
    values, profile = series.values.copy(), daily_profile(series.values)
    windows: list[tuple[int, int]] = []
    for _ in range(TRIES):
        if len(windows) == about.windows:
            break
        steps = (
            int(about.sizes[size] * DAY / 24)
            if kind == "frozen_sensor"
            else int(rng.integers(about.steps[0], about.steps[1] + 1))
        )
        if len(values) - steps <= least_days * DAY:
            continue
        first = int(rng.integers(least_days * DAY, len(values) - steps))
        amount = about.sizes[size] * noise * rng.choice((1.0, 1.0, -1.0))
        rows = slice(first, first + steps)
        if any(first <= last + DAY and begin <= first + steps - 1 + DAY for begin, last in windows):
            continue
        changed = about.change(series.values, rows, amount, profile)
        if _is_fit(series, rows, changed, kind, noise):
            values[rows] = changed
            windows.append((first, first + steps - 1))
    if not windows:
        return None
    labels = np.zeros(len(values), dtype=bool)
    for first, last in windows:
        labels[first : last + 1] = True
    at = pd.DatetimeIndex(START + STEP * np.arange(len(values))).tz_localize("UTC")
    frame = pd.DataFrame({"at": at, "value": values, "is_anomaly": labels})
    return Injected(series.name, kind, size, frame, tuple(sorted(windows)))


def _is_fit(series: Series, rows: slice, changed: Values, kind: str, noise: float) -> bool:
    """The change is within the bounds, and of a size that shows: a frozen flat line is no anomaly."""
    before = series.values[rows]
    within = changed.min() >= min(0.0, before.min()) and changed.max() <= series.most
    differs = changed[0] != before[0] and changed[-1] != before[-1]
    return bool(within and differs and (kind != "frozen_sensor" or np.std(before) > noise / 2))


def standing_out(one: Injected) -> int:
    """Windows that are farther from the median of the hour before than all that the series does by itself, one time a week left out.

    What a detector of heights meets that knows the best threshold of the series afterwards, at one false alarm a week.
    """
    values = one.frame["value"]
    distance = (values - values.rolling(DAY // 24, min_periods=1).median().shift(fill_value=values[0])).abs().to_numpy()
    own = distance.copy()
    for first, last in one.windows:
        own[first : last + DAY // 24 + 1] = 0.0
    blocks = np.sort(own[: len(own) // QUIET * QUIET].reshape(-1, QUIET).max(axis=1))[::-1]
    threshold = blocks[min(len(blocks) - 1, len(own) // (7 * DAY))]
    return sum(bool(distance[first : last + 1].max() > threshold) for first, last in one.windows)


def main() -> int:
    """Print the counts; exit code 2 without data."""
    parser = argparse.ArgumentParser(description="Count what is injected, by kind and size.")
    parser.add_argument("--split", choices=SPLITS, default="dev")
    split = parser.parse_args().split
    root = data_folder() / "ops"
    if not (root / FOLDER).is_dir():
        print(f"no series lie below {root}: set WEIR_EVAL_DATA to the folder that holds {Path('ops') / FOLDER}", file=sys.stderr)  # fmt: skip
        return 2
    rows = [
        (one.kind, one.size, len(one.windows), int(one.frame["is_anomaly"].sum()), standing_out(one))
        for one in injected(root, split)
    ]
    frame = pd.DataFrame(rows, columns=["kind", "size", "windows", "labeled rows", "standing out"])
    counts = frame.groupby(["kind", "size"], sort=False).agg(
        {"windows": ["size", "sum"], "labeled rows": "sum", "standing out": "sum"}
    )
    counts.columns = ["series", "windows", "labeled rows", "standing out"]
    counts["standing out"] = [f"{share:.0%}" for share in counts["standing out"] / counts["windows"]]
    print(markdown_table(counts.reset_index()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
