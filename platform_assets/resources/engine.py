"""The resources `spark` and `lake`: settings -> an engine that runs jobs, and the lake that they write.

How a job computes is in spark_jobs; where its tables lie is in spark_jobs/lake.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platform_assets.settings import Settings
from spark_jobs.contract import Interval, Job, Source
from spark_jobs.lake import Lake
from spark_jobs.objects import Storage


def storage_of(settings: Settings) -> Storage:
    return Storage(settings.aws_region, settings.s3_endpoint_url)


def lake_of(settings: Settings) -> Lake:
    """The lake that the settings name."""
    return Lake(settings.lake_root, storage_of(settings))


@dataclass(frozen=True)
class SparkRunner:
    """Runs jobs of spark_jobs on the engine that the settings name."""

    engine: str
    tasks: int

    @classmethod
    def of(cls, settings: Settings) -> SparkRunner:
        return cls(settings.engine, settings.tasks)

    def run(
        self, source: Source, job: Job, lake: Lake, interval: Interval, parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run one job over one interval; returns its figures. The engine is imported here and no earlier."""
        from spark_jobs.main import JobRun, run_job
        from spark_jobs.session import spark_session

        run = JobRun(spark_session(self.engine), lake, interval, dict(parameters or {}), self.tasks)
        return run_job(source.name, job.name, run)
