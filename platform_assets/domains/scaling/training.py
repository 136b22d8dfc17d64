"""The training set of predictive_scaling: the cluster metrics in the lake."""

from __future__ import annotations

from platform_assets.training.sets import TrainingSet
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN

FIRST_FIT_HOURS = 72
"""The model's experts look back three days."""

TRAINING = {
    "predictive_scaling": TrainingSet(
        CLUSTER_5MIN,
        ("cluster_id", "event_at", "cpu_utilization", "node_count"),
        first_fit_hours=FIRST_FIT_HOURS,
    )
}
"""Model -> its training set."""
