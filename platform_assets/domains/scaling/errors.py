"""The errors that are scaling's own; those of planning and applying are in platform_assets/actions/errors.py."""

from platform_assets.actions.errors import ActionError
from spark_jobs.errors import ExitCode


class ScalingError(ActionError):
    """A target of scaling cannot be used."""


class ScalingFileError(ScalingError):
    """The file of targets is wrong."""

    exit_code = ExitCode.USAGE
