"""EMR Serverless: one StartJobRun for each job, by Dagster's Pipes client."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platform_assets.clients.aws import aws_client
from platform_assets.clients.spark.cluster import RunEnd, Submission
from spark_jobs.runtime.calls import CALLS_FOLDER
from spark_jobs.runtime.package import ENTRY_POINT, ZIP
from spark_jobs.storage.lake import Lake

PYTHON = "./environment/bin/python"
ENVIRONMENT_VARIABLES = (
    "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON",
    "spark.emr-serverless.driverEnv.PYSPARK_PYTHON",
    "spark.executorEnv.PYSPARK_PYTHON",
)


@dataclass(frozen=True)
class EmrServerless:
    """Jobs on an application that exists, with the files of `make package` in `package_uri`."""

    application_id: str
    role_arn: str
    package_uri: str
    environment: str = ""
    conf: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"
    hash_key_secret: str = ""
    title: str = "EMR Serverless"
    takes_environment: bool = False

    def check(self, lake: Lake) -> None:
        from platform_assets.clients.spark.pipes import check_services

        needed = {"emr_application_id": self.application_id, "emr_job_role_arn": self.role_arn}
        check_services(self.title, lake, **needed, package_uri=self.package_uri)

    def request(self, submission: Submission) -> dict[str, Any]:
        """The parameters of StartJobRun."""
        conf = dict(self.conf)
        if self.environment:
            archive = f"{self.package_uri}/{self.environment}#environment"
            conf = {"spark.archives": archive, **dict.fromkeys(ENVIRONMENT_VARIABLES, PYTHON), **conf}
        parameters = ["--py-files", f"{self.package_uri}/{ZIP}"]
        for name, value in conf.items():
            parameters += ["--conf", f"{name}={value}"]
        return {
            "applicationId": self.application_id,
            "executionRoleArn": self.role_arn,
            "name": submission.name,
            "jobDriver": {
                "sparkSubmit": {
                    "entryPoint": f"{self.package_uri}/{ENTRY_POINT}",
                    "entryPointArguments": list(submission.arguments),
                    "sparkSubmitParameters": shlex.join(parameters),
                }
            },
            "configurationOverrides": {
                "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": self._logs(submission)}}
            },
        }

    def carry_out(self, submission: Submission) -> RunEnd:
        from dagster_aws.pipes import PipesEMRServerlessClient

        from platform_assets.clients.spark.pipes import AnswerReader, Watch, run_with

        client = aws_client("emr-serverless", self.region)
        watch = Watch(client, "emr-serverless")
        pipes = PipesEMRServerlessClient(client=client, message_reader=AnswerReader(submission))
        application, permission = f"EMR Serverless application {self.application_id}", "emr-serverless:StartJobRun"
        failure = run_with(pipes, self.request(submission), application, permission)
        details = str(watch.last.get("stateDetails") or "")
        log = f"{self._logs(submission)}applications/{self.application_id}/jobs/{watch.run_id}/SPARK_DRIVER/"
        return RunEnd(f"{failure}: {details}" if failure and details else failure, f"its log is in {log}")

    @staticmethod
    def _logs(submission: Submission) -> str:
        return f"{submission.lake_root}/{CALLS_FOLDER}/logs/"
