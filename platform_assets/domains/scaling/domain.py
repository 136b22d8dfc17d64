"""The domain `scaling`: metrics of clusters in, sizes of node groups and Auto Scaling groups out."""

from __future__ import annotations

from platform_assets.core.domain import Domain, Pipeline
from platform_assets.domains.scaling.feature_groups import INFRASTRUCTURE_METRICS
from platform_assets.domains.scaling.tables import TABLES

DOMAIN = Domain(
    name="scaling",
    meaning="Metrics of clusters in, forecasts and sizes of node groups and Auto Scaling groups out.",
    sources=("metrics",),
    tables=TABLES,
    assets=(
        "platform_assets.domains.scaling.polling:polling_assets",
        "platform_assets.domains.scaling.assets:scaling_assets",
    ),
    settings={
        "metrics": "platform_assets.domains.scaling.settings:MetricsSettings",
        "scaling": "platform_assets.domains.scaling.settings:ScalingSettings",
    },
    feature_groups=(INFRASTRUCTURE_METRICS,),
    pipelines=(
        Pipeline(
            "scaling",
            goals=("scaling/recommendations", "feature_store/infrastructure_metrics"),
            titles={
                "parsed/metrics/samples": "Parsing metric files",
                "features/metrics/cluster_5min": "Making five-minute steps of clusters",
                "features/metrics/cluster_features": "Making features of clusters",
                "scaling/plan": "Forecasting clusters and planning the scaling",
            },
        ),
    ),
    commands={
        "run scaling": "platform_assets.domains.scaling.cli:run_scaling_command",
        "scaling": "platform_assets.domains.scaling.cli:scaling_app",
        "backtest scaling": "platform_assets.domains.scaling.backtest:backtest_command",
    },
    aws_services="platform_assets.domains.scaling.polling:aws_services",
    training="platform_assets.domains.scaling.training:TRAINING",
    leak_probes="platform_assets.domains.scaling.learning:LEAK_PROBES",
    demo="platform_assets.domains.scaling.demo:DEMO",
)
