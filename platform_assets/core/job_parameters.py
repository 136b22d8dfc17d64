"""The parameters of a job: the settings that the job declares, as plain JSON values."""

from __future__ import annotations

from typing import Any

from platform_assets.settings import Settings, value_of
from spark_jobs.contract import Job, Parameters, SecretSetting
from spark_jobs.registry import job_of, sources


def job_parameters(settings: Settings, job: Job) -> dict[str, Any]:
    """Values of the parameters that the job declares."""
    return _values(settings, job.parameters)


def parameters_of(settings: Settings, name: str) -> dict[str, Any]:
    """Values of the parameters of the job that parses the raw objects of the source called `name`."""
    source = sources()[name]
    return job_parameters(settings, job_of(source, source.object_counts))


def _values(settings: Settings, parameters: Parameters) -> dict[str, Any]:
    return {name: _value(settings, declared) for name, declared in parameters.items()}


def _value(settings: Settings, declared: str | SecretSetting | Parameters) -> Any:
    if isinstance(declared, str):
        return value_of(settings, declared)
    if isinstance(declared, SecretSetting):
        from platform_assets.core import secrets

        return getattr(secrets, declared.setting)(settings)
    return _values(settings, declared)
