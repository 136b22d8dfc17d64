"""How AWS is reached and explained: the one way to make a boto3 client, and one sentence for whatever it raises.

What is asked of a service is beside its use (objects.py, waf.py, metrics.py, notifier.py, doctor.py). Where a service
is, botocore finds by itself (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_WAFV2`, …); only S3 has a setting of ours too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors

AWS_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
"""botocore's own, for every service; `AWS_ENDPOINT_URL_<SERVICE>` goes before it."""
S3_ENDPOINT_SETTING = "WEIR_S3_ENDPOINT_URL"

CREDENTIALS_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile in AWS_PROFILE, or run with an IAM role"
)
BAD_CREDENTIALS = {
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSecurity",
    "InvalidToken", "InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
ABSENT = {
    "404", "AWS.SimpleQueueService.NonExistentQueue", "NoSuchBucket", "NotFound", "NotFoundException", "QueueDoesNotExist",
    "ResourceNotFoundException",
}  # fmt: skip
DENIED = {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
OTHER_REGION = {"301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
THROTTLED = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}

AWS_ERRORS = (botocore_errors.BotoCoreError, botocore_errors.ClientError, ValueError)
"""What a call by `aws_client` raises; ValueError is boto3's word for a malformed endpoint."""


def aws_client(service: str, region: str, endpoint_url: str = "", *, seconds: float = 20, attempts: int = 4) -> Any:
    """A boto3 client with bounded waiting; without `endpoint_url` the service is where botocore finds it."""
    import boto3  # half a second: only commands that reach AWS pay for it
    from botocore.config import Config

    config = Config(
        connect_timeout=min(seconds, 5),
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # A session of its own: boto3's default one is shared between threads and keeps the first credentials it saw.
    return boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint_url or None, config=config)


def aws_refusal(
    service: str,
    call: str,
    what: str,
    permission: str,
    region: str,
    seconds: float,
    **arguments: Any,
) -> str:
    """Try one reading call, once: empty where it succeeds, else what is wrong, in one sentence."""
    try:
        getattr(aws_client(service, region, seconds=seconds, attempts=1), call)(**arguments)
    except AWS_ERRORS as error:
        return aws_sentence(error, what, permission=permission)
    return ""


def aws_sentence(error: Exception, what: str, *, permission: str = "", endpoint: str = AWS_ENDPOINT_VARIABLE) -> str:
    """What went wrong with `what` (a URI, a topic, …) and what to do, in one sentence without any secret.

    `endpoint` is the name of what would correct the address that was asked.
    """
    kind = type(error).__name__
    match error:
        case botocore_errors.ClientError():
            return _client_error_sentence(
                str(error.response.get("Error", {}).get("Code", "an error")), what, permission
            )
        case botocore_errors.NoCredentialsError():
            return f"No AWS credentials were found for {what}; {CREDENTIALS_HINT}."
        case (
            botocore_errors.PartialCredentialsError()
            | botocore_errors.ProfileNotFound()
            | botocore_errors.CredentialRetrievalError()
            | botocore_errors.TokenRetrievalError()
            | botocore_errors.SSOError()
            | botocore_errors.LoginError()
        ):
            return f"The AWS credentials for {what} cannot be used ({kind}); {CREDENTIALS_HINT}."
        case botocore_errors.ConnectionError() | botocore_errors.HTTPClientError():
            asked = str(getattr(error, "kwargs", {}).get("endpoint_url") or "")
            where = url_without_secrets(asked) if asked else "AWS"
            return f"{where} cannot be reached for {what} ({kind}); check the network, WEIR_AWS_REGION and {endpoint}."
    return f"{what} cannot be used with AWS ({kind}); check its name, WEIR_AWS_REGION and {endpoint}."


def _client_error_sentence(code: str, what: str, permission: str) -> str:
    if code in BAD_CREDENTIALS:
        return f"AWS refused the credentials for {what} ({code}); renew or correct them: {CREDENTIALS_HINT}."
    if code in DENIED:
        return f"AWS denied access to {what} ({code}); allow {permission or 'the call'} to these credentials or use others."
    if code in ABSENT:
        return f"{what} does not exist ({code}); correct its name, WEIR_AWS_REGION or the account, or create it."
    if code in OTHER_REGION:
        return f"{what} is in another region ({code}); set WEIR_AWS_REGION to its region."
    if code in THROTTLED:
        return f"AWS throttles the calls for {what} ({code}); run again in a minute."
    return f"AWS answered {code} for {what}; run again, and look the code up in the service's documentation if it persists."


def url_without_secrets(url: str) -> str:
    """Scheme, host and port only: user, password, path and query of a URL may each be a secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""  # not a number where a password holds an unescaped "/"
    except ValueError:
        return "an address that is not a URL"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
