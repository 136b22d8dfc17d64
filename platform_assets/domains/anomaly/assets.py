"""The assets predictions/anomaly_scores and anomaly/alerts; scoring.py and alerting.py do the work."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_specs import check_specs, key_of, outcomes_of, spec_of
from platform_assets.core.escape import for_markdown
from platform_assets.core.partition_metadata import add_row_counts
from platform_assets.core.partitions import interval_of, partitions_of
from platform_assets.core.plots import picture
from platform_assets.core.staleness import record_made
from platform_assets.domains.anomaly import alerting, plots, scoring
from platform_assets.domains.anomaly.coverage import coverage
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS, ANOMALY_SCORES
from platform_assets.releases.serving import Serving
from platform_assets.settings import Settings
from spark_jobs.incremental.score_checks import each_has_a_score, scores_are_in_range
from spark_jobs.runtime.canary import Served
from spark_jobs.sources.metrics.left_out import left_out

OWNER = "team:platform"


def anomaly_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """predictions/anomaly_scores; anomaly/alerts with its check."""
    partitions = partitions_of(settings, ANOMALY_SCORES)

    @dg.multi_asset(
        name="anomaly_scores",
        specs=[spec_of(ANOMALY_SCORES, OWNER, {"scikitlearn", "deltalake"}, partitions)],
        check_specs=check_specs(ANOMALY_SCORES),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def anomaly_scores(context: dg.AssetExecutionContext) -> Any:
        lake, hours = lake_of(settings), interval_of(context).hours
        rows, scored_series, versions = score(settings, hours)
        checked = {
            "each_step_has_a_score": each_has_a_score(lake, hours, scoring.STEPS, ANOMALY_SCORES, "step"),
            "anomaly_scores_are_in_range": scores_are_in_range(lake, hours, ANOMALY_SCORES, "score"),
        }
        if all(passed for passed, _, _ in checked.values()):
            record_made(lake, [ANOMALY_SCORES.key], hours, settings)
        add_row_counts(context, lake, ANOMALY_SCORES, hours)
        metadata: dict[str, Any] = {
            "whole run": dg.MetadataValue.json({"hours": len(hours), "rows": rows, "model_versions": versions}),
            "table version": lake.version(ANOMALY_SCORES) or 0,
            "path": lake.path(ANOMALY_SCORES),
        }
        if scored_series is not None:
            metadata["plot: anomalies"] = picture(plots.noisiest_cluster(scored_series), "anomalies")
        yield dg.MaterializeResult(asset_key=key_of(ANOMALY_SCORES.key), metadata=metadata)
        yield from outcomes_of(ANOMALY_SCORES, checked)

    @dg.multi_asset(
        name="anomaly_alerts",
        specs=[spec_of(ANOMALY_ALERTS, OWNER, {"python", "deltalake"})],
        check_specs=check_specs(ANOMALY_ALERTS),
    )
    def anomaly_alerts(context: dg.AssetExecutionContext) -> Any:
        lake, key = lake_of(settings), key_of(ANOMALY_ALERTS.key)
        rows, now = alerting.make_alerts(lake)
        alerting.write_alerts(lake, rows)
        passed, sentence, counts = alerting.every_alarm_is_in_one_alert(lake)
        # People are notified even if the check fails: it reports the missing alarms.
        notified = alerting.notify_people(settings, lake, rows, now) if now is not None else 0
        judged = coverage(lake)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": len(rows),
                "told": notified,
                "open": sum(row["state"] == "open" for row in rows),
                "judged": judged.scope,
                "not judged": dg.MetadataValue.json([*judged.sentences(datetime.now(UTC)), *left_out(lake).sentences]),
                "alerts": dg.MetadataValue.md(
                    "\n".join(f"- {row['severity']}: {for_markdown(row['sentence'])}" for row in rows)
                ),
                "table version": lake.version(ANOMALY_ALERTS) or 0,
            },
        )
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name="every_alarm_is_in_one_alert",
            passed=passed,
            description=sentence,
            metadata=dict(counts),
        )

    return [anomaly_scores, anomaly_alerts]


def score(settings: Settings, hours: tuple[str, ...]) -> tuple[int, Any, list[str]]:
    """Score the hours that have metrics, each with its pinned model version. NoChampionError without a version to use.

    Returns the number of rows, the last scored series, and the versions used.
    """
    lake = lake_of(settings)
    measured = {hour for table in (scoring.STEPS, ANOMALY_SCORES) for hour in lake.hours(table)}
    scorable = [hour for hour in hours if hour in measured]
    serving = Serving(settings, lake, scoring.MODEL)
    rows, scored_series, versions = 0, None, set[str]()
    for served, span in scoring.spans(scorable, serving.of_hours(ANOMALY_SCORES, scorable)):

        def run(used: Served, span: list[str] = span) -> tuple[Served, int, Any]:
            loaded = serving.loaded(used)
            if settings.anomaly.alarms_per_week:
                for model in loaded.values():
                    model.alarms_per_week = settings.anomaly.alarms_per_week
            serving.record(used, span)
            return used, *scoring.score_span(lake, span, used, loaded)

        used, of_span, scored = serving.with_fallback(served, run)
        rows, versions = rows + of_span, versions | {*used.versions.split(",")}
        scored_series = scored if scored is not None else scored_series
    return rows, scored_series, sorted(versions)
