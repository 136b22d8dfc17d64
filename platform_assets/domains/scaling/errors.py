"""What can go wrong between a forecast and a number of nodes; every message is one sentence that says what to do."""

from spark_jobs.errors import ExitCode, WeirError


class ScalingError(WeirError):
    """A target or what was applied cannot be used."""

    exit_code = ExitCode.SERVICE


class ScalingFileError(ScalingError):
    """The file of targets is wrong."""

    exit_code = ExitCode.USAGE


class ScalingRequestError(ScalingError):
    """What a person asked for cannot be."""

    exit_code = ExitCode.USAGE


class ScalingStoppedError(ScalingError):
    """A blocking check stops a plan that was made anew for applying."""

    exit_code = ExitCode.STOPPED


class IncompleteScalingError(ScalingError):
    """Some clusters were not changed; the others were, and the next run goes on from there."""
