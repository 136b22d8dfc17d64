"""Methods that were tried beside those that serve, on the same series, by the same rule of alarms.

    python -m benchmarks.metrics.anomaly_tried [--document docs/anomalies.md] [--sets NAB,KPI --thin 3]

Prints, and writes into the document, mean AUC-PR and the best event recall with at most one false alarm a series and week over
the budgets. Series: those with labels that were given, and large injections into those that may be seen; none put aside. The
course of an alarm is left out for all alike.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.evaluation import data_folder, write_section
from benchmarks.metrics import anomaly_sets
from benchmarks.metrics.anomaly_alarms import BUDGETS
from benchmarks.metrics.anomaly_methods import CutTree, cauchy, cut_forest, drifting, forest_scores, left_profile, spot
from benchmarks.metrics.anomaly_sets import Labeled
from weir_models import detector_metrics
from weir_models.anomaly_detection import multivariate, univariate
from weir_models.anomaly_detection.detector import DetectorSettings, settled
from weir_models.anomaly_detection.evaluation import Events, events, weeks
from weir_models.anomaly_detection.refits import (
    FIRST,
    Schedule,
    padded,
    padded_times,
    period_of,
    rows_of,
    windows_ending,
)
from weir_models.anomaly_detection.tails import MOST_RARE, event_rarity, rarity
from weir_models.anomaly_detection.threshold import WEEK_SECONDS, Ration, alarms
from weir_models.cards import markdown_table

Values = NDArray[np.float64]
SECTION, COMMAND = "tried", "python -m benchmarks.metrics.anomaly_tried"
SHINGLE = 8
PROFILES = {"matrix profile, 32 rows": 32, "matrix profile, a day": 0}
SPOT_BUDGETS = BUDGETS[::4]
EVERY = {"NAB": 4, "KPI": 2, "large injections": 1, "SMD at five minutes": 2}
"""Of so many series of a set one is measured."""
EVERY_INJECTED = 48
"""Of so many virtual machines one gets injections."""
FOREST_BLOCKS = 4
"""A forest serves for so many blocks."""
SERVES = "what serves"


def ranked(item: Labeled) -> tuple[dict[str, Values], dict[str, Values], float]:
    """The rank of each row by each member, serving or tried, the other signals, and the period; one metric."""
    at, values = item.series.at, item.series.values[:, 0]
    period = period_of(at)
    usable = settled(at, ~np.isnan(values), period)
    schedule = Schedule.of(period, univariate.HISTORY_DAYS)
    length = schedule.end(len(values))
    times, filled, fit = (
        padded_times(at, length),
        padded(pd.Series(values).ffill().fillna(0.0).to_numpy(), length),
        padded(usable, length),
    )
    runs = univariate.runs_of_equal(filled, fit)
    earlier_days = np.full((length, univariate.DAYS), np.nan)
    departures = np.zeros(length)
    names = (*univariate.WEIGHTS, "cut forest", *PROFILES)
    residuals = {name: np.zeros(length) for name in names}
    ranks = {name: np.zeros(length) for name in names}
    signals = {name: np.zeros(length) for name in ("lasting", "unchanged")}
    lasting_rows = rows_of(univariate.LASTING_SECONDS, period, most=univariate.CONTEXT_ROWS)
    day = rows_of(86_400.0, period, least=64, most=univariate.CONTEXT_ROWS)
    forest: list[CutTree] = []
    for number, (start, stop) in enumerate(schedule.blocks(len(values))):
        earlier_days[start:stop] = univariate.same_time(times, filled, start, stop, period)
        differences = univariate.from_earlier_days(filled[start:stop], earlier_days[start:stop])
        departures[start:stop] = np.where(fit[start:stop], differences, 0.0)
        if start == 0:
            continue
        least = univariate.NEGLIGIBLE * float(np.ptp(filled[:start])) + univariate.ROUNDING * float(
            np.abs(filled[:start]).max()
        )
        begin = max(start - schedule.history, 0)
        lasting = windows_ending(departures, start, stop, lasting_rows)
        shingles = windows_ending(filled, begin, stop, SHINGLE)
        if number % FOREST_BLOCKS == 1 or number < FOREST_BLOCKS:
            forest = cut_forest(shingles[: start - begin], seed=start)
        block = {
            "neighbors": univariate.neighbors(filled, begin, start, stop, period, least),
            "forecast": np.maximum(univariate.forecast(filled, earlier_days, begin, start, stop, least) - least, 0.0),
            "sub_sequence": np.maximum(univariate.sub_sequence(filled, begin, start, stop) - least, 0.0),
            "level": univariate.level(filled, start, stop, least),
            "lasting": np.maximum(np.abs(lasting.mean(axis=1)) - least, 0.0),
            "cut forest": forest_scores(forest, shingles[start - begin :]),
        } | {name: left_profile(filled, begin, start, stop, size or day) for name, size in PROFILES.items()}
        places = np.arange(max(FIRST, begin), start)
        reference = places[fit[places]]
        for name, residual in block.items():
            residuals[name][start:stop] = residual
            if len(reference):
                past = residuals[name][reference]
                ranks[name][start:stop] = np.minimum(rarity(past, residual), MOST_RARE)
                if name == "lasting":
                    once = np.log10(len(past) + 1.0)
                    signals[name][start:stop] = np.minimum(event_rarity(past, residual), once)
        signals["unchanged"][start:stop] = univariate.unchanged(runs[begin : start + 1], runs[start:stop])
    rows = slice(0, len(values))
    return {n: r[rows] for n, r in ranks.items()}, {n: s[rows] for n, s in signals.items()}, period


def mean_rank(ranks: dict[str, Values], weights: dict[str, float]) -> Values:
    """The weighted mean of ranks."""
    return np.asarray(sum(weight * ranks[name] for name, weight in weights.items())) / sum(weights.values())


def of_one_metric(ranks: dict[str, Values]) -> dict[str, Values]:
    """The rank of each row by each way to combine members."""
    serving = univariate.WEIGHTS
    tried = {
        SERVES: mean_rank(ranks, serving) + univariate.AVERAGING,
        "Cauchy combination of what serves": cauchy(ranks, serving),
    }
    for name in ("cut forest", *PROFILES):
        tried[f"{name} alone"] = ranks[name]
        tried[f"{name}, weight 1 beside what serves"] = mean_rank(ranks, serving | {name: 1.0}) + univariate.AVERAGING
    return tried


def judged(item: Labeled, shape: Values, signals: dict[str, Values], period: float) -> Values:
    """log10 of the weeks between such events: the rarest of the three signals, as the detector has it."""
    shares = univariate.SIGNAL_SHARES
    rarest = np.max([shape + np.log10(shares["shape"])] + [signals[n] + np.log10(shares[n]) for n in signals], axis=0)
    weekly = np.asarray(rarest) - np.log10(WEEK_SECONDS / period)
    weekly[: DetectorSettings().probation_rows] = -np.inf
    return weekly


def recall(
    items: Sequence[Labeled], flagged: Callable[[int, float], NDArray[np.bool_]], budgets: Values = BUDGETS
) -> float:
    """The best event recall with at most one false alarm a series and week."""
    span = sum(weeks(item.series.at[item.first :]) for item in items)
    best = 0.0
    for budget in budgets:
        total = Events()
        for number, item in enumerate(items):
            total += events(item.labels[item.first :], flagged(number, float(budget))[item.first :])
        if total.false <= span:
            best = max(best, total.recall)
    return best


def quiet(at: NDArray[np.datetime64], flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flags without those within twelve hours of one before."""
    kept, last = np.zeros(len(flags), dtype=bool), None
    for row in np.flatnonzero(flags):
        if last is None or at[row] - last >= np.timedelta64(12, "h"):
            kept[row] = True
        last = at[row]
    return kept


def one_metric(items: Sequence[Labeled]) -> dict[str, tuple[float, float]]:
    """Mean AUC-PR and recall of each way, for series of one metric."""
    found = [ranked(item) for item in items]
    shapes = [of_one_metric(ranks) for ranks, _, _ in found]
    result = {}
    for name in shapes[0]:
        weekly = [judged(item, shape[name], f[1], f[2]) for item, shape, f in zip(items, shapes, found, strict=True)]
        result[name] = (
            _auc(items, [shape[name] for shape in shapes]),
            recall(items, partial(_alarms, items, weekly)),
        )
    days = [rows_of(86_400.0, f[2], least=10, most=univariate.CONTEXT_ROWS) for f in found]
    ways = {
        "SPOT on the rank that serves": [shape[SERVES] for shape in shapes],
        "DSPOT on the values": [drifting(item.series.values[:, 0], day) for item, day in zip(items, days, strict=True)],
    }
    for name, scores in ways.items():
        result[name] = (
            _auc(items, scores),
            recall(items, partial(_spotted, items, scores), SPOT_BUDGETS),
        )
    return result


def _alarms(items: Sequence[Labeled], weekly: Sequence[Values], number: int, budget: float) -> NDArray[np.bool_]:
    metrics = len(items[number].series.metrics)
    return alarms(items[number].series.at, weekly[number], Ration(budget).of(metrics, metrics == 1))


def _spotted(items: Sequence[Labeled], scores: Sequence[Values], number: int, budget: float) -> NDArray[np.bool_]:
    item = items[number]
    share = budget * period_of(item.series.at) / WEEK_SECONDS
    return quiet(item.series.at, spot(scores[number], max(item.first, DetectorSettings().probation_rows), share))


def _auc(items: Sequence[Labeled], scores: Sequence[Values]) -> float:
    pairs = [
        (i.labels[i.first :], s[i.first :]) for i, s in zip(items, scores, strict=True) if i.labels[i.first :].any()
    ]
    return float(np.mean([detector_metrics.pr_auc(labels, score) for labels, score in pairs]))


def many_metrics(items: Sequence[Labeled]) -> dict[str, tuple[float, float]]:
    """Mean AUC-PR and recall of each way, for servers of many metrics."""
    ways: dict[str, list[tuple[Values, Values]]] = {}
    for item in items:
        for name, pair in joint_ways(item).items():
            ways.setdefault(name, []).append(pair)
    return {
        name: (
            _auc(items, [ranks for ranks, _ in pairs]),
            recall(items, partial(_alarms, items, [weekly for _, weekly in pairs])),
        )
        for name, pairs in ways.items()
    }


def joint_ways(item: Labeled) -> dict[str, tuple[Values, Values]]:
    """The rank and the weekly rarity of each row of a server, by each way."""
    period, serving = period_of(item.series.at), multivariate.WEIGHTS
    rows = len(item.series.at)
    kept: dict[str, Values] = {name: np.zeros(rows) for name in (*serving, "cut forest")}
    at_once, references = np.zeros(rows), []
    schedule = Schedule.of(period, multivariate.HISTORY_DAYS)
    length = schedule.end(rows)
    filled = padded(item.series.values, length)
    mean_rows = rows_of(multivariate.CONTEXT_SECONDS, period, most=multivariate.SMOOTHED_ROWS)
    smoothed = [rows_of(seconds, period, most=multivariate.SMOOTHED_ROWS) for seconds in multivariate.SMOOTHED_SECONDS]
    readmitted = rows_of(multivariate.READMITTED_DAYS * 86_400.0, period, multivariate.LEAST_READMITTED)
    features = np.empty((length, 3 * filled.shape[1]))
    immediate = {name: np.zeros(length) for name in kept}
    lasting = {name: np.zeros(length) for name in kept}
    is_outlier = np.zeros(length, dtype=bool)
    forest: list[CutTree] = []
    for number, (start, stop) in enumerate(schedule.blocks(rows)):
        features[start:stop] = multivariate._with_context(filled, start, stop, mean_rows)
        earlier = np.arange(max(0, start - schedule.history), start)
        admitted = earlier[~(is_outlier[earlier] & (earlier >= start - readmitted))]
        if start == 0 or len(admitted) < multivariate.LEAST_ROWS:
            continue
        fit = multivariate.Fit.of(features[admitted], seed=start)
        by_member, _ = fit.departures(features[start:stop])
        is_outlier[start:stop] = by_member["context"] > fit.outstanding
        scaled = np.clip((features[start:stop] - fit.center) / fit.spread, -20.0, 20.0)[:, : filled.shape[1]]
        if not forest or number % FOREST_BLOCKS == 1:
            forest = cut_forest(fit.past, seed=start)
        by_member["cut forest"] = forest_scores(forest, scaled)
        end = min(stop, rows)
        reference = np.arange(max(FIRST, start - schedule.history), start)
        references.append((start, end, reference))
        for name, departure in by_member.items():
            immediate[name][start:stop] = departure
            means = [windows_ending(immediate[name], start, stop, size).mean(axis=1) for size in smoothed]
            lasting[name][start:stop] = sum(means) / len(means)
            if len(reference):
                kept[name][start:end] = rarity(lasting[name][reference], lasting[name][start:stop])[: end - start]
        if len(reference):
            past = immediate["neighbors"][reference]
            at_once[start:end] = rarity(past, immediate["neighbors"][start:stop])[: end - start]
    ways = {
        SERVES: mean_rank(kept, serving),
        "Cauchy combination of what serves": cauchy(kept, serving),
        "cut forest alone": kept["cut forest"],
        "cut forest, weight 1 beside what serves": mean_rank(kept, serving | {"cut forest": 1.0}),
    }
    result = {}
    for name, ranks in ways.items():
        loudest, weekly = np.maximum(ranks, at_once), np.full(rows, -np.inf)
        for start, end, reference in references:
            if len(reference):
                weekly[start:end] = event_rarity(loudest[reference], loudest[start:end]) - np.log10(
                    WEEK_SECONDS / period
                )
        weekly[: DetectorSettings().probation_rows] = -np.inf
        result[name] = ranks, weekly
    return result


def measured(items: Sequence[Labeled]) -> dict[str, tuple[float, float]]:
    """Mean AUC-PR and recall of each way, for series of one metric or of many."""
    return one_metric(items) if len(items[0].series.metrics) == 1 else many_metrics(items)


def main() -> int:
    """Measure, print and write; exit code 2 without data."""
    parser = argparse.ArgumentParser(description="Measure methods that were tried for the anomaly detector.")
    parser.add_argument("--document", type=Path, help="write the table into this file")
    parser.add_argument("--thin", type=int, default=1, help="measure one of so many of these series")
    parser.add_argument("--sets", default=",".join(EVERY), help="the sets to measure, with commas")
    options = parser.parse_args()
    data = data_folder() / "ops"
    if not data.is_dir():
        print(f"{data} is missing: point WEIR_EVAL_DATA at the folder of the public sets", file=sys.stderr)
        return 2
    injected = [
        item for item in anomaly_sets.injections(data, "dev", EVERY_INJECTED) if "/large/" in item.series.series_id
    ]
    sets = {
        "NAB": anomaly_sets.nab(data / "nab"),
        "KPI": anomaly_sets.kpi(data / "kpi_donut"),
        "large injections": injected,
        "SMD at five minutes": anomaly_sets.averaged(anomaly_sets.smd(data / "smd_partial")),
    }
    asked = {name: sets[name][:: EVERY[name] * options.thin] for name in options.sets.split(",")}
    chosen = {f"{name} ({len(items)})": items for name, items in asked.items()}
    with ProcessPoolExecutor(len(chosen)) as pool:
        results = dict(zip(chosen, pool.map(measured, chosen.values()), strict=True))
    rows = []
    for way in dict.fromkeys(way for result in results.values() for way in result):
        both = {name: result.get(way) for name, result in results.items()}
        row = {"way": way} | {name: f"{pair[0]:.3f}, {pair[1]:.2f}" if pair else "–" for name, pair in both.items()}
        alone = [pair for name, pair in both.items() if pair and not name.startswith("SMD")]
        rows.append(
            row
            | {
                "mean of one metric": f"{np.mean([p[0] for p in alone]):.3f}, {np.mean([p[1] for p in alone]):.2f}"
                if alone
                else "–"
            }
        )
    text = markdown_table(pd.DataFrame(rows))
    print(text)
    if options.document:
        write_section(options.document, SECTION, text, COMMAND)
    return 0


if __name__ == "__main__":
    sys.exit(main())
