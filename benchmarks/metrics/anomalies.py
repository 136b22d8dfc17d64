"""Measure the anomaly detector on public series that nothing was fitted on, as `make eval-anomalies` does.

    python -m benchmarks.metrics.anomalies [--document FILE] [--check]

Every series goes through the stream that serves, with its default settings; SMD's train rows precede its test rows as
history. The data is read in place from WEIR_EVAL_DATA. The few global choices were made with all of these in view; the
tables also show every second machine and file, in the order of their names.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.evaluation import data_folder, write_section
from benchmarks.metrics import anomaly_peers as peers
from benchmarks.metrics import anomaly_sets
from benchmarks.metrics.anomaly_scorers import NabFile, nab_normalized, nab_optimized, nab_raw, vus_pr
from benchmarks.metrics.anomaly_sets import Labeled
from weir_models import detector_metrics
from weir_models.anomaly_detection.detector import Detection, DetectorSettings, detected
from weir_models.anomaly_detection.evaluation import Events, events, poisson_interval, weeks
from weir_models.anomaly_detection.threshold import Ration
from weir_models.cards import markdown_table

SECTION, COMMAND = "anomalies", "make eval-anomalies"
SMD_BAR = 0.60
NO_ANOMALY = "artificialNoAnomaly"
RESAMPLES = 2000
BUFFER = {"smd": 100, "kpi": 20}
"""Longest buffer of VUS-PR in rows."""
GENEROUS = 7.0
"""A second budget, of one alarm a day, for series with several incidents a day."""
HALVES = ("first half", "second half")
Values = NDArray[np.float64]


def timed(items: Sequence[Labeled], settings: DetectorSettings | None = None) -> tuple[list[Detection], float]:
    """The detector's result for each series, and the CPU seconds of all."""
    started = time.process_time()
    return [detected(item.series, settings) for item in items], time.process_time() - started


def mean_interval(values: Sequence[float]) -> str:
    """A mean with its 95 % bounds by resampling the series."""
    array = np.asarray(values)
    drawn = np.random.default_rng(0).integers(0, len(array), (RESAMPLES, len(array)))
    low, high = np.quantile(array[drawn].mean(axis=1), [0.025, 0.975])
    return f"{array.mean():.3f} ({low:.3f}–{high:.3f})"


def event_row(name: str, items: Sequence[Labeled], detections: Sequence[Detection]) -> dict[str, object]:
    """One line of the table of alarms, over the measured rows."""
    total, span = Events(), 0.0
    for item, detection in zip(items, detections, strict=True):
        total += events(item.labels[item.first :], detection.is_anomaly[item.first :])
        span += weeks(item.series.at[item.first :])
    low, high = (bound / span for bound in poisson_interval(total.false))
    met_low, met_high = detector_metrics.wilson_interval(total.met, total.labelled)
    return {
        "series": f"{name} ({len(items)})",
        "weeks": f"{span:.1f}",
        "events": total.labelled,
        "met": f"{total.met} ({100 * met_low:.0f}–{100 * met_high:.0f} %)" if total.labelled else "–",
        "false alarms": total.false,
        "a series and week": f"{total.false / span:.2f} ({low:.2f}–{high:.2f})",
        "event-wise F1": f"{total.f1:.2f}" if total.labelled else "–",
    }


def score_table(
    name: str,
    items: Sequence[Labeled],
    detections: Sequence[Detection],
    peer: tuple[str, Callable[[Labeled], Values]],
) -> pd.DataFrame:
    """AUC-PR and VUS-PR of each series beside a peer."""
    rows = []
    for item, detection in zip(items, detections, strict=True):
        labels = item.labels[item.first :]
        ours, theirs = detection.score[item.first :], peer[1](item)
        rows.append(
            {
                name: item.series.series_id,
                "n": len(labels),
                "anomalous": f"{100 * labels.mean():.1f} %",
                "AUC-PR": detector_metrics.pr_auc(labels, ours),
                peer[0]: detector_metrics.pr_auc(labels, theirs),
                "VUS-PR": vus_pr(labels, ours, BUFFER["smd" if name == "machine" else "kpi"]),
                f"{peer[0]} VUS-PR": vus_pr(labels, theirs, BUFFER["smd" if name == "machine" else "kpi"]),
            }
        )
    return pd.DataFrame(rows)


def smd_text(items: Sequence[Labeled], detections: Sequence[Detection]) -> tuple[str, float]:
    """The table of SMD and the mean AUC-PR."""

    def pca(item: Labeled) -> Values:
        return peers.plain_pca(item.series.values[: item.first], item.series.values[item.first :])

    table = score_table("machine", items, detections, ("plain PCA", pca))
    table.insert(1, "part", [HALVES[place % 2] for place in range(len(table))])
    lines = [markdown_table(table.round(3)), ""]
    halves = {f"Machines of the {half}": part for half, part in table.groupby("part", sort=False)}
    for name, part in {"All": table, **halves}.items():
        lines.append(
            f"{name}: mean AUC-PR {mean_interval(part['AUC-PR'])}, plain PCA {mean_interval(part['plain PCA'])}; "
            f"mean VUS-PR {mean_interval(part['VUS-PR'])}, plain PCA {mean_interval(part['plain PCA VUS-PR'])}.  "
        )
    return "\n".join(lines), float(table["AUC-PR"].mean())


def kpi_text(items: Sequence[Labeled], detections: Sequence[Detection]) -> str:
    """The table of the web service's indicators."""

    def gaussian(item: Labeled) -> Values:
        return peers.windowed_gaussian(item.series.values[:, 0])[item.first :]

    return markdown_table(score_table("series", items, detections, ("windowed Gaussian", gaussian)).round(3))


def nab_text(items: Sequence[Labeled], detections: Sequence[Detection]) -> tuple[str, dict[str, float]]:
    """NAB's scores of ours and the peers, by group of files, and those of all files."""
    scores: dict[str, list[Values]] = {
        "ours, its own threshold": [detection.is_anomaly.astype(np.float64) for detection in detections],
        "ours": [detection.score for detection in detections],
        "windowed Gaussian": [peers.windowed_gaussian(item.series.values[:, 0]) for item in items],
        "Etsy Skyline": [peers.skyline(item.series.at, item.series.values[:, 0]) for item in items],
    }
    windows = np.array([len(item.windows) for item in items])
    groups = np.array([item.series.series_id.partition("/")[0] for item in items])
    parts = {half: np.arange(len(items)) % 2 == number for number, half in enumerate(HALVES)}
    parts |= {group: groups == group for group in sorted(set(groups) - {NO_ANOMALY})}
    rows, totals, raws = [], {}, {}
    for name, series_scores in scores.items():
        files = [NabFile(score, item.windows) for score, item in zip(series_scores, items, strict=True)]
        is_own = name.endswith("threshold")
        threshold = 0.5 if is_own else nab_optimized(files)[1]
        raw = raws[name] = np.array([nab_raw(file, threshold) for file in files])
        totals[name] = _nab(raw, windows)
        low, high = np.quantile(_resampled(raw, windows), [0.025, 0.975])
        row = {"detector": name, "threshold": "its own" if is_own else "optimized"}
        row["all"] = f"{totals[name]:.1f} ({low:.1f}–{high:.1f})"
        rows.append(row | {part: f"{_nab(raw[chosen], windows[chosen]):.1f}" for part, chosen in parts.items()})
    lines = [markdown_table(pd.DataFrame(rows)), ""]
    for peer in ("windowed Gaussian", "Etsy Skyline"):
        for own in ("ours", "ours, its own threshold"):
            low, high = np.quantile(_resampled(raws[own], windows) - _resampled(raws[peer], windows), [0.025, 0.975])
            difference = totals[own] - totals[peer]
            lines.append(f"{own} less {peer}: {difference:+.1f} (95 % interval {low:+.1f} to {high:+.1f}).  ")
    return "\n".join(lines), totals


def _nab(raw: Values, windows: NDArray[np.int64]) -> float:
    return nab_normalized(float(raw.sum()), int(windows.sum()))


def _resampled(raw: Values, windows: NDArray[np.int64]) -> Values:
    """NAB's score of resampled files."""
    places = np.random.default_rng(0).integers(0, len(raw), (RESAMPLES, len(raw)))
    total = windows[places].sum(axis=1)
    return np.asarray(100.0 * (raw[places].sum(axis=1) + total) / (2.0 * total))


REPORT = """\
### Bars

{bars}

### SMD: 38 metrics of a server, by the minute

{smd}

### NAB: its score, standard profile

{nab}

### KPI: indicators of a web service, by five minutes

{kpi}

### Alarms, at the budget of one a week unless said

{alarms}

### Speed

CPU seconds, scoring alone: {speed}."""


def report(
    sets: dict[str, list[Labeled]], detections: dict[str, list[Detection]], seconds: dict[str, float]
) -> tuple[str, list[bool]]:
    """The section of the document, and whether each bar holds."""
    smd_table, smd_mean = smd_text(sets["smd"], detections["smd"])
    nab_table, totals = nab_text(sets["nab"], detections["nab"])
    pairs = zip(sets["nab"], detections["nab"], strict=True)
    quiet = [(item, detection) for item, detection in pairs if item.series.series_id.startswith(NO_ANOMALY)]
    worst = max(float(detection.is_anomaly.sum()) / weeks(item.series.at) for item, detection in quiet)
    peer = max(totals["windowed Gaussian"], totals["Etsy Skyline"])
    bars = [
        (f"SMD, mean AUC-PR {smd_mean:.3f}, required at least {SMD_BAR:.2f}", smd_mean >= SMD_BAR),
        (f"NAB, optimized {totals['ours']:.1f}, required above the better peer's {peer:.1f}", totals["ours"] > peer),
        (f"{NO_ANOMALY}, {worst:.2f} false alarms a week on the worst series, required at most 1", worst <= 1.0),
    ]
    daily, _ = timed(sets["smd"], DetectorSettings(ration=Ration(false_alarms_per_week=GENEROUS)))
    alarms = [
        event_row("SMD", sets["smd"], detections["smd"]),
        event_row(f"SMD, budget {GENEROUS:.0f}", sets["smd"], daily),
        event_row("NAB", sets["nab"], detections["nab"]),
        event_row(f"NAB {NO_ANOMALY}", [item for item, _ in quiet], [detection for _, detection in quiet]),
        event_row("KPI", sets["kpi"], detections["kpi"]),
    ]
    values = {name: sum(item.series.values.size for item in items) for name, items in sets.items()}
    text = REPORT.format(
        bars="\n".join(f"- {text}: {'holds' if holds else 'fails'}" for text, holds in bars),
        smd=smd_table,
        nab=nab_table,
        kpi=kpi_text(sets["kpi"], detections["kpi"]),
        alarms=markdown_table(pd.DataFrame(alarms)),
        speed="; ".join(f"{name.upper()} {values[name]:,} values in {seconds[name]:.1f} s" for name in sets),
    )
    return text, [holds for _, holds in bars]


def main() -> int:
    """Measure and write the document; exit code 1 for a missed bar with --check, 2 without data."""
    parser = argparse.ArgumentParser(description="Measure the anomaly detector on public series.")
    parser.add_argument("--document", type=Path, help="write the tables into this file")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    options = parser.parse_args()
    data = data_folder() / "ops"
    if not data.is_dir():
        print(f"{data} is missing: point WEIR_EVAL_DATA at the folder of the public sets", file=sys.stderr)
        return 2
    sets = {
        "smd": anomaly_sets.smd(data / "smd_partial"),
        "nab": anomaly_sets.nab(data / "nab"),
        "kpi": anomaly_sets.kpi(data / "kpi_donut"),
    }
    detections, seconds = {}, {}
    for name, items in sets.items():
        detections[name], seconds[name] = timed(items)
    text, bars = report(sets, detections, seconds)
    if options.document:
        write_section(options.document, SECTION, text, COMMAND)
    else:
        print(text)
    return 1 if options.check and not all(bars) else 0


if __name__ == "__main__":
    sys.exit(main())
