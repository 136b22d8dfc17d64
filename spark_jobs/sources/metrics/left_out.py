"""What of the delivered samples is in no step of a cluster: what was rejected, and metrics that have no column. For reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.sources.metrics.cluster_metrics import METRICS
from spark_jobs.sources.metrics.tables import REJECTED_SAMPLES, SAMPLES
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

SPAN = timedelta(days=7)
"""Before the newest sample: what was left out of it is reported."""
MOST_SAMPLES = 5_000_000
"""Samples whose metrics are looked at, the newest first."""
NAMES_SHOWN = 5


@dataclass(frozen=True)
class LeftOut:
    """Rejected samples by reason, and samples by metrics that have no column in cluster_5min."""

    rejected: Mapping[str, int] = field(default_factory=dict)
    other_metrics: Mapping[str, int] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """One sentence for each kind; none where nothing was left out."""
        sentences = []
        if self.rejected:
            sentences.append(
                f"{counted(sum(self.rejected.values()), 'sample, column or file was', 'samples, columns or files were')} rejected in {SPAN.days} days ({_shown(self.rejected)}); "
                "see why with: weir export rejected_samples rejected.csv"
            )
        if self.other_metrics:
            sentences.append(
                f"{counted(sum(self.other_metrics.values()), 'sample')} of {SPAN.days} days are of metrics that are neither judged nor forecast "
                f"({_shown(self.other_metrics)}); WEIR_METRICS_MAPPING maps them to one that is"
            )
        return sentences


def left_out(lake: Lake) -> LeftOut:
    """What was left out of the samples of the last week before the newest one."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    present = format_hour(datetime.now(UTC))
    sampled = [hour for hour in lake.hours(SAMPLES) if hour <= present]
    since = format_hour(parse_hour(sampled[-1] if sampled else present) - SPAN)
    hours = [hour for hour in lake.hours(REJECTED_SAMPLES) if hour >= since]
    reasons = lake.read_arrow(REJECTED_SAMPLES, hours, columns=["reason"])["reason"].to_pylist() if hours else []
    recent: list[str] = []
    count = 0
    counts = lake.row_counts(SAMPLES, sampled)
    for hour in reversed(sampled):
        count += counts.get(hour, 0)
        if hour < since or (recent and count > MOST_SAMPLES):
            break
        recent.append(hour)
    others = ~ds.field("metric").isin(METRICS)
    metrics = pc.value_counts(lake.read_arrow(SAMPLES, recent, columns=["metric"], filter=others)["metric"]).to_pylist()
    return LeftOut(Counter(reasons), {row["values"]: row["counts"] for row in metrics})


def _shown(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{count:,} × {name}" for name, count in ranked[:NAMES_SHOWN])
    return shown + (f" and {len(ranked) - NAMES_SHOWN} more" if len(ranked) > NAMES_SHOWN else "")
