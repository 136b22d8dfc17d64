"""What can go wrong between a forecast and a number of nodes; every message is one sentence that says what to do."""


class ScalingError(Exception):
    """A target or what was applied cannot be used."""


class ScalingFileError(ScalingError):
    """The file of targets is wrong."""


class ScalingRequestError(ScalingError):
    """What a person asked for cannot be."""


class ScalingStoppedError(ScalingError):
    """A blocking check stops a plan that was made anew for applying."""


class IncompleteScalingError(ScalingError):
    """Some clusters were not changed; the others were, and the next run goes on from there."""
