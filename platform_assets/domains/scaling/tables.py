"""The tables between a cluster's load and its number of nodes: forecasts, the plan, what was done. Columns, grain, upstream and checks only."""

from __future__ import annotations

from platform_assets.actions.audit import audit_columns
from spark_jobs.contract import Check, Column, Table

SCALING_FORECASTS = Table(
    key="predictions/scaling_forecasts",
    meaning="CPU utilization of each cluster 30 minutes ahead with a 90 % interval, and the nodes that it takes, as they were forecast.",
    grain="one cluster and the step that its forecast was made at",
    upstream=("features/metrics/cluster_5min", "models/predictive_scaling"),
    hourly=False,
    unique=("cluster_id", "made_at"),
    checks=(
        Check(
            "forecasts_are_plausible",
            "of each cluster's newest forecast load and interval are numbers of at least 0 in their order, or all null; confidence is within 0..1",
        ),
    ),
    retention_days=28,
    columns=(
        Column("cluster_id", "string", "the cluster", nullable=False),
        Column("made_at", "timestamp", "the newest complete step that the forecast knows (its start)", nullable=False),
        Column("target_at", "timestamp", "the step that is forecast", nullable=False),
        Column("predicted_cpu_utilization", "double", "percent of the nodes in force at made_at; null: no forecast"),
        Column("lower_90", "double", "lower bound of the 90 % interval, percent; null: no forecast"),
        Column(
            "upper_90",
            "double",
            "upper bound of the 90 % interval, percent, at most 1.3 times the greatest demand measured; null: no forecast",
        ),
        Column(
            "confidence",
            "double",
            "0.9, or the share of the last day's loads within their intervals where that is less; 0 before any is known",
            nullable=False,
        ),
        Column("current_cpu_utilization", "double", "percent at made_at, or last measured before it"),
        Column("node_count", "int64", "nodes at made_at; null where nobody counts them"),
        Column("action", "string", "scale_up, scale_down or maintain, by the policy alone", nullable=False),
        Column(
            "target_nodes",
            "int64",
            "nodes by the policy alone; where node_count is null a multiple of the present capacity",
            nullable=False,
        ),
        Column("urgency", "string", "high, medium, low or none", nullable=False),
        Column("reasoning", "string", "why, with the values that decided it", nullable=False),
        Column("model_name", "string", "the model, or naive where no version has passed its gate", nullable=False),
        Column("model_version", "string", "its version in the registry; of naive the rule", nullable=False),
        Column("forecast_at", "timestamp", "when it was made (wall clock)", nullable=False),
    ),
)

SCALING_PLAN = Table(
    key="scaling/plan",
    meaning="What applying would do to the nodes of each cluster, with why: recommended against live and last applied.",
    grain="one cluster",
    upstream=(SCALING_FORECASTS.key,),
    hourly=False,
    unique=("cluster_id",),
    checks=(
        Check("metrics_are_fresh", "not all clusters lack a complete step of the last minutes"),
        Check("forecasts_held", "at most a share of the clusters had loads outside of their intervals lately"),
        Check("changes_are_bounded", "all changes together stay below a number of nodes"),
        Check("sizes_stay_within_bounds", "no change leaves minimum and maximum or goes further beyond them"),
        Check("nobody_else_scaled", "no cluster that is to change was changed by somebody else since the last apply"),
    ),
    retention_days=400,
    columns=(
        Column("cluster_id", "string", "the cluster", nullable=False),
        Column(
            "target",
            "string",
            "what is scaled: file:…, asg: NAME@region or eks: CLUSTER/NODEGROUP@region",
            nullable=False,
        ),
        Column("operation", "string", "scale_up, scale_down, maintain or hold (wanted, but not now)", nullable=False),
        Column("nodes_before", "int64", "live size; null where the target holds none yet"),
        Column("nodes_after", "int64", "size after applying; null where nothing is known", nullable=True),
        Column("is_counted", "boolean", "false: sizes are multiples of the present capacity", nullable=False),
        Column("urgency", "string", "high, medium, low or none", nullable=False),
        Column("reason", "string", "why", nullable=False),
        Column("made_at", "timestamp", "of the forecast behind it; null without one"),
        Column("planned_at", "timestamp", "when the plan was made (wall clock)", nullable=False),
    ),
)

SCALING_AUDIT = Table(
    key="scaling/audit",
    meaning="Every change of a cluster's nodes, and what people asked for; append-only, and the only place that says what is held.",
    grain="one change of one cluster, or one act of a person",
    unique=("acted_at", "audit_id"),
    retention_days=800,
    columns=(
        *audit_columns(
            command="apply, undo or override",
            subject="the cluster; of an override the check",
            expires_at="until when an undo holds its cluster; null else",
            is_personal=False,
        ),
        Column("target", "string", "what was scaled; null for an override"),
        Column("nodes_before", "int64", "size before; null for an override, and where the target held none"),
        Column("nodes_after", "int64", "size asked for; null for an override"),
        Column("details", "string", "the run that an override is for, what failed, or how the change is known"),
    ),
)

TABLES = (SCALING_FORECASTS, SCALING_PLAN, SCALING_AUDIT)
