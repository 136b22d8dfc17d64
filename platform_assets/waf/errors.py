"""The one error that users of the WAF part meet. Its kinds are declared beside what raises them."""


class WafError(Exception):
    """WAF cannot be used as asked; the message is one sentence that says what happened and what to do."""
