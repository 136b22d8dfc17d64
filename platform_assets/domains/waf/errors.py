"""WAF's own error; errors of planning and applying are in platform_assets/actions/errors.py."""

from platform_assets.actions.errors import ActionError


class WafError(ActionError):
    """WAF cannot be used as requested; the message says in one sentence what happened and what to do."""
