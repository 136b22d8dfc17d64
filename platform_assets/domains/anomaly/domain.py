"""The domain `anomaly`: metrics of clusters in, alerts out."""

from __future__ import annotations

from platform_assets.core.domain import Domain, Pipeline
from platform_assets.domains.anomaly.tables import TABLES

DOMAIN = Domain(
    name="anomaly",
    meaning="Metrics of clusters in, alarms grouped into alerts out.",
    sources=("metrics",),
    tables=TABLES,
    settings={"anomaly": "platform_assets.domains.anomaly.settings:AnomalySettings"},
    made_with="platform_assets.domains.anomaly.settings:made_with",
    assets=("platform_assets.domains.anomaly.assets:anomaly_assets",),
    pipelines=(
        Pipeline(
            "anomaly",
            goals=("anomaly/alerts", "feature_store/infrastructure_metrics"),
            titles={
                "parsed/metrics/samples": "Parsing metric files",
                "features/metrics/cluster_5min": "Making five-minute steps of clusters",
                "predictions/anomaly_scores": "Scoring clusters",
                "anomaly/alerts": "Grouping alarms",
            },
        ),
    ),
    commands={
        "run anomaly": "platform_assets.domains.anomaly.cli:run_anomaly_command",
        "backtest anomaly": "platform_assets.domains.anomaly.backtest:backtest_command",
    },
    training="platform_assets.domains.anomaly.training:TRAINING",
    leak_probes="platform_assets.domains.anomaly.learning:LEAK_PROBES",
    demo="platform_assets.domains.anomaly.demo:DEMO",
)
