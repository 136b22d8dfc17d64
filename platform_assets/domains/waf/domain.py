"""The domain `waf`: CloudFront access logs in, AWS WAF changes out."""

from __future__ import annotations

from platform_assets.core.domain import Domain, HourlyAsset, Pipeline
from platform_assets.domains.waf.tables import TABLES, WAF_DECISIONS

DOMAIN = Domain(
    name="waf",
    meaning="CloudFront access logs in, AWS WAF changes out, every block explained back to its log lines.",
    sources=("cloudfront",),
    tables=TABLES,
    assets=("platform_assets.domains.waf.assets:waf_assets", "platform_assets.domains.waf.exports:export_assets"),
    settings={
        "cloudfront": "platform_assets.domains.waf.settings:CloudFrontSettings",
        "waf": "platform_assets.domains.waf.settings:WafSettings",
    },
    hourly_assets=(
        HourlyAsset("exports/database", (WAF_DECISIONS.key,)),
        HourlyAsset("exports/metrics", (WAF_DECISIONS.key,)),
    ),
    pipelines=(
        Pipeline(
            "edge",
            goals=("waf/ip_sets", "exports/database", "exports/metrics", "exports/alerts", "exports/freshness"),
            titles={
                "parsed/cloudfront/requests": "Parsing and scoring requests",
                "features/cloudfront/client_daily": "Scoring clients and deciding",
                "waf/plan": "Planning the WAF change",
            },
        ),
    ),
    commands={
        "run edge": "platform_assets.domains.waf.run_command:run_edge_command",
        "decisions": "platform_assets.domains.waf.decisions_command:decisions_command",
        "waf": "platform_assets.domains.waf.cli:waf_app",
    },
    doctor="platform_assets.domains.waf.doctor:CHECKS",
    aws_services="platform_assets.domains.waf.doctor:aws_services",
    training="platform_assets.domains.waf.training:TRAINING",
    leak_probes="platform_assets.domains.waf.learning:LEAK_PROBES",
    explain="platform_assets.domains.waf.explain",
    demo="platform_assets.domains.waf.demo:DEMO",
    streams={"cloudfront": "platform_assets.domains.waf.early.follower:EarlyDecider"},
    database_tables={WAF_DECISIONS.key: "decided_at"},
)
