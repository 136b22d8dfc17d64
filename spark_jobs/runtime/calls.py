"""A call: the arguments of one job run on another machine, a JSON document in the lake; its answer is another document.

So a command line and a service's request carry one URI, and figures need not be parsed from a log. A call holds no
secret: it names where the job's driver finds each. Starting a cluster is not done here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spark_jobs.contract import Interval
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.objects import Storage

CALLS_FOLDER, MODELS_FOLDER = "_calls", "_models"
"""Folders of the lake beside its tables."""
ENVIRONMENT_PREFIX = "environment:"
"""A secret in a variable of the driver's environment; any other value is the name or ARN of a secret in AWS
Secrets Manager, which the driver reads with its own role."""


class CallError(WeirError):
    """A call cannot be run; one sentence that says what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Call:
    """One job over one interval. `secrets`: parameter -> where its value is."""

    source: str
    job: str
    first_hour: str
    last_hour: str
    lake: str
    tasks: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def interval(self) -> Interval:
        """From the first to the last hour."""
        return Interval.spanning(self.first_hour, self.last_hour)

    def to_json(self) -> str:
        """The document."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Call:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))

    def all_parameters(self, region: str) -> dict[str, Any]:
        """The parameters with the secrets among them. CallError where a secret cannot be read."""
        return {**self.parameters, **{name: _secret(name, location, region) for name, location in self.secrets.items()}}


def answer_uri(call_uri: str) -> str:
    """URI of the answer to a call."""
    return call_uri.removesuffix(".json") + ".answer.json"


def write_text(storage: Storage, uri: str, text: str) -> None:
    """Write a document, UTF-8."""
    filesystem, path = storage.filesystem(uri)
    if not uri.startswith("s3://"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with filesystem.open_output_stream(path) as stream:
        stream.write(text.encode())


def read_text(storage: Storage, uri: str) -> str | None:
    """The document, or None where there is none."""
    filesystem, path = storage.filesystem(uri)
    try:
        with filesystem.open_input_stream(path) as stream:
            return bytes(stream.read()).decode()
    except FileNotFoundError:
        return None


def delete(storage: Storage, uri: str) -> None:
    """Delete a document; nothing where it does not exist."""
    filesystem, path = storage.filesystem(uri)
    try:
        filesystem.delete_file(path)
    except FileNotFoundError:
        return


def publish_folder(storage: Storage, folder: Path, lake_root: str) -> str:
    """Copy a local folder into the lake, once for each content; returns the URI of its copy.

    The file that marks the copy as complete is written last: a copy that a killed process began is made again.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode() + data)
    target = f"{lake_root}/{MODELS_FOLDER}/{digest.hexdigest()}"
    if read_text(storage, f"{target}/.whole") is not None:
        return target
    filesystem, base = storage.filesystem(target)
    for path in files:
        copy = f"{base}/{path.relative_to(folder).as_posix()}"
        if not target.startswith("s3://"):
            Path(copy).parent.mkdir(parents=True, exist_ok=True)
        with filesystem.open_output_stream(copy) as stream:
            stream.write(path.read_bytes())
    write_text(storage, f"{target}/.whole", "")
    return target


def fetch_folder(storage: Storage, uri: str, to: Path) -> Path:
    """The files of an s3:// folder in a local one; `uri` itself where it is a path."""
    if not uri.startswith("s3://"):
        return Path(uri)
    from pyarrow import fs

    filesystem, base = storage.filesystem(uri)
    for info in filesystem.get_file_info(fs.FileSelector(base, recursive=True)):
        if info.type == fs.FileType.File:
            target = to / info.path.removeprefix(f"{base}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            with filesystem.open_input_stream(info.path) as stream:
                target.write_bytes(stream.read())
    return to


def _secret(parameter: str, location: str, region: str) -> str:
    if location.startswith(ENVIRONMENT_PREFIX):
        variable = location.removeprefix(ENVIRONMENT_PREFIX)
        if variable not in os.environ:
            raise CallError(
                f"The variable {variable} with the parameter {parameter} is not in the environment of the job's driver; "
                "submit in client mode, or keep the key in AWS Secrets Manager (WEIR_HASH_KEY_SECRET)."
            )
        return os.environ[variable]
    try:
        import boto3

        client = boto3.session.Session().client("secretsmanager", region_name=region)
        return str(client.get_secret_value(SecretId=location)["SecretString"]).strip()
    except Exception as error:  # whatever boto3 says, or that it is not installed
        raise CallError(
            f"The job cannot read the secret {location} for the parameter {parameter} ({type(error).__name__}); put it into "
            "AWS Secrets Manager of the job's region as a text, and allow secretsmanager:GetSecretValue to the job's role."
        ) from error
