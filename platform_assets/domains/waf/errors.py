"""The error of everything that is WAF's own; errors of planning and applying are those of platform_assets/actions/."""

from platform_assets.actions.errors import ActionError


class WafError(ActionError):
    """WAF cannot be used as requested; one sentence that says what happened and what to do."""
