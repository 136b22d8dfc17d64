"""Source tables as assets, made by the Spark job that writes them; derived from the declarations in spark_jobs."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import chain
from typing import Any

import dagster as dg

from platform_assets.clients.engine import SparkRunner, lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.asset_specs import check_specs, key_of, outcomes_of, spec_of
from platform_assets.core.job_parameters import job_parameters
from platform_assets.core.partition_metadata import add_row_counts, versions_in
from platform_assets.core.partitions import interval_of, partitions_of
from platform_assets.core.staleness import record_made, record_parsed
from platform_assets.releases.serving import Serving
from platform_assets.settings import Settings
from spark_jobs import registry
from spark_jobs.contract import PARSED_LAYER, Interval, Job, Source, Table
from spark_jobs.runtime.canary import Served
from spark_jobs.storage.lake import Lake


def source_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of every job of every source."""
    return [_job_asset(settings, source, job) for source in registry.sources().values() for job in source.jobs]


def _job_asset(settings: Settings, source: Source, job: Job) -> dg.AssetsDefinition:
    partitions = partitions_of(settings, job.tables[0])

    @dg.multi_asset(
        name=f"{source.name}_{job.name}",
        specs=[spec_of(table, source.owner, {"spark", "deltalake"}, partitions) for table in job.tables],
        check_specs=check_specs(*job.tables),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # Scoring runs first, so that tables that look back on scores are made in one run.
        op_tags={"dagster/priority": "1" if job.model else "0"},
    )
    def job_tables(context: dg.AssetExecutionContext) -> Any:
        lake, interval = lake_of(settings), interval_of(context)
        figures = run_job(settings, source, job, lake, interval)
        versions = figures.pop("model_versions", {})
        of_run = {
            "hours": len(interval.hours),
            **figures,
            **({"model_versions": versions_in(versions)} if versions else {}),
        }
        context.log.info("%s %s to %s: %s", job.name, interval.hours[0], interval.hours[-1], of_run)
        for table in job.tables:
            add_row_counts(context, lake, table, interval.hours, versions)
            yield dg.MaterializeResult(
                asset_key=key_of(table.key),
                metadata={
                    "table version": lake.version(table) or 0,
                    "path": lake.path(table),
                    "whole run": dg.MetadataValue.json(of_run),
                },
            )
        results = list(chain.from_iterable(_checked(source, table, lake, interval) for table in job.tables))
        yield from results
        if all(result.passed for result in results):
            record(lake, source, job, interval)

    return job_tables


def record(lake: Lake, source: Source, job: Job, interval: Interval) -> None:
    """Record that the hours of the job's tables are made."""
    if job.tables[0].layer == PARSED_LAYER:
        record_parsed(lake, interval.hours, source.name)
    else:
        record_made(lake, [table.key for table in job.tables], interval.hours)


def run_job(settings: Settings, source: Source, job: Job, lake: Lake, interval: Interval) -> dict[str, Any]:
    """Run the job over the interval with the model versions of each hour; returns its figures.

    Of a job with a model they have `model_versions`: hour -> version, or two, comma-separated, where a canary served its share.
    """
    runner = SparkRunner.of(settings)
    if job.model is None:
        return runner.run(source, job, lake, interval, job_parameters(settings, job))
    serving = Serving(settings, lake, job.model)
    served = serving.of_hours(job.tables[0], interval.hours)
    score_versions = _score_versions(ModelRegistry.of(settings), lake, job, interval)
    figures: dict[str, Any] = {"rows": 0, "model_versions": {}}
    for (versions, behind), span in _spans(interval, lambda hour: (served[hour], score_versions.get(hour))):
        parameters = {} if job.scores_behind is None else {job.scores_behind.parameter: behind}

        def run(
            used: Served, span: Interval = span, parameters: Mapping[str, Any] = parameters
        ) -> tuple[Served, dict[str, Any]]:
            fetched = serving.fetched(used)
            serving.record(fetched, span.hours)
            return fetched, runner.run(source, job, lake, span, {**fetched.parameters(), **parameters})

        used, of_span = serving.with_fallback(versions, run)
        figures["rows"] += of_span["rows"]
        figures["model_versions"].update(dict.fromkeys(span.hours, used.versions))
    return figures


Versions = tuple[Served, str | None]
"""The versions of the applied model, and those of the model whose scores the job reads."""


def _spans(interval: Interval, versions_of: Callable[[str], Versions]) -> list[tuple[Versions, Interval]]:
    """Spans of consecutive hours with the same versions, so that an hour's record does not depend on the rest of the run."""
    spans: list[tuple[Versions, Interval]] = []
    for hour in interval.hours:
        versions = versions_of(hour)
        if spans and spans[-1][0] == versions:
            spans[-1] = (versions, Interval(spans[-1][1].start, Interval.of_hour(hour).end))
        else:
            spans.append((versions, Interval.of_hour(hour)))
    return spans


def _score_versions(models: ModelRegistry, lake: Lake, job: Job, interval: Interval) -> dict[str, str | None]:
    """Hour -> comma-separated versions of the model whose scores go into its rows."""
    if job.scores_behind is None:
        return {}
    hours_back = job.scores_behind.through.trailing_hours
    recorded = models.versions_in(lake, job.scores_behind.scores, interval.widened(hours_before=hours_back).hours)
    versions_by_hour = {}
    for hour in interval.hours:
        window = Interval.of_hour(hour).widened(hours_before=hours_back).hours
        versions = {version for earlier in window for version in recorded.get(earlier, ())}
        versions_by_hour[hour] = ",".join(sorted(versions, key=lambda version: (len(version), version))) or None
    return versions_by_hour


def _checked(source: Source, table: Table, lake: Lake, interval: Interval) -> Iterator[dg.AssetCheckResult]:
    """The checks that a table declares, which `checks.py` of its source holds."""
    checks = import_module(f"spark_jobs.sources.{source.name}.checks")
    return outcomes_of(table, {check.name: getattr(checks, check.name)(lake, interval.hours) for check in table.checks})
