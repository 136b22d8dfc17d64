"""What predictive_scaling reads, what it must beat, and what it must reach before it serves."""

from __future__ import annotations

from weir_models.contract import Gate, Guard, Learning, ModelSpec

INPUTS = ("cluster_id", "event_at", "cpu_utilization", "node_count")

SPEC = ModelSpec(
    name="predictive_scaling",
    meaning="CPU utilization of a cluster 30 minutes ahead, with a 90 % interval, and the number of nodes that it takes.",
    owner="team:scaling",
    training_table="features/metrics/cluster_5min",
    inputs={"features/metrics/cluster_5min": INPUTS},
    label="cpu_utilization",
    naive_rule="Persistence: in 30 minutes the demand is what it is now.",
    gates=(
        Gate("ratio_persistence_high", at_most=0.99),
        Gate("coverage", at_least=0.86, at_most=0.94),
        Gate("width_relative", at_most=2.0),
        Gate("greatest_bound", at_most=1.5),
        Gate("cost_beside_reactive", at_most=1.1),
        Gate("violations_beside_reactive", at_most=0.01),
    ),
    learning=Learning(
        predictions="predictions/scaling_forecasts",
        score="predicted_cpu_utilization",
        entity="cluster_id",
        guards=(Guard("difference", 10.0), Guard("failed", 0.0), Guard("slower", 3.0)),
        made_at="made_at",
        realised=("mae_relative_to_persistence", "coverage"),
        figures={
            "MAE relative to persistence": "ratio_persistence",
            "coverage of the 90 % interval": "coverage",
            "precision of more nodes": "more_nodes_precision",
            "recall of more nodes": "more_nodes_recall",
            "violations of the sizes": "violations",
        },
        milliseconds_per_row=20.0,
        max_age_days=7,
    ),
    trusted_types=("weir_models.predictive_scaling.model.PredictiveScaling",),
)
