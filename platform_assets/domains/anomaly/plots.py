"""The plot of scores in Dagster: the cluster with the most alarms, its metric, score and alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.wording import counted

if TYPE_CHECKING:
    import pandas as pd

SHOWN_DAYS = 7


def noisiest_cluster(scored_series: pd.DataFrame) -> Any:
    """A figure of the last week of the cluster with the most alarms; of several, the one with the highest score.

    `scored_series`: steps with metrics, score, is_anomaly and metric, ordered by cluster and time.
    """
    import pandas as pd
    from matplotlib.figure import Figure

    recent = scored_series[scored_series["event_at"] > scored_series["event_at"].max() - pd.Timedelta(days=SHOWN_DAYS)]
    ranked = recent.groupby("cluster_id").agg(alarms=("is_anomaly", "sum"), score=("score", "max"))
    cluster = ranked.sort_values(["alarms", "score"], ascending=False).index[0]
    rows = recent[recent["cluster_id"] == cluster]
    alarms = rows[rows["is_anomaly"]]
    metric = str(alarms.loc[alarms["score"].idxmax(), "metric"]) if len(alarms) else "cpu_utilization"
    figure = Figure(figsize=(11, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(rows["event_at"], rows[metric], linewidth=0.7, label="measured")
    for label in (above.title, above.yaxis.label):
        label.set_parse_math(False)  # the names are strangers'
    above.set(ylabel=metric, title=f"{cluster}: {counted(len(alarms), 'alarm')} in {SHOWN_DAYS} days")
    below.plot(rows["event_at"], rows["score"], linewidth=0.7)
    below.set(xlabel="time (UTC)", ylabel="score, 0..1", ylim=(0, 1.03))
    for axes in (above, below):
        for number, at in enumerate(alarms["event_at"]):
            axes.axvline(at, color="tab:red", linewidth=0.8, label="_" if number else "alarm")
    above.legend(fontsize=8, loc="upper left")
    return figure
