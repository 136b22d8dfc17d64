"""Exports besides WAF changes: decisions to a database, metrics, alerts. Assets only; clients/ has the targets."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from platform_assets.clients import database, notifier
from platform_assets.clients import metric_publishers as metrics
from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import dep_on, key_of
from platform_assets.core.partitions import hourly, interval_of
from platform_assets.core.staleness import record_made
from platform_assets.domains.waf import freshness
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.settings import Settings
from spark_jobs.contract import parse_hour
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

OWNER = "team:edge"
DATABASE_KEY, METRICS_KEY = "exports/database", "exports/metrics"
OBJECT_COUNTS = tables()["parsed/cloudfront/object_counts"]


def export_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """exports/database, exports/metrics, exports/alerts, exports/freshness."""
    partitions = hourly(settings)

    def spec(name: str, deps: Sequence[str], description: str, kinds: set[str], by_hour: bool) -> dg.AssetSpec:
        return dg.AssetSpec(
            ["exports", name],
            deps=[key_of(key) if by_hour else dep_on(key) for key in deps],
            description=description,
            group_name=group_of(f"exports/{name}", "waf"),
            kinds=kinds,
            owners=[OWNER],
            partitions_def=partitions if by_hour else None,
        )

    @dg.multi_asset(
        name="export_database",
        specs=[
            spec("database", [WAF_DECISIONS.key], "Decisions in a SQL database, keyed on the decision.", {"sql"}, True)
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def export_database(context: dg.AssetExecutionContext) -> Any:
        lake, hours = lake_of(settings), interval_of(context).hours
        report = upload_decisions(settings, lake, hours[0])
        record_made(lake, [DATABASE_KEY], [hour for hour in lake.hours(OBJECT_COUNTS) if hour >= hours[0]])
        yield dg.MaterializeResult(asset_key=["exports", "database"], metadata=_of_run(hours, report))

    @dg.multi_asset(
        name="export_metrics",
        specs=[
            spec(
                "metrics",
                [OBJECT_COUNTS.key, "predictions/request_scores", "predictions/client_scores", WAF_DECISIONS.key],
                "Counts per hour: lines, requests, attacks, abusive clients, decisions.",
                {"cloudwatch" if settings.metrics_target == "cloudwatch" else "json"},
                True,
            )
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def export_metrics(context: dg.AssetExecutionContext) -> Any:
        lake, hours = lake_of(settings), interval_of(context).hours
        report = metrics.publish(settings, hourly_points(lake, hours))
        record_made(lake, [METRICS_KEY], hours)
        yield dg.MaterializeResult(asset_key=["exports", "metrics"], metadata=_of_run(hours, report))

    @dg.multi_asset(
        name="export_alerts",
        specs=[
            spec("alerts", [WAF_PLAN.key], "An alert for every address newly blocked or challenged.", {"python"}, False)
        ],
    )
    def export_alerts(context: dg.AssetExecutionContext) -> Any:
        sent = alert_on_plan(settings, lake_of(settings))
        yield dg.MaterializeResult(asset_key=["exports", "alerts"], metadata={"alerts": sent})

    @dg.multi_asset(
        name="export_freshness",
        specs=[
            spec(
                "freshness",
                [freshness.APPLIED_KEY],
                "Age of events when each stage has them, AWS's delivery apart from ours, as percentiles per hour.",
                {"cloudwatch" if settings.metrics_target == "cloudwatch" else "json"},
                False,
            )
        ],
    )
    def export_freshness(context: dg.AssetExecutionContext) -> Any:
        metadata = publish_freshness(settings, lake_of(settings), datetime.now(UTC))
        yield dg.MaterializeResult(asset_key=["exports", "freshness"], metadata=metadata)

    return [export_database, export_metrics, export_alerts, export_freshness]


def _of_run(hours: Sequence[str], report: Any) -> dict[str, Any]:
    return {"whole run": dg.MetadataValue.json({"hours": len(hours), **report.__dict__})}


def publish_freshness(settings: Settings, lake: Lake, now: datetime) -> dict[str, Any]:
    """Publish the freshness of the hours decided, or applied, since the last call; returns the asset's metadata.

    Runs after the plan was applied, so with applying on, every decision made so far is in WAF.
    """
    hours = freshness.hours_to_measure(lake, settings.waf.apply)
    freshness.record_measured(lake, hours, settings.waf.apply)
    measured = freshness.measure(lake, hours, now)
    report = metrics.publish(
        settings, [point for freshness_of_hour in measured for point in freshness_of_hour.points()]
    )
    return {
        "hours": len(hours),
        "hours measured": len(measured),
        "summary": freshness.sentence(measured),
        **report.__dict__,
    }


def upload_decisions(settings: Settings, lake: Lake, first_hour: str) -> database.UpsertReport:
    """Replace the database's decisions from `first_hour` on with the lake's: later hours depend on earlier ones."""
    counted = lake.hours(OBJECT_COUNTS)
    hours = [hour for hour in sorted({*counted, *lake.hours(WAF_DECISIONS)}) if hour >= first_hour]
    rows = lake.read_arrow(WAF_DECISIONS, hours).to_pylist()
    ends = [parse_hour(hour) + timedelta(hours=1) for hour in hours]
    return database.replace(settings.database, WAF_DECISIONS, rows, ("decision_id",), "decided_at", ends)


def hourly_points(lake: Lake, hours: Sequence[str]) -> list[metrics.MetricPoint]:
    """Metric points of each hour that has log lines in the lake."""
    counts = lake.read_arrow(OBJECT_COUNTS, hours).to_pylist()
    attacks = _per_hour(lake, "predictions/request_scores", hours, "is_attack")
    abuse = _per_hour(lake, "predictions/client_scores", hours, "is_abuse")
    decisions = lake.read_arrow(WAF_DECISIONS, hours, columns=["action", "event_hour"]).to_pylist()
    points = []
    for hour in sorted({row["event_hour"] for row in counts}):
        at = parse_hour(hour)
        counts_of_hour = [row for row in counts if row["event_hour"] == hour]

        def add(name: str, value: int, at: datetime = at, **dimensions: str) -> None:
            points.append(metrics.MetricPoint(name, float(value), at, "Count", dimensions))

        add("RequestsParsed", sum(row["parsed_count"] for row in counts_of_hour))
        add("LinesRejected", sum(row["rejected_count"] for row in counts_of_hour))
        add("AttackRequests", attacks.get(hour, 0))
        add("AbusiveClients", abuse.get(hour, 0))
        for action in ("count", "challenge", "block"):
            count = sum(row["action"] == action for row in decisions if row["event_hour"] == hour)
            add("Decisions", count, Action=action)
    return points


def _per_hour(lake: Lake, key: str, hours: Sequence[str], flag: str) -> dict[str, int]:
    import pyarrow.dataset as ds

    rows = lake.read_arrow(tables()[key], hours, columns=["event_hour"], filter=ds.field(flag))
    counts = rows.group_by("event_hour").aggregate([([], "count_all")]).to_pylist()
    return {row["event_hour"]: row["count_all"] for row in counts}


def alert_on_plan(settings: Settings, lake: Lake) -> int:
    """Send one alert for the blocks and challenges that the latest plan adds; returns the number of entries."""
    added = {
        (row["action"], row["address"]): row  # the same entry in several scopes counts once
        for row in lake.read_arrow(WAF_PLAN).to_pylist()
        if row["operation"] == "add" and row["action"] in ("block", "challenge")
    }
    rows = list(added.values())
    if rows:
        blocks = sum(row["action"] == "block" for row in rows)
        names = sorted({row["decision_id"] or row["address"] for row in rows})
        alert = notifier.Alert(
            kind="waf_entries",
            severity="warning",
            summary=f"WAF is to block {blocks} and to challenge {counted(len(rows) - blocks, 'more address', 'more addresses')}.",
            at=datetime.now(UTC),
            details={row["address"]: f"{row['action']}: {row['reason']}" for row in rows[:50]},
            key=f"waf_entries:{_digest(names)}",
        )
        notifier.notify(settings, alert)
    return len(rows)


def _digest(names: Sequence[str]) -> str:
    import hashlib

    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
