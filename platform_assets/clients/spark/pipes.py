"""What the Dagster Pipes clients of both services share: reading the answer, watching the run, errors.

The clients start a run, wait for it, and stop it when Dagster's run is stopped. The job itself does not use Pipes: its
answer is a document in the lake (spark_jobs/runtime/calls.py), so that the cluster does not need Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from platform_assets.clients.aws import AWS_ERRORS, aws_sentence
from platform_assets.clients.spark.cluster import RunnerError, Submission
from spark_jobs.storage.lake import Lake

PIPES_VERSION = "0.1"


class AnswerReader(dg.PipesMessageReader):
    """Reports the answer of a run as a custom message when the run has ended."""

    def __init__(self, submission: Submission) -> None:
        self.submission = submission

    @contextmanager
    def read_messages(self, handler: Any) -> Iterator[dict[str, Any]]:
        yield {}
        answer = self.submission.answer()
        if answer is not None:
            self._forward(handler, "opened", {"extras": {}})
            self._forward(handler, "report_custom_message", {"payload": answer})
            self._forward(handler, "closed", None)

    @staticmethod
    def _forward(handler: Any, method: str, params: dict[str, Any] | None) -> None:
        handler.handle_message({"__dagster_pipes_version": PIPES_VERSION, "method": method, "params": params})

    def no_messages_debug_text(self) -> str:
        return f"The job left no answer beside {self.submission.call_uri}."


class Watch:
    """Id and last status of a run, from the responses of its service."""

    def __init__(self, client: Any, service: str) -> None:
        self.run_id, self.last = "", dict[str, Any]()
        client.meta.events.register(f"after-call.{service}.StartJobRun", self._started)
        client.meta.events.register(f"after-call.{service}.GetJobRun", self._polled)

    def _started(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self.run_id = str(parsed.get("jobRunId") or parsed.get("JobRunId") or "")

    def _polled(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self.last = dict(parsed.get("jobRun") or parsed.get("JobRun") or {})


def run_with(client: dg.PipesClient, request: dict[str, Any], subject: str, permission: str) -> str:
    """Run a request to its end; returns a short reason if it failed, else an empty text."""
    try:
        client.run(context=dg.OpExecutionContext.get(), start_job_run_params=request)
    except AWS_ERRORS as error:
        raise RunnerError(aws_sentence(error, subject, permission=permission)) from error
    except Exception as error:  # the clients raise RuntimeError for failed runs, and other errors, too
        return " ".join(str(error).split())[:300]
    return ""


def check_services(title: str, lake: Lake, **settings: str) -> None:
    """RunnerError if the lake is not in S3 or a required setting is empty."""
    missing = [f"WEIR_{name.upper()}" for name, value in settings.items() if not value]
    if missing:
        raise RunnerError(f"{title} needs {', '.join(missing)}; set them as docs/scaling.md says.")
    if not lake.root.startswith("s3://"):
        raise RunnerError(f"{title} cannot reach the lake in {lake.root}; set WEIR_LAKE to an s3:// URI.")
