"""Measure the anomaly detector on public series that nothing was fitted on, as `make eval-anomalies` does.

    python -m benchmarks.metrics.anomalies [--document FILE] [--check]

Every series goes through the stream that serves, with its default settings; SMD's train rows precede its test rows as
history. The data is read in place from WEIR_EVAL_DATA. The few global choices were made with all of these in view but the
injections that were put aside; the tables also show every second machine and file, in the order of their names.
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
from benchmarks.metrics.anomaly_alarms import by_kind, counts, event_row, recall_at_one
from benchmarks.metrics.anomaly_scorers import NabFile, nab_normalized, nab_optimized, nab_raw, vus_pr
from benchmarks.metrics.anomaly_sets import Labeled
from weir_models import detector_metrics
from weir_models.anomaly_detection.detector import Detection, detected
from weir_models.anomaly_detection.evaluation import weeks
from weir_models.cards import markdown_table

SECTION, COMMAND = "anomalies", "make eval-anomalies"
SMD_BARS = {"smd": 0.63, "smd5": 0.65}
RECALL_BAR, NAB_BAR, LARGE_BAR, CPU_BAR = 0.25, 60.0, 0.8, 0.15
EVERY = {"dev": 6, "aside": 4}
"""Of so many series of a split of the injections one is measured."""
NO_ANOMALY = "artificialNoAnomaly"
RESAMPLES = 2000
BUFFER = {"smd": 100, "kpi": 20}
"""Longest buffer of VUS-PR in rows."""
HALVES = ("first half", "second half")
Values = NDArray[np.float64]


def timed(items: Sequence[Labeled]) -> tuple[list[Detection], float]:
    """The detector's result for each series, and the CPU seconds of all."""
    started = time.process_time()
    return [detected(item.series) for item in items], time.process_time() - started


def mean_interval(values: Sequence[float]) -> str:
    """A mean with its 95 % bounds by resampling the series."""
    array = np.asarray(values)
    drawn = np.random.default_rng(0).integers(0, len(array), (RESAMPLES, len(array)))
    low, high = np.quantile(array[drawn].mean(axis=1), [0.025, 0.975])
    return f"{array.mean():.3f} ({low:.3f}–{high:.3f})"


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

### SMD, averaged to five minutes

{smd5}

### NAB: its score, standard profile

{nab}

### KPI: indicators of a web service, by five minutes

{kpi}

### Alarms, at the default budget

{alarms}

### Injections into the load of virtual machines, those seen while the detector was made

{dev}

### Injections into machines and sets that were put aside

{aside}

### Speed

CPU seconds, scoring alone: {speed}."""


def report(
    sets: dict[str, list[Labeled]], detections: dict[str, list[Detection]], seconds: dict[str, float]
) -> tuple[str, list[bool]]:
    """The section of the document, and whether each bar holds."""
    smd = {name: smd_text(sets[name], detections[name]) for name in SMD_BARS}
    nab_table, totals = nab_text(sets["nab"], detections["nab"])
    pairs = zip(sets["nab"], detections["nab"], strict=True)
    quiet = [(item, detection) for item, detection in pairs if item.series.series_id.startswith(NO_ANOMALY)]
    worst = max(float(detection.is_anomaly.sum()) / weeks(item.series.at) for item, detection in quiet)
    own = totals["ours, its own threshold"]
    peer = max(totals["windowed Gaussian"], totals["Etsy Skyline"])
    nab_false = false_rate(sets["nab"], detections["nab"])
    # 1,000 rows of 19 metrics.
    cpu = seconds["smd"] / sum(item.series.values.size for item in sets["smd"]) * 19_000
    bars = [
        (f"{title}, mean AUC-PR {smd[name][1]:.3f}, required at least {bar:.2f}", smd[name][1] >= bar)
        for (name, bar), title in zip(SMD_BARS.items(), ("SMD", "SMD at five minutes"), strict=True)
    ]
    for name, title in (("smd", "SMD"), ("smd5", "SMD at five minutes")):
        recall, budget = recall_at_one(sets[name], detections[name])
        text = f"{title}, event recall at one false alarm a server-week {recall:.2f} (budget {budget:g})"
        bars.append((f"{text}, required at least {RECALL_BAR:.2f}", recall >= RECALL_BAR))
    bars += [
        (f"NAB, own threshold {own:.1f}, required at least {NAB_BAR:.0f}", own >= NAB_BAR),
        (f"NAB, own threshold, required above the better peer's optimized {peer:.1f}", own > peer),
        (f"NAB, {nab_false:.2f} false alarms a series-week, required at most 1", nab_false <= 1.0),
        (f"{NO_ANOMALY}, {worst:.2f} false alarms a week on the worst series, required at most 1", worst <= 1.0),
    ]
    for split in EVERY:
        large = [
            pair for pair in zip(sets[split], detections[split], strict=True) if "/large/" in pair[0].series.series_id
        ]
        total, span, _ = counts([item for item, _ in large], [detection for _, detection in large])
        text = f"Large injections ({split}), recall {total.recall:.2f}, required at least {LARGE_BAR:.2f}, with"
        text += f" {total.false / span:.2f} false alarms a series-week, required at most 1"
        bars.append((text, total.recall >= LARGE_BAR and total.false <= span))
    bars.append((f"1,000 rows of 19 metrics {cpu:.3f} CPU-seconds, required at most {CPU_BAR}", cpu <= CPU_BAR))
    alarms = [
        event_row("SMD", sets["smd"], detections["smd"]),
        event_row("SMD at five minutes", sets["smd5"], detections["smd5"]),
        event_row("NAB", sets["nab"], detections["nab"]),
        event_row(f"NAB {NO_ANOMALY}", [item for item, _ in quiet], [detection for _, detection in quiet]),
        event_row("KPI", sets["kpi"], detections["kpi"]),
    ]
    values = {name: sum(item.series.values.size for item in items) for name, items in sets.items()}
    kinds = {
        split: markdown_table(by_kind(sets[split], detections[split], lambda name: " ".join(name.split("/")[:2])))
        for split in EVERY
    }
    text = REPORT.format(
        bars="\n".join(f"- {text}: {'holds' if holds else 'fails'}" for text, holds in bars),
        smd=smd["smd"][0],
        smd5=smd["smd5"][0],
        nab=nab_table,
        kpi=kpi_text(sets["kpi"], detections["kpi"]),
        alarms=markdown_table(pd.DataFrame(alarms)),
        speed="; ".join(f"{name} {values[name]:,} values in {seconds[name]:.1f} s" for name in sets),
        **kinds,
    )
    return text, [holds for _, holds in bars]


def false_rate(items: Sequence[Labeled], detections: Sequence[Detection]) -> float:
    """False alarms a series and week."""
    total, span, _ = counts(items, detections)
    return total.false / span


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
    } | {split: anomaly_sets.injections(data, split, every) for split, every in EVERY.items()}
    sets["smd5"] = anomaly_sets.averaged(sets["smd"])
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
