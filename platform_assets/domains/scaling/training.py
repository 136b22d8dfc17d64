"""The training set of predictive_scaling: the cluster metrics in the lake."""

from __future__ import annotations

from platform_assets.training.sets import TrainingSet
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN

FIRST_FIT_HOURS = 72
"""The model's experts look back three days."""
FIT_DAYS = 28
"""What a forecast looks back on (`forecasting.HISTORY`)."""
FIT_CLUSTERS = 5
"""Fitting and evaluating costs ten CPU-seconds a cluster for 28 days; what is fitted are a few weights."""

TRAINING = {
    "predictive_scaling": TrainingSet(
        CLUSTER_5MIN,
        ("cluster_id", "event_at", "cpu_utilization", "node_count"),
        first_fit_hours=FIRST_FIT_HOURS,
        newest_days=FIT_DAYS,
        most_series=("cluster_id", FIT_CLUSTERS),
        recent="platform_assets.domains.scaling.learning:recent_steps",
        outcomes="platform_assets.domains.scaling.learning:measured_forecasts",
    )
}
"""Model -> its training set."""
