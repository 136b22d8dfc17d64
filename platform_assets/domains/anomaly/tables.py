"""The tables between cluster metrics and notifications: scores and alerts. Columns, grain, upstream and checks only."""

from __future__ import annotations

from spark_jobs.contract import Check, Column, Table

HISTORY_DAYS = 14
"""How many days of a cluster's past a score needs at least: the second week is the first with a weekly season."""
WEEK_HOURS = 7 * 24

ANOMALY_SCORES = Table(
    key="predictions/anomaly_scores",
    meaning="How far each cluster's metrics depart from all that came before, and whether an alarm is raised.",
    grain="one cluster in one step of five minutes",
    partition="month",
    upstream=("features/metrics/cluster_5min", "models/anomaly_detection"),
    trailing_hours=HISTORY_DAYS * 24 + WEEK_HOURS,
    backfill_days=14,
    unique=("cluster_id", "event_at"),
    checks=(
        Check("each_step_has_a_score", "as many scores as steps of the clusters, hour by hour"),
        Check("anomaly_scores_are_in_range", "score is a number within 0..1, never null"),
    ),
    columns=(
        Column("cluster_id", "string", "the cluster", nullable=False),
        Column("event_at", "timestamp", "start of the step; it is judged five minutes later", nullable=False),
        Column(
            "score",
            "double",
            "1 / (1 + steps a week of the past that depart so much), 0..1, to rank steps; 0 where a step is not judged",
            nullable=False,
        ),
        Column(
            "is_anomaly", "boolean", "an alarm is raised here; steps that continue it are not marked", nullable=False
        ),
        Column(
            "severity",
            "string",
            "info, warning or critical: of an alarm, or of a step at which its departure became more severe; null elsewhere",
        ),
        Column("metric", "string", "the metric that departs most, of an alarm and of what follows it; null elsewhere"),
        Column(
            "reason", "string", "how the metric departs, with its values, or that it is back (recovery); null elsewhere"
        ),
        Column("model_name", "string", "the model that judged", nullable=False),
        Column("model_version", "string", "its version in the registry", nullable=False),
    ),
)

ANOMALY_ALERTS = Table(
    key="anomaly/alerts",
    meaning="The alarms of the last week as a person reads them: what belongs together is one alert, and there are never more than twenty.",
    grain="one incident of a cluster, one storm over several, or one digest of what is beyond the most alerts",
    upstream=(ANOMALY_SCORES.key,),
    hourly=False,
    unique=("alert_id",),
    checks=(
        Check(
            "every_alarm_is_in_one_alert",
            "each alarm is in exactly one alert, each critical one by name, and there are at most twenty alerts",
        ),
    ),
    retention_days=400,
    columns=(
        Column("alert_id", "string", "hash of its first incident; stays when later alarms join", nullable=False),
        Column("kind", "string", "incident, storm or digest", nullable=False),
        Column("severity", "string", "the highest of its alarms: info, warning or critical", nullable=False),
        Column(
            "state",
            "string",
            "open, or resolved: an hour after its last alarm, and once its departures have ended",
            nullable=False,
        ),
        Column("first_at", "timestamp", "its first alarm", nullable=False),
        Column("last_at", "timestamp", "its last alarm", nullable=False),
        Column("score", "double", "the highest of its alarms, 0..1", nullable=False),
        Column("clusters", "list<string>", "the clusters", nullable=False),
        Column("metrics", "list<string>", "the metrics that departed most", nullable=False),
        Column("alarm_count", "int64", "its alarms", nullable=False),
        Column("alarms", "list<string>", "all of them by name: cluster/metric at time", nullable=False),
        Column("critical_alarms", "list<string>", "of these, the critical ones", nullable=False),
        Column("incident_ids", "list<string>", "the incidents that it holds", nullable=False),
        Column("sentence", "string", "what it is, in one line, with the reason of its loudest alarm", nullable=False),
        Column(
            "told_at",
            "timestamp",
            "when people were told of it last (wall clock); null: not yet, or it was over when it was found",
        ),
    ),
)

TABLES = (ANOMALY_SCORES, ANOMALY_ALERTS)
