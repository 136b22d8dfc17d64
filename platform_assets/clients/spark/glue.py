"""AWS Glue: one StartJobRun of a job that exists, by Dagster's Pipes client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.clients.aws import aws_client
from platform_assets.clients.spark.cluster import RunEnd, Submission
from spark_jobs.runtime.package import REQUIREMENTS, ZIP
from spark_jobs.storage.lake import Lake

LOG_GROUP = "/aws-glue/jobs"


@dataclass(frozen=True)
class Glue:
    """Runs of `job_name`, whose script is main.py; the other files of `make package` are in `package_uri`."""

    job_name: str
    package_uri: str
    conf: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
    hash_key_secret: str = ""
    title: str = "Glue"
    takes_environment: bool = False

    def check(self, lake: Lake) -> None:
        from platform_assets.clients.spark.pipes import check_services

        check_services(self.title, lake, glue_job=self.job_name, package_uri=self.package_uri)

    def request(self, submission: Submission) -> dict[str, Any]:
        """The parameters of StartJobRun."""
        names, values = submission.arguments[::2], submission.arguments[1::2]
        arguments = {
            "--extra-py-files": f"{self.package_uri}/{ZIP}",
            "--additional-python-modules": f"{self.package_uri}/{REQUIREMENTS}",
            "--python-modules-installer-option": "-r",
            **dict(zip(names, values, strict=True)),
        }
        if self.conf:
            # Glue hands this one argument on as it is, so that all but the first property bring their flag along.
            arguments["--conf"] = " --conf ".join(f"{name}={value}" for name, value in self.conf.items())
        return {"JobName": self.job_name, "Arguments": arguments}

    def carry_out(self, submission: Submission) -> RunEnd:
        from dagster import PipesEnvContextInjector
        from dagster_aws.pipes import PipesGlueClient

        from platform_assets.clients.spark.pipes import AnswerReader, Watch, run_with

        client = aws_client("glue", self.region)
        watch = Watch(client, "glue")
        pipes = PipesGlueClient(
            context_injector=PipesEnvContextInjector(), message_reader=AnswerReader(submission), client=client
        )
        failure = run_with(pipes, self.request(submission), f"The Glue job {self.job_name}", "glue:StartJobRun")
        group = watch.last.get("LogGroupName") or LOG_GROUP
        return RunEnd(failure, f"its log is the stream {watch.run_id} of the groups {group}/error and {group}/output")
