"""Steps of clusters -> rows of predictions/scaling_forecasts, by the champion or, without one, by the naive rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from platform_assets.domains.scaling.config import Rules
from platform_assets.domains.scaling.errors import ScalingError
from platform_assets.domains.scaling.plan_values import STEP
from platform_assets.domains.scaling.tables import SCALING_FORECASTS
from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.runtime.canary import Served
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN
from spark_jobs.sources.metrics.times import LARGEST
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_rows

if TYPE_CHECKING:
    import pandas as pd

MODEL = "predictive_scaling"
HISTORY = timedelta(days=28)
START_UP_SECONDS = 300.0
"""Time from the order of a node until it serves."""
LEARNED_FROM, LONGEST_PAUSE = timedelta(days=3), timedelta(hours=6)
"""Forecasts of so many days tell how often sizes are decided on; what is longer was an interruption."""
NAIVE = "naive"
NAIVE_RULE = "persistence"
BY_NAIVE_RULE = " (by the naive rule, for no model has passed its gate)"


@dataclass(frozen=True)
class Forecaster:
    """The models that forecast, by version: the champion, or it and the canary for its share of the clusters."""

    models: Mapping[str, Any]
    served: Served

    @classmethod
    def of(cls, model: Any, name: str, version: str) -> Forecaster:
        """One model for all clusters."""
        return cls({version: model}, Served(name, version))

    @classmethod
    def naive(cls) -> Forecaster:
        """The naive rule."""
        from weir_models.predictive_scaling.model import naive

        return cls.of(naive(), NAIVE, NAIVE_RULE)

    @property
    def name(self) -> str:
        return self.served.model_name

    @property
    def is_naive(self) -> bool:
        return self.name == NAIVE

    def predict(self, frame: pd.DataFrame, policies: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
        """One row a cluster with its model_version, in the order of cluster_id; `policies` replace fields of the policy
        for some clusters. UnusableModelError where a model fails."""
        import pandas as pd

        if len(self.models) == 1:
            return self._predicted(self.served.model_version, frame, policies)
        version_of = {name: self.served.version_of(str(name)) for name in frame["cluster_id"].unique()}
        versions = frame["cluster_id"].map(version_of)
        parts = [
            self._predicted(version, frame[versions == version].reset_index(drop=True), policies)
            for version in sorted(set(version_of.values()))
        ]
        return pd.concat(parts).sort_values("cluster_id", ignore_index=True)

    def _predicted(self, version: str, frame: pd.DataFrame, policies: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
        from spark_jobs.runtime.scoring import UnusableModelError, first_line

        try:
            predicted: pd.DataFrame = self.models[version].predict_each(frame, policies)
        except MemoryError:
            raise
        except Exception as error:
            raise UnusableModelError.of(self.name, version, "applied", first_line(error)) from error
        return predicted.assign(model_version=version)


def recent_steps(lake: Lake, now: datetime) -> pd.DataFrame:
    """The complete steps of the 28 days before the newest one, of all clusters; times are UTC."""
    from weir_models.predictive_scaling.spec import INPUTS

    hours = [hour for hour in lake.hours(CLUSTER_5MIN) if parse_hour(hour) <= now]
    since = format_hour(parse_hour(hours[-1]) - HISTORY) if hours else ""
    steps = lake.read_arrow(CLUSTER_5MIN, [hour for hour in hours if hour >= since], columns=list(INPUTS)).to_pandas()
    return steps[steps["event_at"] + STEP <= now].sort_values(["cluster_id", "event_at"], ignore_index=True)


def measured_lately(steps: pd.DataFrame, max_age: timedelta) -> tuple[pd.DataFrame, list[str]]:
    """The steps of clusters measured within `max_age` of the newest step, and the names of all other clusters.

    Steps after a cluster's last measurement are left out.
    """
    measured = steps[steps["cpu_utilization"].notna()]
    if measured.empty:
        return measured, sorted(set(steps["cluster_id"]))
    last = measured.groupby("cluster_id")["event_at"].max()
    reporting = last[last >= last.max() - max_age]
    until = steps["cluster_id"].map(reporting)
    return steps[steps["event_at"] <= until], sorted(set(steps["cluster_id"]) - set(reporting.index))


def learned_leads(lake: Lake, now: datetime) -> dict[str, float]:
    """Seconds from one decision on a cluster until the nodes of the next one serve, by how often it was decided on lately."""
    known = lake.read_arrow(SCALING_FORECASTS, columns=["cluster_id", "made_at"]).to_pandas()
    known = known[known["made_at"] > now - LEARNED_FROM].drop_duplicates().sort_values(["cluster_id", "made_at"])
    pauses = known.groupby("cluster_id")["made_at"].diff()
    usual = pauses[pauses <= LONGEST_PAUSE].dt.total_seconds().groupby(known["cluster_id"]).median()
    return {str(cluster_id): START_UP_SECONDS + seconds for cluster_id, seconds in usual.items()}


def forecast_rows(
    steps: pd.DataFrame,
    forecaster: Forecaster,
    rules: Rules,
    live: Mapping[str, int],
    now: datetime,
    leads: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Rows of the table, one per cluster.

    `live`: nodes in service of the targets of clusters without node counts; `leads`: learned times that a size has to last.
    """
    nodes_of = {str(cluster_id): nodes for cluster_id, nodes in steps.groupby("cluster_id")["node_count"]}
    uncounted = {cluster_id for cluster_id, nodes in nodes_of.items() if nodes.isna().all()}
    known = steps["cluster_id"].map({name: live[name] for name in uncounted & set(live)}).astype(float)
    steps = steps.assign(node_count=steps["node_count"].fillna(known))
    policies: dict[str, dict[str, Any]] = {name: {"lead_seconds": lead} for name, lead in (leads or {}).items()}
    for name in nodes_of:
        if (rule := rules.of(name)) is not None:
            policies[name] = {**policies.get(name, {}), **rule.overrides}
    rows = []
    for forecast in forecaster.predict(steps, policies).to_dict("records"):
        cluster_id = str(forecast["cluster_id"])
        nodes = steps.loc[nodes_of[cluster_id].index, "node_count"]
        nodes = nodes.where(nodes.abs() <= LARGEST).dropna()
        rows.append(
            {
                "cluster_id": cluster_id,
                "made_at": forecast["made_at"].to_pydatetime(),
                "target_at": forecast["target_at"].to_pydatetime(),
                **{name: _finite(forecast[name]) for name in FIGURES},
                "confidence": float(forecast["confidence"]),
                "node_count": int(nodes.iloc[-1]) if len(nodes) else None,
                "action": forecast["action"],
                "target_nodes": int(forecast["target_nodes"]),
                "urgency": forecast["urgency"],
                "reasoning": forecast["reasoning"] + (BY_NAIVE_RULE if forecaster.is_naive else ""),
                "model_name": forecaster.name,
                "model_version": forecast["model_version"],
                "forecast_at": now,
            }
        )
    return rows


FIGURES = ("predicted_cpu_utilization", "lower_90", "upper_90", "current_cpu_utilization")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def live_sizes(steps: pd.DataFrame, rules: Rules) -> dict[str, int]:
    """Nodes in service of the targets of clusters without node counts; a target that cannot be read is left to the plan."""
    sizes = {}
    counts = steps.groupby("cluster_id")["node_count"].count()
    for cluster_id in counts[counts == 0].index:
        rule = rules.of(str(cluster_id))
        if rule is None or rule.target.is_file:
            continue
        try:
            nodes = rule.target.read().counted
        except ScalingError:
            continue
        if nodes:
            sizes[str(cluster_id)] = nodes
    return sizes


def write(lake: Lake, rows: Sequence[dict[str, Any]], retention_days: int | None) -> None:
    """Append forecasts. The first of a day, or a repeated one, rewrites the table as one file without expired rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not rows:
        return
    new = arrow_rows(SCALING_FORECASTS, rows)
    keys = {(row["cluster_id"], row["made_at"]) for row in rows}
    now = max(row["forecast_at"] for row in rows)
    stored = lake.read_arrow(SCALING_FORECASTS, columns=["cluster_id", "made_at", "forecast_at"])
    newest = pc.max(stored["forecast_at"]).as_py()
    is_repeated = any(
        key in keys for key in zip(stored["cluster_id"].to_pylist(), stored["made_at"].to_pylist(), strict=True)
    )
    if newest is None or (newest.date() == now.date() and not is_repeated):
        lake.append_arrow(new, SCALING_FORECASTS)
        return
    since = datetime.min.replace(tzinfo=UTC) if retention_days is None else now - timedelta(days=retention_days)

    def merged(old: Any) -> Any:
        pairs = zip(
            old["cluster_id"].to_pylist(), old["made_at"].to_pylist(), old["forecast_at"].to_pylist(), strict=True
        )
        kept = pa.array([(cluster, made_at) not in keys and at >= since for cluster, made_at, at in pairs], pa.bool_())
        return pa.concat_tables([old.select(new.schema.names).cast(new.schema).filter(kept), new])

    lake.rewrite(SCALING_FORECASTS, merged)


def newest_forecasts(lake: Lake) -> list[dict[str, Any]]:
    """The newest row of each cluster."""
    rows = lake.read_arrow(SCALING_FORECASTS).to_pylist()
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["made_at"], row["forecast_at"])):
        newest[row["cluster_id"]] = row
    return [newest[cluster] for cluster in sorted(newest)]


def are_plausible(rows: Sequence[Mapping[str, Any]]) -> tuple[bool, str, dict[str, Any]]:
    """Whether load and interval of each row are numbers of at least 0 in their order, or all null; passed, sentence, metadata."""

    def is_plausible(row: Mapping[str, Any]) -> bool:
        figures = [row[name] for name in ("lower_90", "predicted_cpu_utilization", "upper_90")]
        if not 0.0 <= row["confidence"] <= 1.0 or row["target_nodes"] < 0:
            return False
        return figures == [None] * 3 or (
            None not in figures and 0.0 <= figures[0] <= figures[1] <= figures[2] < math.inf
        )

    wrong = [row["cluster_id"] for row in rows if not is_plausible(row)]
    if wrong:
        return (
            False,
            f"{len(wrong)} forecasts are no plausible numbers, of {wrong[0]} first; fit the model again.",
            {"clusters": wrong[:20]},
        )
    return True, f"{len(rows)} forecasts lie within their intervals.", {"clusters": len(rows)}


def plot_of(rows: Sequence[dict[str, Any]], steps: pd.DataFrame, most: int = 3) -> Any:
    """A figure of the last day and the forecast with its interval, for the clusters with the highest forecasts."""
    from matplotlib.figure import Figure

    forecasts = [row for row in rows if row["upper_90"] is not None]
    worst = sorted(forecasts, key=lambda row: -row["upper_90"])[:most]
    figure = Figure(figsize=(8, 2.4 * max(1, len(worst))), layout="tight")
    for position, row in enumerate(worst):
        axes = figure.add_subplot(len(worst), 1, position + 1)
        day = steps[
            (steps["cluster_id"] == row["cluster_id"]) & (steps["event_at"] > row["made_at"] - timedelta(days=1))
        ]
        axes.plot(day["event_at"], day["cpu_utilization"], color="tab:blue", label="measured")
        arms = [
            [row["predicted_cpu_utilization"] - row["lower_90"]],
            [row["upper_90"] - row["predicted_cpu_utilization"]],
        ]
        at = [row["target_at"]]
        axes.errorbar(
            at, [row["predicted_cpu_utilization"]], yerr=arms, fmt="o", color="tab:red", label="forecast, 90 %"
        )
        axes.set_title(row["cluster_id"], fontsize=9)
        axes.set_ylabel("CPU, %")
        axes.set_xlabel("time (UTC)")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7, loc="upper left")
    return figure
