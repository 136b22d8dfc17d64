"""Who runs Weir, for the audit: the system's user and the AWS caller, without the name of the machine."""

from __future__ import annotations

import os


def caller(region: str, asks_aws: bool) -> str:
    """The system's user, with the ARN of the AWS credentials if AWS is asked and answers."""
    user = _system_user()
    if not asks_aws:
        return user
    from platform_assets.clients.aws import AWS_ERRORS, aws_client

    try:
        client = aws_client("sts", region, seconds=3, attempts=1)
        return f"{user} as {client.get_caller_identity()['Arn']}"
    except AWS_ERRORS:  # whether the credentials work is reported by the calls to the services
        return user


def _system_user() -> str:
    if not hasattr(os, "getuid"):
        return "unknown user"
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
