"""Measure the anomaly detector on public series that nothing was fitted on, as `make eval-anomalies` does.

    python benchmarks/evaluate_anomalies.py [--document FILE] [--check]

Every series goes through the stream that serves, with its default settings; SMD's train rows come before its test rows
as its past. The data is read in place from WEIR_EVAL_DATA. The few global choices were
made with all of these in view; the tables show every second machine and file, in the order of their names, apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import anomaly_peers as peers
from benchmarks.anomaly_scorers import NabFile, nab_normalised, nab_optimised, nab_raw, probation, vus_pr
from benchmarks.eval_document import write_section
from weir_models import detector_metrics
from weir_models.anomaly_detection.detector import Detection, DetectorSettings, detected
from weir_models.anomaly_detection.evaluation import Events, events, poisson_interval, weeks
from weir_models.anomaly_detection.series import MetricSeries
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
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """One series, its labelled rows, and the first row that is measured."""

    series: MetricSeries
    labels: Flags
    first: int
    windows: tuple[tuple[int, int], ...] = ()


def smd(folder: Path) -> list[Labelled]:
    """The machines that have train, test and labels; train and test as one series of minutes."""
    found = []
    for path in sorted(folder.glob("machine-*_train.npz")):
        name = path.name.removesuffix("_train.npz")
        train, test, labels = (_array(folder / f"{name}_{part}.npz") for part in ("train", "test", "test_label"))
        values = np.concatenate([train, test]).astype(np.float64)
        at = np.datetime64("2026-01-01", "s") + 60 * np.arange(len(values)).astype("timedelta64[s]")
        series = MetricSeries(name, at, values, tuple(f"metric_{n}" for n in range(values.shape[1])))
        found.append(Labelled(series, np.concatenate([np.zeros(len(train), bool), labels.astype(bool)]), len(train)))
    return found


def _array(path: Path) -> NDArray[np.float32]:
    with np.load(path) as held:
        return np.asarray(held["x"])


def nab(folder: Path) -> list[Labelled]:
    """The files that are there; of rows with the same time the first is kept."""
    found = []
    for name, windows in sorted(json.loads((folder / "windows.json").read_text(encoding="utf-8")).items()):
        if not (folder / name).is_file():
            continue
        frame = (
            pd.read_csv(folder / name, parse_dates=["timestamp"]).drop_duplicates("timestamp").sort_values("timestamp")
        )
        at = frame["timestamp"].to_numpy("datetime64[s]")
        rows = [tuple(int(np.searchsorted(at, np.datetime64(edge[:19], "s"))) for edge in pair) for pair in windows]
        labels = np.zeros(len(at), dtype=bool)
        for first, last in rows:
            labels[first : last + 1] = True
        series = MetricSeries(name, at, frame[["value"]].to_numpy(np.float64), ("value",))
        found.append(Labelled(series, labels, probation(len(at)), tuple((first, last) for first, last in rows)))
    return found


def kpi(folder: Path) -> list[Labelled]:
    """The labelled indicators of a web service, after the probation."""
    found = []
    for path in sorted(folder.glob("*.csv")):
        frame = pd.read_csv(path)
        at = frame["timestamp"].to_numpy().astype("datetime64[s]")
        series = MetricSeries(path.stem, at, frame[["value"]].to_numpy(np.float64), ("value",))
        found.append(Labelled(series, frame["label"].to_numpy() == 1, DetectorSettings().probation_rows))
    return found


def timed(given: Sequence[Labelled], settings: DetectorSettings | None = None) -> tuple[list[Detection], float]:
    """What the detector says of each series, and the CPU seconds that it took."""
    started = time.process_time()
    found = [detected(one.series, settings) for one in given]
    return found, time.process_time() - started


def mean_interval(values: Sequence[float]) -> str:
    """A mean with its 95 % bounds by resampling the series."""
    held = np.asarray(values)
    drawn = np.random.default_rng(0).integers(0, len(held), (RESAMPLES, len(held)))
    low, high = np.quantile(held[drawn].mean(axis=1), [0.025, 0.975])
    return f"{held.mean():.3f} ({low:.3f}–{high:.3f})"


def counted(given: Sequence[Labelled], found: Sequence[Detection]) -> tuple[Events, float]:
    """Events of the measured rows and how many weeks they span."""
    total, span = Events(), 0.0
    for one, said in zip(given, found, strict=True):
        total += events(one.labels[one.first :], said.is_anomaly[one.first :])
        span += weeks(one.series.at[one.first :])
    return total, span


def event_row(name: str, given: Sequence[Labelled], found: Sequence[Detection]) -> dict[str, object]:
    """One line of the table of alarms."""
    total, span = counted(given, found)
    low, high = (bound / span for bound in poisson_interval(total.false))
    met_low, met_high = detector_metrics.wilson_interval(total.met, total.labelled)
    return {
        "series": f"{name} ({len(given)})",
        "weeks": f"{span:.1f}",
        "events": total.labelled,
        "met": f"{total.met} ({100 * met_low:.0f}–{100 * met_high:.0f} %)" if total.labelled else "–",
        "false alarms": total.false,
        "a series and week": f"{total.false / span:.2f} ({low:.2f}–{high:.2f})",
        "event-wise F1": f"{total.f1:.2f}" if total.labelled else "–",
    }


def smd_text(given: Sequence[Labelled], found: Sequence[Detection]) -> tuple[str, float]:
    """The table of SMD and the mean AUC-PR."""
    rows = []
    for place, (one, said) in enumerate(zip(given, found, strict=True)):
        labels, score = one.labels[one.first :], said.score[one.first :]
        plain = peers.plain_pca(one.series.values[: one.first], one.series.values[one.first :])
        rows.append(
            {
                "machine": one.series.series_id, "part": "first half" if place % 2 == 0 else "second half", "n": len(labels),
                "anomalous": f"{100 * labels.mean():.1f} %", "AUC-PR": detector_metrics.pr_auc(labels, score),
                "plain PCA": detector_metrics.pr_auc(labels, plain), "VUS-PR": vus_pr(labels, score, BUFFER["smd"]),
                "plain PCA VUS-PR": vus_pr(labels, plain, BUFFER["smd"]),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    lines = [markdown_table(table.round(3)), ""]
    for name, part in (
        ("All", table),
        *((f"Machines of the {kind}", rest) for kind, rest in table.groupby("part", sort=False)),
    ):
        lines.append(
            f"{name}: mean AUC-PR {mean_interval(part['AUC-PR'])}, plain PCA {mean_interval(part['plain PCA'])}; "
            f"mean VUS-PR {mean_interval(part['VUS-PR'])}, plain PCA {mean_interval(part['plain PCA VUS-PR'])}.  "
        )
    return "\n".join(lines), float(table["AUC-PR"].mean())


def nab_text(given: Sequence[Labelled], found: Sequence[Detection]) -> tuple[str, dict[str, float]]:
    """NAB's scores of ours and the peers, by group of files, and those of all files."""
    contenders: dict[str, Callable[[int, Labelled], Values]] = {
        "ours, its own threshold": lambda place, one: found[place].is_anomaly.astype(np.float64),
        "ours": lambda place, one: found[place].score,
        "windowed Gaussian": lambda place, one: peers.windowed_gaussian(one.series.values[:, 0]),
        "Etsy Skyline": lambda place, one: peers.skyline(one.series.at, one.series.values[:, 0]),
    }
    windows = np.array([len(one.windows) for one in given])
    groups = np.array([one.series.series_id.partition("/")[0] for one in given])
    rows, totals, raws = [], {}, {}
    for name, scores in contenders.items():
        files = [NabFile(scores(place, one), one.windows) for place, one in enumerate(given)]
        best, threshold = (math.nan, 0.5) if name.endswith("threshold") else nab_optimised(files)
        raw = np.array([nab_raw(file, threshold) for file in files])
        totals[name], raws[name] = nab_normalised(float(raw.sum()), int(windows.sum())), raw
        row: dict[str, object] = {"detector": name, "threshold": "its own" if math.isnan(best) else "optimised"}
        row["all"] = f"{totals[name]:.1f} ({_resampled(raw, windows)})"
        for half, kind in enumerate(("first half", "second half")):
            row[kind] = f"{nab_normalised(float(raw[half::2].sum()), int(windows[half::2].sum())):.1f}"
        for group in sorted(set(groups) - {NO_ANOMALY}):
            row[group] = f"{nab_normalised(float(raw[groups == group].sum()), int(windows[groups == group].sum())):.1f}"
        rows.append(row)
    lines = [markdown_table(pd.DataFrame(rows)), ""]
    for name in ("windowed Gaussian", "Etsy Skyline"):
        for own in ("ours", "ours, its own threshold"):
            lines.append(f"{own} less {name}: {_resampled_difference(raws[own], raws[name], windows)}  ")
    return "\n".join(lines), totals


def _drawn(raw: Values, windows: NDArray[np.int64]) -> Values:
    """NAB's score of files drawn again and again."""
    places = np.random.default_rng(0).integers(0, len(raw), (RESAMPLES, len(raw)))
    total = windows[places].sum(axis=1)
    return np.asarray(100.0 * (raw[places].sum(axis=1) + total) / (2.0 * total))


def _resampled(raw: Values, windows: NDArray[np.int64]) -> str:
    low, high = np.quantile(_drawn(raw, windows), [0.025, 0.975])
    return f"{low:.1f}–{high:.1f}"


def _resampled_difference(own: Values, other: Values, windows: NDArray[np.int64]) -> str:
    difference = nab_normalised(float(own.sum()), int(windows.sum())) - nab_normalised(
        float(other.sum()), int(windows.sum())
    )
    low, high = np.quantile(_drawn(own, windows) - _drawn(other, windows), [0.025, 0.975])
    return f"{difference:+.1f} (95 % interval {low:+.1f} to {high:+.1f})."


def kpi_text(given: Sequence[Labelled], found: Sequence[Detection]) -> str:
    """The table of the web service's indicators."""
    rows = []
    for one, said in zip(given, found, strict=True):
        labels, score = one.labels[one.first :], said.score[one.first :]
        gaussian = peers.windowed_gaussian(one.series.values[:, 0])[one.first :]
        rows.append(
            {
                "series": one.series.series_id, "n": len(labels), "anomalous": f"{100 * labels.mean():.1f} %",
                "AUC-PR": detector_metrics.pr_auc(labels, score), "windowed Gaussian": detector_metrics.pr_auc(labels, gaussian),
                "VUS-PR": vus_pr(labels, score, BUFFER["kpi"]),
                "windowed Gaussian VUS-PR": vus_pr(labels, gaussian, BUFFER["kpi"]),
            }
        )  # fmt: skip
    return markdown_table(pd.DataFrame(rows).round(3))


def main() -> int:
    """Measure, write the document, and say which bars hold; with --check a bar that fails is exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--document", type=Path, help="write the tables into this file")
    parser.add_argument("--check", action="store_true", help="fail where a bar is missed")
    options = parser.parse_args()
    data = Path(os.environ.get("WEIR_EVAL_DATA", "../shared/data")) / "ops"
    if not data.is_dir():
        print(f"{data} is not there: point WEIR_EVAL_DATA at the folder of the public sets", file=sys.stderr)
        return 2
    sets = {"smd": smd(data / "smd_partial"), "nab": nab(data / "nab"), "kpi": kpi(data / "kpi_donut")}
    found, seconds = {}, {}
    for name, given in sets.items():
        found[name], seconds[name] = timed(given)
        print(f"{name}: {len(given)} series in {seconds[name]:.1f} s of CPU", file=sys.stderr)
    text, bars = report(sets, found, seconds)
    if options.document:
        write_section(options.document, SECTION, text, COMMAND)
    else:
        print(text)
    return 1 if options.check and not all(bars) else 0


def report(
    sets: dict[str, list[Labelled]], found: dict[str, list[Detection]], seconds: dict[str, float]
) -> tuple[str, list[bool]]:
    """The section of the document, and whether each bar holds."""
    smd_table, smd_mean = smd_text(sets["smd"], found["smd"])
    nab_table, totals = nab_text(sets["nab"], found["nab"])
    quiet = [place for place, one in enumerate(sets["nab"]) if one.series.series_id.startswith(NO_ANOMALY)]
    quiet_series = [sets["nab"][place] for place in quiet]
    worst = max(float(found["nab"][place].is_anomaly.sum()) / weeks(sets["nab"][place].series.at) for place in quiet)
    peer = max(totals["windowed Gaussian"], totals["Etsy Skyline"])
    bars = [
        (f"SMD, mean AUC-PR {smd_mean:.3f}, asked at least {SMD_BAR:.2f}", smd_mean >= SMD_BAR),
        (f"NAB, optimised {totals['ours']:.1f}, asked above the better peer's {peer:.1f}", totals["ours"] > peer),
        (f"{NO_ANOMALY}, {worst:.2f} false alarms a week on the worst series, asked at most 1", worst <= 1.0),
    ]
    generous = DetectorSettings(ration=Ration(false_alarms_per_week=GENEROUS))
    daily, _ = timed(sets["smd"], generous)
    alarm_rows = [
        event_row("SMD", sets["smd"], found["smd"]),
        event_row(f"SMD, budget {GENEROUS:.0f}", sets["smd"], daily),
        event_row("NAB", sets["nab"], found["nab"]),
        event_row(f"NAB {NO_ANOMALY}", quiet_series, [found["nab"][place] for place in quiet]),
        event_row("KPI", sets["kpi"], found["kpi"]),
    ]
    values = {name: sum(one.series.values.size for one in given) for name, given in sets.items()}
    speed = "; ".join(f"{name.upper()} {values[name]:,} values in {seconds[name]:.1f} s" for name in sets)
    parts = [
        "### Bars", "\n".join(f"- {text}: {'holds' if holds else 'fails'}" for text, holds in bars),
        "### SMD: 38 metrics of a server, by the minute", smd_table,
        "### NAB: its score, standard profile", nab_table,
        "### KPI: indicators of a web service, by five minutes", kpi_text(sets["kpi"], found["kpi"]),
        "### Alarms, at the budget of one a week unless said", markdown_table(pd.DataFrame(alarm_rows)),
        "### Speed", f"CPU seconds, scoring alone: {speed}.",
    ]  # fmt: skip
    return "\n\n".join(parts), [holds for _, holds in bars]


if __name__ == "__main__":
    sys.exit(main())
