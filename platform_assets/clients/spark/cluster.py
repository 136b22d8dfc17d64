"""Runs one job on a cluster: publishes its input beside the lake, has a service start it, and reads its answer.

The services are in submit.py, emr_serverless.py and glue.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from spark_jobs.contract import Interval, Job, Source
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.runtime.calls import (
    CALLS_FOLDER,
    ENVIRONMENT_PREFIX,
    Call,
    answer_uri,
    delete,
    publish_folder,
    read_text,
    write_text,
)
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.objects import Storage

SECRETS = ("hash_key",)
"""Parameters that are kept out of documents, requests and command lines."""
FOLDERS = ("model_dir", "canary_dir")
"""Parameters that name a folder of this machine."""


class RunnerError(WeirError):
    """A job did not run, or failed, on its engine; one sentence with where its log is."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Submission:
    """What a service starts: main.py with `arguments`. `secrets`: environment variables of the driver."""

    name: str
    call_uri: str
    storage: Storage
    lake_root: str
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> tuple[str, ...]:
        endpoint = ("--endpoint-url", self.storage.endpoint_url) if self.storage.endpoint_url else ()
        return "--call", self.call_uri, "--region", self.storage.region, *endpoint

    def answer(self) -> dict[str, Any] | None:
        text = read_text(self.storage, answer_uri(self.call_uri))
        return None if text is None else dict(json.loads(text))


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: the failure as the service reports it (empty: none), and where its log is."""

    failure: str
    log: str


class Cluster(Protocol):
    """A service that runs submissions."""

    @property
    def title(self) -> str:
        """Its name in a sentence."""

    @property
    def hash_key_secret(self) -> str:
        """Name of the hash key in AWS Secrets Manager; empty if the driver's environment has it."""

    @property
    def takes_environment(self) -> bool:
        """Whether the driver's environment can carry secrets."""

    def check(self, lake: Lake) -> None:
        """RunnerError if a required setting is missing."""

    def carry_out(self, submission: Submission) -> RunEnd:
        """Start the submission and wait for its end."""


def run_on(
    cluster: Cluster,
    source: Source,
    job: Job,
    lake: Lake,
    interval: Interval,
    parameters: Mapping[str, Any],
    tasks: int,
) -> dict[str, Any]:
    """Run the job on the cluster; returns its figures. RunnerError if anything fails."""
    cluster.check(lake)
    values = published(parameters, lake)
    secrets = {name: str(values.pop(name)) for name in SECRETS if name in values}
    secret_places = {name: _secret_place(cluster, name) for name in secrets}
    hours = interval.hours
    call = Call(source.name, job.name, hours[0], hours[-1], lake.root, tasks, values, secret_places)
    key = uuid.uuid4().hex
    submission = Submission(
        name=f"weir-{job.name}-{key[:8]}",
        call_uri=f"{lake.root}/{CALLS_FOLDER}/{key}.json",
        storage=lake.storage,
        lake_root=lake.root,
        secrets={variable(name): value for name, value in secrets.items() if cluster.takes_environment},
    )
    write_text(lake.storage, submission.call_uri, call.to_json())
    try:
        end = cluster.carry_out(submission)
        answer = submission.answer() or {}
    finally:
        delete(lake.storage, submission.call_uri)
        delete(lake.storage, answer_uri(submission.call_uri))
    if "figures" in answer:
        return dict(answer["figures"])
    reason = f"{answer['kind']}: {answer['error']}" if answer else (end.failure or "it ended without an answer")
    raise RunnerError(f"The job {job.name} failed on {cluster.title} ({reason.rstrip('.')}); {end.log}.")


def published(parameters: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """The parameters, with local folders replaced by copies beside the lake."""
    folders = {name: parameters[name] for name in FOLDERS if name in parameters}
    return {**parameters, **{name: publish_folder(lake.storage, Path(at), lake.root) for name, at in folders.items()}}


def variable(parameter: str) -> str:
    """The environment variable that passes a secret parameter to a driver."""
    return f"WEIR_JOB_{parameter.upper()}"


def _secret_place(cluster: Cluster, parameter: str) -> str:
    if cluster.hash_key_secret:
        return cluster.hash_key_secret
    if cluster.takes_environment:
        return ENVIRONMENT_PREFIX + variable(parameter)
    raise RunnerError(
        f"{cluster.title} needs the hash key from AWS Secrets Manager; put the content of <home>/hash.key there as a text "
        "and set WEIR_HASH_KEY_SECRET to its name or ARN."
    )
