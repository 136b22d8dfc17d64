"""The one error that users of the WAF part meet. Its kinds are declared beside what raises them."""

from spark_jobs.errors import ExitCode, WeirError


class WafError(WeirError):
    """WAF cannot be used as asked; the message is one sentence that says what happened and what to do."""

    exit_code = ExitCode.SERVICE
