"""From settings to the engine that runs jobs, and the lake that they write. How clusters run jobs is in spark/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platform_assets.clients.spark.cluster import Cluster, published, run_on
from platform_assets.clients.spark.engines import EMBEDDED, runner_of
from platform_assets.settings import Settings
from spark_jobs.contract import Interval, Job, Source
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import Storage


def storage_of(settings: Settings) -> Storage:
    return Storage(settings.aws_region, settings.s3_endpoint_url)


def lake_of(settings: Settings) -> Lake:
    """The lake that the settings name."""
    return Lake(settings.lake_root, storage_of(settings))


@dataclass(frozen=True)
class SparkRunner:
    """Runs jobs in this process on `engine`, or on a cluster."""

    engine: str
    """The engine of this process; the embedded one if jobs run on a cluster."""
    tasks: int
    cluster: Cluster | None = None

    @classmethod
    def of(cls, settings: Settings) -> SparkRunner:
        cluster = cluster_of(settings)
        return cls(EMBEDDED if cluster else settings.engine, settings.tasks, cluster)

    def run(
        self, source: Source, job: Job, lake: Lake, interval: Interval, parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run one job over one interval; returns its figures. The engine is imported here, not earlier."""
        if self.cluster is not None:
            return run_on(self.cluster, source, job, lake, interval, parameters or {}, self.tasks)
        from platform_assets.clients.spark.session_resource import EngineSession
        from spark_jobs.main import JobRun, run_job

        values = dict(parameters or {})
        if runner_of(self.engine) == "connect":
            values = published(values, lake)  # tasks cannot see folders of this machine
        session = EngineSession(engine=self.engine).spark_session
        run = JobRun(session, lake, interval, values, self.tasks)
        return run_job(source.name, job.name, run)


def cluster_of(settings: Settings) -> Cluster | None:
    """The cluster that WEIR_ENGINE names; None if jobs run in this process."""
    runner = runner_of(settings.engine)
    package_uri, conf, secret = settings.package_uri.rstrip("/"), settings.spark_conf, settings.hash_key_secret
    if runner == "submit":
        from platform_assets.clients.spark.submit import SparkSubmit

        return SparkSubmit(settings.engine, settings.home, package_uri, conf, secret)
    if runner == "emr_serverless":
        from platform_assets.clients.spark.emr_serverless import EmrServerless

        return EmrServerless(
            settings.emr_application_id,
            settings.emr_job_role_arn,
            package_uri,
            settings.emr_environment,
            conf,
            settings.aws_region,
            secret,
        )
    if runner == "glue":
        from platform_assets.clients.spark.glue import Glue

        return Glue(settings.glue_job, package_uri, conf, settings.aws_region, secret)
    return None
