"""Specification of anomaly_detection: inputs, naive rule and gates."""

from __future__ import annotations

from weir_models.contract import Gate, Guard, Learning, ModelSpec

METRICS = (
    "cpu_utilization", "memory_utilization", "network_utilization", "request_rate", "response_time", "error_rate",
    "queue_depth",
)  # fmt: skip
"""Of cluster_5min; those that a frame has are judged."""

SHARE_FLOORS = {"error_rate": (0.01, 0.05)}
"""Metric that is a share -> the least share of a warning and of a critical alarm."""

NAIVE_WINDOW_ROWS = 288
NAIVE_DEVIATIONS = 3.0

SPEC = ModelSpec(
    name="anomaly_detection",
    meaning="Does what a cluster's metrics do now depart from all they did before, how rarely, and is it worth an alarm.",
    owner="team:platform",
    training_table="training/metrics/incident_examples",
    inputs={"features/metrics/cluster_5min": ("cluster_id", "event_at", *METRICS)},
    label="is_incident",
    naive_rule=(
        f"Alarm where any metric is more than {NAIVE_DEVIATIONS:g} standard deviations from the mean of the "
        f"{NAIVE_WINDOW_ROWS} rows before; alarms are merged as the model's are."
    ),
    gates=(
        Gate("event_f1", at_least_figure="naive_event_f1"),
        Gate("false_alarms_per_week", at_most=1.0),
        Gate("event_recall", at_least=0.5),
    ),
    learning=Learning(
        predictions="predictions/anomaly_scores",
        score="score",
        entity="cluster_id",
        flag="is_anomaly",
        guards=(Guard("flagged_more", 0.002), Guard("flagged_less", 0.25), Guard("failed", 0.0), Guard("slower", 3.0)),
        realised=("precision", "recall", "accuracy"),
        figures={
            "precision": "event_precision",
            "recall": "event_recall",
            "F1": "event_f1",
            "false alarms a week": "false_alarms_per_week",
        },
        details=("severity", "metric", "reason"),
        milliseconds_per_row=5.0,
    ),
    trusted_types=("weir_models.anomaly_detection.model.AnomalyDetection",),
)
